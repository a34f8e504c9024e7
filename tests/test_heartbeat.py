"""A loop says, where other processes can read it, whether it works or waits."""

from __future__ import annotations

import asyncio
import os
import selectors
import signal
import time

import pytest
from processes import eventually

from reactor.loop import Loop
from reactor.loop.stall import StallWatch
from reactor.net.hosted import HostedReactor, hosting_loop
from reactor.process._page import Page, Slot
from reactor.testing import FakeClock, FakeSelector

MS = 0.001


class Asked(selectors.DefaultSelector):
    """Notes what the slot says while the loop waits."""

    def __init__(self, slot):
        super().__init__()
        self.slot, self.seen = slot, []

    def select(self, timeout=None):
        if timeout != 0:  # else it looks who is ready before a deadline is over, and goes on
            self.seen.append(self.slot["in_turn"])
        return super().select(timeout)


def test_busy_is_what_is_not_select():
    clock = FakeClock()
    with Loop(FakeSelector(clock), clock) as loop:
        slot = loop.slot = Slot()
        seen = []

        def work(seconds):
            seen.append((slot["in_turn"], slot["turn_began_ns"]))
            clock.advance(seconds)

        loop.call_soon(work, 3 * MS)
        loop.run_once()
        began = clock()
        loop.call_later(1.0, work, 5)
        loop.call_later(1.0, loop.stop)
        loop.run()  # which sleeps a second, and works for five
        assert seen == [(1, 1000 * 10**9), (1, round((began + 1) * 10**9))]
        assert slot["in_turn"] == 0
        assert slot["busy_ns"] == pytest.approx(5.003e9)
        # 3 ms are less than 64 us * 2**6; 5 s are in the last place; other turns took no time.
        row = slot.row("turns")
        assert (row[6], row[-1], sum(row)) == (1, 1, row[0] + 2)


@pytest.mark.parametrize(("us", "place"), [(0, 0), (63, 0), (65, 1), (127, 1), (10**7, 15)])
def test_a_turn_is_counted_by_how_long_it_took(us, place):
    clock = FakeClock(0.0)
    with Loop(FakeSelector(clock), clock) as loop:
        loop.slot = Slot()
        loop.call_soon(clock.advance, us / 10**6)
        loop.run_once()
        loop.run_once(0)
        assert [n for n, count in enumerate(loop.slot.row("turns")) if count] == [place]


def test_it_is_in_no_turn_while_it_asks_the_selector():
    slot = Slot()
    selector = Asked(slot)
    with Loop(selector) as loop:
        loop.slot = slot
        loop.call_later(MS, loop.stop)
        loop.run()
    assert set(selector.seen) == {0}


def test_asyncios_steps_are_its_turns_too():
    slot = Slot()
    selector = Asked(slot)
    reactor = HostedReactor(selector)
    reactor.slot = slot

    async def main():
        seen = [slot["in_turn"]]
        await asyncio.sleep(MS)
        seen.append(slot["in_turn"])
        return seen

    with asyncio.Runner(loop_factory=lambda: hosting_loop(reactor)) as runner:
        assert runner.run(main()) == [1, 1]
    assert set(selector.seen) == {0}


def test_a_loop_without_a_slot_has_none():
    with Loop() as loop:
        assert loop.slot is None
        loop.slot = Slot()
        loop.slot = None
        loop.run_once(0)
        with pytest.raises(TypeError):
            loop.slot = object()


def test_another_process_sees_it_held_up_and_waiting():
    page = Page(1)
    slot = page.slot(0)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            loop = Loop()
            loop.slot = page.slot(0)
            # Held up until somebody writes; then it waits for ever.
            loop.call_soon(os.read, reader, 1)
            loop.run()
        finally:
            os._exit(1)
    try:
        eventually(lambda: slot["in_turn"], "it is in a turn")
        began = slot["turn_began_ns"]
        assert 0 < began <= time.monotonic_ns()
        os.write(writer, b"x")
        eventually(lambda: not slot["in_turn"], "it waits")
        assert slot["busy_ns"] > 0
        assert slot["turn_began_ns"] >= began
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reader)
        os.close(writer)


def test_stalls_are_counted_once_a_turn():
    with Loop() as loop:
        slot = loop.slot = Slot()
        reports = []
        watch = StallWatch(loop, 0.01, lambda *report: reports.append(report))

        def block():
            until = time.monotonic() + 20
            while len(reports) < 3 and time.monotonic() < until:
                time.sleep(MS)

        assert watch.start()
        try:
            loop.call_soon(block)
            loop.run_once(0)
        finally:
            watch.stop()
        assert (slot["stalls"], len(reports)) == (1, 3)
