"""Answers that come later, in pieces, or are no HTTP any more: by bytes, and over a socket."""

import socket
import threading

import pytest
from driven import GET, App, Driven, get, statuses
from processes import PATIENCE_S, read_to_end

from reactor import Inet, Limits, Protocol, Reactor, Response
from reactor.errors import LocalProtocolError
from reactor.http._context import ServerContext
from reactor.http._server import ServerMachines


class Later(App):
    """Keeps the exchange of each request; the test answers by it."""

    def __init__(self, streams=False):
        super().__init__(self.defer)
        self.streams_bodies = streams
        self.exchanges = []
        self.told = []

    def defer(self, request):
        exchange = request.exchange
        for name in ("room", "disconnect", "drain"):
            setattr(exchange, f"on_{name}", lambda name=name: self.told.append(name))
        self.exchanges.append(exchange)
        return exchange


def deferred(**options):
    d = Driven(app=Later(**options))
    return d, d.app


class TestDeferred:
    def test_an_answer_comes_later_and_in_order(self):
        d, app = deferred()
        assert d.feed(get(b"/1") + get(b"/2")) == b""
        [exchange] = app.exchanges  # the second waits for the first
        assert exchange.request.target == "/1"
        assert d.transport.deadline is None
        exchange.respond(Response(200, {}, "one"))
        assert d.transport.take().endswith(b"\r\n\r\none")
        assert exchange.over
        app.exchanges[1].respond(Response(404, {}, "two"))
        [(status, _, body)] = statuses(d.transport.take())
        assert (status, body) == (404, b"two")
        assert not d.transport.closed
        assert d.transport.deadline == Limits().keep_alive_timeout_s

    def test_it_may_be_answered_before_the_application_returns(self):
        def answer(request):
            exchange = request.exchange
            exchange.respond(Response(200, {}, request.target))
            return exchange

        d = Driven(answer)
        sent = d.feed(b"".join(get(b"/%d" % n) for n in range(40)))
        while d.transport.run_soon():
            sent += d.transport.take()
        assert [body for _, _, body in statuses(sent)] == [b"/%d" % n for n in range(40)]

    def test_the_handle_of_a_request_reaches_no_other(self):
        d, app = deferred()
        d.feed(GET + GET)
        first = app.exchanges[0]
        first.respond(Response(200))
        for call in (lambda: first.respond(Response(200)), lambda: first.send(b"x"), first.end):
            with pytest.raises(RuntimeError, match="over"):
                call()
        assert len(statuses(d.transport.take())) == 1

    def test_two_answers_are_one_and_the_end(self):
        def answer(request):
            request.exchange.respond(Response(200, {}, "one"))
            return Response(200, {}, "two")

        d = Driven(answer)
        [(status, _, body)] = statuses(d.feed(GET + GET))
        assert (status, body) == (200, b"one")
        assert d.transport.closed
        assert len(d.journal.failures) == 1

    @pytest.mark.parametrize("how", ["fail", "wrong"])
    def test_a_fault_is_a_500(self, how):
        d, app = deferred()
        d.feed(GET)
        if how == "fail":
            app.exchanges[0].fail(ZeroDivisionError())
        else:
            app.exchanges[0].respond(Response(200, {"Content-Length": "5"}, "no"))
        [(status, headers, _)] = statuses(d.transport.take())
        assert (status, headers["connection"]) == (500, "close")
        assert len(d.journal.failures) == 1

    def test_the_peers_end_is_told_and_the_answer_still_written(self):
        d, app = deferred()
        d.feed(GET)
        assert d.machine.eof_received()
        assert app.told == ["disconnect"]
        assert app.exchanges[0].disconnected
        app.exchanges[0].respond(Response(200, {}, "late"))
        assert d.transport.take().endswith(b"late")
        assert d.transport.closed

    def test_a_lost_connection_is_told_and_takes_nothing(self):
        d, app = deferred()
        d.feed(GET)
        d.machine.connection_lost(ConnectionResetError())
        assert app.told == ["disconnect"]
        with pytest.raises(ConnectionResetError):
            app.exchanges[0].respond(Response(200))

    def test_it_is_read_for_the_peers_end_but_no_further(self):
        d, _ = deferred()
        d.feed(GET)
        assert d.transport.reading
        d.feed(b"GET /next")
        assert not d.transport.reading

    def test_a_request_that_nobody_answers_now_has_none(self):
        d, app = deferred()
        d.feed(GET)
        assert app.exchanges[0].request.exchange is None


