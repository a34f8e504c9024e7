"""WebSockets to servers: the handshake, awaited messages, backpressure, TLS."""

import asyncio
import socket as sockets
import ssl
import threading
from contextlib import suppress

import pytest
import trustme
from websocket_handshakes import ACCEPT
from websocket_peers import needs_websockets

from reactor import Server, WebSocket, aio
from reactor.errors import FetchError, LocalProtocolError, WebSocketClosed
from reactor.server.tls import TlsOptions


class Echo(WebSocket):
    def on_message(self, data):
        if data == "close":
            self.close(4000, "as you wish")
        elif data == "abort":
            self.abort()
        else:
            self.send(data)


def run(main):
    with asyncio.Runner(loop_factory=aio.new_event_loop) as runner:
        return runner.run(asyncio.wait_for(main(), 30))


@pytest.fixture(scope="module")
def port():
    def app(request):
        return request.websocket(Echo, subprotocols=["b"], headers={"X-Path": request.target})

    server = Server(app, port=0)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield server.sockets[0].getsockname()[1]
    server.stop(0)
    thread.join()


@pytest.mark.parametrize("deflate", [False, True])
def test_messages_both_ways(port, deflate):
    async def main():
        async with aio.connect_websocket(f"ws://127.0.0.1:{port}/a?b", deflate=deflate) as socket:
            assert socket.response.headers["x-path"] == "/a?b"
            assert ("sec-websocket-extensions" in socket.response.headers) == deflate
            for message in ("héllo", b"\0\xff", "", "x" * 200_000, bytes(70_000)):
                await socket.send(message)
                assert await socket.receive() == message
        with pytest.raises(WebSocketClosed) as closed:
            await socket.receive()
        assert (closed.value.code, closed.value.reason) == (1000, "")

    run(main)


def test_messages_wait_and_hold_up_the_server(port):
    async def main():
        async with aio.connect_websocket(f"ws://127.0.0.1:{port}") as socket:

            async def write():
                for number in range(300):
                    await socket.send(f"{number:05}" + "x" * 20_000)

            writing = asyncio.create_task(write())
            await asyncio.sleep(0.1)
            assert len(socket._queue) <= 16
            for number in range(300):
                assert (await socket.receive())[:5] == f"{number:05}"
            await writing

    run(main)


def test_the_server_closes(port):
    async def main():
        socket = await aio.connect_websocket(f"ws://127.0.0.1:{port}")
        await socket.send("one")
        await socket.send("close")
        assert await socket.receive() == "one"
        with pytest.raises(WebSocketClosed, match="4000 as you wish"):
            await socket.receive()
        with pytest.raises(WebSocketClosed):
            await socket.send("late")
        with pytest.raises(WebSocketClosed):
            async for _ in socket:
                pass
        await socket.close()

    run(main)


def test_a_connection_that_is_cut(port):
    async def main():
        socket = await aio.connect_websocket(f"ws://127.0.0.1:{port}")
        await socket.send("abort")
        with pytest.raises(ConnectionError) as closed:
            await socket.receive()
        assert closed.value.code == 1006

    run(main)


def test_it_may_be_iterated(port):
    async def main():
        found = []
        async with aio.connect_websocket(f"ws://127.0.0.1:{port}") as socket:
            await socket.send("a")
            await socket.send("b")
            async for message in socket:
                found.append(message)
                if message == "b":
                    await socket.close()
        return found

    assert run(main) == ["a", "b"]


def test_a_receive_that_is_cancelled_loses_nothing(port):
    async def main():
        async with aio.connect_websocket(f"ws://127.0.0.1:{port}") as socket:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(socket.receive(), 0.01)
            await socket.send("still here")
            assert await socket.receive() == "still here"

    run(main)


def test_subprotocols_and_fields(port):
    async def main():
        url = f"ws://127.0.0.1:{port}"
        async with aio.connect_websocket(url, subprotocols=["a", "b"]) as socket:
            assert socket.socket.subprotocol == "b"
        for options in (
            {"headers": {"Sec-WebSocket-Key": "x"}},
            {"subprotocols": ["a b"]},
            {"headers": {"X": "a\r\nb"}},
        ):
            with pytest.raises(LocalProtocolError):
                await aio.connect_websocket(url, **options)

    run(main)


