"""The parts of `soak.py` with WebSockets: many idle ones, one that takes nothing, bytes of each.

The clients are one loop over epoll in this process: they answer pings, as browsers do, and each
echo is compared with what was sent. An echo's time counts from when it was due.
"""

from __future__ import annotations

import select
import socket
import time
from contextlib import ExitStack
from pathlib import Path

from processes import PATIENCE_S, serving
from websocket_handshakes import opening
from websockets_driven import PING, PONG, of_client

from reactor.http.deflate import OFFER, Deflater
from reactor.parser._frames import FrameReader, frame

IDLE, ECHOING = 10_000, 1_000
ECHO_S, RATE = 30, 1_000  # messages a second of all that echo; idle ones are pinged after 20 s
P99_MS_MAX = 50
GROWTH_KIB_MAX = 1_024
WARM, MORE = 500, 4_000
PIECE = 64 * 1024
HEADERS = {"User-Agent": "soak/1.0"}  # the sixth, beside those that a handshake has to have

SITE = f"""
from reactor import Response, WebSocket

class Echo(WebSocket):
    def on_message(self, data):
        self.send(data)

class Flood(WebSocket):
    def on_message(self, data):
        self.left = int(data)
        self.on_room()

    def on_room(self):
        while self.room and self.left > 0:
            self.left -= {PIECE}
            self.send(bytes({PIECE}))

def native(request):
    if request.path == "/note.txt":
        return Response(200, [], "a note\\n")
    return request.websocket(Flood if request.path == "/flood" else Echo)

async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    await receive()
    await send({{"type": "websocket.accept"}})
    if scope["path"] == "/flood":
        for _ in range(int((await receive())["text"]) // {PIECE}):
            await send({{"type": "websocket.send", "bytes": bytes({PIECE})}})
    while (message := await receive())["type"] == "websocket.receive":
        await send({{**message, "type": "websocket.send"}})
"""
APPS = ("native", "asgi")


def served(site, app, *options):
    Path(site, "sockets_site.py").write_text(SITE)
    words = (f"sockets_site:{app}", "--no-access-log", "--limit-concurrency", "15000", *options)
    return serving(*words, cwd=site)


def opened(stack, server, path="/", behind=b"", **fields):
    """One more connection; the answer to the handshake has come, and the echo of ``behind``."""
    sock = stack.enter_context(socket.create_connection(server.address, PATIENCE_S))
    fields = {"Host": f"127.0.0.1:{server.port}", **HEADERS, **fields}
    sock.sendall(opening(f"GET {path} HTTP/1.1", **fields) + behind)
    answer = b""
    while b"\r\n\r\n" not in answer or (behind and answer.endswith(b"\r\n\r\n")):
        answer += sock.recv(4096) or ended(answer)
    if not answer.startswith(b"HTTP/1.1 101 "):
        raise AssertionError(f"no WebSocket: {answer!r:.100}")
    return sock


def ended(answer):
    raise AssertionError(f"the connection ended behind {answer!r:.100}")


class Clients:
    """All connections; those that echo come first."""

    def __init__(self, socks, echoing):
        self.poll = select.epoll()
        self.socks = {sock.fileno(): sock for sock in socks}
        self.readers = {number: FrameReader(False, 1 << 20) for number in self.socks}
        self.echoing = list(self.socks)[:echoing]
        self.due = {}  # of the echo under way, and what was sent
        self.latencies_s = []
        self.lost = self.wrong = self.pinged = self.skipped = 0
        for number in self.socks:
            self.poll.register(number, select.EPOLLIN)

    def run(self, seconds, rate):
        start = time.monotonic()
        for count in range(int(seconds * rate)):
            due = start + count / rate
            while (left := due - time.monotonic()) > 0:
                self.take(left)
            number = self.echoing[count % len(self.echoing)]
            if number in self.due or number not in self.socks:
                self.skipped += 1  # its last one is still to come, a second later
                continue
            text = f"{count:064}".encode()
            self.due[number] = due, text.decode()
            self.socks[number].sendall(of_client(1, text))
        until = time.monotonic() + PATIENCE_S
        while self.due and time.monotonic() < until:
            self.take(0.1)
        self.wrong += len(self.due)

    def take(self, wait_s):
        for number, _ in self.poll.poll(wait_s):
            try:
                data = self.socks[number].recv(65_536)
            except ConnectionError:
                data = b""
            now = time.monotonic()
            if not data:
                self.lose(number)
                continue
            for opcode, payload in self.readers[number].read(data):
                self.heard(number, opcode, payload, now)

    def heard(self, number, opcode, payload, now):
        if opcode == PING:
            self.pinged += 1
            self.socks[number].sendall(of_client(PONG, payload))
            return
        due, text = self.due.pop(number, (now, None))
        self.wrong += payload != text
        self.latencies_s.append(now - due)

    def lose(self, number):
        self.lost += 1
        self.poll.unregister(number)
        del self.socks[number]

    def percentile_ms(self, percent):
        ordered = sorted(self.latencies_s)
        return ordered[int(len(ordered) * percent / 100)] * 1e3


