"""What our parser accepts, h11 accepts too, as the same messages.

h11 is an independent parser and more lenient than ours, so its word counts in one direction only.
The differences that remain are ``differential.H11_EXCEPTIONS``, each with its reason.
"""

from __future__ import annotations

from operator import attrgetter

import differential
import pytest
from case_files import own_vectors
from each_case import each_case
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parser_cases import Run

SETTINGS = settings(
    derandomize=True,
    max_examples=300,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("kind", ["request", "response"])
@SETTINGS
@given(rng=st.randoms(use_true_random=False))
def test_random_connections(kind, rng):
    assert (difference := differential.against_h11(rng, kind)) is None, difference


@each_case([case for case in own_vectors() if not case.lenient], attrgetter("kind"))
def test_own_vectors(case):
    it = Run(case)
    it.feed(case.data)
    difference = differential.compare_h11(case, it.finish(), it.ends)
    assert difference is None, difference


def test_the_exceptions_are_few_and_each_has_a_reason():
    assert len(differential.H11_EXCEPTIONS) <= 10
    assert all(len(why) > 20 for _name, _pattern, why in differential.H11_EXCEPTIONS)
