"""One connection: bytes in, bytes out, and how it ends.

It is a `Handler` to the loop and a `Transport` to its protocol. What a compiled protocol writes
during a read leaves when the read is over, in one send; what it writes at other times leaves
at the end of the turn. What a user's writes leaves at once, as asyncio has it. EVENT_WRITE is wanted only after a send that left something over.

    OPEN ──close()──> FLUSHING ──all sent──> LINGERING ──EOF, time, rate───> CLOSED
      └──────────── abort(), error, time-out of a stalled peer ──────────────┘

LINGERING: our end is sent, the peer's last bytes are read and dropped for as long as they come
fast enough. If the socket were closed with unread bytes in it, the kernel would send a reset, and
the reset would destroy what the peer has not read yet (RFC 9112 section 9.6; 0051).

All of it happens inside `contained`: whatever comes of it, out of the protocol, for want of memory,
from the kernel or by a mistake of ours, ends this connection and nothing else (0050).
"""

from libc.errno cimport EAGAIN, EBADF, EINTR, EIO, errno
from libc.math cimport INFINITY
from libc.stdint cimport int64_t, uint8_t

from posix.unistd cimport close

from reactor._protocol cimport Protocol
from reactor.loop._core cimport Loop
from reactor.loop._registration cimport (
    DUE, FLUSH, GONE, HANGUP, LOST, READ, WRITE, descriptor_checked, registration_of)
from reactor.process._forked cimport end_forked, generation
from reactor.net._owner cimport CallbackOwner, ConnectionOwner
from reactor.net._socket cimport has_input, last_os_error, reset_on_close
from reactor.net._timed cimport CLOSED, FLUSHING, LINGERING, OPEN, has_received, has_sent

from reactor.errors import TruncatedFileError
from reactor.limits import DEFAULT_LIMITS

cdef extern from "<sys/socket.h>" nogil:
    Py_ssize_t c_recv "recv"(int fd, void *data, size_t size, int flags)
    int c_shutdown "shutdown"(int fd, int how)
    const int SHUT_WR

cdef enum:
    # What happens to a connection besides the loop's events.
    OPENED = 32
    SHED = 64
    CALL = 128


