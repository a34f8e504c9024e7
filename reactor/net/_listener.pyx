"""Listening sockets and the connections that came through them.

A listener owns both: it makes a protocol for each connection, keeps new clients waiting in the
backlog when there are enough, and ends everything, gracefully or not.

When a process has no descriptor left, accept(2) fails and the listening socket stays readable: a
loop that goes on polling it spins at 100 % CPU. So the socket leaves the selector, and comes back
when a connection ends, or after a pause that doubles while it fails.

Must never know: what a connection carries.
"""

from libc.errno cimport EAGAIN, EINTR, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM, errno
from libc.math cimport INFINITY
from posix.unistd cimport close

from reactor._protocol cimport Factory
from reactor.loop._core cimport Loop
from reactor.loop._registration cimport DUE, EXCLUSIVE, READ, Registration
from reactor.net._balance cimport Share, share_of
from reactor.net._connection cimport Connection
from reactor.net._endpoint cimport Endpoint
from reactor.net._owner cimport ConnectionOwner
from reactor.net._socket cimport Peer, accept_ready, peer_name, refuse_new
from reactor.process._page cimport ACCEPT_PAUSES, ACCEPTED, ACCEPTS_EMPTY, CONNECTIONS, SHED, count

import heapq
import logging
import os
from operator import attrgetter
from socket import AF_UNIX, socket

from reactor.log import log
from reactor.limits import DEFAULT_LIMITS
from reactor.net.address import bound_address, is_loopback, is_secured
from reactor.net.descriptors import connections_max
from reactor.net.proxied import ProxiedClient, Refusals, introduced


cdef class ConnectionKind:

    cdef Connection new(self):
        raise NotImplementedError


