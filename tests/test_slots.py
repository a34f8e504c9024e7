"""Slots of a supervisor by a fake clock: who starts, who comes next, who is never missing."""

from __future__ import annotations

import signal
import sys

import pytest

from reactor.loop import Loop
from reactor.server.workers import slots
from reactor.server.workers.members import WorkerState
from reactor.server.workers.policy import DUMP_S, OVERTAKEN_S, Policies
from reactor.server.workers.slots import Slots
from reactor.server.workers.worker import RETIRE
from reactor.testing import FakeClock, FakeSelector

if sys.platform != "linux":
    pytest.skip("several workers need Linux", allow_module_level=True)
DRAIN_S = 40.0
KILLED = 9  # as `os.waitpid` has it


class FakeWorker:
    """A process without one: `orders` and `kills` are what it was told."""

    def __init__(self, number, slot, generation, now):
        self.number, self.pid = number, 100 + number
        self.slot, self.generation = slot, generation
        self.state = WorkerState.STARTING
        self.started_at, self.ready_at = now, None
        self.killed_for = self.failure = ""
        self.orders, self.kills = [], []

    def order(self, word):
        self.orders.append(word)
        self.state = WorkerState.DRAINING

    def kill(self, why, number=signal.SIGKILL):
        self.killed_for = why
        self.kills.append(number)


class Crew:
    """Slots, their workers, and the clock; it is the source of workers, too."""

    def __init__(self, **policies):
        self.clock = FakeClock()
        self.loop = Loop(FakeSelector(self.clock), self.clock)
        self.generation = 1
        self.made, self.settled_times, self.failures = [], 0, []
        self.fatal, self.unmade_ones = False, []
        self.fewest = 10**9
        self.slots = Slots(self.loop, self, Policies(**policies), lambda: DRAIN_S)

    # --- the source

    def make(self, slot):
        worker = FakeWorker(len(self.made), slot, self.generation, self.clock())
        self.made.append(worker)
        return worker

    def serves(self, worker, sentence):
        pass

    def failed(self, worker, status):
        self.failures.append(worker)
        return self.fatal

    def settled(self):
        self.settled_times += 1

    def gone(self, worker):
        pass

    def leaves(self, worker):
        pass

    def unmade(self, worker):
        self.unmade_ones.append(worker)

    # --- what a test does

    def advance(self, seconds):
        until = self.clock() + seconds
        while self.clock() < until:
            self.clock.advance(0.25)
            self.loop.run_once(0)

    def ready(self, *workers):
        for worker in workers:
            worker.state, worker.ready_at = WorkerState.READY, self.clock()
            self.slots.ready(worker, "")
            self.fewest = min(self.fewest, len(self.slots.serving))

    def end(self, worker, status=0):
        self.slots.ended(worker, status, 0)

    def starting(self):
        return [one for one in self.made if one.state is WorkerState.STARTING and not one.kills]

    def started(self):
        """All slots serve."""
        self.slots.fill()
        while starting := self.starting():
            self.ready(*starting)
        self.fewest = len(self.slots.serving)
        return list(self.slots.serving)


@pytest.fixture
def crew():
    made = []

    def make(**policies):
        made.append(Crew(**policies))
        return made[-1]

    yield make
    for one in made:
        one.loop.close()


def test_the_first_of_all_starts_alone_and_then_the_others_at_once(crew):
    it = crew(workers=4)
    it.slots.fill()
    assert len(it.made) == 1
    it.ready(it.made[0])
    assert len(it.made) == 4
    it.ready(*it.made[1:])
    assert it.settled_times > 0
    assert len(it.slots.serving) == 4


def test_a_roll_replaces_one_slot_after_another_and_waits_for_no_old_one(crew):
    it = crew(workers=3)
    old = it.started()
    it.generation = 2
    it.slots.fill()
    for count in range(1, 4):
        [successor] = it.starting()
        it.ready(successor)
        assert [one for one in old if one.orders == [RETIRE]] == old[:count]
    assert it.starting() == []
    assert {one.generation for one in it.slots.serving} == {2}
    assert it.slots.draining == old
    assert it.fewest == 3


def test_asked_replacements_come_one_at_a_time_and_nobody_is_missing(crew):
    it = crew(workers=4)
    for one in it.started():
        it.slots.replace(one, "enough")
        it.slots.replace(one, "enough")
    for _ in range(4):
        [successor] = it.starting()
        it.ready(successor)
    assert it.starting() == []
    assert it.fewest == 4
    assert len(it.made) == 8


def test_a_worker_that_lived_is_followed_at_once(crew):
    it = crew(workers=2)
    first, _ = it.started()
    it.advance(6)
    it.end(first, KILLED)
    [successor] = it.starting()
    assert successor.slot == first.slot


