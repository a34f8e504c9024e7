"""How a WebSocket is opened: what a request must say, and what answers it."""

import socket as sockets
import threading

import pytest
from driven import App, statuses
from processes import read_to_end
from websocket_handshakes import ACCEPT, KEY, driven, head_of, opening
from websocket_peers import cuts
from websockets_driven import CLOSE, PING, PONG, TEXT, Recorder, close_payload, of_client

from reactor import Response, Server, WebSocket
from reactor.errors import LocalProtocolError
from reactor.http.websocket import accept_value, is_websocket
from reactor.http.websocket_options import WebSocketOptions
from reactor.parser._frames import FrameReader


class TestAccepted:
    def test_the_answer_of_the_rfc(self):
        assert accept_value(KEY) == ACCEPT
        first, fields, behind = head_of(driven().feed(opening()))
        assert first == "HTTP/1.1 101 Switching Protocols"
        assert fields == {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Accept": ACCEPT,
        }
        assert behind == b""

    @pytest.mark.parametrize(
        "fields",
        [
            {"Upgrade": "WebSocket", "Connection": "keep-alive, UPGRADE"},
            {"Upgrade": "h2c, websocket"},
            {"Upgrade": ["h2c", "websocket"]},
            {"Connection": ["keep-alive", "upgrade"]},
            {"Sec-WebSocket-Key": "//////////////////////=="},
            {"Content-Length": "0"},
        ],
    )
    def test_what_a_handshake_may_look_like(self, fields):
        first, answer, _ = head_of(driven().feed(opening(**fields)))
        assert first.split()[1] == "101"
        assert answer["Upgrade"] == "websocket"

    def test_frames_that_come_with_the_head(self):
        data = opening() + of_client(TEXT, b"early") + of_client(PING, b"?")
        for pieces in [[data], *cuts(data)]:
            d = driven()
            for piece in pieces:  # to the machine that has the connection by then
                d.transport.protocol.data_received(piece)
            sent = d.transport.take()
            [socket] = d.app.sockets
            assert socket.told == [("open",), ("message", "early")]
            assert FrameReader(False, 99).read(head_of(sent)[2]) == [(PONG, b"?")]

    def test_the_application_gets_the_request(self):
        requests = []

        class Keeps(WebSocket):
            def on_open(self, request):
                requests.append((request.path, self.client, self.subprotocol, self.closed))

        driven(make=Keeps).feed(opening())
        assert requests == [("/chat", ("192.0.2.7", 1234), None, False)]

    @pytest.mark.parametrize(
        ("offered", "spoken", "agreed"),
        [
            ("chat, superchat", ("superchat", "chat"), "superchat"),
            (["a", "b,c"], ("c",), "c"),
            ("a", ("b",), None),
            (None, ("b",), None),
            ("a", (), None),
        ],
    )
    def test_subprotocols(self, offered, spoken, agreed):
        d = driven(subprotocols=spoken)
        _, fields, _ = head_of(d.feed(opening(Sec_WebSocket_Protocol=offered)))
        assert fields.get("Sec-WebSocket-Protocol") == agreed
        assert d.app.sockets[0].subprotocol == agreed

    def test_fields_of_the_application(self):
        d = driven(headers={"Set-Cookie": "a=b"})
        _, fields, _ = head_of(d.feed(opening()))
        assert fields["Set-Cookie"] == "a=b"

    def test_an_object_will_do(self):
        socket = Recorder()
        d = driven(App(lambda request: request.websocket(socket)))
        d.feed(opening())
        assert socket.told == [("open",)]

    def test_it_is_in_the_access_log(self):
        d = driven()
        d.feed(opening())
        assert [(target, status) for target, status, _ in d.journal.lines] == [("/chat", 101)]


