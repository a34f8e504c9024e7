"""Clients of a server that is reloaded again and again: what they lose, and how long they wait.

For `test_reloads.py`, which is short, and for `bench/reloads.py`, which is not. A loss is a request
on a connection that the kernel had completed without its whole answer; or a connection that is
refused, since somebody listens all the time.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "bench"))

from soak_stop import LAST, Asker, Load

KEPT, THINK_S, NEW_PER_S = 32, 0.002, 500


class Visitor(Asker):
    """Its answers are timed; and one that was kept comes again when its connection has ended."""

    asked_at = 0.0

    def ask(self):
        self.asked_at = time.perf_counter()
        super().ask()

    def answered(self, head, body):
        self._load.times.append(time.perf_counter() - self.asked_at)
        if LAST in head.lower() + b"\r\n":
            self._load.count("told to close")
        super().answered(head, body)

    def end(self, how):
        super().end(how)
        if not self._once and not self._load.ending:
            self._load.come_again(how)


class LastingLoad(Load):
    """Kept connections whose server goes on: they end when they have their last answers."""

    ending = False

    def later(self, seconds, asker):
        if self.ending:
            asker.end(None)
        else:
            super().later(seconds, asker)

    def finish(self):
        self.ending = True
        self.go_on_after_the_stop()


class RollingLoad(LastingLoad):
    """Kept connections that think, and new ones at a rate, for as long as `run` is called.

    Attributes:
        times: how long each answer took, in seconds.
    """

    asker = Visitor
    LOSSES = (*Load.LOSSES, "refused")

    def __init__(self, address, kept=KEPT, think_s=THINK_S, new_per_s=NEW_PER_S):
        self.times = []
        self._kept_think_s = think_s
        self._again = 0
        super().__init__(address, kept, think_s, new_per_s)

    def come_again(self, how):
        self._again += 1

    def run(self, seconds, until_empty=False):
        # In slices: whoever comes again does so between two of them.
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            super().run(min(left, 0.005), until_empty)
            again, self._again = self._again, 0
            for _ in range(again):
                self.asker(self, self._kept_think_s, once=False)
            if until_empty and not self.selector.get_map():
                return

    def percentile(self, part):
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
