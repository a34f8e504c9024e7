"""The sdist: it has every source, and the build stops when one is missing.

`.ci/package` builds the wheel of it in a clean environment, and serves with that.
"""

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def setup(*arguments, cwd=ROOT):
    pytest.importorskip("Cython")
    pytest.importorskip("setuptools")
    return subprocess.run(
        [sys.executable, "setup.py", "-q", *map(str, arguments)],
        cwd=cwd, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def tracked():
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git clone")
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name for name in done.stdout.splitlines() if (ROOT / name).exists()}


def test_the_sdist_has_every_file_of_the_repository_and_none_that_was_built(tmp_path):
    done = setup("egg_info", "--egg-base", tmp_path, "sdist", "--dist-dir", tmp_path / "dist")
    assert done.returncode == 0, done.stderr
    [archive] = (tmp_path / "dist").iterdir()
    with tarfile.open(archive) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {name for name in tracked() if not name.startswith(".")} <= names
    assert not {name for name in names if name.endswith((".so", ".pyc"))}
    generated = {name for name in names if name.startswith("reactor/") and name.endswith(".c")}
    assert generated == {"reactor/bench/served/floor.c"}


@pytest.mark.parametrize(
    ("lost", "named"),
    [
        (["_parse.pyx"], "reactor/_parse.pyx"),
        (["loop/_core.pyx", "net/_outgoing.pyx"], "reactor/loop/_core.pyx, reactor/net/_outgoing"),
        (["parser/_scan.h", "parser/_frames.h"], "all .pyx or .h"),
    ],
)
def test_the_build_stops_in_one_sentence_without_a_source(tmp_path, lost, named):
    shutil.copytree(
        ROOT / "reactor", tmp_path / "reactor",
        ignore=shutil.ignore_patterns("*.c", "*.so", "__pycache__"),
    )  # fmt: skip
    shutil.copy(ROOT / "setup.py", tmp_path)
    shutil.copytree(ROOT / "building", tmp_path / "building")
    for name in lost:
        (tmp_path / "reactor" / name).unlink()
    done = setup("build_ext", "--inplace", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"sources are missing ({named}" in done.stderr
    assert not list(tmp_path.rglob("*.so"))
