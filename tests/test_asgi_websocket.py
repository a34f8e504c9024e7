"""An ASGI application's WebSockets, by bytes."""

import asyncio

import pytest
from asgi_driven import AsgiDriven, app_of
from test_websocket_opening import opening
from websockets_driven import BINARY, CLOSE, PING, PONG, TEXT, close_payload, of_client

from reactor.parser._frames import FrameReader


class SocketDriven(AsgiDriven):
    """One connection that asks for a WebSocket; ``told`` is what the application received."""

    def __init__(self, application, **options):
        super().__init__(application, **options)
        self.other_end = FrameReader(False, 1 << 30)

    def open(self, **fields):
        """The head of the answer."""
        head, _, behind = self.feed(opening(**fields)).partition(b"\r\n\r\n")
        self.behind = behind
        return head.decode("latin-1")

    def feed(self, data):
        self.in_turn(lambda: self.transport.protocol.data_received(data))
        self.turns()
        return self.transport.take()

    def frames(self, data=b""):
        """What is sent back: (opcode, payload) each."""
        behind, self.behind = self.behind, b""
        return self.other_end.read(behind + self.feed(data))

    def lose(self, error=None):
        self.in_turn(lambda: self.transport.protocol.connection_lost(error))
        self.turns()


@pytest.fixture
def make():
    opened = []

    def made(function, **options):
        opened.append(SocketDriven(app_of(function), **options))
        return opened[-1]

    yield made
    for d in opened:
        d.close()


async def accept(receive, send, **more):
    assert await receive() == {"type": "websocket.connect"}
    await send({"type": "websocket.accept", **more})


async def echo(scope, receive, send):
    await accept(receive, send)
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})


def recording(told, act=None):
    """Accepts, and keeps what comes until the disconnect."""

    async def app(scope, receive, send):
        await accept(receive, send)
        if act is not None:
            await act(receive, send)
        while True:
            told.append(await receive())
            if told[-1]["type"] == "websocket.disconnect":
                return

    return app


def test_the_scope(make):
    scopes = []

    async def app(scope, receive, send):
        scopes.append(scope)
        await echo(scope, receive, send)

    d = make(app)
    d.open(line="GET /chat?x HTTP/1.1", Sec_WebSocket_Protocol=["a, b", "c"])
    [scope] = scopes
    assert scope["type"] == "websocket"
    assert (scope["scheme"], scope["path"], scope["query_string"]) == ("ws", "/chat", b"x")
    assert scope["subprotocols"] == ["a", "b", "c"]
    assert scope["extensions"] == {
        "websocket.http.response": {},
        "reactor": {"draining": bool},
    }
    assert "method" not in scope
    assert scope["state"] == {}


def test_an_echo(make):
    d = make(echo)
    assert d.open().startswith("HTTP/1.1 101")
    assert d.frames(of_client(TEXT, "é".encode())) == [(TEXT, "é")]
    assert d.frames(of_client(BINARY, b"\xff")) == [(BINARY, b"\xff")]


def test_accept_with_subprotocol_and_headers(make):
    async def app(scope, receive, send):
        await accept(receive, send, subprotocol="b", headers=[(b"x-a", b"1")])
        await receive()

    head = make(app).open(Sec_WebSocket_Protocol="a, b")
    assert "Sec-WebSocket-Protocol: b" in head
    assert "x-a: 1" in head.lower()


@pytest.mark.parametrize(
    "message",
    [
        {"type": "websocket.accept", "subprotocol": "z"},
        {"type": "websocket.accept", "headers": [(b"sec-websocket-accept", b"x")]},
        {"type": "websocket.send", "text": "early"},
        {"type": "http.response.start", "status": 200},
    ],
)
def test_what_is_wrong_before_the_opening_is_a_500(make, message):
    async def app(scope, receive, send):
        await receive()
        await send(message)

    d = make(app)
    assert d.open().startswith("HTTP/1.1 500")
    assert len(d.journal.failures) == 1


def test_close_before_accept_is_a_403(make):
    told = []

    async def app(scope, receive, send):
        await receive()
        await send({"type": "websocket.close", "code": 4000})
        told.extend([await receive(), await receive()])

    d = make(app)
    head = d.open()
    assert head.startswith("HTTP/1.1 403")
    assert "Content-Length: 0" in head
    assert [(m["type"], m["code"]) for m in told] == [("websocket.disconnect", 1006)] * 2


def test_a_denial_with_an_answer_of_its_own(make):
    told = []

    async def app(scope, receive, send):
        await receive()
        start = {"type": "websocket.http.response.start", "status": 401}
        await send({**start, "headers": [(b"x-why", b"no")]})
        await send({"type": "websocket.http.response.body", "body": b"who ", "more_body": True})
        await send({"type": "websocket.http.response.body", "body": b"are you"})
        told.append(await receive())

    d = make(app)
    head = d.open()
    assert head.startswith("HTTP/1.1 401")
    assert "x-why: no" in head.lower()
    assert d.behind == b"4\r\nwho \r\n7\r\nare you\r\n0\r\n\r\n"
    assert told[0]["code"] == 1006