class TestPushed:
    def test_pieces_with_backpressure_and_trailers(self):
        d, app = deferred()
        d.feed(GET)
        [exchange] = app.exchanges
        exchange.begin(Response(200, {}))
        assert d.transport.take().endswith(b"Transfer-Encoding: chunked\r\n\r\n")
        exchange.send(b"one")
        exchange.send(b"")
        assert exchange.room
        d.transport.full = True
        exchange.send(b"two")
        assert not exchange.room
        assert app.told == []
        d.transport.resume()
        assert app.told == ["room"]
        exchange.end([("X-Sum", "6")])
        assert d.transport.take() == b"3\r\none\r\n3\r\ntwo\r\n0\r\nX-Sum: 6\r\n\r\n"
        assert d.feed(GET) == b""
        assert len(app.exchanges) == 2

    @pytest.mark.parametrize("kind", [dict, list, iter])
    def test_trailers_of_any_kind(self, kind):
        d, app = deferred()
        d.feed(GET)
        app.exchanges[0].begin(Response(200, {}))
        app.exchanges[0].end(kind([("X-Sum", "6")]))
        assert d.transport.take().endswith(b"\r\n\r\n0\r\nX-Sum: 6\r\n\r\n")

    @pytest.mark.parametrize("size", [1, 9, 10, 15, 16, 255, 256, 70_000, 300_000])
    def test_a_chunk_of_any_size(self, size):
        d, app = deferred()
        d.feed(GET)
        piece = b"x" * size
        app.exchanges[0].begin(Response(200, {}), piece)
        app.exchanges[0].send(piece)
        chunk = b"%x\r\n%b\r\n" % (size, piece)
        assert d.transport.take().partition(b"\r\n\r\n")[2] == 2 * chunk

    def test_a_length_is_held_to(self):
        for pieces, error in ([b"123456"], "more than"), ([b"1234"], "has 4 of its 5"):
            d, app = deferred()
            d.feed(GET)
            app.exchanges[0].begin(Response(200, {"Content-Length": "5"}))
            with pytest.raises(ValueError, match=error):
                for piece in pieces:
                    app.exchanges[0].send(piece)
                app.exchanges[0].end()

    def test_head_has_no_body(self):
        d, app = deferred()
        d.feed(get(b"/", method=b"HEAD"))
        [exchange] = app.exchanges
        exchange.begin(Response(200, {"Content-Length": "3"}))
        exchange.send(b"one")
        exchange.end()
        assert d.transport.take().endswith(b"Content-Length: 3\r\n\r\n")
        assert not d.transport.closed

    def test_http_1_0_ends_with_the_connection(self):
        d, app = deferred()
        d.feed(get(b"/", version=b"1.0"))
        app.exchanges[0].begin(Response(200))
        app.exchanges[0].send(b"one")
        app.exchanges[0].end()
        assert d.transport.take().endswith(b"\r\n\r\none")
        assert d.transport.closed

    def test_an_interim_response_goes_before(self):
        d, app = deferred()
        d.feed(GET)
        app.exchanges[0].interim(103, {"Link": "</a.css>"})
        assert d.transport.take() == b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
        with pytest.raises(LocalProtocolError):
            app.exchanges[0].interim(200)
        app.exchanges[0].respond(Response(200))
        assert d.transport.take().startswith(b"HTTP/1.1 200")

    def test_a_fault_midway_ends_it_short(self):
        d, app = deferred()
        d.feed(GET)
        app.exchanges[0].begin(Response(200))
        app.exchanges[0].send(b"part")
        app.exchanges[0].fail(ZeroDivisionError())
        assert d.transport.take().endswith(b"4\r\npart\r\n")
        assert d.transport.closed
        assert not d.transport.aborted


