"""When a worker is started, asked to leave, or ended: the rules alone, without a process."""

from __future__ import annotations

from itertools import pairwise

import pytest

from reactor.limits import DEFAULT_LIMITS
from reactor.server.workers.policy import (
    LIVED_S,
    MEMORY_SAMPLES,
    PROVEN_S,
    Backoff,
    MemoryWatch,
    Policies,
    is_stuck,
    longest_drain_s,
    requests_allowed,
)


def starts(backoff, life_s, until_s):
    """When workers start that die ``life_s`` after they were ready at once."""
    now, found = 0.0, []
    while now < until_s:
        found.append(now)
        now = backoff.next_start(now, now, now + life_s)
    return found


def test_a_worker_that_dies_after_a_second_starts_at_0_1_3_7_15_31():
    assert starts(Backoff(lambda: 0.0), 1.0, 60) == [0, 1, 3, 7, 15, 31]


@pytest.mark.parametrize("spread", [-1.0, 1.0])
def test_pauses_are_spread_by_a_fifth(spread):
    found = starts(Backoff(lambda: spread), 0.1, 60)
    pauses = [b - a for a, b in pairwise(found)]
    assert pauses == pytest.approx(
        [p * (1 + spread / 5) for p in (1, 2, 4, 8, 16, 30)][: len(pauses)]
    )


def test_it_never_gives_up_and_never_pauses_longer():
    found = starts(Backoff(lambda: 0.0), 0.0, 600)
    assert found[-1] - found[-2] == 30


def test_one_that_has_lived_comes_back_at_once():
    backoff = Backoff(lambda: 0.0)
    assert backoff.next_start(0.0, 0.0, LIVED_S) == LIVED_S
    # But its slot remembers until one has proven that the trouble is over.
    backoff.next_start(0.0, 0.0, 0.1)
    backoff.next_start(0.0, 0.0, LIVED_S)
    assert backoff.next_start(0.0, 0.0, 0.1) == 2
    backoff.next_start(0.0, 0.0, PROVEN_S)
    assert backoff.next_start(0.0, 0.0, 0.1) == 1


def test_one_that_was_never_ready_has_not_lived():
    assert Backoff(lambda: 0.0).next_start(0.0, None, 100.0) == 100.0
    backoff = Backoff(lambda: 0.0)
    backoff.next_start(0.0, None, 0.5)
    assert backoff.next_start(0.0, None, 0.5) == 2


def test_only_a_turn_that_goes_on_is_stuck():
    assert is_stuck(True, 0.0, 30.1, 30.0)
    assert not is_stuck(True, 0.0, 30.0, 30.0)
    assert not is_stuck(False, 0.0, 1e9, 30.0)  # it waits for clients
    assert not is_stuck(True, 0.0, 1e9, None)


def test_jitter_alone_replaces_nobody():
    assert requests_allowed(Policies(requests_jitter=10), lambda: 0.5) is None


def test_jitter_is_up_to_so_many_more():
    policies = Policies(requests_max=1000, requests_jitter=10)
    assert requests_allowed(policies, lambda: 0.0) == 1000
    assert requests_allowed(policies, lambda: 0.9999) == 1010


def test_memory_is_over_after_some_samples_in_a_row():
    watch = MemoryWatch(100)
    for _ in range(MEMORY_SAMPLES - 1):
        assert not watch.is_over(1, 101)
    assert not watch.is_over(1, 100)  # one upload is no leak
    seen = [watch.is_over(1, 101) for _ in range(MEMORY_SAMPLES)]
    assert seen == [False] * (MEMORY_SAMPLES - 1) + [True]
    watch.forget(1)
    assert not watch.is_over(1, 101)


def test_a_drain_is_given_all_that_it_may_take():
    assert longest_drain_s() > DEFAULT_LIMITS.graceful_timeout_s + DEFAULT_LIMITS.linger_timeout_s
