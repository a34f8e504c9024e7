"""A server's machine driven by bytes, with its transport, app and journal: no socket, no clock."""

import h11
from fakes import FakeJournal

from reactor import Limits, Response
from reactor.http._context import ServerContext
from reactor.http._server import ServerMachine
from reactor.http.states import State
from reactor.testing import FakeTransport

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def get(path, extra=b"", method=b"GET", version=b"1.1"):
    return b"%s %s HTTP/%s\r\nHost: a\r\n%s\r\n" % (method, path, version, extra)


class App:
    """Answers with what the test put in; keeps the requests."""

    body_bytes_max = 1000

    def __init__(self, answer=None):
        self.answer = answer or (lambda request: Response(200, {}, f"{request.target};"))
        self.requests = []

    def respond(self, request):
        self.requests.append(request)
        return self.answer(request)


class Driven:
    """A machine with its transport, app and journal."""

    def __init__(self, answer=None, limits=None, app=None, open_body_file=None):
        self.app = app or App(answer)
        self.journal = FakeJournal()
        date = b"Mon, 23 Nov 2026 12:00:00 GMT"
        self.context = ServerContext(
            self.app, limits or Limits(), lambda: date, self.journal, open_body_file
        )
        self.connect()

    def connect(self):
        """Go on with another connection to the same service; the machine of the one before."""
        before = getattr(self, "machine", None)
        self.machine = ServerMachine(self.context)
        self.transport = FakeTransport(self.machine)
        self.machine.connection_made(self.transport)
        return before

    def feed(self, data):
        self.machine.data_received(data)
        while self.machine.writing is State.BODY and self.transport.run_soon():
            pass  # a piece of a body that is made while it is sent
        return self.transport.take()

    def feed_cut(self, data, size):
        for start in range(0, len(data), size):
            self.machine.data_received(data[start : start + size])
        return self.transport.take()


def statuses(sent, methods=()):
    """The responses in ``sent``, as h11 reads them: (status, headers, body) each."""
    client = h11.Connection(h11.CLIENT)
    responses = []
    methods = list(methods)
    client.receive_data(sent)
    for _ in range(1000):
        if client.our_state is h11.IDLE:
            method = methods.pop(0) if methods else "GET"
            client.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
            client.send(h11.EndOfMessage())
        event = client.next_event()
        if event is h11.NEED_DATA:
            if client.their_state is h11.SEND_BODY:
                client.receive_data(b"")  # ended by the close
                continue
            break
        if isinstance(event, h11.Response):
            headers = {k.decode(): v.decode() for k, v in event.headers}
            responses.append([event.status_code, headers, b""])
        elif isinstance(event, h11.Data):
            responses[-1][2] += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            if client.states[h11.CLIENT] is h11.MUST_CLOSE or client.their_state is h11.MUST_CLOSE:
                break
            client.start_next_cycle()
        elif event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
            break
    return [tuple(r) for r in responses]