@pytest.mark.parametrize("raises", [True, False])
def test_to_end_without_an_answer_is_a_500(make, raises):
    async def app(scope, receive, send):
        await receive()
        if raises:
            raise ZeroDivisionError

    assert make(app).open().startswith("HTTP/1.1 500")


@pytest.mark.parametrize(("raises", "code"), [(True, 1011), (False, 1000)])
def test_to_end_after_accept_is_a_close(make, raises, code):
    async def app(scope, receive, send):
        await accept(receive, send)
        await receive()
        if raises:
            raise ZeroDivisionError

    d = make(app)
    d.open()
    assert d.frames(of_client(TEXT, b"x")) == [(CLOSE, close_payload(code))]
    assert len(d.journal.failures) == raises


def test_the_peers_close_is_told_with_its_reason(make):
    told = []
    d = make(recording(told))
    d.open()
    d.frames(of_client(TEXT, b"last") + of_client(CLOSE, close_payload(4002, "gone")))
    assert told == [
        {"type": "websocket.receive", "text": "last"},
        {"type": "websocket.disconnect", "code": 4002, "reason": "gone"},
    ]


def test_a_lost_connection_is_1006(make):
    told = []
    d = make(recording(told))
    d.open()
    d.lose(ConnectionResetError())
    assert told == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]
    assert not d.app.going


def test_send_after_the_end_is_an_oserror_that_is_not_logged(make):
    raised = []

    async def app(scope, receive, send):
        await accept(receive, send)
        await receive()
        try:
            await send({"type": "websocket.send", "text": "x"})
        except OSError as error:
            raised.append(error)
            raise RuntimeError("wrapped") from error

    d = make(app)
    d.open()
    d.lose()
    assert len(raised) == 1
    assert d.journal.failures == []


@pytest.mark.parametrize("code", [1006, 70000, 5])
def test_a_code_that_may_not_be_sent(make, code):
    raised = []

    async def act(receive, send):
        try:
            await send({"type": "websocket.close", "code": code})
        except ValueError as error:
            raised.append(error)

    d = make(recording([], act))
    d.open()
    assert len(raised) == 1
    assert d.frames(of_client(PING, b"alive")) == [(PONG, b"alive")]


def test_its_own_close_is_told_to_it(make):
    told = []

    async def act(receive, send):
        await send({"type": "websocket.close", "code": 4001, "reason": "r" * 200})

    d = make(recording(told, act))
    d.open()
    assert told[-1]["code"] == 4001
    assert d.frames() == [(CLOSE, close_payload(4001, "r" * 123))]


def test_a_client_that_leaves_before_accept(make):
    told = []

    async def app(scope, receive, send):
        await receive()
        await event.wait()
        await send({"type": "websocket.accept"})
        told.append(await receive())
        with pytest.raises((OSError, RuntimeError)):
            await send({"type": "websocket.send", "text": "x"})

    event = asyncio.Event()
    d = make(app)
    d.feed(opening())
    d.lose()
    event.set()
    d.turns()
    assert told[0]["code"] == 1006
    assert d.journal.failures == []


def test_a_queue_has_a_bound(make):
    event = asyncio.Event()
    told = []

    async def act(receive, send):
        await event.wait()

    d = make(recording(told, act))
    d.open()
    d.frames(b"".join(of_client(TEXT, b"%d" % n) for n in range(40)))
    assert not d.transport.reading
    event.set()
    d.turns(20)
    assert [m["text"] for m in told] == [str(n) for n in range(40)]
    assert d.transport.reading


def test_pings_are_answered_while_the_application_does_not_ask(make):
    async def act(receive, send):
        await asyncio.Event().wait()

    d = make(recording([], act))
    d.open()
    assert d.frames(of_client(TEXT, b"x") + of_client(PING, b"p")) == [(PONG, b"p")]


def test_a_stop_is_told_at_once(make):
    told = []
    d = make(recording(told))
    d.open()
    d.in_turn(lambda: d.transport.protocol.finish())
    d.turns()
    assert told[-1]["code"] == 1012
    assert d.frames() == [(CLOSE, close_payload(1012, "service restart"))]


def test_a_stop_during_the_handshake_is_a_503(make):
    async def app(scope, receive, send):
        await receive()
        await receive()

    d = make(app)
    d.feed(opening())
    d.in_turn(d.machine.finish)
    d.turns()
    assert d.transport.take().startswith(b"HTTP/1.1 503")


def test_a_foreign_page_on_loopback_reaches_no_application(make):
    async def app(scope, receive, send):
        raise AssertionError("called")

    d = make(app)
    facts = {"peername": ("127.0.0.1", 5), "sockname": ("127.0.0.1", 80)}
    d.transport.get_extra_info = lambda name, default=None: facts.get(name, default)
    assert d.open(Origin="https://evil.example").startswith("HTTP/1.1 403")
