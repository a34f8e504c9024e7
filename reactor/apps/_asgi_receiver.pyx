"""The receiving half of an ASGI call: its messages, and who waits for them or for room.

A `receive` that finds something, and a `send` that need not wait, give it at once, without one
suspension: who polls inside a cancelled scope sees it, too. Of a body no more than one read is held
for an application that does not ask.

Must never know: what is sent, or what an answer is.
"""

cimport cython
from cpython.bytes cimport PyBytes_GET_SIZE
from cpython.object cimport PyObject

from reactor.apps._tasks cimport (
    PYGEN_NEXT, PYGEN_RETURN, PyIter_Send, give, made_in_c, owned)
from reactor.http._deferred cimport DeferredResponder

from reactor.errors import ClientDisconnected

cdef extern from *:
    """
    /* A class of Cython's has no such slot: with it `await` gets its value without an exception. */
    static void set_am_send(PyObject *type, void *function) {
        ((PyTypeObject *)type)->tp_as_async->am_send = (sendfunc)function;
        PyType_Modified((PyTypeObject *)type);
    }
    """
    void set_am_send(object type, void *function)

cdef enum:
    # What is read ahead for an application that does not ask: one read of the transport. Above it
    # the client is held up.
    READ_AHEAD_BYTES = 64 * 1024

cdef str TYPE = "type", BODY = "body", MORE_BODY = "more_body"


# --- what is awaited ----------------------------------------------------------------------

@cython.final
cdef class Ready:
    """A `send` that is done: awaited, it gives None."""

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        raise StopIteration

    def send(self, value):
        raise StopIteration

    def throw(self, kind, value=None, traceback=None):
        raise kind if value is None else value

    def close(self):
        pass


cdef int ready_send(object ready, object value, PyObject **result) except -1:
    give(result, None)
    return PYGEN_RETURN


set_am_send(Ready, <void *>ready_send)
cdef object READY = Ready()


@cython.final
@cython.freelist(64)
cdef class Awaited:
    """`receive()`, or a `send()` that has to wait for room: a coroutine of the smallest kind."""

    cdef AsgiReceiver call
    cdef object future, waiting     # what is waited for, and its iterator; None
    cdef bint for_room

    cdef int proceed(self, object value, PyObject **result) except -1:
        cdef object message
        if self.waiting is not None:
            if PyIter_Send(self.waiting, value, result) == PYGEN_NEXT:
                return PYGEN_NEXT
            owned(result[0])
            result[0] = NULL
            self.waiting = self.future = None
        while True:
            message = self.call.has_room() if self.for_room else self.call.next_message()
            if message is not None:
                give(result, None if self.for_room else message)
                return PYGEN_RETURN
            self.future = self.call.wait(self.for_room)
            self.waiting = self.future.__await__()
            if PyIter_Send(self.waiting, None, result) == PYGEN_NEXT:
                return PYGEN_NEXT

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        return self.send(None)

    def send(self, value):
        cdef PyObject *result = NULL
        if self.proceed(value, &result) == PYGEN_NEXT:
            return owned(result)
        raise StopIteration(owned(result))

    def throw(self, kind, value=None, traceback=None):
        cdef object exception = kind if value is None else value
        waiting, self.waiting = self.waiting, None
        if waiting is None:
            raise exception
        # Who is cancelled takes nothing with him: the message stays for the next who asks.
        self.call.forget(self.future, self.for_room)
        return waiting.throw(exception)

    def close(self):
        waiting, self.waiting = self.waiting, None
        if waiting is not None:
            self.call.forget(self.future, self.for_room)
            waiting.close()


cdef int awaited_send(object awaited, object value, PyObject **result) except -1:
    return (<Awaited>awaited).proceed(value, result)


set_am_send(Awaited, <void *>awaited_send)
made_in_c(Awaited)


# --- the receiving half -------------------------------------------------------------------