@pytest.mark.parametrize("url", ["http://a/", "ws:/a", "", "ws://", "wsx://a"])
def test_what_is_no_websocket_url(url):
    async def main():
        with pytest.raises(FetchError) as caught:
            await aio.connect_websocket(url)
        assert caught.value.exit_code == 3

    run(main)


def answering(answer):
    """The port of a server that gives this answer to whatever comes, once."""
    listener = sockets.create_server(("127.0.0.1", 0))

    def serve():
        with listener, listener.accept()[0] as sock:
            sock.recv(65_536)
            sock.sendall(answer)
            with suppress(OSError):  # its client ends it by a reset
                assert not answer or sock.recv(65_536) == b""

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]


HEAD = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


@pytest.mark.parametrize(
    ("answer", "exit_code", "why"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", 22, "403 Forbidden"),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", 22, "302 Found"),
        (b"HTTP/1.1 999 \r\nContent-Length: 0\r\n\r\n", 22, "answered 999"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 22, "200 OK"),
        (HEAD + b"\r\n", 8, "no WebSocket handshake"),
        (HEAD + f"Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n".encode(), 8, "no WebSocket handshake"),
        (b"not HTTP\r\n\r\n", 8, "breaks a rule"),
        (b"", 52, "without an answer"),
    ],
)
def test_an_answer_that_opens_none(answer, exit_code, why):
    async def main():
        with pytest.raises(FetchError) as caught:
            await aio.connect_websocket(f"ws://127.0.0.1:{answering(answer)}/")
        assert why in str(caught.value)
        assert caught.value.exit_code == exit_code

    run(main)


def test_a_password_is_not_shown():
    async def main():
        with pytest.raises(FetchError) as caught:
            await aio.connect_websocket(f"ws://me:secret@127.0.0.1:{answering(b'no')}/")
        assert str(caught.value).startswith("ws://127.0.0.1:")
        assert "secret" not in str(caught.value)

    run(main)


def test_nobody_listens():
    with sockets.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    async def main():
        with pytest.raises(FetchError) as caught:
            await aio.connect_websocket(f"ws://127.0.0.1:{port}/")
        assert caught.value.exit_code == 7

    run(main)


def test_our_server_by_tls(tmp_path):
    authority, cafile, pair = trustme.CA(), tmp_path / "ca.pem", tmp_path / "pair.pem"
    authority.cert_pem.write_to_path(cafile)
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(pair)
    pair.chmod(0o600)
    tls = TlsOptions(certificates=((str(pair), None),))
    server = Server(lambda request: request.websocket(Echo), port=0, tls=tls)
    thread = threading.Thread(target=server.run)
    thread.start()

    async def main():
        url = f"wss://localhost:{server.sockets[0].getsockname()[1]}/"
        async with aio.connect_websocket(url, cafile=str(cafile), ip=4) as socket:
            for message in ("héllo" * 100, bytes(300_000), "y"):
                await socket.send(message)
                assert await socket.receive() == message
            server.stop()
            with pytest.raises(WebSocketClosed) as closed:
                await socket.receive()
            assert closed.value.code == 1012

    try:
        run(main)
    finally:
        server.stop(0)
        thread.join()


@needs_websockets
@pytest.mark.parametrize("secure", [False, True])
def test_the_server_of_websockets(secure, tmp_path):
    from websockets.asyncio.server import serve

    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")

    async def echo(connection):
        async for message in connection:
            await connection.send(message)

    async def main():
        context = None
        if secure:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        async with serve(echo, "127.0.0.1", 0, ssl=context, max_size=None) as server:
            port = server.sockets[0].getsockname()[1]
            url = f"{'wss' if secure else 'ws'}://localhost:{port}/"
            how = {"cafile": str(tmp_path / "ca.pem"), "ip": 4}
            async with aio.connect_websocket(url, **how) as socket:
                for message in ("héllo" * 100, b"x" * 300_000, "y"):
                    await socket.send(message)
                    assert await socket.receive() == message

    run(main)


@needs_websockets
@pytest.mark.parametrize("compression", [None, "deflate"])
def test_the_client_of_websockets(port, compression):
    from websockets.sync.client import connect

    with connect(f"ws://127.0.0.1:{port}", compression=compression, max_size=None) as client:
        for message in ("héllo" * 100, b"x" * 300_000, "y"):
            client.send(message)
            assert client.recv() == message
        assert client.ping("?").wait(10)