class TestRefused:
    @pytest.mark.parametrize(
        ("status", "request_"),
        [
            (426, opening(Upgrade=None, Connection=None)),
            (426, opening(Connection="keep-alive")),
            (426, opening(Upgrade="h2c")),
            (426, opening("GET / HTTP/1.0")),
            (426, opening(Sec_WebSocket_Version="8")),
            (426, opening(Sec_WebSocket_Version=None)),
            (426, opening(Sec_WebSocket_Version="13, 8")),
            (400, opening("POST / HTTP/1.1")),
            (400, opening(Sec_WebSocket_Key=None)),
            (400, opening(Sec_WebSocket_Key=[KEY, KEY])),
            (400, opening(Sec_WebSocket_Key="short")),
            (400, opening(Sec_WebSocket_Key="!" * 24)),
            (400, opening(Sec_WebSocket_Key="A" * 24)),
            (400, opening(Content_Length="2", body=b"hi")),
            (400, opening(Transfer_Encoding="chunked", body=b"2\r\nhi\r\n0\r\n\r\n")),
            (400, opening(Transfer_Encoding="chunked", body=b"0\r\n\r\n")),
        ],
    )
    def test_a_request_that_opens_none(self, status, request_):
        d = driven()
        [(got, fields, body)] = statuses(d.feed(request_), [request_.split()[0].decode()])
        assert got == status
        assert body
        assert d.app.sockets == []
        if status == 426:  # RFC 9110 15.5.22, RFC 6455 4.4
            assert fields["upgrade"] == "websocket"
            assert fields["sec-websocket-version"] == "13"

    def test_the_connection_goes_on(self):
        d = driven()
        sent = d.feed(opening(Upgrade=None) + opening())
        assert sent.startswith(b"HTTP/1.1 426 ")
        assert b"HTTP/1.1 101 " in sent

    @pytest.mark.parametrize("name", ["Sec-WebSocket-Accept", "sec-websocket-protocol", "Upgrade"])
    def test_what_the_handshake_says_is_not_the_applications(self, name):
        d = driven(headers={name: "x"})
        assert statuses(d.feed(opening()))[0][0] == 500
        assert isinstance(d.journal.failures[0][0], LocalProtocolError)

    def test_what_is_no_websocket(self):
        d = driven(make=dict)
        assert statuses(d.feed(opening()))[0][0] == 500
        assert isinstance(d.journal.failures[0][0], TypeError)

    def test_nothing_opens_it_when_its_request_is_answered(self):
        d = driven(App(lambda request: Response(200)))
        d.feed(opening())
        kept = d.app.requests[0].websocket(Recorder)
        d.app.answer = lambda request: kept
        assert statuses(d.feed(opening()))[0][0] == 500


LOOPBACK, OUTSIDE, UNIX = ("127.0.0.1", 8000), ("192.0.2.1", 80), "/run/socket"


class TestOrigin:
    @pytest.mark.parametrize(
        ("origin", "host", "here", "allowed", "right"),
        [
            (None, "localhost:8000", LOOPBACK, (), True),
            ("http://localhost:3000", "localhost:8000", LOOPBACK, (), True),
            ("http://127.0.0.1:3000", "localhost:8000", LOOPBACK, (), True),
            ("http://[::1]", "localhost:8000", ("::1", 8000, 0, 0), (), True),
            ("http://app.localhost", "localhost:8000", LOOPBACK, (), True),
            ("https://example.com", "example.com", LOOPBACK, (), True),  # behind a proxy
            ("https://EXAMPLE.com", "example.com:8000", LOOPBACK, (), True),
            ("https://evil.example", "localhost:8000", LOOPBACK, (), False),
            ("https://evil.example", "localhost:8000", ("::ffff:127.0.0.1", 8000, 0, 0), (), False),
            ("https://localhost.evil.example", "localhost", LOOPBACK, (), False),
            ("https://127.0.0.1.evil.example", "localhost", LOOPBACK, (), False),
            ("null", "localhost:8000", LOOPBACK, (), False),
            ("", "localhost:8000", LOOPBACK, (), False),
            ("http://[", "localhost:8000", LOOPBACK, (), False),
            ("https://evil.example", "a", OUTSIDE, (), True),
            ("https://evil.example", "a", UNIX, (), True),
            ("https://good.example", "a", OUTSIDE, ("https://good.example",), True),
            ("https://evil.example", "a", OUTSIDE, ("https://good.example",), False),
            ("https://a", "a", LOOPBACK, ("https://good.example",), False),
            ("https://evil.example", "a", LOOPBACK, ("*",), True),
            (None, "a", OUTSIDE, ("https://good.example",), True),
        ],
    )
    def test_whose_pages_may_connect(self, origin, host, here, allowed, right):
        d = driven(sockname=here, options=WebSocketOptions(origins=allowed))
        first, _, _ = head_of(d.feed(opening(Origin=origin, Host=host)))
        assert first.split()[1] == ("101" if right else "403")
        assert len(d.app.sockets) == right


