"""One call of an ASGI application for an HTTP request: its task, `receive` and `send`.

    respond ─> first step of the task ─┬─ all was sent ──────────> the Response, at once
                                       └─ it waits, or streams ──> its exchange: later

The head is held until the first piece of the body: both leave in one segment, and what fails in
between is a clean 500. The answer is complete when the application has said so, not when its task
ends: that goes on (background tasks) while the connection takes its next request.

A `send` does its work when it is called; `_asgi_receiver.pyx` has `receive`, and all that waits.

What is policy is `asgi.py`'s: extensions, fields that only the machine may set, whose fault an
exception is. Must never know: a socket, framing.
"""

cimport cython
from cpython.bytes cimport PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItemWithError
from cpython.object cimport PyObject

from reactor.apps._asgi_receiver cimport READY
from reactor.apps._tasks cimport coroutine_of, made_in_c
from reactor.http._response cimport refuse_the_machines
from reactor.parser._headers cimport Headers, as_headers
from reactor.parser._length cimport check_length, has_content, status_has_content
from reactor.parser._message cimport fill_response

from collections import deque

from reactor.errors import ClientDisconnected, LocalProtocolError
from reactor.http.blame import doing
from reactor.http.websocket import is_websocket

cdef extern from "Python.h":
    object PyMethod_New(object function, object self)

cdef str TYPE = "type", BODY = "body", MORE_BODY = "more_body", STATUS = "status"
cdef str HEADERS = "headers", TRAILERS = "trailers"
cdef str RESPONSE_START = "http.response.start", RESPONSE_BODY = "http.response.body"


# --- the application of a server ----------------------------------------------------------

@cython.final
cdef class AsgiCalls:

    def __init__(self, application, Tasks tasks not None, Scopes scopes not None, policy):
        self.application = application
        self.tasks = tasks
        self.scopes = scopes
        self.policy = policy

    def respond(self, Request request not None):
        cdef AsgiCall call = AsgiCall.__new__(AsgiCall)
        cdef DeferredResponder responder = request.answerer
        if responder is None or self.tasks is None:
            raise RuntimeError("an ASGI application is called for requests of a server only")
        self.context = responder.context
        if request.facts.upgrade and is_websocket(request):
            return self.policy.open_websocket(request)
        call.calls = self
        call.request = request
        if self.asks_local:
            call.local = self.local_of(responder)
        if not request.complete:
            call.pieces = deque()
        if not self.tasks.may_start():
            # Asked for by another application's step: with that one's context it must not begin.
            call.attach()
            self.tasks.reactor.call_soon(call._start)
            return call.exchange
        self.tasks.start(call)
        if call.exchange is not None:
            return call.exchange
        if call.answer is not None:
            return call.answer
        if call.failure is not None:
            failure, call.failure = call.failure, None
            raise failure
        return call.attach()

    def local(self, Request request not None):
        return self.local_of(<DeferredResponder>request.answerer)

    def report_failure(self, exception, Request request not None):
        self.report(exception, request)

    cdef object local_of(self, DeferredResponder responder):
        if responder is None or responder.transport is None:
            raise RuntimeError("a request has an address of the server while it is answered")
        return self.policy.server_of(responder.transport.get_extra_info("sockname"))

    cdef int report(self, object exception, Request request) except -1:
        self.context.journal.failed(exception, doing("answering", request, self.context.app))
        return 0


# --- one call -----------------------------------------------------------------------------

