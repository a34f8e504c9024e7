"""The build: what it takes for granted of the sources, and what other systems make of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from building import optimisation, sources

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "reactor"
MODULES = {path.relative_to(PACKAGE).with_suffix("").as_posix() for path in PACKAGE.rglob("*.pyx")}
LINUX = sorted(path for path in PACKAGE.rglob("*.pyx") if "__linux__" in path.read_text())


def test_what_is_optimised_is_there():
    assert MODULES >= optimisation.HOT | optimisation.WARM
    assert not optimisation.HOT & optimisation.WARM
    assert [optimisation.level(f"reactor/{name}.pyx") for name in ("loop/_core", "_parse")] == [
        "-O3",
        "-O2",
    ]
    assert optimisation.level("reactor/_file.pyx") == "-O1"


def test_a_header_of_linux_is_guarded():
    named = ("<linux/", "<sys/epoll.h>", "<sys/timerfd.h>", "<sys/sendfile.h>", "<sys/syscall.h>")
    using = {
        path
        for kind in ("pyx", "pxd", "h")
        for path in PACKAGE.rglob(f"*.{kind}")
        if any(name in path.read_text() for name in named)
    }
    assert len(using) >= 5
    assert using <= set(LINUX)


@pytest.mark.parametrize("path", LINUX, ids=lambda path: path.stem)
def test_it_compiles_where_there_is_no_linux(path, tmp_path):
    """As far as one can see from here: without the macro, as on macOS or a BSD."""
    made = path.with_suffix(".c")
    if not made.exists() or shutil.which("gcc") is None:
        pytest.skip("gcc and the C source, which a build leaves behind, are needed")
    include = sysconfig.get_paths()["include"]
    done = subprocess.run(
        ["gcc", "-U__linux__", "-w", "-fsyntax-only", f"-I{include}", f"-I{ROOT}/reactor/parser",
         str(made)],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_windows_gets_a_sentence(monkeypatch):
    monkeypatch.setattr(sources.os, "name", "nt")
    with pytest.raises(SystemExit, match="on Windows, use it in WSL"):
        sources.modules()


def test_a_machine_without_a_compiler_gets_a_sentence(tmp_path):
    """Of the real build, in a copy: no C file is compiled, and no traceback is shown."""
    pytest.importorskip("Cython")
    shutil.copytree(ROOT / "building", tmp_path / "building")
    shutil.copy(ROOT / "setup.py", tmp_path)
    for name in ("_file.pyx", "_file.pxd", "_file.pyi", "parser/_scan.h"):
        (tmp_path / "reactor" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "reactor" / name, tmp_path / "reactor" / name)
    done = subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace"],
        cwd=tmp_path, env={**os.environ, "CC": "no-such-compiler"},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert "reactor needs a C compiler, and there is no 'no-such-compiler' here" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_module_says_that_it_needs_no_gil():
    """docs/decisions/0081: what would have to change first."""
    built_by = [*PACKAGE.rglob("*.py*"), *(ROOT / "building").glob("*.py"), ROOT / "setup.py"]
    texts = [path for path in built_by if path.suffix in (".pyx", ".pxd", ".py")]
    assert [path for path in texts if "freethreading_compatible" in path.read_text("utf-8")] == []
