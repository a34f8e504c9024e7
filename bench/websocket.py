"""What reading a WebSocket message costs, beside picows' and aiohttp's readers.

    python bench/websocket.py

Each reader gets the same masked bytes in reads of 64 KiB, and makes a str or bytes of each
message: ours gives it to `WebSocket.on_message`, picows to a listener, aiohttp to its queue. They
take turns in one process, and the least CPU time of many rounds counts: load makes rounds longer,
none shorter.
Needs `pip install -e '.[bench]'`. Servers are compared by `python -m reactor bench --websocket`.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable
from typing import Any

from reactor import Limits, WebSocket
from reactor.http._websocket import WebSocketMachine
from reactor.http._websocket_sending import WebSocketContext
from reactor.parser._frames import FrameReader, frame
from reactor.testing import FakeTransport

READ_BYTES = 64 * 1024
SIZES = {"64 B": 64, "1 KiB": 1024, "64 KiB": 65_536, "1 MiB": 1 << 20}
ROUNDS, ROUND_BYTES = 60, 1 << 21


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

if __name__ == "__main__":
    asyncio.run(reading())