cdef class Connection(ServedEndpoint):

    def __cinit__(self):
        self.outgoing = Outgoing.__new__(Outgoing)

    def __init__(self, Loop loop, sock, protocol, peer, limits=DEFAULT_LIMITS, on_closed=None):
        cdef ConnectionOwner owner = ConnectionOwner() if on_closed is None else CallbackOwner()
        if self.owner is not None:
            raise RuntimeError("a connection is made once")
        owner.set_up(loop, limits)
        if on_closed is not None:
            (<CallbackOwner>owner).on_closed = on_closed
        self.fd = descriptor_checked(sock)
        self.sock = sock
        self.begin(owner, protocol, peer)

    def __dealloc__(self):
        if self.owns_fd:
            close(self.fd)

    cdef int begin(self, ConnectionOwner owner, object protocol, object peer) except -1:
        self.owner = owner
        self.loop = owner.loop
        self.peer = peer
        self.set_protocol(protocol)
        self.state = OPEN
        self.high = self.high_usual = owner.high
        self.low = owner.low
        self.deadline = self.stall = INFINITY
        self.since = self.loop.time_now()
        self.registration = registration_of(self.fd, self, react)
        return 0

    def open(self):
        self.check_made()
        self.start()

    cdef int start(self) except -1:
        """Raises OSError if the selector cannot take it: then it was never open."""
        self.loop.modify_events(self.registration, READ)
        self.reading = True
        self.contained(OPENED, None, None)
        return 0

    cdef object contained(self, int event, object callback, tuple args):
        """The one place where what a connection does can end nothing but the connection."""
        try:
            if event == READ:
                self.readable()
            elif event == WRITE:
                self.writable()
            elif event == FLUSH:
                self.flush()
            elif event == DUE:
                self.due()
            elif event == OPENED:
                self.notify_made()
            elif event == LOST:
                self.notify_lost()
            elif event == SHED:
                self.give_way()
            elif event == HANGUP:
                self.end_ahead()
            elif event == GONE:
                self.descriptor_removed()
            else:
                return callback(*args)
        except BaseException as exception:
            self.failed(exception)

    cdef int failed(self, object exception) except -1:
        self.check_made()
        self.loop.pass_others(exception)
        if isinstance(exception, MemoryError):
            self.loop.spin_guard.spend_reserve()
        elif self.prompt and self.state == OPEN:
            # What a user's has written arrives, as with asyncio; a reset would take it back. Of a
            # compiled one it may be a part of an answer that must not look whole.
            self.error = exception
            self.flush_planned = False  # the flush behind this read may not come
            self.close()
        if self.state != FLUSHING or self.error is not exception:
            self.close_now(exception)
        self.loop.report(exception, f"serving {self.peer or 'a peer'}")
        return 0

    cdef bint has_unsent(self) noexcept:
        return self.outgoing.size > 0

    cdef object call_protocol(self, str method, tuple args):
        # A protocol that is no Protocol of ours may leave out any method.
        callback = getattr(self.protocol, method, None)
        return None if callback is None else self.contained(CALL, callback, args)

    # --- events of the loop ---------------------------------------------------------------

    cdef int notify_made(self) except -1:
        cdef Protocol compiled = self.compiled
        if compiled is None:
            self.call_protocol("connection_made", (self,))
        else:
            compiled.connection_made(self)
        return 0

    cdef int readable(self) except -1:
        cdef Py_ssize_t size = self.owner.scratch_size
        if not self.reading:
            return 0  # paused since the kernel said so, and the selector is not told yet
        if self.buffered and self.state == OPEN:
            size = self.take_buffer(size)
            if size == 0:
                return 0
        size = self.recv(size)
        # Whatever the protocol writes from here on leaves below, in one send.
        self.flush_planned = True
        if size >= 0:
            self.vain_events = 0
            has_received(self, size)
            self.received(size)
        else:
            self.came_to_nothing()
        return self.flush()

    cdef Py_ssize_t recv(self, Py_ssize_t size) except -2:
        """How many bytes came into the scratch buffer; 0: the peer's end, -1: nothing now."""
        size = c_recv(self.fd, <void *>self.owner.scratch, size, 0)
        if size < 0 and errno != EAGAIN and errno != EINTR:
            self.close_now(last_os_error())
        return size

    cdef int writable(self) except -1:
        self.came_to_nothing()  # unless something is sent now
        return self.flush()

    cdef int came_to_nothing(self) except -1:
        """The kernel says ready, and then is not. A loop that believes it for ever spins."""
        self.vain_events += 1
        if self.vain_events > self.owner.vain_events_max:
            self.close_now(OSError(EIO, "it is said to be ready, and nothing can be moved"))
        return 0

    cdef int deadline_over(self) except -1:
        self.call_protocol("deadline_expired", ())
        return 0

    cdef int received(self, Py_ssize_t size) except -1:
        # Held: a protocol that hands the connection over would be freed in the middle of its call.
        cdef Protocol compiled = self.compiled
        if self.state == LINGERING:
            self.linger_on(size)
        elif size == 0:
            self.peer_ended()
        elif compiled is not None:
            compiled.receive(self.owner.scratch, size)
        elif self.buffered:
            self.fill_buffer(self.owner.scratch, size)
        else:
            self.call_protocol("data_received", (<bytes>self.owner.scratch[:size],))
        return 0

    cdef int peer_ended(self) except -1:
        self.eof_seen = True
        self.want_reading(False)
        if not self.call_protocol("eof_received", ()):
            self.close()
        return 0

    cdef int flush(self) except -1:
        cdef int64_t sent, before = self.outgoing.size
        cdef bint last = self.state == FLUSHING
        cdef object cut = None
        self.flush_planned = self.corked = False
        if self.state == CLOSED:
            return 0
        if self.loop.generation != generation:
            end_forked(None)  # or the answer of its parent would be sent twice
        if before:
            try:
                self.outgoing.send(
                    self.fd, self.owner.write_per_turn, self.owner.sendfile_per_turn, last)
            except TruncatedFileError as error:
                cut = error
            except OSError as error:
                has_sent(self, before - self.outgoing.size)
                return self.close_now(error)
            sent = before - self.outgoing.size
            if sent > 0:
                self.vain_events = 0
                has_sent(self, sent)
                if self.compiled is not None:
                    self.compiled.flushed()
            if cut is not None:
                self.end_short(cut)
            if last and not self.outgoing.size:
                self.send_eof()  # now, since the last bytes wait for it; the close is a turn away
            self.watch_for_stall(sent > 0, self.outgoing.size > 0)
        if self.producer_paused and self.outgoing.size <= self.low:
            self.producer_paused = False
            self.call_protocol("resume_writing", ())
        if not self.outgoing.size:
            self.all_sent()
        if self.flush_follows and not self.outgoing.size:
            return 0
        return self.want(self.outgoing.size > 0)

    cpdef int cork(self) except -1:
        self.corked = self.flush_planned = True  # a flush is to come, so no write plans one
        return 0

    cpdef int uncork(self) except -1:
        return self.flush()

    cdef int plan_flush(self) except -1:
        if not self.flush_planned:
            self.loop.turn_end.flushing.append(self.registration)
            self.flush_planned = True
        return 0

    cdef int all_sent(self) except -1:
        if self.state == FLUSHING:
            if self.eof_seen or not self.lingers:
                self.close_now(None)  # nothing comes any more that could make it a reset
            else:
                self.linger()
        elif self.eof_wanted:
            self.send_eof()
        return 0

    cdef int linger(self) except -1:
        self.send_eof()
        if self.state == FLUSHING:
            self.state = LINGERING
            self.reading = True
            self.linger_begins()
        return 0

    cdef int end_short(self, object error) except -1:
        """A message cannot be completed. What was sent of it arrives, and an end that comes too
        early says that it is broken (RFC 9112 section 8); a reset would take it back."""
        self.error = error
        self.outgoing.clear()
        self.producer_paused = False
        self.close()
        return 0

    cdef int send_eof(self) except -1:
        if not self.eof_sent:
            self.eof_sent = True
            if c_shutdown(self.fd, SHUT_WR) < 0:
                self.close_now(last_os_error())
        return 0

    cdef int want(self, bint write) except -1:
        """Say to the loop which events are of use now, if that has changed."""
        cdef int events
        if self.state == CLOSED:
            return 0
        self.wants_write = write
        events = (READ if self.reading else self.end_event) | (WRITE if write else 0)
        if self.registration.events != events:
            try:
                self.loop.modify_events(self.registration, events)
            except OSError as error:
                self.close_now(error)
        return 0

    # --- Transport: writing ---------------------------------------------------------------

    cdef int send(self, const uint8_t *data, Py_ssize_t size) except -1:
        self.check_not_half_closed()
        if self.state != OPEN:
            # As asyncio does: the protocol learns of the end by connection_lost.
            return self.check_made()
        self.outgoing.append(data, size)
        return self.wrote()

    def sendfile(self, file, int64_t offset, int64_t count):
        self.check_not_half_closed()
        if self.state != OPEN or not count:
            file.close()
            self.check_made()
            return
        self.outgoing.append_file(file, offset, count)
        self.wrote()

    cdef int wrote(self) except -1:
        if self.prompt and not self.wants_write and not self.corked:
            self.flush_follows = self.flush_planned
            self.flush()
            self.flush_planned, self.flush_follows = self.flush_follows, False
        # After a send that left something over the selector says when to go on.
        if self.outgoing.size and not self.wants_write and self.state == OPEN:
            self.plan_flush()
        if self.outgoing.size > self.high and not self.producer_paused:
            self.producer_paused = True
            self.call_protocol("pause_writing", ())
        return 0

    def write_eof(self):
        self.check_made()
        self.eof_wanted = True
        if not self.outgoing.size and self.state == OPEN:
            self.send_eof()

    cdef int check_not_half_closed(self) except -1:
        if self.eof_wanted:
            raise RuntimeError("nothing can be written after write_eof")
        return 0

    cdef int marks_changed(self) except -1:
        return self.wrote() if self.state == OPEN else 0

    def get_write_buffer_size(self):
        return self.outgoing.size

    # --- Transport: reading ---------------------------------------------------------------

    cdef int want_reading(self, bint wanted) except -1:
        if self.state == OPEN and self.reading != wanted and not (wanted and self.eof_seen):
            self.reading = wanted
            return self.reading_changed()
        return 0

    cdef int reading_changed(self) except -1:
        """Tell the selector, unless a flush will: to pause and to resume in one turn, or to pause
        and to end, is then no system call, and not two."""
        return 0 if self.flush_planned else self.want(self.wants_write)

    def is_reading(self):
        return self.state == OPEN and self.reading != 0

    def has_input(self):
        return self.state == OPEN and has_input(self.fd)

    # --- Transport: turns, facts ----------------------------------------------------------

    def call_soon(self, callback):
        self.check_made()
        self.loop.call_soon(self._call, callback)

    def _call(self, callback):
        self.contained(CALL, callback, ())

    # --- the end --------------------------------------------------------------------------

    cpdef close(self, linger=True):
        if self.state != OPEN:
            return
        self.state = FLUSHING
        self.lingers = bool(linger)
        self.reading = False
        self.deadline = INFINITY
        self.reading_changed()
        # Even with nothing to send: the peer's end may be waited for only from the loop.
        if not self.wants_write:
            self.plan_flush()

    cpdef shed(self):
        self.contained(SHED, None, None)

    def abort(self):
        if self.state != CLOSED:  # then the number may be somebody else's by now
            reset_on_close(self.fd)
            self.close_now(None)

    cdef int close_now(self, object error) except -1:
        if self.state == CLOSED:
            return 0
        self.state = CLOSED
        if self.outgoing.size:
            reset_on_close(self.fd)
        self.outgoing.clear()
        self.error = error or self.error
        self.owns_fd = False
        return self.loop.lose(self.registration, self.sock)

    cdef int descriptor_removed(self) except -1:
        self.outgoing.clear()
        self.fd = -1
        if self.sock is not None:
            self.sock.detach()
        return self.close_now(OSError(EBADF, "the application has closed the socket"))

    cdef int notify_lost(self) except -1:
        try:
            if self.compiled is None:
                self.call_protocol("connection_lost", (self.error,))
            else:
                self.compiled.connection_lost(self.error)
        finally:
            # The protocol holds its transport: else the two would wait for the collector.
            self.protocol = self.compiled = None
            self.owner.closed(self)
        return 0


cdef int react(object connection, int event) except -1:
    (<Connection>connection).contained(event, None, None)
    return 0
