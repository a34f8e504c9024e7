"""What reading a WebSocket message costs, beside picows' and aiohttp's readers, and an echo.

    python bench/websocket.py
    python bench/websocket.py --echo [--python PEERS/bin/python]

Each reader gets the same masked bytes in reads of 64 KiB, and makes a str or bytes of each
message: ours gives it to `WebSocket.on_message`, picows to a listener, aiohttp to its queue. They
take turns in one process, and the least CPU time of many rounds counts: load makes rounds longer,
none shorter.
--echo: 16 connections, one message each under way, CPU time of the server's processes a message:
ours native and of ASGI, picows, uvicorn, granian and hypercorn. The exit code is 1 if a goal is not
met, or not measured. Needs the extra `bench`, and the peers in the interpreter of --python.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from reactor import Limits, WebSocket
from reactor.bench.peers import Peers
from reactor.bench.servers import NotServed, Server
from reactor.http._websocket import WebSocketMachine
from reactor.http._websocket_sending import WebSocketContext
from reactor.parser._frames import FrameReader, frame
from reactor.testing import FakeTransport

READ_BYTES = 64 * 1024
SIZES = {"64 B": 64, "1 KiB": 1024, "64 KiB": 65_536, "1 MiB": 1 << 20}
ROUNDS, ROUND_BYTES = 60, 1 << 21
CONNECTIONS, ECHOES, SLOTS = 16, 20_000, 12

PING, PONG = 9, 10

Feed = Callable[[bytes], object]


class Takes(WebSocket):
    def on_message(self, data: Any) -> None:
        pass


def ours() -> Feed:
    machine = WebSocketMachine(WebSocketContext(Limits(), None), Takes())
    transport = FakeTransport(machine)
    machine.connection_made(transport)

    def feed(data: bytes) -> None:
        machine.data_received(data)
        while transport.soon:  # more than a turn's messages
            transport.run_soon()

    return feed


def codec() -> Feed:
    return FrameReader(True, 1 << 24).read


def of_aiohttp(loop: asyncio.AbstractEventLoop) -> Feed:
    from aiohttp._websocket.reader_c import WebSocketDataQueue, WebSocketReader
    from aiohttp.base_protocol import BaseProtocol

    queue = WebSocketDataQueue(BaseProtocol(loop), 1 << 30, loop=loop)
    reader = WebSocketReader(queue, 1 << 24, False, True)

    return reader.feed_data  # its queue keeps what is read until the end of the round


class NoTransport(asyncio.Transport):
    """What picows' protocol asks of a connection."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.ends[0] if name == "socket" else default

    def __init__(self) -> None:
        super().__init__()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.ends = socket.create_connection(listener.getsockname()), listener.accept()[0]

    def write(self, data: Any) -> None: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...
    def is_closing(self) -> bool:
        return False


