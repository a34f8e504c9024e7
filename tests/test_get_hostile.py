"""``reactor get`` before servers that mean ill: how it ends, what it leaves, what it tells whom.

The cases are data (``hostile_cases``, ``hostile_answers``, ``hostile_origins``,
``hostile_ranges``), the verdict is
read off from outside (``hostile_verdict``); the command runs in this process.
"""

from __future__ import annotations

import pytest
from each_case import each_case
from hostile_server import Hostile, certificates
from hostile_verdict import CASES, Done, arguments, faults, prepare

from reactor.cli import main


@pytest.fixture(scope="module")
def certified(tmp_path_factory):
    return certificates(tmp_path_factory.mktemp("certificates"))


def group_of(named):
    return named[0]


def name_of(named):
    return named[1].name


@each_case(CASES, group_of, name_of)
def test_a_hostile_server(named, certified, tmp_path_factory, monkeypatch, capfd):
    _, case = named
    folder = tmp_path_factory.mktemp("page")
    with Hostile(case, *certified) as hostile, monkeypatch.context() as patch:
        patch.chdir(folder)
        prepare(hostile, folder)
        for name, value in hostile.env.items():
            patch.setenv(name, value)
        try:
            code = main(["get", *arguments(hostile)])
        except SystemExit as exit_:
            code = exit_.code
        done = Done(code, *capfd.readouterr())
    assert not faults(hostile, done, folder)