cdef class Acceptor:
    """Handler of one listening socket."""

    cdef Listener listener
    cdef object sock
    cdef ConnectionKind tls     # None: what comes by this socket is plain
    cdef object factory
    cdef Registration registration
    cdef Share share            # None: no other process accepts here
    cdef double pause_s         # the next one, if there is no descriptor again
    cdef double warned_at
    cdef bint guarded           # not for everybody who can connect
    cdef object proxy           # the version of the PROXY protocol that is spoken here; None: none
    cdef int failures           # of accept, in a row
    cdef double until           # when finishing: a handshake that has begun may take so long
    cdef bint closed, finishing

    cdef int set_up(self, Listener listener, object sock) except -1:
        self.listener = listener
        self.sock = sock
        self.pause_s = listener.pause_s
        self.warned_at = -INFINITY
        self.proxy = getattr(sock, "proxy", None)
        self.factory = getattr(sock, "factory", None) or listener.factory
        self.guarded = self.proxy is not None or getattr(sock, "uids", None) is not None
        self.registration = Registration(sock, 0, self)
        self.registration.react = react
        self.share = share_of(listener.slot, listener.limits)
        return self.want_clients()

    cdef int want_clients(self) except -1:
        return self.listener.loop.modify_events(
            self.registration, READ if self.share is None else READ | EXCLUSIVE)

    cdef int readable(self) except -1:
        cdef Share share = self.share
        if share is None or self.finishing:
            return self.accept(self.listener.accepts_per_turn)
        if share.is_anothers(self.listener.loop.now):
            return 0  # if it is there still, it is told of in the next turn
        if share.leaves(self.listener.loop.now):
            return self.pause(share.pause_s)
        self.accept(share.per_turn)
        if share.goes_to_the_end() and self.registration.events:
            self.listener.loop.modify_events(self.registration, 0)
            self.go_on()
        return 0

    cdef int accept(self, int most) except -1:
        cdef Listener listener = self.listener
        cdef Peer peer
        cdef int fd, number
        if listener.is_full():
            return self.wait_for_room()
        for number in range(listener.backlog if self.finishing else most):
            fd = accept_ready(self.registration.fd, &peer)
            if fd < 0:
                if number == 0 and errno == EAGAIN:
                    count(listener.slot, ACCEPTS_EMPTY, 1)
                if self.finishing and (errno == EAGAIN or errno == EINVAL):
                    return self.finished()
                if not self.try_again(errno):
                    return 0
                continue
            self.failures = 0
            if self.guarded and not listener.refusals.may_connect(self.sock, fd, peer_name(&peer)):
                close(fd)
                continue
            try:
                listener.accepted(fd, &peer, self)
            except MemoryError:
                listener.loop.spin_guard.spend_reserve()
                return self.exhausted(os.strerror(ENOMEM))
            except OSError as error:  # the selector has no room for it
                return self.exhausted(error.strerror)
            self.pause_s = listener.pause_s
            if listener.is_full() or self.closed:
                return 0  # that was the last place, or the protocol has closed the listener
            if self.share is not None and not self.finishing:
                if self.share.was_the_last(listener.loop.now):
                    return 0
        return 0

    cdef bint try_again(self, int number) except -1:
        """Whether accept may do better now, after it has failed with this errno."""
        if number == EMFILE or number == ENFILE or number == ENOBUFS or number == ENOMEM:
            self.exhausted(os.strerror(number))
            return False
        self.failures += 1
        if number == EAGAIN or number == EINTR:
            # Nobody is there any more; or another process, which has the listener too, was faster.
            if self.failures > self.listener.vain_events_max:
                self.pause(self.pause_s)
            return False
        # accept(2) reports pending errors of the new connection as its own (ECONNABORTED, EPROTO,
        # ENETDOWN ...): that client is gone, the next may be fine. What keeps failing is not that.
        if self.failures <= self.listener.accepts_per_turn:
            return True
        self.wait(os.strerror(number))
        return False

    cdef int go_on(self) except -1:
        if not self.closed:
            if self.share is not None:
                self.share.in_a_row = 0
            try:
                self.want_clients()
            except OSError as error:
                self.wait(error.strerror)
        return 0

    cdef int finish(self) except -1:
        """Take no new client, accept those whom the kernel has taken, then close."""
        if self.closed:
            return 0
        if getattr(self.sock, "shared", False):
            # The next process serves its queue, and whoever comes until then. But the kernel may
            # have woken this one, and no other, for somebody who has just come.
            if self.share is not None:
                self.listener.loop.modify_events(self.registration, 0)
                self.accept(self.share.per_turn)
            self.close()
            return self.listener.check_empty()
        self.finishing = True
        self.until = self.listener.loop.time_now()
        refuse_new(self.registration.fd, self.sock.family == AF_UNIX)
        if not is_loopback(self.sock):  # else both ends of a handshake are in one kernel
            self.until += self.listener.handshake_s
        return self.readable()

    cdef int finished(self) except -1:
        """Nobody is there any more."""
        cdef double left = self.until - self.listener.loop.time_now()
        if left > 0:
            self.listener.loop.set_deadline(self.registration, left)
            return 0
        self.close()
        return self.listener.check_empty()

    cdef int due(self) except -1:
        """A pause is over."""
        self.go_on()
        # There may be nobody, and then no event.
        looks = not self.closed and (self.finishing or self.share is not None)
        return self.readable() if looks else 0

    cdef int close(self) except -1:
        if not self.closed:
            self.closed = True
            self.listener.loop.unregister(self.registration)
            self.listener.loop.close_at_turn_end(self.sock)
        return 0

    cdef int wait_for_room(self) except -1:
        # If none is idle, the next look is after a pause: a connection that goes idle tells nobody.
        # When finishing nobody has to make room: all of them end soon.
        if self.finishing or not self.listener.make_room():
            self.pause(self.listener.pause_s)
        return 0

    cdef int exhausted(self, str why) except -1:
        """Something has run out that connections hold."""
        return 0 if not self.finishing and self.listener.make_room() else self.wait(why)

    cdef int wait(self, str why) except -1:
        cdef double now = self.listener.loop.time_now()
        if now - self.warned_at > self.listener.warning_s:
            self.warned_at = now
            log(logging.WARNING, "new clients wait: %s", why)
        self.pause(self.pause_s)
        count(self.listener.slot, ACCEPT_PAUSES, 1)
        self.pause_s = min(2 * self.pause_s, self.listener.pause_max_s)
        return 0

    cdef int pause(self, double seconds) except -1:
        # The deadline first: without one it would never come back.
        self.listener.loop.set_deadline(self.registration, seconds)
        self.listener.loop.modify_events(self.registration, 0)
        return 0