def of_picows() -> Feed:
    import logging

    from picows import WSAutoPingStrategy, WSListener, WSMsgType
    from picows.picows import WSProtocol

    class Listener(WSListener):
        def on_ws_frame(self, transport: Any, frame: Any) -> None:
            if frame.msg_type is WSMsgType.TEXT:
                frame.get_payload_as_utf8_text()
            else:
                frame.get_payload_as_bytes()

    protocol = WSProtocol(
        None, None, False, lambda request: Listener(), logging.getLogger("picows"), True, 5,
        False, 20, 20, WSAutoPingStrategy.PING_WHEN_IDLE, True, 1 << 24, None, READ_BYTES,
    )  # fmt: skip
    protocol.connection_made(NoTransport())

    def feed(data: bytes) -> None:
        left = memoryview(data)
        while left:
            buffer = memoryview(protocol.get_buffer(-1))
            size = min(len(buffer), len(left))
            buffer[:size] = left[:size]
            protocol.buffer_updated(size)
            left = left[size:]

    feed(
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    return feed


def least(makers: dict[str, Callable[[], Feed]], data: bytes, messages: int) -> dict[str, float]:
    """{name: us a message}."""
    chunks = [data[i : i + READ_BYTES] for i in range(0, len(data), READ_BYTES)]
    found = dict.fromkeys(makers, float("inf"))
    for _ in range(ROUNDS):
        for name, make in makers.items():
            feed = make()
            began = time.thread_time()
            for chunk in chunks:
                feed(chunk)
            found[name] = min(found[name], time.thread_time() - began)
    return {name: seconds / messages * 1e6 for name, seconds in found.items()}


async def reading() -> None:
    loop = asyncio.get_running_loop()
    makers = {
        "ours": ours,
        "codec alone": codec,
        "picows": of_picows,
        "aiohttp": lambda: of_aiohttp(loop),
    }
    for kind, opcode in (("text", 1), ("binary", 2)):
        for name, size in SIZES.items():
            one = frame(opcode, b"a" * size, mask=os.urandom(4))
            messages = max(1, ROUND_BYTES // len(one))
            found = least(makers, one * messages, messages)
            each = ", ".join(f"{who} {us:.3g} us" for who, us in found.items())
            ratios = ", ".join(f"{found['ours'] / found[who]:.2f} of {who}" for who in PEERS)
            print(f"{kind} of {name}: {each}: {ratios}")


PEERS = ("picows", "aiohttp")

# An ASGI server serves apps.asgi_echo, native ones apps.echo; picows has a program of its own.
ASGI = ("asgi", "uvicorn", "granian-asgi", "hypercorn")
PICOWS = """
import asyncio
from picows import WSListener, WSMsgType, ws_create_server

class Echo(WSListener):
    def on_ws_frame(self, transport, frame):
        if frame.msg_type is WSMsgType.TEXT:
            transport.send(frame.msg_type, frame.get_payload_as_utf8_text().encode())
        else:
            transport.send(frame.msg_type, frame.get_payload_as_bytes())

async def main():
    server = await ws_create_server(lambda request: Echo(), "127.0.0.1", {port})
    await server.serve_forever()

try:
    import uvloop
    uvloop.run(main())
except ImportError:
    asyncio.run(main())
"""
OPENING = (
    "GET / HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
# (ours, theirs, the highest ratio of CPU a message of 64 B; None: it is shown, no more)
GOALS = (
    ("native", "picows", 0.80),
    ("asgi", "uvicorn", 0.60),
    ("asgi", "granian-asgi", None),
    ("asgi", "hypercorn", None),
)


class Echoing:
    """A server in a process, and connections to it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.sockets = []
        self.readers = [FrameReader(False, 1 << 24) for _ in range(CONNECTIONS)]
        for _ in range(CONNECTIONS):
            sock = socket.create_connection((server.host, server.port), 10)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.sendall(OPENING.format(server.port).encode())
            answer = sock.recv(4096)
            if not answer.startswith(b"HTTP/1.1 101 "):
                raise NotServed(f"{server.name} opens no WebSocket: {answer!r:.80}")
            self.sockets.append(sock)

    def slot(self, sent: bytes, right: str) -> float:
        """CPU us a message, each echo compared with the right one."""
        began = self.server.cpu_seconds()
        for _ in range(ECHOES // CONNECTIONS):
            for sock in self.sockets:
                sock.sendall(sent)
            for sock, reader in zip(self.sockets, self.readers, strict=True):
                self.take(sock, reader, right)
        return (self.server.cpu_seconds() - began) / ECHOES * 1e6

    def take(self, sock: socket.socket, reader: FrameReader, right: str) -> None:
        """The next message, which has to be that one; pings are answered."""
        while True:
            data = sock.recv(READ_BYTES)
            if not data:
                raise NotServed(f"{self.server.name} has ended a connection")
            for opcode, payload in reader.read(data):
                if opcode != PING:
                    if payload != right:
                        raise NotServed(f"{self.server.name} sends {payload!r:.80} back")
                    return
                sock.sendall(frame(PONG, bytes(payload), mask=b"1234"))

    def close(self) -> None:
        for sock in self.sockets:
            sock.close()


def echo_servers(folder: Path, python: str) -> dict[str, Server]:
    """Those of `GOALS` that are installed."""
    peers = Peers(folder, folder, python, "apps:echo")
    servers = {"native": peers.server("reactor")}
    for name in ASGI:
        if name in peers.unusable:
            print(f"{name} is left out: {peers.unusable[name]}")
        else:
            servers[name] = peers.server(name, asgi="asgi_echo")
    servers["picows"] = Server("picows", lambda port: [python, "-c", PICOWS.format(port=port)])
    return servers


def echoing(python: str) -> int:
    met = True
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        running = {}
        for name, server in echo_servers(Path(folder), python).items():
            try:
                running[name] = Echoing(stack.enter_context(server))
                stack.callback(running[name].close)
            except (NotServed, OSError) as error:
                print(f"{name} is left out: {error}")
        for size in (64, 1024):
            sent, back = frame(1, b"a" * size, mask=b"1234"), "a" * size
            found = dict.fromkeys(running, float("inf"))
            for _ in range(SLOTS):
                for name, one in running.items():
                    found[name] = min(found[name], one.slot(sent, back))
            print(
                f"echo of {size} B: {', '.join(f'{who} {us:.2f} us' for who, us in found.items())}"
            )
            for ours, theirs, most in GOALS:
                if theirs not in found:
                    met = met and most is None
                    continue
                ratio = found[ours] / found[theirs]
                bound = most if size == 64 else None
                met = met and (bound is None or ratio <= bound)
                goal = f", at most {bound:.2f}" if bound else ""
                print(f"  {ours} / {theirs}: {ratio:.2f}{goal}")
    return not met


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--echo", action="store_true", help="servers instead of readers")
    parser.add_argument("--python", default=sys.executable, help="where the peers are installed")
    chosen = parser.parse_args()
    if chosen.echo:
        sys.exit(echoing(chosen.python))
    asyncio.run(reading())
