"""The cases by which WebSocket implementations are compared: all of them, strictly."""

from collections import Counter

import pytest
from autobahn import KOSOKU, LONG, RIGHT, run_cases

pytestmark = pytest.mark.skipif(not KOSOKU.exists(), reason="kosoku is in the compat extra")


def test_every_case_of_autobahn(tmp_path):
    without = [word for group in LONG for word in ("-x", group)]
    found = run_cases(tmp_path, *without)
    assert len(found) == 247
    assert not {case: how for case, how in found.items() if how not in RIGHT}
    assert Counter(found.values())["NON-STRICT"] <= 2
