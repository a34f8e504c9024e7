"""The fast part of fuzz/errnos.py: a kernel that says no, once and always."""

from __future__ import annotations

import sys
from functools import cache

import pytest
from processes import MODELS, REPOSITORY

sys.path.append(str(REPOSITORY / "fuzz"))

import errnos

# One each here; all of them take a minute.
SHORT = "recvfrom"

CASES = [
    pytest.param(
        model, call, errors, id=f"{model}-{call}", marks=[] if call == SHORT else pytest.mark.long
    )
    for model in MODELS
    for call, errors in errnos.QUICK.items()
    if model == "reactor" or call not in errnos.OF_THE_LOOP
]


@cache
def reason_to_skip():
    return errnos.why_not()


@pytest.fixture
def site(tmp_path):
    if reason := reason_to_skip():
        pytest.skip(reason)
    return errnos.Site(tmp_path)


@pytest.mark.parametrize(("model", "call", "errors"), CASES)
def test_the_server_lives_and_waits_and_serves_again(site, model, call, errors):
    table = {call: errors}
    assert [row for row in errnos.rows(table, [model], site) if not row[-1]] == []


def test_a_start_that_fails_is_one_sentence(site):
    table = {call: errors.split()[-1] for call, errors in errnos.START.items()}
    assert [row for row in errnos.starts(table, site) if not row[-1]] == []
