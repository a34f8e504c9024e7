"""How evenly workers take the connections of one listening socket, and what they do in vain.

    python bench/balance.py                 the table of decision 0071, and a worker that is blocked
    python bench/balance.py --workers 2

Busiest worker / mean: the median, and the worst, of 20 bursts of 64 connections at once; 160 that
stay, 3 ms apart; 800 that go at once, 400 a second; 200 at 10 ms, the least and the most that one
worker got. In vain: looks at the socket that found nobody, for a hundred accepted in the bursts and
at 10 ms. While one worker is held up for a second: what 99 % of new clients waited for a first
byte, and the slowest.
"""

from __future__ import annotations

import argparse
import os
import selectors
import signal
import socket
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from reactor import Limits, Protocol, Reactor
from reactor.net.listening import ListeningSocket, listen_sockets
from reactor.process._page import READY, STARTING, Page, Slot

NEVER = 1_000_000_000
PATIENCE_S = 20
BLOCKED_S = 1.0
LOOKS = ("accepts_empty", "accepted")


@dataclass(frozen=True)
class Mode:
    """How workers share a port."""

    name: str
    limits: Limits = field(default_factory=Limits)
    exclusive: bool = True
    fair: bool = True
    reuse_port: bool = False


def shared(per_turn: int, in_a_row: int = NEVER) -> Limits:
    return Limits(shared_accepts_per_turn_max=per_turn, shared_accepts_in_a_row_max=in_a_row)


DEFAULT = Mode("exclusive, fair, to the end after 16, 4 a turn")
MODES = (
    Mode("one socket, plain, 16 a turn", exclusive=False),
    Mode("exclusive, 16 a turn", shared(16), fair=False),
    Mode("exclusive, 1 a turn", shared(1), fair=False),
    Mode("exclusive, to the end after 16, 1 a turn", shared(1, 16), fair=False),
    Mode("exclusive, fair, 16 a turn", shared(16)),
    DEFAULT,
    Mode("SO_REUSEPORT, a socket each", exclusive=False, reuse_port=True),
)


class Numbered(Protocol):
    """Says which worker it is; asked to, it holds that worker up for so many seconds."""

    def __init__(self, number: int) -> None:
        self.number = number

    def connection_made(self, transport) -> None:
        transport.write(bytes([self.number]))

    def data_received(self, data) -> None:
        time.sleep(float(data))


class Workers:
    """Processes that accept at one address, and what their slots say."""

    def __init__(self, mode: Mode, count: int) -> None:
        self.mode = mode
        self.sockets = listening(count) if mode.reuse_port else listen_sockets("127.0.0.1:0", 2048)
        self.address = self.sockets[0].getsockname()
        page = Page(count)
        # Alone in a page a worker shares with nobody, as far as it knows.
        self.slots = [page.slot(n) if mode.exclusive else Slot() for n in range(count)]
        self.pids = [self._fork(number) for number in range(count)]

    def _fork(self, number: int) -> int:
        pid = os.fork()
        if pid == 0:
            try:
                self._serve(number)
            finally:
                os._exit(1)
        return pid

    def _serve(self, number: int) -> None:
        reactor = Reactor()
        slot = reactor.slot = self.slots[number]
        sockets = self.sockets[number:][:1] if self.mode.reuse_port else self.sockets
        reactor.serve(sockets, lambda: Numbered(number), self.mode.limits)
        slot["state"] = READY if self.mode.fair else STARTING
        reactor.call_soon(slot.__setitem__, "ready_ns", 1)
        reactor.run()

    def total(self, name: str) -> int:
        return sum(slot[name] for slot in self.slots)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > until:
                sys.exit("the workers have not done it")
            time.sleep(0.001)

    def wait_until_left(self) -> None:
        self.wait_until(lambda: self.total("connections") == 0)

    def end(self) -> None:
        for pid in self.pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        for sock in self.sockets:
            sock.close()


def listening(count: int) -> list[ListeningSocket]:
    """A socket for each, at the same port."""
    sockets: list[ListeningSocket] = []
    for _ in range(count):
        sock = ListeningSocket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(sockets[0].getsockname() if sockets else ("127.0.0.1", 0))
        sock.listen(2048)
        sockets.append(sock)
    return sockets


