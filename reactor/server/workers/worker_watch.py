"""What a supervisor looks at every second: who is stuck, who has served enough, who holds too much.

All of it is in the page, or in /proc: no worker is woken for it, and one that is held up needs to
answer nobody. Must never know: how a worker is replaced.
"""

from __future__ import annotations

import logging
import random
import re
import time
from contextlib import suppress

from reactor.log import log
from reactor.loop import Loop
from reactor.process._page import Page
from reactor.server.workers.members import Worker, WorkerState
from reactor.server.workers.policy import (
    MEMORY_PERIOD_S,
    MemoryWatch,
    Policies,
    is_stuck,
    requests_allowed,
)
from reactor.server.workers.slots import Slots

# One wake-up of the supervisor each; a time-out is late by so much at most.
PERIOD_S = 1.0
_PRIVATE = re.compile(r"^Private_(?:Clean|Dirty):\s+(\d+) kB", re.M)


class WorkerWatch:
    """Looks at the workers of ``slots``, if a policy asks for that."""

    def __init__(self, loop: Loop, slots: Slots, page: Page, policies: Policies) -> None:
        self._loop, self._slots, self._page, self._policies = loop, slots, page, policies
        self._allowed: dict[int, int | None] = {}  # requests, by the worker's number
        self._memory = MemoryWatch(policies.memory_max or 0)
        self._sampled_at = loop.time()
        self._unreadable = False

    def start(self) -> None:
        policies = self._policies
        if policies.timeout_s or policies.requests_max or policies.memory_max:
            self._loop.call_later(PERIOD_S, self._look)

    def moves(self, worker: Worker) -> bool:
        """Whether it waits for clients, or is in a turn that has just begun."""
        slot = self._page.slot(worker.index)
        in_turn = slot["in_turn"] != 0  # first: the time of a turn is there before this is
        return not is_stuck(
            in_turn, slot["turn_began_ns"] / 1e9, time.monotonic(), self._policies.timeout_s
        )

    def forget(self, worker: Worker) -> None:
        self._allowed.pop(worker.number, None)
        self._memory.forget(worker.number)

    def _look(self) -> None:
        self._loop.call_later(PERIOD_S, self._look)
        for worker in self._slots.workers:
            if worker.state is not WorkerState.STARTING and not self.moves(worker):
                limit = f"{self._policies.timeout_s:g} s"
                self._slots.shoot(worker, f"a turn of its loop takes over {limit} (--timeout)")
        for worker in self._slots.serving:
            self._count_requests(worker)
        now = self._loop.time()
        if self._policies.memory_max and now - self._sampled_at >= MEMORY_PERIOD_S:
            self._sampled_at = now
            for worker in self._slots.serving:
                self._weigh(worker)

    def _count_requests(self, worker: Worker) -> None:
        if worker.number not in self._allowed:
            self._allowed[worker.number] = requests_allowed(self._policies, random.random)
        allowed = self._allowed[worker.number]
        served = self._page.slot(worker.index)["requests"]
        if allowed is not None and served >= allowed:
            self._slots.replace(worker, f"{served} requests (--max-requests)")

    def _weigh(self, worker: Worker) -> None:
        with suppress(FileNotFoundError, ProcessLookupError):
            try:
                held = private_bytes(worker.pid)
            except PermissionError:
                if not self._unreadable:
                    self._unreadable = True
                    log(logging.WARNING, "the memory of workers cannot be read, nor watched")
                return
            if self._memory.is_over(worker.number, held):
                self._slots.replace(worker, f"{held // 2**20} MiB (--max-worker-memory)")


def private_bytes(pid: int) -> int:
    """Memory that is this process's alone: what it shares with its mold is not counted.

    Raises OSError: it is gone, or somebody else's.
    """
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return 1024 * sum(int(kib) for kib in _PRIVATE.findall(file.read()))
