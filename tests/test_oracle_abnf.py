"""The parser and the oracle written from the RFC's grammar agree, in both directions."""

from __future__ import annotations

from operator import attrgetter

import differential
import pytest
from case_files import own_vectors
from each_case import each_case
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parser_cases import run

SETTINGS = settings(
    derandomize=True,
    max_examples=300,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
RANDOM = st.randoms(use_true_random=False)


@pytest.mark.parametrize("kind", ["request", "response", "lenient"])
@SETTINGS
@given(rng=RANDOM)
def test_random_connections(kind, rng):
    assert (difference := differential.against_abnf(rng, kind)) is None, difference


@each_case(own_vectors(), attrgetter("kind"))
def test_own_vectors(case):
    difference = differential.compare_abnf(case, run(case, [case.data]))
    assert difference is None, difference


def test_the_comparison_can_fail():
    """A wrong outcome of each kind is found."""
    good = next(case for case in own_vectors() if case.name == "msg-pipeline-body")
    outcome = run(good, [good.data])
    wrong = type(outcome)
    assert differential.compare_abnf(good, wrong(outcome.messages[:1]))
    assert differential.compare_abnf(good, wrong(outcome.messages, (400, "x", 0)))
    bad = next(case for case in own_vectors() if case.name == "version-2.0")
    assert differential.compare_abnf(bad, wrong(()))
    assert differential.compare_abnf(bad, wrong((), (400, "x", 0)))