class TestStreamedBody:
    POST = get(b"/", b"Content-Length: 6\r\nExpect: 100-continue\r\n", b"POST")

    def test_in_pieces_with_backpressure_and_continue_at_the_first_read(self):
        d, app = deferred(streams=True)
        assert d.feed(self.POST) == b""
        [exchange] = app.exchanges
        got = []
        exchange.read_body(lambda data, last: got.append((data, last)))
        assert d.transport.take() == b"HTTP/1.1 100 Continue\r\n\r\n"
        d.feed(b"ab")
        exchange.pause_body()
        assert not d.transport.reading
        d.feed(b"cd")
        assert got == [(b"ab", False)]
        exchange.resume_body()
        d.transport.run_soon()
        assert got[1:] == [(b"cd", False)]
        d.feed(b"ef" + GET)
        assert got[2:] == [(b"ef", False), (b"", True)]
        exchange.respond(Response(200, {}, "done"))
        assert d.transport.take().endswith(b"done")
        assert len(app.exchanges) == 2

    def test_a_broken_body_ends_the_exchange(self):
        d, app = deferred(streams=True)
        d.feed(get(b"/", b"Transfer-Encoding: chunked\r\n", b"POST"))
        app.exchanges[0].read_body(lambda data, last: None)
        assert d.feed(b"no chunk\r\n").startswith(b"HTTP/1.1 400")
        assert app.told == ["disconnect"]
        assert app.exchanges[0].over

    def test_an_answer_before_its_end_closes(self):
        d, app = deferred(streams=True)
        d.feed(self.POST)
        app.exchanges[0].respond(Response(403))
        assert d.transport.take().startswith(b"HTTP/1.1 403")
        assert d.transport.closed

    @pytest.mark.parametrize("later", [False, True])
    @pytest.mark.parametrize("taken", [False, True])
    def test_a_short_rest_is_read_for_the_connections_sake(self, later, taken):
        d, app = deferred(streams=True)
        if not later:
            app.answer = lambda request: Response(403)
        sent = d.feed(get(b"/", b"Content-Length: 6\r\n", b"POST"))
        if later:
            [exchange] = app.exchanges
            if taken:
                exchange.read_body(lambda data, last: None)
                d.feed(b"ab")
            exchange.respond(Response(403))
            sent = d.transport.take()
        assert sent.startswith(b"HTTP/1.1 403")
        assert not d.transport.closed
        assert d.transport.reading
        assert d.transport.deadline == Limits().body_timeout_s
        app.answer = lambda request: Response(200, {}, request.target)
        sent = d.feed(b"cdef" if later and taken else b"abcdef") + d.feed(get(b"/next"))
        assert [body for _, _, body in statuses(sent)] == [b"/next"]
        assert d.transport.deadline == Limits().keep_alive_timeout_s

    @pytest.mark.parametrize("how", ["long", "chunked", "ended", "slow", "broken"])
    def test_another_rest_ends_the_connection(self, how):
        d, app = deferred(streams=True)
        app.body_bytes_max = 1 << 20
        app.answer = lambda request: Response(403)
        fields = {"long": b"Content-Length: 70000\r\n", "ended": b"Content-Length: 6\r\n"}
        fields["slow"] = fields["ended"]
        d.feed(get(b"/", fields.get(how, b"Transfer-Encoding: chunked\r\n"), b"POST"))
        if how == "ended":
            d.machine.eof_received()
        elif how == "slow":
            d.machine.deadline_expired()
        assert d.transport.closed
        assert b"408" not in d.transport.take()[12:]

    def test_it_has_a_bound(self):
        d, app = deferred(streams=True)
        sent = d.feed(get(b"/", b"Content-Length: 1001\r\n", b"POST"))
        assert app.exchanges == []
        assert sent.startswith(b"HTTP/1.1 413")


class Chat(Protocol):
    """Says back what it hears, in capitals."""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data.upper())


class TestUpgraded:
    ASK = get(b"/chat", b"Connection: upgrade\r\nUpgrade: chat\r\n")

    def test_the_request_has_to_ask_for_it(self):
        d, app = deferred()
        d.feed(GET)
        with pytest.raises(LocalProtocolError, match="no upgrade"):
            app.exchanges[0].upgrade(Chat())


