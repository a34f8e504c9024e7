"""One request and its answer, apart from the connection that carries them (decision 0060).

It is a handle: made when an application asks for it (`Request.exchange`), for an answer that comes
later, that is pushed, or that is not HTTP any more. `DeferredResponder` is what does it. The handle
knows its responder until the exchange is over, and is dead from then on: whoever keeps it cannot
reach the next request of the connection.

    respond                          a whole answer
    begin ─> send ... ─> end         one that is pushed; `room` and on_room bound it
    interim   upgrade   fail         103; another protocol; the application's fault
    read_body(on_body)               the request's body in pieces, for apps that stream it
    on_disconnect  on_drain                what the application is told

The docstrings are in `_exchange.pyi`.
"""

from reactor.parser._message cimport Request, Response


cdef Exchange exchange_of(DeferredResponder responder):
    cdef Exchange exchange = Exchange.__new__(Exchange)
    exchange.responder = responder
    exchange.request = responder.request
    return exchange


cdef class Exchange:

    cdef DeferredResponder open(self):
        """Its responder. Raises if there is nothing to answer any more."""
        if self.responder is not None:
            return self.responder
        if self.lost:
            raise ConnectionResetError("the client has gone: nobody takes an answer")
        raise RuntimeError("this exchange is over: its request is answered")

    cdef int settle(self, DeferredResponder responder) except -1:
        """Go on with the connection, unless the application's caller does it anyway."""
        if self.request.answerer is None:
            responder.advance()
        return 0

    @property
    def over(self):
        return self.responder is None

    @property
    def draining(self):
        return self.open().context.draining

    # --- the answer -----------------------------------------------------------------------

    def respond(self, Response response not None):
        cdef DeferredResponder responder = self.open()
        responder.respond_later(response)
        self.settle(responder)

    def begin(self, Response response not None, bytes data not None=b""):
        self.open().begin_pushed(response, data)

    def send(self, bytes data not None):
        self.open().push(data)

    @property
    def room(self):
        return self.responder is not None and not self.responder.paused

    @property
    def unsent(self):
        return self.open().transport.get_write_buffer_size()

    def flush(self):
        self.open().flush_all()

    def end(self, trailers=()):
        cdef DeferredResponder responder = self.open()
        responder.end_pushed(trailers)
        self.settle(responder)

    def interim(self, int status, headers=()):
        self.open().interim(status, headers)

    def fail(self, exception):
        cdef DeferredResponder responder = self.open()
        responder.application_failed(exception, None)
        self.settle(responder)

    def upgrade(self, protocol, headers=(), name=None):
        self.open().upgrade(protocol, headers, name)

    def handshake(self):
        # Only who is asked for a WebSocket loads what opens one.
        from reactor.http.websocket import handshake_of
        cdef DeferredResponder responder = self.open()
        return handshake_of(self, responder.context, responder.transport)

    def websocket(self, handler, subprotocols=(), headers=()):
        from reactor.http.websocket import open_websocket
        return open_websocket(self, handler, subprotocols, headers)

    # --- the request's body ---------------------------------------------------------------

    def read_body(self, on_body):
        cdef DeferredResponder responder = self.open()
        self.on_body = on_body
        self.settle(responder)

    def pause_body(self):
        self.body_paused = True
        self.settle(self.open())

    def resume_body(self):
        self.body_paused = False
        # Not from here: the caller may be in the middle of the piece before.
        self.open().continue_soon()

    # --- what the responder tells ---------------------------------------------------------

    def wants_body(self):
        return self.on_body is not None and not self.body_paused

    def body_received(self, data, last):
        self.on_body(data, last)

    def has_room(self):
        if self.on_room is not None:
            self.on_room()

    def peer_disconnected(self, lost):
        notified, self.disconnected = self.disconnected, True
        if lost:
            self.lost = True
            self.responder = None
        if self.on_disconnect is not None and not notified:
            self.on_disconnect()

    def drained(self):
        if self.on_drain is not None:
            self.on_drain()

    def is_over(self):
        self.responder = None