def many(site, options):
    """10,000 idle ones and 1,000 that echo."""
    for app in APPS:
        with served(site, app) as server, ExitStack() as stack:
            count = options.websockets + ECHOING
            begun = time.monotonic()
            socks = [opened(stack, server) for _ in range(count)]
            took = time.monotonic() - begun
            rss = server.status("VmRSS")
            clients = Clients(socks, ECHOING)
            clients.run(ECHO_S, RATE)
            p50, p99, most = (clients.percentile_ms(percent) for percent in (50, 99, 99.99))
            yield (
                f"{app}: {options.websockets:,} idle WebSockets and {ECHOING:,} that echo (opened "
                f"in {took:.1f} s), {len(clients.latencies_s):,} echoes in {ECHO_S} s, "
                f"p50 {p50:.2f} ms, p99 {p99:.2f} ms (at most {P99_MS_MAX}), p99.99 {most:.1f} ms; "
                f"{clients.wrong} wrong, {clients.skipped} skipped, {clients.lost} lost, "
                f"{clients.pinged:,} pings, RSS {rss:,} KiB",
                p99 <= P99_MS_MAX and not clients.wrong and not clients.lost,
            )


def flood(site, options):
    """The application sends much: to a client that takes all, then to one that takes nothing."""
    size = int(options.websocket_gib * (1 << 30))
    for app in APPS:
        with served(site, app) as server:
            flooded(server, 64 << 20)  # what a first one costs is no growth
            before = server.status("VmRSS")
            begun = time.monotonic()
            got = flooded(server, size)
            took = time.monotonic() - begun
            grown = server.status("VmHWM") - before
            yield (
                f"{app}: {got:,} bytes to a client that takes them in {took:.1f} s, peak RSS "
                f"{grown:+,} KiB",
                got >= size and grown < GROWTH_KIB_MAX,
            )
        with served(site, app) as server, ExitStack() as stack:
            flooded(server, 64 << 20)
            before = server.status("VmRSS")
            sock = opened(stack, server, "/flood")
            begun = time.monotonic()
            sock.sendall(of_client(1, str(size).encode()))
            if not reset(sock, 90):
                raise AssertionError("who takes nothing is not given up in 90 s")
            took = time.monotonic() - begun
            grown = server.status("VmHWM") - before
            yield (
                f"{app}: a client that takes nothing of {size:,} bytes is given up after "
                f"{took:.1f} s, peak RSS {grown:+,} KiB (under {GROWTH_KIB_MAX:,})",
                grown < GROWTH_KIB_MAX,
            )


def reset(sock, seconds):
    """Whether the server gives it up; nothing is read meanwhile."""
    poll = select.poll()
    poll.register(sock, 0)  # errors and the end of both directions are told all the same
    return poll.poll(seconds * 1e3)


def flooded(server, size):
    """Bytes of messages and their frames that came."""
    whole = len(frame(2, bytes(PIECE))) * (size // PIECE)
    buffer = bytearray(1 << 20)
    with ExitStack() as stack:
        sock = opened(stack, server, "/flood")
        sock.sendall(of_client(1, str(size).encode()))
        got = 0
        while got < whole and (count := sock.recv_into(buffer)):
            got += count
    return got


def memory(site, options):
    """What an idle one holds, of both kinds, plain and deflated."""
    plain = of_client(1, b"hello")
    deflated = of_client(1, Deflater(12, False).deflate(b"hello" * 100), deflated=True)
    for app, frames, most, fields in (
        ("native", plain, 2, {}),
        ("asgi", plain, 5, {}),
        ("native", deflated, 70, {"Sec_WebSocket_Extensions": OFFER}),
        ("asgi", deflated, 70, {"Sec_WebSocket_Extensions": OFFER}),
    ):
        with served(site, app, "--ws-ping-interval=0") as server, ExitStack() as stack:
            for _ in range(WARM):
                opened(stack, server, "/", frames, **fields)
            before = server.status("VmRSS")
            for _ in range(MORE):
                opened(stack, server, "/", frames, **fields)
            each = (server.status("VmRSS") - before) / MORE
        kind = "deflate, both ways used" if fields else "plain"
        yield (
            f"{app}, {kind}, 6 header fields: {each:.2f} KiB an idle WebSocket (at most {most})",
            each <= most,
        )


PARTS = {"ws-many": many, "ws-flood": flood, "ws-memory": memory}
