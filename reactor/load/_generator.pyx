"""Clients that ask and measure, and the load that says when: the hot path of the generator.

A `Client` is the protocol of one connection after another: it sends its requests, has every
answer checked, and records how long it took. A `Load` decides when a client may ask:

    closed loop   each client asks again when its last batch of `depth` requests is answered
    open loop     requests are due at start + n / rate, whether earlier ones are answered or
                  not; the first client that is free takes the next one

In the open loop the latency counts from when a request was *due*: a server that stalls for a
second has made all those wait that were due in that second. `raw` has the time since each was
really sent. Who is to blame for a request that left late is told apart: `waited` for a free
connection (the server's doing), or `missed` by this process though a connection was free.

Times are CLOCK_MONOTONIC in nanoseconds, read once for everything that came in one `recv`.
Must never know how a connection is opened, nor what a right answer is.
"""

from cpython.mem cimport PyMem_Calloc, PyMem_Free
from libc.stdint cimport int64_t, uint8_t

from reactor.parser._lines cimport DONE, FAILED, MORE, ScanResult
from reactor._protocol cimport Protocol
from reactor.load._answers cimport AnswerCheck, Target
from reactor.load._clock cimport now_ns, open_timer, set_timer
from reactor.load._histogram cimport Histogram
from reactor.loop._registration cimport READ
from reactor.net._connection cimport Connection

import errno
import os
from collections import deque

from reactor.limits import DEFAULT_LIMITS

cdef int64_t NEVER = 0x7fffffffffffffff
cdef int64_t LATE_NS = <int64_t>(DEFAULT_LIMITS.load_late_s * 1e9)

# What the kernel says when there is nobody at the other end: no later request will do better.
NOBODY = frozenset({errno.ECONNREFUSED, errno.ENOENT, errno.EHOSTUNREACH, errno.ENETUNREACH})


cdef struct Sent:
    int64_t due, left       # when it was to be sent, and when it was