@contextmanager
def running(mode: Mode = DEFAULT, count: int = 4) -> Iterator[Workers]:
    workers = Workers(mode, count)
    try:
        workers.wait_until(lambda: all(slot["ready_ns"] for slot in workers.slots))
        yield workers
    finally:
        workers.end()


class Clients:
    """Connections to the workers; ``taken``: how many each worker has accepted."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._waiting = selectors.DefaultSelector()
        self.taken: Counter[int] = Counter()
        self.open: list[socket.socket] = []

    def connect(self, stays: bool = True) -> None:
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(self._workers.address)
        self._waiting.register(sock, selectors.EVENT_READ, stays)

    def hear(self, until: float) -> None:
        """Take what workers say, until then."""
        while (left := until - time.monotonic()) > 0:
            self._take(left)

    def hear_all(self) -> None:
        until = time.monotonic() + PATIENCE_S
        while self._waiting.get_map():
            self._take(PATIENCE_S)
            if time.monotonic() > until:
                sys.exit("a connection was not accepted")

    def _take(self, patience_s: float) -> None:
        for key, _ in self._waiting.select(patience_s):
            sock = key.fileobj
            self.taken[sock.recv(1)[0]] += 1
            self._waiting.unregister(sock)
            self.open.append(sock)
            if not key.data:
                self.open.pop().close()

    def close(self) -> None:
        for sock in self.open:
            sock.close()
        self._waiting.close()
        self._workers.wait_until_left()

    def unevenness(self) -> float:
        """Busiest / mean."""
        count = len(self._workers.pids)
        return max(self.taken.values()) * count / sum(self.taken.values())


def burst(workers: Workers, size: int = 64) -> float:
    clients = Clients(workers)
    for _ in range(size):
        clients.connect()
    clients.hear_all()
    clients.close()
    return clients.unevenness()


def paced(workers: Workers, count: int, every_s: float, stay: bool) -> Clients:
    clients = Clients(workers)
    start = time.monotonic()
    for number in range(1, count + 1):
        clients.connect(stay)
        clients.hear(start + number * every_s)
    clients.hear_all()
    clients.close()
    return clients


def blocked(workers: Workers) -> list[float]:
    """One worker is held up: how long new clients waited for a first byte, in seconds."""
    with socket.create_connection(workers.address) as sock:
        number = sock.recv(1)[0]
        slot = workers.slots[number]
        sock.sendall(f"{BLOCKED_S}".encode())
        workers.wait_until(lambda: time.monotonic_ns() - slot["turn_began_ns"] > 50_000_000)
        waits = []
        until = time.monotonic() + 0.7 * BLOCKED_S
        while time.monotonic() < until:
            began = time.monotonic()
            with socket.create_connection(workers.address) as client:
                client.recv(1)
            waits.append(time.monotonic() - began)
            time.sleep(0.002)
        workers.wait_until(lambda: not slot["in_turn"])
    workers.wait_until_left()
    return waits


def row_of(mode: Mode, count: int) -> str:
    with running(mode, count) as workers:
        kept = paced(workers, 160, 0.003, stay=True).unevenness()
        short = paced(workers, 800, 0.0025, stay=False).unevenness()
        before = Counter({name: workers.total(name) for name in LOOKS})
        bursts = [burst(workers) for _ in range(20)]
        slow = [paced(workers, 200, 0.01, stay) for stay in (True, False)]
        shares = [[clients.taken[n] for n in range(count)] for clients in slow]
        empty, accepted = (workers.total(name) - before[name] for name in LOOKS)
        waits = sorted(blocked(workers))
        waited = f"{waits[len(waits) * 99 // 100] * 1000:.1f} ({waits[-1] * 1000:.0f}) ms"
    evens = f"{statistics.median(bursts):.2f} ({max(bursts):.2f}) | {kept:.2f} | {short:.2f}"
    least = " | ".join(f"{min(share)}-{max(share)}" for share in shares)
    return f"| {mode.name} | {evens} | {least} | {empty / accepted:.1%} | {waited} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--workers", type=int, default=4)
    count = parser.parse_args().workers
    print("| mode | burst of 64 | 160 stay | 800 go | 200 stay | 200 go | in vain | one blocked |")
    print("|---|---|---|---|---|---|---|---|")
    for mode in MODES:
        print(row_of(mode, count), flush=True)


if __name__ == "__main__":
    main()
