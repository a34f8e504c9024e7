"""Native handlers that are coroutine functions, by bytes and over a socket."""

import asyncio
import threading
import urllib.request

import pytest
from asgi_driven import driven as asgi_driven
from driven import GET, get, statuses
from test_websocket_opening import opening
from websockets_driven import TEXT, of_client

from reactor import Response, Server, WebSocket
from reactor.aio import stream_body
from reactor.apps.async_function import AsyncFunctionApp
from reactor.errors import ConfigurationError
from reactor.parser._frames import frame


def driven(handler, **options):
    return asgi_driven(handler, kind=AsyncFunctionApp, **options)


@pytest.mark.parametrize("waits", [0, 1, 3])
def test_it_answers_now_or_later(waits):
    async def app(request):
        for _ in range(waits):
            await asyncio.sleep(0)
        return Response(200, {}, request.target)

    with driven(app) as d:
        sent = d.feed(get(b"/1") + get(b"/2")) + d.feed(get(b"/3"))
        assert [body for _, _, body in statuses(sent)] == [b"/1", b"/2", b"/3"]
        assert not d.app.going
        assert not d.transport.closed


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize(
    "error", [ZeroDivisionError, SystemExit, GeneratorExit, asyncio.CancelledError, None]
)
def test_what_is_wrong_is_a_500(waits, error):
    async def app(request):
        if waits:
            await asyncio.sleep(0)
        if error is not None:
            raise error
        return "no response"

    with driven(app) as d:
        [(status, _, _)] = statuses(d.feed(GET))
        assert status == 500
        assert len(d.journal.failures) == 1


def test_a_body_is_there():
    async def app(request):
        await asyncio.sleep(0)
        return Response(200, {}, request.body)

    with driven(app) as d:
        d.feed(get(b"/", b"Content-Length: 6\r\n", b"POST") + b"abc")
        assert d.feed(b"def").endswith(b"abcdef")


def test_a_body_in_pieces_with_backpressure():
    got = []

    async def app(request):
        async for piece in stream_body(request):
            got.append(piece)
            await gate.wait()
        return Response(200, {}, b"|".join(got))

    app.streams_bodies = True
    gate = asyncio.Event()
    with driven(app) as d:
        d.feed(get(b"/", b"Content-Length: 6\r\n", b"POST"))
        d.feed(b"ab")
        assert got == [b"ab"]
        d.feed(b"cd")
        assert not d.transport.reading
        gate.set()
        d.turns()
        assert d.feed(b"ef").endswith(b"ab|cd|ef")


@pytest.mark.parametrize("body", [b"", b"abc"])
def test_a_body_that_came_whole_in_pieces(body):
    async def app(request):
        return Response(200, {}, b"|".join([piece async for piece in stream_body(request)]))

    app.streams_bodies = True
    with driven(app) as d:
        length = b"Content-Length: %d\r\n" % len(body)
        [(_, _, sent)] = statuses(d.feed(get(b"/", length, b"POST") + body))
        assert sent == body


def test_a_client_that_goes_in_its_body():
    raised = []

    async def app(request):
        try:
            async for _ in stream_body(request):
                pass
        except ConnectionResetError as error:
            raised.append(error)
            raise

    app.streams_bodies = True
    with driven(app) as d:
        d.feed(get(b"/", b"Content-Length: 6\r\n", b"POST") + b"ab")
        d.lose()
        assert len(raised) == 1
        assert d.journal.failures == []


def test_only_the_handler_of_a_request_reads_its_body():
    async def app(request):
        kept.append(request)
        if len(kept) > 1:
            return Response(200, {}, [piece async for piece in stream_body(kept[0])])
        return Response(200)

    kept = []
    with driven(app) as d:
        assert [status for status, _, _ in statuses(d.feed(GET) + d.feed(GET))] == [200, 500]


def test_a_body_of_an_async_generator_leaves_piece_by_piece():
    async def app(request):
        async def pieces():
            for n in range(3):
                await asyncio.sleep(0)
                yield b"%d" % n

        return Response(200, {}, pieces())

    with driven(app) as d:
        [(_, headers, body)] = statuses(d.feed(GET))
        assert (headers["transfer-encoding"], body) == ("chunked", b"012")
        assert not d.transport.closed


def test_an_async_generator_without_a_piece_and_one_that_fails_at_once():
    async def app(request):
        async def pieces():
            if request.target == "/fails":
                raise ZeroDivisionError
            return
            yield

        return Response(200, {}, pieces())

    with driven(app) as d:
        sent = d.feed(get(b"/")) + d.feed(get(b"/fails"))
        assert [(status, body[:3]) for status, _, body in statuses(sent)] == [
            (200, b""),
            (500, b"500"),
        ]


@pytest.mark.parametrize("lost", [True, False])
def test_a_generator_without_a_client_is_closed(lost):
    closed = []

    async def app(request):
        async def pieces():
            try:
                yield b"x"
                await asyncio.Event().wait()
            finally:
                closed.append(True)

        return Response(200, {}, pieces())

    with driven(app) as d:
        d.feed(GET)
        (d.lose if lost else d.end)()
        d.pass_time(4.9)
        assert closed == []
        d.pass_time(0.2)
        assert closed == [True]


def test_it_may_open_a_websocket():
    class Echo(WebSocket):
        def on_message(self, data):
            self.send(data)

    async def app(request):
        return request.websocket(Echo)

    with driven(app) as d:
        assert d.feed(opening()).startswith(b"HTTP/1.1 101")
        d.in_turn(d.transport.protocol.data_received, of_client(TEXT, b"hi"))
        d.turns()
        assert d.transport.take() == frame(TEXT, b"hi")
        assert d.journal.failures == []


def test_it_is_served():
    async def app(request):
        await asyncio.sleep(0.01)
        return Response(200, {}, f"hello {request.path}")

    server = Server(app, port=0)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        with urllib.request.urlopen(f"{server.urls[0]}x") as response:
            assert response.read() == b"hello /x"
    finally:
        server.stop(0)
        thread.join()


def test_it_needs_one_thread_and_asyncio():
    async def app(request):
        raise AssertionError("called")

    for options in ({"model": "threads"}, {"loop": "reactor"}):
        with pytest.raises(ConfigurationError, match="async"):
            Server(app, port=0, **options)
