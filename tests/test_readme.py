"""README: its examples say what is printed, its commands are the ones that CI runs."""

import doctest
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"


def test_its_examples_run():
    failed, tried = doctest.testfile(str(README), module_relative=False)
    assert tried > 0
    assert failed == 0


def test_it_has_the_two_commands():
    lines = [line.strip() for line in README.read_text(encoding="utf-8").splitlines()]
    install = "python3 -m venv .venv && .venv/bin/pip install -e"
    assert f"{install} . && .venv/bin/python -m reactor serve" in lines
    assert f"{install} '.[test]' && .venv/bin/python -m pytest" in lines


def test_its_options_exist():
    text = README.read_text(encoding="utf-8")
    usage = ""
    for name in ("serve", "get", "bench"):
        command = [sys.executable, "-m", "reactor", name, "--help"]
        usage += subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=ROOT
        ).stdout
    options = set(re.findall(r"`(--[a-z-]+)", text)) | set(
        re.findall(r"`(?:serve|get|bench) (--[a-z-]+)", text)
    )
    assert options
    assert {option for option in options if option not in usage} == set()
