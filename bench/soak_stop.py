"""What a stop loses: 10 stops for each load, in both models (docs/stop.md has what it should).

    python bench/soak.py stops

A loss is a request that was sent on a connection that the kernel had completed and was not
answered whole: reset, ended, truncated, or never answered. A client that is refused is none.
"""

from __future__ import annotations

import errno
import heapq
import selectors
import signal
import socket
import time
from collections import Counter
from pathlib import Path

from clients import NOTE, SMALL
from processes import MODELS, serving

# Answers 770 requests a second at best: at 1,000 new clients a second the listener's queue fills.
SLOW_APP = """
import time
from reactor import Response

def app(request):
    until = time.perf_counter() + 0.0013
    while time.perf_counter() < until:
        pass
    return Response(200, [], "a note\\n")
"""
STOPS = 10
LOAD_S = 0.6  # before each stop
PATIENCE_S = 8.0  # longer than the grace of idle connections
LAST = b"\r\nconnection: close\r\n"


class Asker:
    """One connection that asks, thinks, and asks again; or asks once."""

    def __init__(self, load, think_s, once):
        self._load = load
        self._think_s = think_s
        self._once = once
        self._received = b""
        self.outstanding = False
        self.sock = socket.socket()
        self.sock.setblocking(False)
        code = self.sock.connect_ex(load.address)
        if code in {0, errno.EINPROGRESS}:
            load.selector.register(self.sock, selectors.EVENT_WRITE, self)
        else:
            load.count("refused")
            self.sock.close()

    def ready(self, mask):
        if mask & selectors.EVENT_WRITE:
            if self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self.end("refused")
                return
            self._load.selector.modify(self.sock, selectors.EVENT_READ, self)
            self.ask()
            return
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            self.end("reset" if self.outstanding else "reset while idle")
            return
        if not data:
            how = "truncated" if self._received else "ended"
            self.end(how if self.outstanding else "closed while idle")
            return
        self._received += data
        head, gap, body = self._received.partition(b"\r\n\r\n")
        if gap and len(body) >= len(NOTE):
            self.answered(head, body)

    def ask(self):
        try:
            self.sock.send(SMALL)
        except OSError:
            self.end("reset")
            return
        self.outstanding = True

    def answered(self, head, body):
        self.outstanding = False
        self._received = b""
        self._load.count("answered" if body == NOTE else "wrong")
        if self._once or LAST in head.lower() + b"\r\n":
            self.end(None)
        elif self._think_s:
            self._load.later(self._think_s, self)
        else:
            self.ask()

    def end(self, how):
        if how is not None:
            self._load.count(how)
        self.outstanding = False
        self._load.selector.unregister(self.sock)
        self.sock.close()


class Load:
    """Kept connections in closed loop, and new ones at a rate."""

    LOSSES = ("reset", "ended", "truncated", "unanswered", "wrong")
    asker = Asker

    def __init__(self, address, kept, think_s, new_per_s):
        self.address = address
        self.selector = selectors.DefaultSelector()
        self.counts = Counter()
        self._thinking = []
        self._interval = 1 / new_per_s if new_per_s else None
        self._next_new = time.monotonic()
        for _ in range(kept):
            self.asker(self, think_s, once=False)

    def count(self, what):
        self.counts[what] += 1

    def later(self, seconds, asker):
        heapq.heappush(self._thinking, (time.monotonic() + seconds, id(asker), asker))

    def run(self, seconds, until_empty=False):
        """Until the time is over; or nobody is connected any more, and nobody new comes."""
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end and not (until_empty and not self.selector.get_map()):
            while self._interval and self._next_new <= now:
                self._next_new += self._interval
                self.asker(self, 0, once=True)
            while self._thinking and self._thinking[0][0] <= now:
                asker = heapq.heappop(self._thinking)[2]
                if asker.sock.fileno() >= 0:
                    asker.ask()
            for key, mask in self.selector.select(0.001):
                key.data.ready(mask)

    def go_on_after_the_stop(self):
        """New clients come for a moment longer; then the last answers are waited for."""
        self.run(0.3)
        self._interval = None
        self.run(PATIENCE_S, until_empty=True)
        for key in list(self.selector.get_map().values()):
            key.data.end("unanswered" if key.data.outstanding else None)
        self.selector.close()

    @property
    def lost(self):
        return {how: self.counts[how] for how in self.LOSSES if self.counts[how]}


def one_stop(target, model, number, load, cwd):
    """(what was counted, what was lost, the seconds that the stop took, the exit code)."""
    quiet = "--no-access-log", "--log-level", "warning"
    with serving(target, "--model", model, *quiet, cwd=cwd) as server:
        load = Load(server.address, *load)
        load.run(LOAD_S)
        begun = time.monotonic()
        server.signal(number)
        ended = None
        while ended is None and time.monotonic() < begun + PATIENCE_S:
            load.run(0.005)
            ended = time.monotonic() if server.process.poll() is not None else None
        load.go_on_after_the_stop()
        return load.counts, load.lost, (ended or time.monotonic()) - begun, server.wait()


# The load (kept connections, seconds of thinking, new connections a second), the signal, how many
# stops, the longest that a stop may take, whether nothing may be lost. With a slow handler all in
# the queue are answered first, and the stop takes as long as that.
LOADS = [
    ("64 in closed loop", (64, 0, 0), signal.SIGTERM, STOPS, 0.2, True),
    ("64, thinking 5 ms", (64, 0.005, 0), signal.SIGTERM, STOPS, 0.2, True),
    ("64, thinking 50 ms", (64, 0.05, 0), signal.SIGTERM, STOPS, 0.2, True),
    ("1,500 new/s", (0, 0, 1500), signal.SIGTERM, STOPS, 0.2, True),
    ("1,000 new/s, slow handler", (0, 0, 1000), signal.SIGTERM, 3, 2.0, True),
    ("64 in closed loop, 500 new/s", (64, 0, 500), signal.SIGTERM, STOPS, 0.2, True),
    ("8 idle", (8, 3600, 0), signal.SIGTERM, 1, 5.2, True),
    ("8 idle, Ctrl-C", (8, 3600, 0), signal.SIGINT, STOPS, 0.2, True),
    # A request may cross our end on its way: it is counted, and no fault.
    ("64 in closed loop, Ctrl-C", (64, 0, 0), signal.SIGINT, STOPS, 0.2, False),
]


def stops(site, options):
    """What is lost at a stop, by load."""
    Path(site, "slow.py").write_text(SLOW_APP)
    for name, load, number, count, longest_s, lossless in LOADS:
        target = "slow:app" if "slow" in name else site
        for model in MODELS:
            counts, lost, seconds, codes = Counter(), Counter(), [], set()
            for _ in range(count):
                counted, losses, took, code = one_stop(target, model, number, load, site)
                counts += counted
                lost += losses
                seconds.append(took)
                codes.add(code)
            # A machine that is busy with other things takes longer: the figure is shown, and only
            # ten times as much is a fault.
            right = codes == {0} and max(seconds) < 10 * longest_s and not (lossless and lost)
            kinds = ", ".join(f"{how} {n}" for how, n in sorted(lost.items())) or "none"
            yield (
                f"{name}; --model {model}: {count} stops, {counts['answered']:,} answered, "
                f"lost: {kinds}; refused {counts['refused']}; median "
                f"{sorted(seconds)[len(seconds) // 2]:.2f} s, longest {max(seconds):.2f} s",
                right,
            )


PARTS = {"stops": stops}
