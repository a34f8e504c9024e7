"""``reactor get`` before servers that mean ill: how it ends, what it leaves, what it tells whom.

The cases are data (``hostile_cases``, ``hostile_answers``, ``hostile_origins``,
``hostile_ranges``), the verdict is
read off from outside (``hostile_verdict``); the command runs in this process.
"""

from __future__ import annotations

import pytest
from hostile_server import Hostile, certificates
from hostile_verdict import CASES, Done, arguments, faults, prepare

from reactor.cli import main


@pytest.fixture(scope="module")
def certified(tmp_path_factory):
    return certificates(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_hostile_server(case, certified, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    with Hostile(case, *certified) as hostile:
        prepare(hostile, tmp_path)
        for name, value in hostile.env.items():
            monkeypatch.setenv(name, value)
        try:
            code = main(["get", *arguments(hostile)])
        except SystemExit as exit_:
            code = exit_.code
        done = Done(code, *capfd.readouterr())
    assert not faults(hostile, done, tmp_path)