cdef class Listener(ConnectionOwner):

    cdef object factory
    cdef list acceptors
    cdef set connections, going
    cdef dict introducing       # clients of proxies whose headers are awaited: their acceptors
    cdef readonly object limits, refusals
    cdef Py_ssize_t connections_max, backlog, accepts_per_turn
    cdef object on_empty        # None: it is not finishing
    cdef double grace_s, handshake_s, pause_s, pause_max_s, warning_s, warned_at
    cdef bint short             # of places or descriptors: some acceptor waits
    cdef readonly int shed

    def __init__(self, Loop loop, sockets, factory, limits=DEFAULT_LIMITS, ConnectionKind tls=None,
                 counted=True):
        cdef Acceptor acceptor
        self.set_up(loop, limits)
        self.slot = loop.slot if counted else None
        self.factory = factory
        self.connections, self.going, self.introducing = set(), set(), {}
        self.limits = limits
        self.refusals = Refusals(limits)
        self.connections_max = connections_max(limits)
        self.accepts_per_turn = limits.accepts_per_turn_max
        self.pause_s, self.pause_max_s = limits.accept_pause_s, limits.accept_pause_max_s
        self.warning_s = limits.full_warning_s
        self.backlog, self.handshake_s = limits.backlog, limits.last_handshake_s
        self.warned_at = -INFINITY
        self.acceptors = []
        for sock in sockets:
            acceptor = Acceptor()
            acceptor.set_up(self, sock)
            if tls is not None and is_secured(sock):
                acceptor.tls = tls
            self.acceptors.append(acceptor)

    @property
    def addresses(self):
        return [bound_address((<Acceptor>acceptor).sock) for acceptor in self.acceptors]

    def __len__(self):
        return len(self.connections)

    def close(self):
        for acceptor in self.acceptors:
            (<Acceptor>acceptor).close()

    def finish(self, double grace_s, on_empty not None):
        for acceptor in self.acceptors:
            (<Acceptor>acceptor).finish()
        self.linger_cut = self.linger_time - self.linger_timeout  # a stop waits for no long upload
        self.grace_s = grace_s
        self.on_empty = on_empty
        for connection in list(self.connections):
            connection.finish(grace_s)
        self.check_empty()

    def end_streams(self):
        self.close()
        for connection in list(self.connections):
            connection.end_stream()
        self.check_empty()

    @property
    def under_way(self):
        return sum([connection.under_way for connection in self.connections])

    def abort(self):
        self.close()
        for client in list(self.introducing):
            client.close()
        self.introducing.clear()
        for connection in list(self.connections):
            connection.abort()

    cdef inline bint is_full(self):
        return len(self.connections) + len(self.introducing) >= self.connections_max

    cdef int accepted(self, int fd, const Peer *peer, Acceptor acceptor) except -1:
        """Raises OSError or MemoryError if there is no room for it; then it is closed."""
        try:
            name = peer_name(peer)
        except MemoryError:
            close(fd)
            raise
        if acceptor.proxy is None:
            return self.open(fd, name, acceptor, None)
        return self.await_header(fd, name, acceptor)

    cdef int open(self, int fd, object peer, Acceptor acceptor, object arrival) except -1:
        cdef ConnectionKind tls = acceptor.tls
        cdef Connection connection
        try:
            connection = Connection.__new__(Connection) if tls is None else tls.new()
        except MemoryError:
            close(fd)
            raise
        connection.fd = fd
        connection.owns_fd = True  # from here on it is closed with it
        protocol = None if tls is not None else self.made_by(acceptor.factory)
        if tls is None and protocol is None:
            return 0
        try:
            connection.begin(self, protocol, peer)
            if arrival is not None:
                connection.arrival = arrival
            self.connections.add(connection)
            count(self.slot, CONNECTIONS, 1)
            count(self.slot, ACCEPTED, 1)
            connection.start()
            if self.on_empty is not None:
                connection.finish(self.grace_s)
        except BaseException as exception:
            try:
                self.loop.pass_others(exception)
            finally:
                self.forget(connection)
                connection.never_open()
            if isinstance(exception, (MemoryError, OSError)):
                raise
            self.loop.report(exception, f"opening a connection of {peer}")
        return 0

    cdef int await_header(self, int fd, object peer, Acceptor acceptor) except -1:
        """A proxy has connected, which says first for whom."""
        try:
            sock = socket(fileno=fd)
        except BaseException:
            close(fd)
            raise
        client = ProxiedClient(self.loop, sock, peer, acceptor.proxy, self.limits, self._header_came)
        self.introducing[client] = acceptor
        return 0

    def _header_came(self, client, header, error):
        cdef Acceptor acceptor = self.introducing.pop(client)
        self.going.discard(client)
        if header is None:
            self.refusals.say(client.peer, error)
            client.close()
            self.place_is_free()
            self.check_empty()
            return
        peer, arrival = introduced(client.peer, header)
        try:
            self.open(client.release(), peer, acceptor, arrival)
        except MemoryError:
            self.loop.spin_guard.spend_reserve()
            acceptor.exhausted(os.strerror(ENOMEM))
        except OSError as refusal:
            acceptor.exhausted(refusal.strerror)

    cdef object made(self):
        return self.made_by(self.factory)  # TLS is spoken for the server's own factory only

    cdef object made_by(self, object factory):
        try:
            return (<Factory>factory).make() if isinstance(factory, Factory) else factory()
        except MemoryError:
            raise
        except BaseException as exception:
            self.loop.pass_others(exception)
            self.loop.report(exception, f"making a protocol with {factory!r}")

    cdef int closed(self, Endpoint connection) except -1:
        self.place_is_free()
        self.forget(connection)
        if self.going:
            self.going.discard(connection)
        return self.check_empty()

    cdef int forget(self, connection) except -1:
        cdef Py_ssize_t before = len(self.connections)
        self.connections.discard(connection)
        return count(self.slot, CONNECTIONS, len(self.connections) - before)

    cdef int place_is_free(self) except -1:
        if self.short or self.is_full():
            self.short = False
            for acceptor in self.acceptors:
                (<Acceptor>acceptor).go_on()
        return 0

    cdef int check_empty(self) except -1:
        cdef Acceptor acceptor
        if self.connections or self.introducing or self.on_empty is None:
            return 0
        for acceptor in self.acceptors:
            if not acceptor.closed:
                return 0
        self.on_empty()
        return 0

    cdef bint make_room(self) except -1:
        """Close who has waited longest; true if some of them are gone by the next turn's end."""
        self.short = True
        if self.going:
            return True
        self.say_if_full()
        waiting = [one for one in (*self.connections, *self.introducing) if one.gives_way]
        first = heapq.nsmallest(self.accepts_per_turn, waiting, key=attrgetter("waits_since"))
        # Who has asked while the loop was held up is read first.
        shed = [client for client in first if not client.has_input()]
        self.going = set(shed)
        self.shed += len(shed)
        count(self.slot, SHED, len(shed))
        for client in shed:
            client.shed()
        return len(shed) > 0

    cdef int say_if_full(self) except -1:
        cdef double now = self.loop.time_now()
        if self.is_full() and now - self.warned_at > self.warning_s:
            self.warned_at = now
            log(logging.WARNING,
                "%d connections are the limit: idle and silent ones are closed, new clients wait",
                self.connections_max)
        return 0


cdef int react(object acceptor, int event) except -1:
    if event == READ:
        return (<Acceptor>acceptor).readable()
    return (<Acceptor>acceptor).due() if event == DUE else 0
