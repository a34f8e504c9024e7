"""The slots of a supervisor: who fills each, who comes next, and when.

    empty ─fork─> starting ─ready─> serves ─its successor is ready─> draining ─> gone
      ▲                │               │
      └── a pause ─────┴── it dies ────┘

A slot that serves gets its successor first, one slot at a time: so a reload, `--max-requests` and
a worker that asks to be replaced are one thing. A slot whose worker has died starts another one
at once, unless that has happened too often.

Must never know: signals, sockets, or what a worker serves.
"""

from __future__ import annotations

import logging
import os
import random
import signal
from collections.abc import Callable
from typing import Protocol

from reactor.log import log
from reactor.loop import Loop
from reactor.server.workers.cgroups import killed_for_memory
from reactor.server.workers.children import how_ended
from reactor.server.workers.members import Worker, WorkerState
from reactor.server.workers.policy import DUMP_S, OVERTAKEN_S, Backoff, Policies
from reactor.server.workers.worker import RETIRE


def workers_said(count: int) -> str:
    return "1 worker" if count == 1 else f"{count} workers"


class Slot:
    """One of the workers that are wanted.

    Attributes:
        worker: who serves, None: nobody; coming: its successor, or the first one.
        why: for which reason the one that serves is to be replaced; "" for none.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.worker: Worker | None = None
        self.coming: Worker | None = None
        self.why = ""
        self.waits = False  # for the end of a pause
        self.backoff = Backoff(lambda: random.uniform(-1, 1))  # noqa: S311 - no secret


class Source(Protocol):
    """Where workers come from."""

    @property
    def generation(self) -> int | None:
        """Of the workers that would come now; None: none can come."""

    def make(self, slot: int) -> Worker | None:
        """One that is being forked; None if that is not possible now."""

    def serves(self, worker: Worker, sentence: str) -> None:
        """It is ready."""

    def failed(self, worker: Worker, status: int | None) -> bool:
        """It has ended before it was ready. True: nobody shall take its place for now."""

    def settled(self) -> None:
        """Every slot has a worker of the generation that is wanted."""

    def leaves(self, worker: Worker) -> None:
        """It was told to finish."""

    def gone(self, worker: Worker) -> None:
        """Its process has ended."""

    def unmade(self, worker: Worker) -> None:
        """It has no process, long after one was asked for."""


class Slots:
    """All of them."""

    def __init__(
        self, loop: Loop, source: Source, policies: Policies, drain_s: Callable[[], float]
    ) -> None:
        self._loop = loop
        self._source = source
        self._policies = policies
        self._drain_s = drain_s
        self.slots = [Slot(number) for number in range(policies.workers)]
        self.draining: list[Worker] = []
        self._served: list[int] = []  # the last two generations that have
        self._overtaken: set[Worker] = set()  # of those that drain, who is of an earlier one
        self.stopping = False
        self._killed = killed_for_memory()

    # --- what there is --------------------------------------------------------------------

    @property
    def workers(self) -> list[Worker]:
        filled = [worker for slot in self.slots for worker in (slot.worker, slot.coming)]
        return [worker for worker in filled if worker is not None] + self.draining

    @property
    def serving(self) -> list[Worker]:
        return [slot.worker for slot in self.slots if slot.worker is not None]

    # --- filling --------------------------------------------------------------------------

    def fill(self) -> None:
        """Start whoever is missing; the first of all alone, so that what keeps it from serving is
        said once. When all slots are filled, a stale one is replaced."""
        if self.stopping or self._source.generation is None:
            return
        for slot in self.slots:
            if slot.worker is None and slot.coming is None and not slot.waits:
                self._start(slot)
                if not self.serving:
                    return
        self._replace_next()

    def try_again(self) -> None:
        """What makes workers is another one: whoever waits for the end of a pause starts now."""
        for slot in self.slots:
            if slot.worker is None:
                slot.waits = False
                slot.backoff.pause_s = 0.0
        self.fill()

    def replace(self, worker: Worker, why: str) -> None:
        """When it is its turn."""
        slot = self._slot_of(worker)
        if slot is not None and slot.worker is worker and not slot.why:
            slot.why = why
            log(logging.INFO, "worker %d (slot %d) is replaced: %s", worker.pid, slot.number, why)
            self._replace_next()

    def add(self) -> int:
        """One slot more; how many there are."""
        self.slots.append(Slot(max(slot.number for slot in self.slots) + 1))
        self.fill()
        return len(self.slots)

    def remove(self, busy: Callable[[Worker], float]) -> int:
        """One slot less, the one whose worker is the least ``busy``; never the last one."""
        if len(self.slots) > 1:
            slot = min(
                self.slots, key=lambda slot: -1.0 if slot.worker is None else busy(slot.worker)
            )
            self.slots.remove(slot)
            for worker in (slot.worker, slot.coming):
                if worker is not None:
                    self.retire(worker)
            self._replace_next()
        return len(self.slots)

    def _start(self, slot: Slot) -> None:
        slot.coming = worker = self._source.make(slot.number)
        if worker is None:
            self._wait(slot, self._loop.time() + 1.0)
            return
        self._loop.call_later(self._policies.start_timeout_s, self._too_late, worker)

    def _too_late(self, worker: Worker) -> None:
        if worker.state is WorkerState.STARTING and self._slot_of(worker) is not None:
            limit = f"{self._policies.start_timeout_s:g} s"
            if not worker.pid:
                self._source.unmade(worker)
                return
            self.shoot(worker, f"it was not ready after {limit} (--timeout-worker-start)")

    def _replace_next(self) -> None:
        """One at a time: never is more than one successor on its way."""
        generation = self._source.generation
        if self.stopping or generation is None:
            return
        if any(slot.worker is not None and slot.coming is not None for slot in self.slots):
            return
        for stale in (True, False):
            for slot in self.slots:
                worker = slot.worker
                if worker is None or slot.waits:
                    continue
                if worker.generation != generation if stale else slot.why:
                    self._start(slot)
                    return
        filled = [slot.worker for slot in self.slots]
        if all(worker is not None and worker.generation == generation for worker in filled):
            self._source.settled()

    # --- what happens to workers ------------------------------------------------------------

    def ready(self, worker: Worker, sentence: str) -> None:
        slot = self._slot_of(worker)
        if slot is None or self.stopping:
            return
        before, slot.worker, slot.coming, slot.why = slot.worker, worker, None, ""
        self._source.serves(worker, sentence)
        if before is not None:
            self.retire(before)
        if worker.generation not in self._served:
            # Those that have served: one that failed has a number too.
            self._served = [*self._served[-1:], worker.generation]
        for old in self.draining:
            # Of generations that follow one another quickly only so many are there: memory has a
            # bound.
            if old.generation < self._served[0] and old not in self._overtaken:
                self._overtaken.add(old)
                self._loop.call_later(OVERTAKEN_S, self._end_overtaken, old)
        self.fill()

    def retire(self, worker: Worker) -> None:
        """Its siblings go on; it is not waited for."""
        self.draining.append(worker)
        if worker.state is WorkerState.STARTING:
            worker.kill("it is not needed any more")
        worker.order(RETIRE)
        self._source.leaves(worker)
        self._loop.call_later(self._drain_s(), self._overdue, worker)

    def ended(self, worker: Worker, status: int | None, requests: int) -> None:
        self._source.gone(worker)
        if worker in self.draining:
            self.draining.remove(worker)
            if status and not worker.killed_for:
                self._say_death(worker, status, requests)
            return
        slot = self._slot_of(worker)
        if slot is None:
            return
        if worker is slot.worker:
            slot.worker = None
        else:
            slot.coming = None
        if self.stopping:
            return
        self._say_death(worker, status, requests)
        if worker.ready_at is None and self._source.failed(worker, status):
            return
        when = slot.backoff.next_start(worker.started_at, worker.ready_at, self._loop.time())
        # If it was a successor, the one that serves goes on meanwhile.
        if slot.coming is None:
            self._wait(slot, when)

    def _wait(self, slot: Slot, when: float) -> None:
        pause_s = when - self._loop.time()
        if pause_s <= 0:
            self.fill()
            return
        slot.waits = True
        log(logging.WARNING, "slot %d: the next worker starts in %.1f s", slot.number, pause_s)
        self._loop.call_at(when, self._waited, slot)

    def _waited(self, slot: Slot) -> None:
        slot.waits = False
        self.fill()

    def _end_overtaken(self, worker: Worker) -> None:
        self._overtaken.discard(worker)
        if worker in self.draining:
            worker.kill("two later generations serve")

    def _overdue(self, worker: Worker) -> None:
        if worker in self.draining:
            worker.kill(f"it did not end within {self._drain_s():g} s")

    def shoot(self, worker: Worker, why: str) -> None:
        """It does not move: have it show where it is, then end it."""
        if worker.killed_for:
            return
        log(logging.ERROR, "worker %d (slot %d) is ended: %s", worker.pid, worker.slot, why)
        # faulthandler's handler is in C: what hangs in C, or swallows all exceptions, is shown.
        worker.kill(why, signal.SIGABRT)
        self._loop.call_later(DUMP_S, worker.kill, why)

    def _say_death(self, worker: Worker, status: int | None, requests: int) -> None:
        served = (
            f" after {requests} requests" if worker.ready_at is not None else " before it served"
        )
        if not worker.pid:
            log(logging.ERROR, "slot %d: no worker could be forked", worker.slot)
            return
        log(
            logging.ERROR,
            "worker %d (slot %d) ended %s%s",
            worker.pid,
            worker.slot,
            how_ended(status),
            served + self._why(status, worker),
        )

    def _why(self, status: int | None, worker: Worker) -> str:
        if worker.failure:
            return f": {worker.failure}"
        if status is None or os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            return ""
        before, self._killed = self._killed, killed_for_memory()
        if worker.killed_for or self._killed <= before:
            return ""
        return ": the kernel has killed it, because memory is short"

    def _slot_of(self, worker: Worker) -> Slot | None:
        for slot in self.slots:
            if worker in (slot.worker, slot.coming):
                return slot
        return None
