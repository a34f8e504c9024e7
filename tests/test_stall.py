"""The watch on the loop: what blocks is named, what is idle sleeps."""

from __future__ import annotations

import itertools
import re
import signal
import threading
import time
from pathlib import Path

import pytest
from processes import eventually, exchange, serving

from reactor.loop import Loop
from reactor.loop.stall import ADVICE, StallWatch, describe, warn

HERE = Path(__file__).parent
THRESHOLD_S = 0.02


class Watched:
    """A loop with its watch; ``reports`` is what the watch said."""

    def __init__(self):
        self.reports = []
        self.loop = Loop()
        self.watch = StallWatch(self.loop, THRESHOLD_S, self.report)

    def report(self, seconds, where):
        self.reports.append((seconds, where))

    def run(self, callback):
        """Run ``callback`` in a turn of the loop, then stop."""

        def call():
            try:
                callback()
            finally:
                self.loop.stop()

        assert self.watch.start()
        try:
            with self.loop:
                self.loop.call_soon(call)
                self.loop.run()
        finally:
            self.watch.stop()


@pytest.fixture
def watched():
    watched = Watched()
    with watched.loop:
        yield watched


def sleep_until(condition):
    """Block, as an application does that waits; not for luck: until the watch has spoken."""
    until = time.monotonic() + 20
    while not condition() and time.monotonic() < until:
        time.sleep(0.001)


def test_a_function_that_blocks_is_named(watched):
    def slow_view():
        sleep_until(lambda: watched.reports)

    watched.run(slow_view)
    seconds, where = watched.reports[0]
    assert seconds >= THRESHOLD_S
    assert re.search(r"^.*test_stall\.py:\d+ \((sleep_until|.*<lambda>)\)$", where)


def test_a_function_that_computes_is_named(watched):
    def busy_view():
        while not watched.reports:
            pass

    watched.run(busy_view)
    assert "busy_view)" in watched.reports[0][1]


def test_one_stall_is_said_again_when_it_has_doubled(watched):
    watched.run(lambda: sleep_until(lambda: len(watched.reports) >= 3))
    seconds = [seconds for seconds, _ in watched.reports]
    assert all(later >= 2 * earlier for earlier, later in itertools.pairwise(seconds))


def test_the_watch_sleeps_and_sees_the_stall_that_ends_an_idle_time(watched):
    armed = []
    arm = watched.watch._arm
    watched.watch._arm = lambda: (armed.append(watched.loop.on_turn_began), arm())

    def block():
        sleep_until(lambda: watched.reports)
        watched.loop.stop()

    assert watched.watch.start()
    try:
        with watched.loop:
            watched.loop.call_later(20 * THRESHOLD_S, block)
            watched.loop.run()
    finally:
        watched.watch.stop()
    assert armed == [None, watched.watch._turn_began]  # it had slept
    assert watched.loop.on_turn_began is None
    assert "test_stall.py" in watched.reports[0][1]


def test_many_short_turns_are_no_stall(watched):
    ticks_before = watched.watch._ticked_at
    end = time.monotonic() + 10 * THRESHOLD_S

    def turn():
        if time.monotonic() < end:
            watched.loop.call_soon(turn)
        else:
            watched.loop.stop()

    assert watched.watch.start()
    try:
        with watched.loop:
            watched.loop.call_soon(turn)
            watched.loop.run()
    finally:
        watched.watch.stop()
    assert watched.watch._ticked_at > ticks_before
    assert not watched.reports


def test_everything_is_put_back(watched):
    watched.run(lambda: None)
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    watched.watch.stop()


@pytest.fixture
def foreign_handler():
    before = signal.signal(signal.SIGALRM, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGALRM, before)


def test_somebody_elses_signal_is_left_alone(watched, foreign_handler):
    assert not watched.watch.start()
    watched.watch.stop()
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_IGN


def test_a_signal_that_is_taken_over_later_is_left_alone(watched):
    assert watched.watch.start()
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    try:
        watched.watch._arm()
        assert not watched.watch._watching
        watched.watch.stop()
        assert signal.getsignal(signal.SIGALRM) is signal.SIG_IGN
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def test_only_the_main_thread_can_watch(watched):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(watched.watch.start()))
    thread.start()
    thread.join()
    assert answers == [False]


def test_the_warning(caplog):
    warn(0.1234, "site.py:7 (view)")
    assert caplog.messages == ["loop blocked 123 ms at site.py:7 (view)"]
    assert describe(None) == "an unknown place"


def test_what_to_do_is_said_with_the_first_warning(caplog):
    loop = Loop()
    with loop:
        watch = StallWatch(loop, THRESHOLD_S)
        for _ in range(3):
            watch._report(0.2, "site.py:7 (view)")
    first, *others = caplog.messages
    assert first == f"loop blocked 200 ms at site.py:7 (view){ADVICE}"
    assert "--model threads" in first
    assert others == ["loop blocked 200 ms at site.py:7 (view)"] * 2


def slow_application(environ, start_response):
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        pass
    start_response("200 OK", [])
    return [b"slow"]


def test_a_server_says_it():
    with serving("test_stall:slow_application", cwd=HERE) as server:
        answer = exchange(server.address, b"GET / HTTP/1.0\r\n\r\n")
        assert answer.endswith(b"slow")
        eventually(lambda: "loop blocked" in server.err, "the warning is on stderr")
        where = rf"{re.escape(str(HERE))}/test_stall.py:\d+ \(slow_application\)"
        assert re.search(
            rf"WARNING loop blocked \d+ ms at {where}; .*--model threads.*\n", server.err
        )