cdef class Client(Protocol):
    """One connection at a time, with up to ``depth`` requests under way on it."""

    cdef Load load
    cdef readonly int number
    cdef Connection connection  # None: the next request opens one
    cdef AnswerCheck check
    cdef bytes held             # requests until the WebSocket is open; None: nothing is held
    cdef Sent *sent             # a ring, the oldest at `first`
    cdef int first, under_way, depth
    cdef Py_ssize_t turn        # the target of the next request
    cdef Py_ssize_t oldest      # the target of the oldest that is under way
    cdef bint free              # it stands in the queue of those that may ask
    cdef bint leaving           # the connection is ending; `connection_lost` is to come

    def __init__(self, Load load, int number, int depth):
        if self.load is not None or load.targets is None or number < 0 or depth < 1:
            raise ValueError("a client is made once, of a load, a number and a depth above zero")
        self.load = load
        self.number = number
        self.depth = depth
        self.check = AnswerCheck()
        self.turn = self.oldest = number % len(load.targets)
        self.sent = <Sent *>PyMem_Calloc(depth, sizeof(Sent))
        if self.sent == NULL:
            raise MemoryError()

    def __dealloc__(self):
        PyMem_Free(self.sent)

    cpdef connection_made(self, transport):
        self.connection = transport

    cdef int ask(self, int64_t due, int64_t now) except -1:
        """Put a request into the connection's buffer; `push` sends what is there."""
        cdef Target target = <Target>self.load.targets[self.turn]
        cdef bytes request = target.next_request()
        cdef int slot = self.first + self.under_way
        if self.connection is None:
            try:
                self.load.opens(self)
            except OSError as error:
                return self.load.refused(error)
            if self.connection is None:
                raise RuntimeError("opens() has opened no connection")
            if target.opening is not None:
                self.put(target.opening)
                self.held = b""
        if self.held is None:
            self.put(request)
        else:
            self.held += request  # RFC 6455 4.1: nothing before the server's answer
        self.sent[slot - self.depth if slot >= self.depth else slot] = Sent(due, now)
        self.under_way += 1
        self.load.under_way += 1
        self.turn += 1
        if self.turn == len(self.load.targets):
            self.turn = 0
        return 0

    cdef int put(self, bytes data) except -1:
        # Or each write would plan a callback of its own to send it.
        self.connection.cork()
        self.connection.send(<const uint8_t *><const char *>data, len(data))
        return 0

    cdef int push(self) except -1:
        """For those who ask outside of `receive`, after which the connection sends by itself."""
        if self.connection is not None:
            self.connection.flush()
        return 0

    cdef int receive(self, const uint8_t *data, Py_ssize_t size) except -1:
        cdef int64_t now = now_ns()
        cdef ScanResult result = DONE
        self.load.bytes += size
        if self.held is not None:
            result = self.check.take_opening(<Target>self.load.targets[self.oldest], &data, &size)
            if result == FAILED:
                return self.give_up(self.check.fault)
            if result == MORE:
                return 0
            self.put(self.held)
            self.held = None
        while self.under_way and not self.leaving and result == DONE:
            result = self.check.take(<Target>self.load.targets[self.oldest], &data, &size)
            if result == FAILED:
                self.give_up(self.check.fault)
            elif result == DONE:
                if self.under_way == 1 and (size or self.check.parsing):
                    return self.give_up(self.unasked())  # nor is that answer a right one
                self.answered(now)
        if not self.leaving and result == DONE:
            if size or self.check.parsing:
                # They belong to the last answer, which has been counted as a right one.
                if self.sent[(self.first or self.depth) - 1].left >= self.load.start:
                    self.load.take_back()
                return self.give_up(self.unasked())
            self.load.proceed(self, now)
        return 0

    cdef str unasked(self):
        return f"{self.asked()}: the server sent bytes that nobody asked for"

    cdef int answered(self, int64_t now) except -1:
        cdef Sent *sent = &self.sent[self.first]
        self.load.record(now - sent.due, now - sent.left)
        self.forget_oldest()
        if not self.check.stays_open or self.load.one_each:
            self.leave()
        return 0

    cdef int forget_oldest(self) except -1:
        self.first = 0 if self.first + 1 == self.depth else self.first + 1
        self.under_way -= 1
        self.load.under_way -= 1
        self.oldest += 1
        if self.oldest == len(self.load.targets):
            self.oldest = 0
        return 0

    cdef object asked(self):
        """The URL of the oldest request, or of the next if none is under way."""
        return (<Target>self.load.targets[self.oldest]).url

    cdef int leave(self) except -1:
        self.leaving = True
        self.connection.close(linger=False)
        return 0

    cdef int give_up(self, str fault) except -1:
        """The answer is wrong: what follows on this connection cannot be trusted."""
        self.leaving = True
        self.load.failed("wrong", fault)
        if self.under_way:
            self.forget_oldest()
        self.connection.abort()
        return 0

    def overdue(self, int64_t before):
        """Give up on the connection if its oldest request left before that time."""
        if self.under_way and not self.leaving and self.sent[self.first].left < before:
            self.leaving = True
            while self.under_way:
                self.load.failed("timeout", f"{self.asked()}: no answer came in time")
                self.forget_oldest()
            self.connection.abort()

    def eof_received(self):
        if not self.leaving and self.under_way:
            if self.check.at_end() == DONE:
                self.answered(now_ns())
        self.leaving = True
        return False

    cpdef connection_lost(self, exc):
        cdef int64_t now = now_ns()
        if self.load is None:
            raise RuntimeError("it is no client of a load")
        if exc is not None and getattr(exc, "errno", None) in NOBODY:
            self.load.refused(exc)
        why = f": {exc}" if exc else ""
        while self.under_way:
            self.load.failed("closed", f"{self.asked()}: the connection ended before its answer "
                                       f"was whole{why}")
            self.forget_oldest()
        self.connection = self.held = None
        self.leaving = False
        self.check.reset()
        self.load.proceed(self, now)
        self.push()

    def abort(self):
        if self.connection is not None:
            self.connection.abort()