def test_a_slot_that_dies_a_second_after_ready_starts_at_0_1_3_7_15_31(crew):
    it = crew(workers=2)
    it.slots.slots[0].backoff._spread = lambda: 0.0
    begun = it.clock()
    dying, _ = it.started()
    starts = [0.0]
    while len(starts) < 6:
        it.advance(1)
        it.end(dying, KILLED)
        while not it.starting():
            it.advance(0.25)
        [dying] = it.starting()
        starts.append(dying.started_at - begun)
        it.ready(dying)
        assert len(it.slots.serving) == 2
    assert starts == pytest.approx([0, 1, 3, 7, 15, 31], abs=0.26)


def test_a_crash_during_a_roll_is_repaired_with_the_new_generation(crew):
    it = crew(workers=3)
    old = it.started()
    it.advance(6)
    it.generation = 2
    it.slots.fill()
    it.end(old[2], KILLED)
    assert {one.slot for one in it.starting()} == {0, 2}
    it.ready(*it.starting())
    it.ready(*it.starting())
    assert {one.generation for one in it.slots.serving} == {2}


def test_a_failure_of_a_roll_goes_back_by_the_same_rule(crew):
    it = crew(workers=2)
    it.started()
    it.generation, it.fatal = 2, True
    it.slots.fill()
    it.ready(*it.starting())  # the first slot has the new one
    [failing] = it.starting()
    it.end(failing, 3 << 8)
    assert it.failures == [failing]
    it.generation = 1  # what the source does then
    it.slots.fill()
    it.ready(*it.starting())
    assert {one.generation for one in it.slots.serving} == {1}
    assert it.fewest == 2


def test_one_that_drains_is_killed_when_its_time_is_over(crew):
    it = crew(workers=1)
    [old] = it.started()
    it.slots.replace(old, "enough")
    it.ready(*it.starting())
    it.advance(DRAIN_S - 1)
    assert old.kills == []
    it.advance(2)
    assert old.kills == [signal.SIGKILL]


def test_one_of_two_generations_ago_has_a_moment_when_the_third_is_ready(crew):
    it = crew(workers=1)
    [first] = it.started()
    for generation in (2, 3):
        it.generation = generation
        it.slots.fill()
        it.ready(*it.starting())
    second = it.made[1]
    it.advance(OVERTAKEN_S - 1)
    assert first.kills == []
    it.advance(2)
    assert (first.kills, second.kills) == ([signal.SIGKILL], [])


def test_a_generation_that_never_served_does_not_count(crew):
    """As after a reload that has failed: the one before may still be answering."""
    it = crew(workers=1)
    [first] = it.started()
    it.generation = 3
    it.slots.fill()
    it.ready(*it.starting())
    assert (first.orders, first.kills) == ([RETIRE], [])


def test_a_start_that_takes_too_long_is_shown_and_ended(crew):
    it = crew(workers=1, start_timeout_s=5.0)
    it.slots.fill()
    it.advance(5.5)
    assert it.made[0].kills == [signal.SIGABRT]
    it.advance(DUMP_S)
    assert it.made[0].kills == [signal.SIGABRT, signal.SIGKILL]


def test_one_that_never_became_a_process_is_a_matter_of_its_source(crew, caplog):
    it = crew(workers=1, start_timeout_s=5.0)
    it.slots.fill()
    it.made[0].pid = 0
    it.advance(5.5)
    assert (it.unmade_ones, it.made[0].kills) == ([it.made[0]], [])
    it.end(it.made[0], None)
    assert "slot 0: no worker could be forked" in caplog.text


def test_the_least_busy_slot_is_given_up_and_never_the_last(crew):
    it = crew(workers=3)
    workers = it.started()
    busy = {0: 5, 1: 2, 2: 9}
    assert it.slots.remove(lambda one: busy[one.number]) == 2
    assert workers[1].orders == [RETIRE]
    it.slots.remove(lambda one: busy[one.number])
    assert it.slots.remove(lambda one: busy[one.number]) == 1
    assert len(it.slots.serving) == 1


def test_a_slot_that_is_added_is_filled(crew):
    it = crew(workers=1)
    it.started()
    assert it.slots.add() == 2
    it.ready(*it.starting())
    assert [one.slot for one in it.slots.serving] == [0, 1]


def test_a_new_generation_waits_for_no_pause(crew):
    it = crew(workers=2)
    first, _ = it.started()
    it.end(first, KILLED)
    it.advance(0.5)
    assert it.starting() == []
    it.generation = 2
    it.slots.try_again()
    assert [one.slot for one in it.starting()] == [0, 1]  # and the other one's successor


def test_it_is_said_that_memory_is_short_only_if_the_kernel_says_so(crew, monkeypatch, caplog):
    killed = [7, 7, 8]
    monkeypatch.setattr(slots, "killed_for_memory", lambda: killed.pop(0))
    it = crew(workers=1)
    [first] = it.started()
    it.end(first, KILLED)
    assert "memory" not in caplog.text
    it.advance(2)
    it.ready(*it.starting())
    it.end(it.made[1], KILLED)
    assert "because memory is short" in caplog.text


def test_a_stop_starts_nobody(crew):
    it = crew(workers=2)
    workers = it.started()
    it.slots.stopping = True
    it.end(workers[0], KILLED)
    it.advance(40)
    assert it.starting() == []
