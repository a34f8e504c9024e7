"""A clone that was never built, alone or beside an installed reactor: a sentence on what to run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from processes import command

from reactor.cli import unbuilt

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """The sources of the package without what was built of them."""
    folder = tmp_path_factory.mktemp("a clöne")
    shutil.copytree(
        ROOT / "reactor", folder / "reactor",
        ignore=shutil.ignore_patterns("*.so", "*.c", "__pycache__"),
    )  # fmt: skip
    shutil.copy(ROOT / "setup.py", folder)
    shutil.copytree(ROOT / "building", folder / "building")
    return folder


def run(arguments, cwd):
    # The current folder is the first in which Python looks, before an installed reactor.
    without = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        arguments, cwd=cwd, env=without, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(
    "words", [[], ["--help"], ["serve"], ["get", "http://127.0.0.1:1/"], ["bench"]]
)
def test_a_command_says_what_to_run(clone, words):
    done = run(command(*words), clone)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert f"the sources in {clone} are not compiled" in done.stderr
    assert "pip install -e .` there" in done.stderr
    assert "another folder" in done.stderr


@pytest.mark.parametrize(
    "code", ["from reactor import parse_request", "import reactor; reactor.get"]
)
def test_an_import_says_it_too(clone, code):
    done = run([sys.executable, "-c", code], clone)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"ImportError: the sources in {clone} are not compiled")


def test_an_installed_one_of_another_python_is_to_be_installed_again(tmp_path, clone):
    shutil.copytree(clone / "reactor", tmp_path / "reactor")
    done = run(command("serve"), tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "is not compiled for Python" in done.stderr
    assert "pip install --force-reinstall reactor-httpd`" in done.stderr


@pytest.mark.parametrize("name", ["reactor.no_such_module", "flask", "reactor.cli", None])
def test_what_is_not_ours_to_build_is_left_to_python(name):
    assert unbuilt.explain(ModuleNotFoundError("no", name=name)) is None


def test_without_an_environment_it_says_how_to_make_one(monkeypatch):
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    said = unbuilt.explain(ModuleNotFoundError("no", name="reactor._parse"))
    assert "`python3 -m venv .venv && .venv/bin/pip install -e .`" in said