@cython.final
cdef class AsgiCall(AsgiReceiver):

    cdef object begin(self):
        cdef AsgiCalls calls = self.calls
        return coroutine_of(
            calls.application(calls.scopes.of(self.request, self.local),
                              PyMethod_New(RECEIVE, self), PyMethod_New(SEND, self)),
            "the application")

    @property
    def waited_for(self):
        return None if self.streaming or self.complete or self.is_lost() else self.request

    def _start(self):
        if not self.is_lost():
            self.calls.tasks.start(self)

    cdef int returned(self, object value) except -1:
        if not self.complete and not self.is_gone():
            if self.exchange is not None and self.exchange.disconnected:
                return self.leave()     # it was told that nobody waits
            said = "its answer is not complete" if self.streaming else "without an answer"
            self.raised(RuntimeError(f"the application returned, and {said}"))
        return 0

    cdef bint is_gone(self) except -1:
        """As `is_lost`, also if the connection has just failed, and nobody was told yet."""
        if self.exchange is None or self.exchange.responder is None:
            return self.exchange is not None
        return self.exchange.responder.transport.is_closing()

    cdef int raised(self, object exception) except -1:
        cdef DeferredResponder responder
        cdef bint cancelled = isinstance(exception, self.tasks.cancelled)
        if self.watch is not None:
            self.watch.cancel()
        if self.complete or self.is_gone():
            # A task that is cancelled is cancelled by whoever wanted it; who has lost his client
            # may say so.
            if not cancelled and not self.calls.policy.is_disconnect(exception):
                self.calls.report(exception, self.request)
            return 0
        if self.exchange is None:
            self.failure = exception
            return 0
        if self.abandoned or (self.exchange.disconnected
                              and self.calls.policy.is_disconnect(exception)):
            return self.leave()
        responder = self.exchange.responder
        responder.application_failed(exception, None)
        if self.request.answerer is None:
            responder.advance()
        return 0

    cdef int leave(self) except -1:
        """The client has ended its side, and the application leaves it at that: no fault."""
        cdef DeferredResponder responder = self.exchange.responder
        return responder.break_off() if self.streaming else responder.close()

    # --- send -----------------------------------------------------------------------------

    def send_message(self, message):
        cdef dict fields = message if isinstance(message, dict) else dict(message)
        cdef object kind = fields[TYPE]
        if self.complete and not self.drops_trailers:
            raise RuntimeError(f"{kind} was sent after the end of the answer")
        if kind == RESPONSE_START:
            self.start(fields)
            return READY
        if kind == RESPONSE_BODY:
            return self.body(fields)
        return self.calls.policy.extension(self, kind, fields) or READY

    cdef int start(self, dict message) except -1:
        cdef Headers headers
        cdef Response head
        cdef PyObject *given
        if self.head is not None:
            raise RuntimeError("http.response.start was sent already")
        status = message[STATUS]
        if not isinstance(status, int) or not 200 <= status <= 999:
            raise ValueError(f"status is a whole number from 200 to 999, not {status!r}")
        given = PyDict_GetItemWithError(message, HEADERS)
        fields = checked_fields(() if given == NULL else <object>given)
        headers = as_headers(fields)
        try:
            refuse_the_machines(headers)
        except LocalProtocolError:
            fields, self.closes = self.calls.policy.without_the_machines(fields)
            headers = as_headers(fields)
        head = Response.__new__(Response)
        fill_response(head, status, headers, b"", None)
        if PyDict_GetItemWithError(message, TRAILERS) != NULL and message[TRAILERS]:
            if self.calls.policy.takes_trailers(self.request, head):
                self.trailers = []
            else:
                self.drops_trailers = True
        self.head = head
        return 0

    cdef object body(self, dict message):
        cdef PyObject *found = PyDict_GetItemWithError(message, BODY)
        cdef bytes data = b"" if found == NULL else bytes_of(<object>found)
        cdef bint more
        found = PyDict_GetItemWithError(message, MORE_BODY)
        more = found != NULL and <object>found
        self.check_open("http.response.body")
        if not more and not self.streaming and self.trailers is None:
            return self.whole(data)
        return self.piece(data, more)

    cdef int check_open(self, str kind) except -1:
        self.sent_lately = True
        if self.head is None:
            raise RuntimeError(f"{kind} was sent before http.response.start")
        if self.complete or self.body_sent:
            raise RuntimeError(f"{kind} was sent after the end of the body")
        return 0

    cdef object whole(self, object content):
        """The rest of the answer is ``content``: bytes, or a file."""
        cdef Response answer = self.head
        cdef bint empty = not has_content(self.request.method_text, answer.status_code)
        cdef int64_t length = answer.facts.content_length
        cdef DeferredResponder responder
        if empty and (length >= 0 or not status_has_content(answer.status_code)):
            content = self.calls.policy.dropped(content)
        elif type(content) is bytes:
            check_length(length, PyBytes_GET_SIZE(content))
        if type(content) is bytes:
            answer.content = content
        else:
            answer = answer.with_body(content)
        self.complete = True
        if self.receivers is not None:  # a listener for the disconnect, who waits for its end
            self.wake(False)
        if self.exchange is None:
            if self.closes:
                (<DeferredResponder>self.request.answerer).keep_alive = False
            self.answer = answer
            return READY
        responder = self.exchange.responder
        if responder is None:
            return READY    # a whole answer, and nobody there: no fault of the application's
        responder.keep_alive = responder.keep_alive and not self.closes
        responder.respond_later(answer)
        return self.settled(responder)

    cdef object piece(self, bytes data, bint more):
        cdef DeferredResponder responder = self.responder()
        if responder is None:
            raise ClientDisconnected("the client has gone: nobody takes the answer")
        if self.streaming:
            responder.push(data)
        else:
            responder.keep_alive = responder.keep_alive and not self.closes
            responder.begin_pushed(self.head, data)
            self.streaming = True
        if not more:
            return self.finish_stream()
        done = self.sent(responder)
        # There is nothing yet: whoever says so for ever holds up nobody.
        return self.calls.policy.others() if done is READY and not data else done

    cdef object sent(self, DeferredResponder responder):
        """What was made leaves now: no turn of the loop will, while the application runs."""
        responder.transport.flush()
        if self.is_lost() or responder.transport.is_closing():
            raise ClientDisconnected("the client has gone: nobody takes the answer")
        if responder.paused:
            return self.until_room()
        if self.exchange.disconnected:
            self.watch_abandoned(-1)
        return READY

    cdef object finish_stream(self):
        self.body_sent = True
        if self.trailers is not None:
            return self.sent(self.exchange.responder)   # they are the end
        return self.end_stream(())

    cdef object end_stream(self, object trailers):
        cdef DeferredResponder responder = self.responder()
        self.complete = True
        if responder is None:
            return READY
        try:
            responder.end_pushed(trailers)
        except BaseException:
            self.complete = False
            raise
        self.wake(False)
        return self.settled(responder)

    # --- for the extensions ---------------------------------------------------------------

    def check_unfinished(self, str kind):
        self.check_open(kind)

    def finish_with(self, file):
        """The whole body is a file."""
        if self.streaming or self.trailers is not None:
            raise RuntimeError("a part of the body was sent already, or trailers are to follow")
        return self.whole(file)

    def send_part(self, file, int64_t offset, int64_t count, bint more):
        """A region of a file, which is the machine's from here on, as a piece of the body."""
        cdef DeferredResponder responder = self.responder()
        if responder is None:
            file.close()
            raise ClientDisconnected("the client has gone: nobody takes the answer")
        if not self.streaming:
            responder.keep_alive = responder.keep_alive and not self.closes
            responder.begin_pushed(self.head, b"")
            self.streaming = True
        responder.push_file(file, offset, count)
        return self.sent(responder) if more else self.finish_stream()

    def send_interim(self, int status, headers):
        cdef DeferredResponder responder = self.responder()
        if responder is not None and not self.streaming and not self.complete:
            responder.interim(status, headers)
            if self.request.answerer is None:
                responder.transport.flush()

    def add_trailers(self, fields, bint more):
        """Raises RuntimeError if none were announced, or the body has not ended."""
        if self.drops_trailers and self.complete:
            self.drops_trailers = more
            return None
        if self.trailers is None or not self.body_sent:
            raise RuntimeError("http.response.trailers was sent before the end of the body, or "
                               "http.response.start did not announce it")
        self.trailers += checked_fields(fields)
        if more:
            return None
        trailers, self.trailers = self.trailers, None
        return self.end_stream(trailers)

    cdef object settled(self, DeferredResponder responder):
        """The answer is whole: it leaves, and its connection goes on."""
        if self.request.answerer is not None:
            return READY    # both are done by who called `respond`
        if responder.transport is not None:
            responder.transport.flush()
        responder.advance()
        return READY

    # --- a client that has gone -----------------------------------------------------------

    cdef double stop_notice(self) except -1:
        return self.calls.policy.stop_notice_s

    cdef int watch_abandoned(self, double seconds) except -1:
        if seconds >= 0 and self.watch is not None:
            self.watch.cancel()
            self.watch = None
        if self.watch is None and not self.over and not self.complete:
            self.sent_lately = False
            self.watch = self.tasks.reactor.call_later(
                self.calls.policy.abandoned_grace_s if seconds < 0 else seconds, self._look)
        return 0

    def _look(self):
        self.watch = None
        if self.over or self.complete:
            return
        if self.sent_lately:
            self.watch_abandoned(-1)
        elif self.task is not None:
            self.abandoned = True
            self.calls.policy.abandoned(self.request)
            self.task.cancel()


cdef object RECEIVE = AsgiReceiver.receive_message
cdef object SEND = AsgiCall.send_message


made_in_c(AsgiCall)


# --- what an application says -------------------------------------------------------------

cdef object checked_fields(object fields):
    """A list of pairs of bytes. Raises TypeError."""
    cdef object pair
    cdef list pairs
    if isinstance(fields, (str, bytes, dict)):
        raise TypeError(f"headers are pairs of name and value, not {type(fields).__name__}")
    pairs = fields if type(fields) is list else list(fields)
    for pair in pairs:
        if type(pair) is not tuple:
            return copied_fields(pairs)
        if len(<tuple>pair) != 2 or type((<tuple>pair)[0]) is not bytes \
                or type((<tuple>pair)[1]) is not bytes:
            raise TypeError(f"a header is a pair of bytes, name and value, not {pair!r}")
    return pairs


cdef list copied_fields(list pairs):
    cdef list copied = [tuple(pair) for pair in pairs]
    return checked_fields(copied)


cdef bytes bytes_of(object body):
    if type(body) is bytes:
        return body
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    hint = ": encode it, text.encode()" if isinstance(body, str) else ""
    raise TypeError(f"body is bytes, not {type(body).__name__}{hint}")