class TestDraining:
    def test_it_is_told_and_the_answer_says_close(self):
        d, app = deferred()
        d.feed(GET)
        assert not app.exchanges[0].draining
        d.context.drain(0)
        d.machine.finish()
        assert app.told == ["drain"]
        assert app.exchanges[0].draining
        app.exchanges[0].respond(Response(200))
        assert b"Connection: close\r\n" in d.transport.take()
        assert d.transport.closed


# --- over a socket ------------------------------------------------------------------------


class Wire:
    """An app that answers from callbacks of the loop, by the path."""

    body_bytes_max = 1 << 20
    streams_bodies = True

    def __init__(self, reactor):
        self.reactor = reactor

    def respond(self, request):
        exchange = request.exchange
        getattr(self, request.path.strip("/"))(exchange)
        return exchange

    def later(self, exchange):
        self.reactor.call_later(0.01, exchange.respond, Response(200, {}, "later"))

    def pushed(self, exchange):
        left = [b"x" * 50_000] * 40
        exchange.begin(Response(200))

        def more():
            while left and exchange.room:
                exchange.send(left.pop())
            if not left and not exchange.over:
                exchange.end()

        exchange.on_room = more
        self.reactor.call_soon(more)

    def streamed(self, exchange):
        got = []

        def piece(data, last):
            got.append(len(data))
            if last:
                exchange.respond(Response(200, {}, str(sum(got))))

        exchange.read_body(piece)

    def chat(self, exchange):
        exchange.upgrade(Chat())

    def draining(self, exchange):
        exchange.on_drain = lambda: exchange.respond(Response(200, {}, "drained"))


@pytest.fixture
def wire():
    """The address of a reactor that serves `Wire` in a thread, and how to drain it."""
    from fakes import FakeJournal

    reactor = Reactor()
    date = b"Mon, 23 Nov 2026 12:00:00 GMT"
    context = ServerContext(Wire(reactor), Limits(), lambda: date, FakeJournal())
    listener = reactor.listen(Inet("127.0.0.1", 0), ServerMachines(context))
    port = listener.addresses[0].port

    def drain():
        context.drain(0)
        listener.finish(0, lambda: None)

    thread = threading.Thread(target=reactor.run)
    thread.start()
    yield ("127.0.0.1", port), lambda: reactor.call_soon_threadsafe(drain)
    reactor.call_soon_threadsafe(reactor.stop)
    thread.join(PATIENCE_S)
    reactor.close()


def ask(address, data, more=b""):
    with socket.create_connection(address, timeout=PATIENCE_S) as sock:
        sock.sendall(data)
        sock.sendall(more)
        return read_to_end(sock)


class TestOverASocket:
    LAST = b"Connection: close\r\n"

    def test_later(self, wire):
        assert ask(wire[0], get(b"/later", self.LAST)).endswith(b"\r\n\r\nlater")

    def test_pushed(self, wire):
        [(_, _, body)] = statuses(ask(wire[0], get(b"/pushed", self.LAST)))
        assert body == b"x" * 2_000_000

    def test_streamed(self, wire):
        head = get(b"/streamed", self.LAST + b"Content-Length: 500000\r\n", b"POST")
        assert ask(wire[0], head, b"y" * 500_000).endswith(b"\r\n\r\n500000")

    def test_upgraded(self, wire):
        with socket.create_connection(wire[0], timeout=PATIENCE_S) as sock:
            sock.sendall(TestUpgraded.ASK + b"early ")
            received = b""
            while not received.endswith(b"EARLY "):
                received += sock.recv(1000)
            assert received.startswith(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\n")
            sock.sendall(b"late")
            assert sock.recv(1000) == b"LATE"

    def test_draining(self, wire):
        address, drain = wire
        with socket.create_connection(address, timeout=PATIENCE_S) as sock:
            sock.sendall(get(b"/draining"))
            sock.settimeout(0.05)
            with pytest.raises(TimeoutError):
                sock.recv(1)
            sock.settimeout(PATIENCE_S)
            drain()
            received = read_to_end(sock)
        assert b"Connection: close\r\n" in received
        assert received.endswith(b"drained")
