"""`serve`: every option about workers by what it does."""

from __future__ import annotations

import pytest
from crew import write_app
from option_table import check
from reload_option_rows import RELOAD_TABLE, noticed
from worker_option_rows import WORKER_TABLE

COUNTED = """
from pathlib import Path
from crewed import app
with open(Path(__file__).parent / "imports", "a") as file:
    file.write("x")
"""


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    root = tmp_path_factory.mktemp("workers")
    write_app(root)
    (root / "counted.py").write_text(COUNTED)
    (root / "endless.py").write_text("while True:\n    pass\n")
    return {"root": root}


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=row.option, marks=[pytest.mark.long] if row.look is noticed else [])
        for row in (*WORKER_TABLE, *RELOAD_TABLE)
    ],
)
def test_each_option_does_what_it_says(row, places):
    check(row, places)
