"""What a supervisor sees of its workers in the page and in /proc: a fake clock, and no workers."""

from __future__ import annotations

import mmap
import os
import sys
import time

import pytest

from reactor.loop import Loop
from reactor.process._page import Page
from reactor.server.workers import worker_watch
from reactor.server.workers.members import WorkerState
from reactor.server.workers.policy import MEMORY_PERIOD_S, MEMORY_SAMPLES, Policies
from reactor.server.workers.worker_watch import PERIOD_S, WorkerWatch, private_bytes
from reactor.testing import FakeClock, FakeSelector

if sys.platform != "linux":
    pytest.skip("several workers need Linux", allow_module_level=True)


class FakeWorker:
    def __init__(self, number, state=WorkerState.READY):
        self.number = self.index = number
        self.state = state
        self.pid = os.getpid()


class FakeSlots:
    """Writes down who is replaced and who is ended."""

    def __init__(self, *workers):
        self.workers = [*workers]
        self.serving = [worker for worker in workers if worker.state is WorkerState.READY]
        self.replaced, self.shot = [], []

    def replace(self, worker, why):
        self.replaced.append((worker.number, why))

    def shoot(self, worker, why):
        self.shot.append((worker.number, why))


@pytest.fixture
def looked():
    """``looked(slots, page, times, **policies)``: after so many looks."""
    clock = FakeClock()
    with Loop(FakeSelector(clock), clock) as loop:

        def look(slots, page, times, **policies):
            WorkerWatch(loop, slots, page, Policies(**policies)).start()
            for _ in range(times):
                clock.advance(PERIOD_S)
                loop.run_once(0)

        yield look


def test_only_who_is_in_a_turn_for_too_long_is_ended(looked):
    page = Page(4)
    slots = FakeSlots(*map(FakeWorker, range(3)), FakeWorker(3, WorkerState.STARTING))
    long_ago = time.monotonic_ns() - 40_000_000_000
    for index in (0, 1, 3):
        page.slot(index)["turn_began_ns"] = long_ago
    page.slot(0)["in_turn"] = page.slot(3)["in_turn"] = 1
    page.slot(2)["turn_began_ns"] = time.monotonic_ns()
    page.slot(2)["in_turn"] = 1
    looked(slots, page, 1)
    assert [number for number, _ in slots.shot] == [0]


def test_without_a_limit_nobody_is_ended(looked):
    page = Page(1)
    page.slot(0)["in_turn"] = 1
    slots = FakeSlots(FakeWorker(0))
    looked(slots, page, 3, timeout_s=None, requests_max=5)
    assert slots.shot == []


def test_who_has_served_enough_is_replaced(looked):
    page = Page(2)
    slots = FakeSlots(FakeWorker(0), FakeWorker(1))
    page.slot(0)["requests"], page.slot(1)["requests"] = 1000, 999
    looked(slots, page, 1, requests_max=1000)
    assert slots.replaced == [(0, "1000 requests (--max-requests)")]


def test_jitter_alone_replaces_nobody(looked):
    page = Page(1)
    slots = FakeSlots(FakeWorker(0))
    page.slot(0)["requests"] = 10**9
    looked(slots, page, 3, requests_jitter=10)
    assert slots.replaced == []


def test_who_holds_too_much_three_times_is_replaced(looked, monkeypatch):
    monkeypatch.setattr(worker_watch, "private_bytes", lambda pid: 300 * 2**20)
    slots = FakeSlots(FakeWorker(0))
    looks = int(MEMORY_PERIOD_S / PERIOD_S) * MEMORY_SAMPLES
    looked(FakeSlots(FakeWorker(0)), Page(1), looks, memory_max=400 * 2**20)
    assert slots.replaced == []
    looked(slots, Page(1), looks, memory_max=200 * 2**20)
    assert slots.replaced[0] == (0, "300 MiB (--max-worker-memory)")


def test_memory_of_somebody_else_is_said_once(looked, monkeypatch, caplog):
    def refused(pid):
        raise PermissionError

    monkeypatch.setattr(worker_watch, "private_bytes", refused)
    slots = FakeSlots(FakeWorker(0), FakeWorker(1))
    looked(slots, Page(2), 100, memory_max=1)
    assert slots.replaced == []
    assert caplog.text.count("cannot be read") == 1


def test_private_memory_grows_with_what_a_process_writes():
    # Pages that the process never had: the heap may have some to spare, which it wrote to before.
    with mmap.mmap(-1, 30_000_000, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as held:
        before = private_bytes(os.getpid())
        held.write(b"x" * len(held))
        assert private_bytes(os.getpid()) - before > 25_000_000
