"""What a server asks of a connection: whether anything is under way, and to come to its end.

Only the protocol knows either. One that leaves a method out, or answers None or NotImplemented,
cannot tell: then the connection counts as busy, and has a grace.

And it is who learns of the peer's end while nothing is read: an application that takes its time
would else work for nobody until it writes.

Must never know: what is sent or received.
"""

from reactor.loop._registration cimport HANGUP
from reactor.net._socket cimport has_input, pending_error, unacknowledged
from reactor.net._timed cimport LINGERING, OPEN

from libc.math cimport INFINITY

import os


cdef class ServedEndpoint(TimedEndpoint):

    cdef object call_protocol(self, str method, tuple args):
        raise NotImplementedError

    cdef bint has_unsent(self) noexcept:
        return False

    cdef int reading_changed(self) except -1:
        raise NotImplementedError

    cdef int watch_end(self) except -1:
        if not self.end_event and not self.end_told:
            self.end_event = HANGUP
            return self.reading_changed()
        return 0

    cdef int end_ahead(self) except -1:
        """The peer's end has come; what it sent before that may not be read yet."""
        cdef int number = pending_error(self.fd)
        # It would be said in each turn from now on.
        self.end_event = 0
        self.end_told = True
        if number:
            return self.close_now(OSError(number, os.strerror(number)))
        self.call_protocol("end_ahead", ())
        return self.reading_changed()

    @property
    def idle(self):
        if self.state != OPEN or self.has_unsent():
            return False
        return bool(self.call_protocol("is_idle", ()))

    @property
    def gives_way(self):
        if self.state != LINGERING:
            return self.idle
        # The peer has our last bytes, and sends no more, so no reset can take anything back.
        return (self.waited() >= self.owner.silent_grace
                and not has_input(self.fd) and unacknowledged(self.fd) == 0)

    @property
    def waits_since(self):
        return -INFINITY if self.state == LINGERING else self.since

    cdef int give_way(self) except -1:
        # Nothing is under way that a reset could destroy, and to linger would take its time.
        if self.state == LINGERING:
            return self.close_now(None)
        self.close(False)
        return 0

    @property
    def under_way(self):
        return self.has_unsent() if self.state != OPEN else not self.idle

    def finish(self, double grace_s=0):
        if not hasattr(self.protocol, "finish") or (
                self.call_protocol("finish", ()) is NotImplemented):
            # What has come by then is received first.
            self.loop.call_later(grace_s, (<object>self).close)

    def end_stream(self):
        self.call_protocol("end_stream", ())
