"""`reactor.bench.statistics`: properties, and the laws of the verdict."""

import random
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reactor.bench.results import Plan, Slot
from reactor.bench.statistics import LAUNCHES_MIN, band, drift, interval, is_difference, verdict
from reactor.bench.tables import make_ratios

PAIRS = st.lists(st.floats(0.01, 100), min_size=1, max_size=4)
LAUNCHES = st.lists(PAIRS, min_size=1, max_size=8)
GOOD = {"busy": 0.5, "missed": 0, "requests": 1000, "errors": 0, "drifted": 1.0}


@settings(max_examples=20, deadline=None)
@given(LAUNCHES, st.integers(0, 1000))
def test_the_interval_holds_the_median_and_lies_within_the_pairs(launches, seed):
    ratios = [ratio for launch in launches for ratio in launch]
    middle, low, high = interval(launches, seed)
    assert middle == median(ratios)
    assert min(ratios) <= low <= middle <= high <= max(ratios)
    assert interval(launches, seed) == (middle, low, high)


@settings(max_examples=20, deadline=None)
@given(LAUNCHES, st.integers(1, 8))
def test_the_interval_scales_with_the_ratios(launches, power):
    middle, low, high = interval(launches)
    factor = 2.0**power  # exact
    scaled = interval([[ratio * factor for ratio in launch] for launch in launches])
    assert scaled == (middle * factor, low * factor, high * factor)


@pytest.mark.parametrize(("within", "between"), [(0.05, 0.0), (0.05, 0.05), (0.002, 0.05)])
def test_the_interval_covers_the_truth_as_often_as_it_says(within, between):
    """Also where launches differ by more than the pairs of one: what a launch got is drawn too."""
    chance = random.Random(7)
    covered = 0
    for _ in range(60):
        means = [chance.gauss(1.0, between) for _ in range(10)]
        _, low, high = interval([[chance.gauss(mean, within) for _ in range(2)] for mean in means])
        covered += low <= 1.0 <= high
    assert covered >= 52  # of 57 expected


def test_no_pairs_have_no_interval():
    with pytest.raises(ValueError, match="no pair"):
        interval([])


@pytest.mark.parametrize(
    ("launches", "called"), [(LAUNCHES_MIN, True), (LAUNCHES_MIN - 1, None), (1, None)]
)
def test_few_launches_call_no_difference(launches, called):
    quick = [Slot(n // 2, 1000, 1.0, 0.01, 0.001, "") for n in range(2 * launches)]
    slow = [Slot(n // 2, 500, 1.0, 0.02, 0.002, "") for n in range(2 * launches)]
    plan = Plan("hello", 2, None, 1, True, 2 * launches, 1.0, 0.1, 1)
    ratios = make_ratios({"a": quick, "b": slow}, quick, plan)
    assert [ratio.difference for ratio in ratios] == [called] * 3


@given(st.floats(0.1, 10), st.floats(0, 5))
def test_the_band_is_around_one_and_holds_its_interval(low, width):
    below, above = band(low, low + width)
    assert below <= 1.0 <= above
    assert below <= low * 1.0000001 and low + width <= above
    assert not is_difference(low, low + width, (below * 0.9999999, above))


@given(st.lists(st.floats(0.1, 10), max_size=12))
def test_drift_is_at_least_one_and_does_not_know_the_direction(values):
    assert drift(values) >= 1.0
    assert drift(values) == pytest.approx(drift(values[::-1]))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "VALID"),
        ({"busy": 0.91}, "GENERATOR-BOUND"),
        ({"missed": 10}, "VALID"),
        ({"missed": 11}, "GENERATOR-BOUND"),
        ({"errors": 1}, "UNSTABLE"),
        ({"errors": 1, "busy": 1.0}, "UNSTABLE"),
        ({"drifted": 1.3}, "UNSTABLE"),
    ],
)
def test_the_verdict_and_why(change, expected):
    said, why = verdict(**{**GOOD, **change})
    assert said == expected
    assert (why is None) == (said == "VALID")
