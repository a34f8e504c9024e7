"""What is counted of answers: with a log, which gets a record of each, and without."""

from __future__ import annotations

import sys

import pytest
from connected import OnAConnection
from driven import GET, get

from reactor.http._counting import BUCKETS_S, CODES, METHODS, AnswerCounts
from reactor.http._sent_bytes import AnswerRecord
from reactor.process._page import Slot

LARGE = b"x" * 5_000_000
CLASS_2XX = slice(15, 30)  # of the row "latency"
both = pytest.mark.parametrize("logs", [False, True])


class Counted(OnAConnection):
    """A connection whose answers are counted."""

    def __init__(self, logs, body=b"fine", takes=0.0, on_slow=None):
        self.slot = Slot()
        super().__init__(body, logs, takes, AnswerCounts(self.slot, on_slow))

    def answers(self, count):
        self.run_until(lambda: self.slot["requests"] == count and self.under_way() == (0, 0))

    def under_way(self):
        return self.slot["active"], self.slot["writing"]

    def codes(self):
        return named(CODES, self.slot.row("codes"))

    def methods(self):
        return named(METHODS, self.slot.row("methods"))

    def buckets(self):
        """How many of 2xx took at most so many seconds, and longer than the bound before."""
        return named((*BUCKETS_S, None), self.slot.row("latency")[CLASS_2XX])


def named(names, row):
    return {name: count for name, count in zip(names, row, strict=False) if count}


@both
def test_an_answer(logs):
    with Counted(logs, takes=0.25) as on:
        on.theirs.sendall(GET)
        on.answers(1)
        assert (on.codes(), on.methods(), on.buckets()) == ({"200": 1}, {"GET": 1}, {0.25: 1})
        assert on.slot.row("latency_ns")[1] == 250_000_000
        assert len(on.journal.records) == logs


@both
@pytest.mark.parametrize(("takes", "bucket"), [(0.001, {0.005: 3}), (0.25, {0.25: 3})])
def test_pipelined_ones(logs, takes, bucket):
    # Such as wait for each other, and such as leave by themselves.
    with Counted(logs, takes=takes) as on:
        on.theirs.sendall(GET + get(b"/", method=b"DELETE") + get(b"/", method=b"BREW"))
        on.answers(3)
        assert (on.codes(), on.buckets()) == ({"200": 3}, bucket)
        assert on.methods() == {"GET": 1, "DELETE": 1, "_OTHER": 1}
        assert sum(on.slot.row("durations")) == 3
        assert len(on.journal.records) == 3 * logs


@both
def test_one_after_the_other(logs):
    with Counted(logs) as on:
        for number in range(1, 4):
            on.theirs.sendall(GET)
            on.answers(number)
        assert (on.codes(), on.buckets()) == ({"200": 3}, {0.005: 3})


@both
def test_while_a_client_takes_nothing_others_wait_behind_it(logs):
    with Counted(logs, body=LARGE) as on:
        on.theirs.sendall(2 * GET)
        on.turns()
        assert (on.under_way(), on.codes()) == ((1, 1), {})
        on.clock.advance(3)
        while on.slot["requests"] < 2 or on.under_way() != (0, 0):
            on.theirs.recv(1 << 20)
            on.turns()
        assert on.buckets() == {5.0: 1, 0.005: 1}


@both
def test_a_client_that_leaves_has_been_answered(logs):
    with Counted(logs, body=LARGE) as on:
        on.theirs.sendall(GET)
        on.turns()
        on.clock.advance(3)
        on.theirs.close()
        on.run_until(lambda: on.under_way() == (0, 0))
        assert (on.codes(), on.buckets()) == ({"200": 1}, {5.0: 1})


@both
def test_what_is_no_request(logs):
    with Counted(logs) as on:
        on.theirs.sendall(b"no request\r\n\r\n")
        on.answers(1)
        assert (on.codes(), on.methods()) == ({"400": 1}, {"_OTHER": 1})


@both
def test_what_is_slow_is_told_with_its_request(logs):
    told = []

    def slow(record, seconds):
        told.append((record, seconds))
        return 0.2

    with Counted(logs, takes=0.25, on_slow=slow) as on:
        on.theirs.sendall(get(b"/one") + get(b"/two"))
        on.answers(2)
        assert [(record.request.target, record.status) for record, _ in told] == [
            ("/one", 200),
            ("/two", 200),
        ]
        assert [seconds for _, seconds in told] == [0.25, 0.25]
        assert {type(record) for record, _ in told} == {AnswerRecord}
        # The log gets the same object.
        assert on.journal.records == ([record for record, _ in told] if logs else [])
        on.clock.advance(1)
        on.app.takes = 0.1
        on.theirs.sendall(get(b"/three"))
        on.answers(3)
        assert len(told) == 2


def test_nothing_is_held_of_a_request_that_is_answered():
    with Counted(logs=False) as on:
        on.theirs.sendall(3 * GET)
        on.answers(3)
        request, on.app.request = on.app.request, None
        references = sys.getrefcount(request)
        assert references == 2  # ours, and the argument
