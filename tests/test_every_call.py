"""No public call of a compiled module crashes the interpreter, whatever it is given."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from every_call import MODULES

HERE = Path(__file__).parent


@pytest.mark.long
@pytest.mark.parametrize("module", MODULES)
def test_nothing_that_a_module_shows_to_python_crashes(module):
    run = subprocess.run(
        [sys.executable, HERE / "every_call.py", module],
        cwd=HERE.parent,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.stdout, run.stderr
    found = json.loads(run.stdout)
    assert found["crashes"] == []
    assert found["unmade"] == []  # give them their arguments in every_object.RECIPES
    if module == "reactor.loop._core":
        assert found["calls"] > 2_000


def test_a_crash_would_be_seen_and_what_comes_after_it_too():
    code = (
        "import ctypes, every_call; "
        "calls = [('fine', int), ('one', lambda: ctypes.string_at(0)), ('raises', lambda: 1 / 0),"
        " ('other', lambda: ctypes.string_at(0)), ('fine', int)]; "
        "print([crash.partition(':')[0] for crash in every_call.crashes(calls)])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=HERE, capture_output=True, text=True, timeout=60
    )
    assert run.stdout == "['one', 'other']\n", run.stderr


def test_a_class_that_nobody_can_make_is_said():
    code = (
        "import every_call; from every_object import RECIPES; del RECIPES['File']; "
        "print(every_call.try_module('reactor._file')['unmade'])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=HERE, capture_output=True, text=True, timeout=60
    )
    assert "File: TypeError(" in run.stdout, run.stderr
