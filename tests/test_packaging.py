"""The sdist: it has every source, and the build stops when one is missing.

`.ci/package` builds the wheel of it in a clean environment, and serves with that.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

import reactor

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


def test_the_version_is_said_twice_and_is_the_same():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == reactor.__version__


def test_a_release_moves_what_is_unreleased_under_its_version_and_date(tmp_path):
    tracked()
    clone = tmp_path / "clone"
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "clone", "--quiet", ROOT, clone], check=True)
    for name in (".ci/release", "CHANGELOG.md", "pyproject.toml"):
        shutil.copy(ROOT / name, clone / name)
    (clone / ".ci/package").write_text("#!/bin/sh\necho packed $1\n")  # tried by itself, and slow
    subprocess.run([*git, "add", "--all"], cwd=clone, check=True)
    subprocess.run([*git, "commit", "-qm", "as it is here"], cwd=clone, check=True)
    before = (clone / "CHANGELOG.md").read_text()
    who = {
        f"GIT_{role}_{part}": "a" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")
    }
    env = {**os.environ, **who}

    def release(*words):
        return subprocess.run(
            [".ci/release", *words], cwd=clone, env=env, capture_output=True, text=True, timeout=60
        )

    assert release().stderr == "which version? .ci/release 0.2.0\n"
    done = release("9.8.7")
    assert done.stdout.startswith("packed dist\nRelease 9.8.7"), done.stderr
    assert 'version = "9.8.7"' in (clone / "pyproject.toml").read_text()
    assert '__version__ = "9.8.7"' in (clone / "reactor/__init__.py").read_text()
    heading = f"## Unreleased\n\n## 9.8.7 - {datetime.now(UTC).date().isoformat()}\n"
    assert (clone / "CHANGELOG.md").read_text() == before.replace("## Unreleased\n", heading)
    tags = subprocess.run([*git, "tag"], cwd=clone, capture_output=True, text=True, check=True)
    assert tags.stdout == "v9.8.7\n"
    assert release("9.8.7").stderr == "v9.8.7 is there already\n"