cdef class AsgiReceiver(TaskBody):

    cdef int watch_abandoned(self, double seconds) except -1:
        """A stream without a client that does nothing for so long is cancelled."""
        raise NotImplementedError

    cdef double stop_notice(self) except -1:
        raise NotImplementedError

    cdef int ended(self) except -1:
        TaskBody.ended(self)
        return self.part()

    cdef int part(self) except -1:
        """Task and exchange are over: they need not wait for the collector."""
        if self.over and self.is_lost():
            self.exchange.call = None
        return 0

    cdef object attach(self):
        """From here on the answer comes by an exchange."""
        cdef AsgiExchange exchange = AsgiExchange.__new__(AsgiExchange)
        cdef DeferredResponder responder = <DeferredResponder>self.request.answerer
        exchange.responder = responder
        exchange.request = self.request
        exchange.call = self
        responder.exchange = exchange
        self.exchange = exchange
        return exchange

    cdef DeferredResponder responder(self):
        if self.exchange is None:
            self.attach()
        return self.exchange.responder

    cdef bint is_lost(self) noexcept:
        """Whether nobody takes the answer any more."""
        return self.exchange is not None and self.exchange.responder is None

    # --- receive --------------------------------------------------------------------------

    def receive_message(self):
        cdef Awaited awaited = Awaited.__new__(Awaited)
        awaited.call = self
        return awaited

    cdef object next_message(self):
        """What `receive` gives now; None: nothing has come."""
        cdef bytes data
        cdef bint gone = self.exchange is not None and self.exchange.disconnected
        if self.complete or self.is_lost():
            return {TYPE: "http.disconnect"}
        if self.pieces is None:
            if not self.body_told:
                self.body_told = True
                return {TYPE: "http.request", BODY: self.request.content, MORE_BODY: False}
        elif not self.body_told:
            if not self.pieces and not self.body_came:
                self.ask()
            # A body of which the rest never comes must not look like a whole one.
            if self.body_came or (self.pieces and not gone):
                data = b""
                if self.pieces:
                    data = self.pieces.popleft()
                    self.held -= PyBytes_GET_SIZE(data)
                self.body_told = self.body_came and not self.pieces
                return {TYPE: "http.request", BODY: data, MORE_BODY: not self.body_told}
        return {TYPE: "http.disconnect"} if gone else None

    cdef int ask(self) except -1:
        """Read on: what the parser has already comes at once."""
        self.asked = True
        # In the first step whoever called `respond` reads on.
        if self.request.answerer is None and not self.exchange.disconnected:
            self.exchange.responder.advance()
        return 0

    cdef object wait(self, bint for_room):
        """A future, until something has happened."""
        cdef object future = self.tasks.loop.create_future()
        if for_room:
            if self.senders is None:
                self.senders = {}
            self.senders[future] = None
        else:
            if self.receivers is None:
                self.receivers = {}
            self.receivers[future] = None
        return future

    cdef int forget(self, object future, bint for_room) except -1:
        cdef dict waiting = self.senders if for_room else self.receivers
        if waiting is not None:
            waiting.pop(future, None)
        return 0

    cdef int wake(self, bint senders) except -1:
        """All of them, in the order in which they came."""
        cdef dict waiting
        if senders:
            waiting, self.senders = self.senders, None
        else:
            waiting, self.receivers = self.receivers, None
        if waiting is not None:
            for future in waiting:
                if not future.done():
                    future.set_result(None)
        return 0

    cdef object until_room(self):
        cdef Awaited awaited = Awaited.__new__(Awaited)
        awaited.call = self
        awaited.for_room = True
        return awaited

    cdef object has_room(self):
        """None: not yet."""
        if self.is_lost():
            raise ClientDisconnected("the client has gone: nobody takes the answer")
        return None if self.exchange.responder.paused else READY


@cython.final
cdef class AsgiExchange(Exchange):
    """What the machine tells of an answer that comes later."""

    def wants_body(self):
        return self.call.asked and self.call.held < READ_AHEAD_BYTES

    def body_received(self, data, last):
        cdef AsgiReceiver call = self.call
        if data:
            call.pieces.append(data)
            call.held += len(data)
        call.body_came = last
        call.wake(False)

    def has_room(self):
        self.call.wake(True)

    def peer_disconnected(self, lost):
        self.disconnected = True
        if lost:
            self.lost = True
            self.responder = None
        self.notify_disconnected(-1)

    def drained(self):
        pass

    def is_over(self):
        cdef AsgiReceiver call = self.call
        self.responder = None
        if call.complete:
            call.part()
        else:
            # Ended by the server, because it stops: it will not wait for long.
            self.notify_disconnected(call.stop_notice())

    cdef int notify_disconnected(self, double seconds) except -1:
        cdef AsgiReceiver call = self.call
        call.wake(False)
        if self.responder is None:
            call.wake(True)
        if call.streaming:
            call.watch_abandoned(seconds)
        return call.part()


made_in_c(AsgiExchange)