class TestLater:
    """The handshake by the exchange, as an application that awaits does it."""

    def open_later(self):
        exchanges = []

        def defer(request):
            exchanges.append(request.exchange)
            return exchanges[0]

        d = driven(App(defer))
        assert d.feed(opening(Sec_WebSocket_Protocol="a, b") + of_client(TEXT, b"early")) == b""
        return d, exchanges[0]

    def test_accepted(self):
        d, exchange = self.open_later()
        assert is_websocket(exchange.request)
        handshake, socket = exchange.handshake(), Recorder()
        assert handshake.subprotocols == ["a", "b"]
        assert d.feed(of_client(CLOSE)) == b""
        handshake.accept(socket, "b")
        _, fields, behind = head_of(d.transport.take())
        assert fields["Sec-WebSocket-Protocol"] == "b"
        assert socket.told == [("open",), ("message", "early"), ("close", 1005, "")]
        assert FrameReader(False, 99).read(behind) == [(CLOSE, b"")]
        with pytest.raises(RuntimeError):
            handshake.accept(Recorder())

    def test_one_that_was_not_offered(self):
        d, exchange = self.open_later()
        handshake = exchange.handshake()
        for name in ("c", "", "ä"):
            with pytest.raises(LocalProtocolError):
                handshake.accept(Recorder(), name)
        assert d.transport.take() == b""
        handshake.accept(Recorder(), "a")
        assert d.transport.take().startswith(b"HTTP/1.1 101 ")

    def test_denied(self):
        d, exchange = self.open_later()
        exchange.handshake()
        exchange.respond(Response(403))
        assert statuses(d.transport.take())[0][0] == 403

    def test_the_client_has_gone(self):
        d, exchange = self.open_later()
        handshake = exchange.handshake()
        d.machine.connection_lost(None)
        with pytest.raises(ConnectionResetError):
            handshake.accept(Recorder())


class TestOnSockets:
    def serve(self, app, **options):
        server = Server(app, port=0, **options)
        thread = threading.Thread(target=server.run)
        thread.start()
        return server, thread

    def test_an_echo_and_a_stop(self):
        class Echo(WebSocket):
            def on_message(self, data):
                self.send(data)

        server, thread = self.serve(lambda request: request.websocket(Echo))
        try:
            with sockets.create_connection(server.sockets[0].getsockname(), 5) as sock:
                sock.sendall(opening(Host="localhost") + of_client(TEXT, b"x" * 100_000))
                stream = sock.makefile("rb")
                while stream.readline().strip():
                    pass
                assert stream.read(10) == b"\x81\x7f" + (100_000).to_bytes(8, "big")
                assert stream.read(100_000) == b"x" * 100_000
                server.stop()
                [(opcode, payload)] = FrameReader(False, 999).read(stream.read(20))
                assert (opcode, payload) == (CLOSE, close_payload(1012, "the server stops"))
                sock.sendall(of_client(CLOSE, close_payload(1012)))
                assert stream.read() == b""  # a clean end
        finally:
            server.stop(0)
            thread.join()

    def test_the_model_of_threads_has_no_loop_for_it(self, caplog):
        server, thread = self.serve(lambda request: request.websocket(WebSocket), model="threads")
        try:
            with sockets.create_connection(server.sockets[0].getsockname(), 5) as sock:
                sock.sendall(opening(Host="localhost"))
                assert read_to_end(sock).startswith(b"HTTP/1.1 500 ")
        finally:
            server.stop(0)
            thread.join()
        assert "a WebSocket needs a loop: leave out the model 'threads'" in caplog.text

    def test_a_client_that_breaks_a_rule_reads_why(self):
        server, thread = self.serve(lambda request: request.websocket(WebSocket))
        try:
            with sockets.create_connection(server.sockets[0].getsockname(), 5) as sock:
                sock.sendall(opening(Host="localhost") + b"\xf0" * 200_000)
                _, _, behind = head_of(read_to_end(sock))
                [(opcode, payload)] = FrameReader(False, 999).read(behind)
                assert (opcode, payload[:2]) == (CLOSE, close_payload(1002))
        finally:
            server.stop(0)
            thread.join()
