"""What `StatusApp` does with its loop's time: samples while somebody looks, and none after."""

from __future__ import annotations

import heapq
import itertools

from status_snapshots import snapshot

from reactor import Request
from reactor.server.status.app import LOOKED_AT_S, StatusApp
from reactor.server.status.notes import NOTE_BYTES, PLACES, SLOW_MAX, STALLS_MAX, Notes, shortened
from reactor.server.status.noting import KEPT_S, Noting
from reactor.server.status.own import slowest_of, stalls_of


class FakeTimers:
    """A clock that stands still until it is told to go on."""

    def __init__(self):
        self.now = 0.0
        self.planned = []
        self._order = itertools.count()

    def time(self):
        return self.now

    def call_later(self, delay, callback, *args):
        heapq.heappush(self.planned, (self.now + delay, next(self._order), callback, args))

    def advance(self, seconds):
        until = self.now + seconds
        while self.planned and self.planned[0][0] <= until:
            self.now, _, callback, args = heapq.heappop(self.planned)
            callback(*args)
        self.now = until


def looked_at():
    timers, taken = FakeTimers(), []

    def look():
        taken.append(timers.now)
        return snapshot(requests=1000 + int(timers.now), second=timers.now)

    return StatusApp(look, timers), timers, taken


def test_who_does_not_look_wakes_nobody():
    app, timers, taken = looked_at()
    app.respond(Request("GET", "/metrics"))
    app.respond(Request("GET", "/readyz"))
    assert timers.planned == []


def test_a_look_takes_samples_for_a_while_and_then_it_sleeps():
    app, timers, taken = looked_at()
    app.respond(Request("GET", "/status"))
    timers.advance(5)
    assert len(taken) == 6
    timers.advance(2 * LOOKED_AT_S)
    assert timers.planned == []
    assert len(taken) <= LOOKED_AT_S + 2


def test_a_page_that_reloads_itself_sees_the_seconds_in_between():
    app, timers, taken = looked_at()
    for _ in range(12):
        body = app.respond(Request("GET", "/status")).body.decode()
        timers.advance(5)
    assert body.count('<path class="l ca"') >= 1
    assert len(app._history.samples) >= 50


# --- notes ---------------------------------------------------------------------------------------


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def note(notes, writer, place, **more):
    usual = {"at": 1000.0, "seconds": 1.0, "method": "GET", "path": "/", "status": 200, "pid": 1}
    notes.write(writer, place, {**usual, **more})


def test_notes_of_all_writers_are_read_the_slowest_first():
    notes = Notes(3)
    note(notes, 0, 0, seconds=1.0, path="/a")
    note(notes, 2, 4, seconds=3.0, path="/c")
    note(notes, 1, 9, seconds=2.0, path="/b")
    assert [one.path for one in slowest_of(notes, 1001.0)] == ["/c", "/b", "/a"]
    assert slowest_of(notes, 1000.0 + KEPT_S) == ()


def test_a_note_that_is_being_written_is_not_read():
    notes = Notes(1)
    note(notes, 0, 0)
    notes._memory[12] ^= 1
    assert slowest_of(notes, 1000.0) == ()


def test_a_note_never_runs_into_the_next():
    notes = Notes(1)
    note(notes, 0, 1, path="/next")
    note(notes, 0, 0, path="x" * 5000)
    assert [one.path for one in slowest_of(notes, 1000.0)] == ["/next"]
    assert len(notes._memory) == PLACES * NOTE_BYTES
    longest = shortened("\U0001f600" * 1000)
    note(notes, 0, 2, path=longest)
    assert longest in [one.path for one in slowest_of(notes, 1000.0)]


def test_a_place_that_holds_the_loop_up_again_has_one_line():
    clock = Clock()
    notes = Notes(2)
    first, second = Noting(notes, 0, clock), Noting(notes, 1, clock)
    for seconds in (0.2, 0.9, 0.3):
        clock.now += 1
        first.stalled(clock.now, seconds, "a.py:1 (f)")
    second.stalled(clock.now + 5, 0.5, "a.py:1 (f)")
    [stall] = stalls_of(notes)
    assert (stall.seconds, stall.where) == (0.9, "a.py:1 (f)")


def test_the_newest_places_are_kept():
    clock, notes = Clock(), Notes(1)
    noting = Noting(notes, 0, clock)
    for n in range(STALLS_MAX + 2):
        clock.now += 1
        noting.stalled(clock.now, 0.2, f"a.py:{n} (f)")
    found = [stall.where for stall in stalls_of(notes)]
    assert found == [f"a.py:{n} (f)" for n in range(STALLS_MAX + 1, 1, -1)]
    assert SLOW_MAX + STALLS_MAX == PLACES
