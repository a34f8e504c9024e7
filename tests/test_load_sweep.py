"""The search for the highest rate, with servers whose limit is known."""

from __future__ import annotations

import pytest

from reactor.load import Histogram, Result, highest_rate


def a_result(latency_s, errors=0, unsent=0):
    latency = Histogram()
    latency.record(int(latency_s * 1e9))
    return Result(
        requests=1,
        errors={"wrong": errors} if errors else {},
        first_error=None,
        wall_s=1.0,
        cpu_s=0.1,
        core_wait_s=0.0,
        bytes=1,
        missed=0,
        waited=0,
        unsent=unsent,
        late_s=0.0,
        latency=latency,
        uncorrected=None,
    )


@pytest.mark.parametrize("limit", [40.0, 700.0, 9_999.0, 123_456.0])
@pytest.mark.parametrize("first", [100.0, 5_000.0])
def test_it_finds_the_limit_from_either_side(limit, first):
    sweep = highest_rate(lambda rate: a_result(0.001 if rate <= limit else 0.5), 0.01, first)
    assert limit / 1.06 <= sweep.rate <= limit
    assert len(sweep.trials) <= 20
    assert all(trial.kept == (trial.rate <= limit) for trial in sweep.trials)


def test_errors_and_requests_that_never_left_are_not_keeping_up():
    for fault in ({"errors": 1}, {"unsent": 1}):
        sweep = highest_rate(
            lambda rate, fault=fault: a_result(0.001, **(fault if rate > 100 else {})), 0.01, 400
        )
        assert 95 <= sweep.rate <= 100


def test_a_server_that_keeps_nothing():
    sweep = highest_rate(lambda rate: a_result(1.0), 0.01, 64)
    assert sweep.rate == 0
    assert [trial.rate for trial in sweep.trials] == [64, 32, 16, 8, 4, 2, 1]


def test_a_server_without_a_limit_ends_the_search():
    assert len(highest_rate(lambda rate: a_result(0.001), 0.01, 1).trials) == 20
