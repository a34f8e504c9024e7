"""`serve`: every option for those who look at it, by what it does."""

from __future__ import annotations

import pytest
from observing_option_rows import OBSERVING_TABLE
from option_table import check


@pytest.mark.parametrize("row", OBSERVING_TABLE, ids=lambda row: row.option)
def test_each_option_does_what_it_says(row, tmp_path):
    check(row, {"root": tmp_path})