cdef class Load:
    """``clients`` connections, and one run after another on them."""

    cdef list targets
    cdef readonly list clients
    cdef object reactor
    cdef object opens           # opens a connection for a Client
    cdef bint one_each          # a connection serves one request
    cdef readonly int64_t answered, bytes, missed, waited, unsent, late_ns
    cdef readonly int64_t under_way
    cdef readonly dict errors
    cdef readonly str first_error
    cdef readonly object fault      # an exception that ends everything, or None
    cdef readonly Histogram corrected, raw
    cdef readonly bint running
    cdef int64_t quota              # requests that may still be sent in the closed loop
    cdef int64_t until
    cdef int batch                  # requests that a client sends together
    cdef bint open_loop             # or closed: what follows is the open one's
    cdef double interval
    cdef int64_t start, next, total # of the schedule
    cdef object free                # clients that may ask, those longest free first
    cdef int64_t free_since         # when it was last empty
    cdef int timer
    cdef object registration

    def __init__(self, reactor, list targets, opens, int connections, int depth, bint one_each):
        if self.targets is not None:
            raise RuntimeError("a load is made once")
        if not targets or not all([isinstance(target, Target) for target in targets]):
            raise TypeError("targets are a list of at least one Target")
        self.reactor = reactor
        self.targets = targets[:]  # their giver may put something else there
        self.opens = opens
        self.one_each = one_each
        self.corrected = Histogram()
        self.raw = Histogram()
        self.errors = {}
        self.free = deque()
        self.clients = [Client(self, number, depth) for number in range(connections)]
        self.timer = open_timer()
        self.registration = reactor.register(self.timer, READ, self)

    def close(self):
        for client in self.clients:
            client.abort()
        self.reactor.unregister(self.registration)
        os.close(self.timer)

    # --- runs -----------------------------------------------------------------------------

    def begin(self):
        """Forget the last run's counts; its clock starts now."""
        self.answered = self.bytes = self.missed = self.waited = self.unsent = self.late_ns = 0
        self.errors.clear()
        self.first_error = None
        self.corrected.clear()
        self.raw.clear()
        self.start = now_ns()
        self.running = True

    def run_closed(self, clients, int64_t requests, double seconds, int batch):
        """Start a closed loop of so many requests at most, for so many seconds at most."""
        cdef Client client
        self.open_loop = False
        self.batch = batch
        self.quota = requests
        self.begin()
        self.until = until_ns(self.start, seconds)
        for client in clients:
            if client is None:
                raise TypeError("None is no client")
            if not client.leaving:
                self.proceed(client, now_ns())
                client.push()

    def run_open(self, double rate, int64_t requests):
        """Start an open loop of so many requests."""
        cdef Client client
        if not rate > 0:
            raise ValueError(f"a rate is above zero, not {rate}")
        self.open_loop = True
        self.interval = 1e9 / rate
        self.next = 0
        self.total = requests
        self.free.clear()
        self.begin()
        self.free_since = self.start
        for client in self.clients:
            client.free = not client.leaving
            if client.free:
                self.free.append(client)
        self.set_timer()

    def expire(self):
        """The time is over: nothing more is sent. What was due and not sent has waited so long."""
        cdef int64_t now = now_ns()
        cdef int64_t due
        if not self.running:
            return
        self.quota = 0
        while self.open_loop and self.next < self.total:
            due = self.due()
            if due < now:
                self.corrected.record_ns(now - due)
            self.unsent += 1
            self.next += 1
        self.finish_if_done()

    def give_up(self):
        """As `expire`, for a run of so many requests: those that were not sent are counted."""
        if self.running and not self.open_loop:
            self.unsent += self.quota
        self.expire()

    cdef int finish_if_done(self) except -1:
        if (self.running and self.under_way == 0
                and (self.next == self.total if self.open_loop else self.quota == 0)):
            self.running = False
            self.reactor.stop()
        return 0

    cdef int take_back(self) except -1:
        self.answered -= self.answered > 0
        return 0

    cdef inline int record(self, int64_t since_due, int64_t since_left) except -1:
        self.answered += 1
        self.corrected.record_ns(since_due)
        if self.open_loop:
            self.raw.record_ns(since_left)
        return 0

    cdef int failed(self, str kind, str fault) except -1:
        self.errors[kind] = self.errors.get(kind, 0) + 1
        if self.first_error is None:
            self.first_error = fault
        return 0

    cdef int refused(self, object error) except -1:
        self.fault = error
        self.reactor.stop()
        return 0

    # --- who may ask ----------------------------------------------------------------------

    cdef int proceed(self, Client client, int64_t now) except -1:
        """The client has an answer, or a connection less; what it does next."""
        if not self.running or self.fault is not None:
            return 0
        if self.open_loop:
            self.take_waiting(client, now)
        elif client.under_way == 0:
            if now >= self.until:
                self.quota = 0
            while client.under_way < self.batch and self.quota > 0 and self.fault is None:
                self.quota -= 1
                client.ask(now, now)
        return self.finish_if_done()

    cdef inline int64_t due(self) noexcept:
        return self.start + <int64_t>(self.next * self.interval)

    cdef int take_waiting(self, Client client, int64_t now) except -1:
        """Let a client that is free now take what waits for one, or wait itself."""
        while (client.under_way < client.depth and self.next < self.total and self.due() <= now
               and self.fault is None):
            if self.free:
                break           # it is for those that have been free for longer
            self.waited += 1
            client.ask(self.due(), now)
            self.next += 1
        if client.under_way < client.depth and not client.free:
            client.free = True
            self.free.append(client)
            if len(self.free) == 1:
                self.free_since = now
                self.set_timer()
        return 0

    def on_readable(self):
        """The next request is due."""
        cdef Client client
        cdef int64_t now = now_ns()
        cdef int64_t late
        while (self.running and self.free and self.fault is None and self.next < self.total
               and self.due() <= now):
            client = self.free.popleft()
            client.free = False
            if client.leaving:
                continue        # it comes back when its connection is gone
            late = now - max(self.due(), self.free_since)
            self.late_ns = max(self.late_ns, late)
            self.missed += late > LATE_NS
            client.ask(self.due(), now)
            self.next += 1
            client.push()
            if client.under_way < client.depth:
                client.free = True
                self.free.append(client)
            now = now_ns()
        self.set_timer()

    def on_writable(self):
        raise NotImplementedError

    cdef int set_timer(self) except -1:
        """To when the next request is due, if there is who may ask it; which also resets it."""
        cdef int64_t due = self.due() if self.free and self.next < self.total else 0
        return set_timer(self.timer, due)


cdef int64_t until_ns(int64_t start, double seconds) noexcept:
    return NEVER if seconds <= 0 else start + <int64_t>(seconds * 1e9)
