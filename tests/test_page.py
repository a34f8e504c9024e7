"""A page is written by workers and read by their supervisor, whatever becomes of the workers."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager

import pytest
from processes import eventually

from reactor.process._page import (
    COUNTERS,
    DRAINING,
    FREE,
    GAUGES,
    READY,
    STARTING,
    STATES,
    Page,
    Slot,
)

ROWS = {
    "codes": 48,
    "methods": 10,
    "refusals": 88,
    "latency": 75,
    "latency_ns": 5,
    "durations": 104,
    "turns": 16,
}


@contextmanager
def forked(work):
    """A process that does this work; killed in the end."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    try:
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_each_value_is_one_of_its_own():
    slot = Slot()
    names = slot.keys()
    for number, name in enumerate(names):
        slot[name] = number + 1
    assert dict(slot) == {name: number + 1 for number, name in enumerate(names)}
    # No row shares a place with a single value either.
    assert {name: slot.row(name) for name in ROWS} == {n: (0,) * count for n, count in ROWS.items()}
    assert {*names, *ROWS} == {*COUNTERS, *GAUGES}


def test_slots_do_not_share_values():
    page = Page(3)
    for index in range(3):
        page.slot(index)["requests"] = 10**index
        page.slot(index)["rss_bytes"] = 7
    assert [page.slot(index)["requests"] for index in range(3)] == [1, 10, 100]
    assert dict(page.gone) == dict.fromkeys(page.gone.keys(), 0)
    assert page.total("requests") == 111
    assert page.total_row("methods") == (0,) * 10


def test_a_sum_is_of_the_slots_that_were_given_out():
    page = Page(4096)
    page.slot(7)["requests"] = 3
    page.retire(7)
    page.slot(4095)["requests"] = 4
    page.slot(2)["requests"] = 5
    assert page.total("requests") == 12
    assert [page.slot(index)["requests"] for index in (2, 7, 4095)] == [5, 0, 4]


def test_what_a_worker_writes_its_supervisor_reads():
    page = Page(2)

    def work():
        slot = page.slot(1)
        slot["pid"], slot["requests"], slot["state"] = os.getpid(), 2**62, READY
        os._exit(0)

    with forked(work) as child:
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    slot = page.slot(1)
    assert (slot["pid"], slot["requests"], STATES[slot["state"]]) == (child, 2**62, "ready")


def test_a_value_is_never_seen_half_written():
    page, halves = Page(1), (0, 2**63 - 1)

    def work():
        slot = page.slot(0)
        while True:
            slot["requests"], slot["requests"] = halves

    slot, seen = page.slot(0), set()
    with forked(work):
        # A time slice of the writer alone shows one of them only.
        for _ in range(100_000):
            seen.add(slot["requests"])
        eventually(lambda: seen.add(slot["requests"]) or len(seen) > 1, "both are seen")
    assert seen == {*halves}


def test_a_killed_writer_leaves_what_it_has_counted():
    page = Page(1)
    slot = page.slot(0)

    def work():
        mine = page.slot(0)
        mine["connections"] = 5
        while True:
            mine["requests"] += 1

    with forked(work):
        eventually(lambda: slot["requests"] > 1000, "the writer counts")
    counted = slot["requests"]
    page.retire(0)
    # The counter has not fallen, the gauge is nobody's, and the slot is free for the next worker.
    assert page.total("requests") == page.gone["requests"] == counted > 1000
    assert page.total("connections") == 0
    assert dict(slot) == dict.fromkeys(slot.keys(), 0)
    slot["requests"] = 1
    assert page.total("requests") == counted + 1


def test_the_states_have_names():
    assert [STATES[state] for state in (FREE, STARTING, READY, DRAINING)] == [*STATES]


def test_a_slot_alone_is_private_to_its_process():
    slot = Slot()
    other = Slot()
    slot["requests"] += 1
    assert (slot["requests"], other["requests"], slot.page.total("requests")) == (1, 0, 1)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda page: page.slot(0)["request"], "no value 'request'; it has requests, codes"),
        (lambda page: page.slot(0)["codes"], "codes is a row of 48"),
        (lambda page: page.total("latency"), "latency is a row of 75"),
        (lambda page: page.total_row("requests"), "requests is one value"),
        (lambda page: page.slot(0).row("nothing"), "no value 'nothing'"),
        (lambda page: page.slot(0).__setitem__("codes", 1), "codes is a row of 48"),
    ],
)
def test_a_wrong_name_says_what_there_is(ask, said):
    with pytest.raises(KeyError, match=said):
        ask(Page(1))


def test_a_page_has_the_slots_that_it_has():
    page = Page(2)
    for index in (-1, 2, 2**31 - 1):
        with pytest.raises(IndexError, match="slots 0 to 1"):
            page.slot(index) if index != 2 else page.retire(index)
    for slots in (0, -1, 4097):
        with pytest.raises(ValueError, match="1 to 4096 slots"):
            Page(slots)
    with pytest.raises(OverflowError):
        page.slot(0)["requests"] = 2**63
