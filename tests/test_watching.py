"""What `--reload` looks at, and what it takes for a change."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest
from processes import PATIENCE_S, REPOSITORY, eventually

from reactor.loop import Loop
from reactor.server.workers import doorbell, watching
from reactor.server.workers.watching import (
    DEBOUNCE_S,
    POLL_S,
    SourceWatch,
    Watcher,
    blamed_files,
    loaded_files,
)
from reactor.testing import FakeClock, FakeSelector

LONG_AGO_NS = 1_000_000_000 * 10**9


def write(path, text="", age_s=60):
    """A file that nobody has touched for a while."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    then = time.time_ns() - age_s * 10**9
    os.utime(path, ns=(then, then))
    return str(path)


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "app.py", "old")
    write(tmp_path / "package" / "part.py", "old")
    write(tmp_path / "other" / "unloaded.py", "old")
    for path in (tmp_path, tmp_path / "package", tmp_path / "other"):
        os.utime(path, ns=(LONG_AGO_NS, LONG_AGO_NS))
    return tmp_path


def watcher_of(folder, *includes, excludes=(), loaded=("app.py", "package/part.py")):
    watcher = Watcher([str(folder)], includes, excludes)
    # Nothing has changed since then: not even the ctime, which nobody can set.
    watcher.watch([str(folder / name) for name in loaded], time.time_ns() + 10**9)
    assert watcher.changed() == []
    return watcher


def names(watcher, folder):
    return sorted(os.path.relpath(path, folder) for path in watcher.changed())


def test_a_save_is_seen_once(folder):
    watcher = watcher_of(folder)
    write(folder / "package" / "part.py", "new", age_s=0)
    assert names(watcher, folder) == ["package/part.py"]
    assert names(watcher, folder) == []


def test_older_is_another_one_too(folder):
    watcher = watcher_of(folder)
    write(folder / "app.py", "old", age_s=100_000)  # the same size, as after `git checkout`
    assert names(watcher, folder) == ["app.py"]


def test_the_same_time_with_another_size_or_file(folder):
    watcher = watcher_of(folder)
    before = os.stat(folder / "app.py").st_mtime_ns
    (folder / "app.py").write_text("longer")
    os.utime(folder / "app.py", ns=(before, before))
    assert names(watcher, folder) == ["app.py"]
    os.rename(write(folder / "other" / "moved", "longer"), folder / "app.py")
    os.utime(folder / "app.py", ns=(before, before))
    assert names(watcher, folder) == ["app.py"]


def test_what_is_removed_and_what_comes_back(folder):
    watcher = watcher_of(folder)
    (folder / "app.py").unlink()
    assert names(watcher, folder) == ["app.py"]
    assert names(watcher, folder) == []
    write(folder / "app.py", "old")
    assert names(watcher, folder) == ["app.py"]


def test_new_modules_count_beside_those_that_are_loaded(folder):
    watcher = watcher_of(folder)
    write(folder / "package" / "fresh.py")
    write(folder / "fresh.py")
    write(folder / "other" / "fresh.py")
    write(folder / "package" / "notes.txt")
    assert names(watcher, folder) == ["fresh.py", "package/fresh.py"]
    assert names(watcher, folder) == []
    # From now on they are looked at as the others.
    write(folder / "fresh.py", "x")
    assert names(watcher, folder) == ["fresh.py"]


def test_two_that_come_in_one_moment(folder):
    """A kernel's clock stands still for some ms: the folder looks the same after the second."""
    watcher = watcher_of(folder)
    write(folder / "first.py")
    stamp = os.stat(folder).st_mtime_ns
    assert names(watcher, folder) == ["first.py"]
    write(folder / "second.py")
    os.utime(folder, ns=(stamp, stamp))
    assert names(watcher, folder) == ["second.py"]


@pytest.mark.parametrize("ignored", [".git", "__pycache__", ".venv", "node_modules", "environment"])
def test_what_is_never_looked_at(folder, ignored):
    write(folder / "environment" / "pyvenv.cfg")
    write(folder / ignored / "deep" / "page.html")
    write(folder / ignored / "page.html")
    watcher = watcher_of(folder, "*.html")
    write(folder / ignored / "page.html", "x")
    write(folder / ignored / "deep" / "page.html", "x")
    write(folder / ignored / "fresh.html", "x")
    assert names(watcher, folder) == []


@pytest.mark.parametrize("pattern", ["*.html", "templates", "templates/", "templates/*", ".env"])
def test_patterns_are_looked_for_everywhere(folder, pattern):
    for path in ("templates/a.html", "templates/deep/b.html", "deep/templates/c.html", ".env"):
        write(folder / path)
    seen = {
        "*.html": ["deep/templates/c.html", "templates/a.html", "templates/deep/b.html"],
        ".env": [".env"],
    }.get(pattern, ["templates/a.html", "templates/deep/b.html"])
    watcher = watcher_of(folder, pattern)
    for path in ("templates/a.html", "templates/deep/b.html", "deep/templates/c.html", ".env"):
        write(folder / path, "x")
    assert names(watcher, folder) == seen
    # A folder that comes, and what is in it.
    write(folder / "fresh" / "deep" / "d.html")
    assert names(watcher, folder) == (["fresh/deep/d.html"] if pattern == "*.html" else [])


def test_what_is_excluded_is_left_alone(folder):
    write(folder / "package" / "made" / "x.html")
    watcher = watcher_of(folder, "*.html", excludes=["package/part.py", "made", "*_test.py"])
    write(folder / "package" / "part.py", "new")
    write(folder / "package" / "made" / "x.html", "x")
    write(folder / "app_test.py", "x")
    assert names(watcher, folder) == []


def test_outside_of_the_folders_nothing_counts(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    loaded = write(elsewhere / "lib.py")
    watcher = watcher_of(folder, loaded=[loaded, "app.py"])
    write(elsewhere / "lib.py", "x")
    assert names(watcher, folder) == []


def test_what_was_saved_while_it_was_imported(folder):
    """It was read before, or after: nobody knows."""
    watcher = Watcher([str(folder)])
    began = time.time_ns()
    (folder / "package" / "part.py").write_text("saved during the import")
    watcher.watch([str(folder / "package" / "part.py")], began)
    assert names(watcher, folder) == ["package/part.py"]
    assert names(watcher, folder) == []


def test_there_is_a_bound(folder, monkeypatch, caplog):
    monkeypatch.setattr(watching, "WATCHED_FILES_MAX", 3)
    for number in range(5):
        write(folder / f"m{number}.py")
    with caplog.at_level("WARNING", "reactor"):
        assert len(Watcher([str(folder)])) == 3
    assert [record.getMessage() for record in caplog.records] == [
        "--reload looks at the first 3 files only"
    ]


# When it is told.


class Scripted:
    """A watcher whose changes come one after the other."""

    listed = ()

    def __init__(self, *changes):
        self.changes = [*changes]

    def changed(self):
        return self.changes.pop(0) if self.changes else []


@pytest.fixture
def clock():
    return FakeClock(0.0)


@pytest.fixture
def loop(clock):
    with Loop(FakeSelector(clock), clock) as made:
        yield made


def test_a_burst_of_saves_is_one_change(loop, clock):
    told = []
    watch = SourceWatch(
        loop,
        Scripted([], ["a"], ["b", "a"], ["c"], [], [], ["d"]),
        lambda changed: told.append((round(clock.now, 3), changed)),
    )
    while len(told) < 2:
        loop.run_once()
    first = 2 * POLL_S + 3 * DEBOUNCE_S
    second = first + 2 * POLL_S + DEBOUNCE_S
    assert told == [(round(first, 3), ["a", "b", "c"]), (round(second, 3), ["d"])]
    watch.close()


def test_it_looks_some_times_a_second(loop, clock):
    looks = []
    watcher = types.SimpleNamespace(changed=lambda: looks.append(clock.now) or [], listed=[])
    watch = SourceWatch(loop, watcher, lambda changed: None)
    while clock.now < 99 * POLL_S:
        loop.run_once()
    assert len(looks) in {99, 100}  # as floats add up
    watch.close()


# With watchfiles.

FAKE = """
import os
import time

def watch(*folders, **how):
    assert how["recursive"] is False
    before = None
    while True:
        now = sorted(name for folder in folders for name in os.listdir(folder))
        yield {("added", "x")} if now != before else set()
        before = now
        time.sleep(0.01)
"""


@pytest.fixture
def watchfiles(tmp_path_factory, monkeypatch):
    """Something of that name."""
    place = tmp_path_factory.mktemp("installed")
    (place / "watchfiles.py").write_text(FAKE)
    monkeypatch.syspath_prepend(str(place))
    monkeypatch.setenv("PYTHONPATH", f"{REPOSITORY}:{place}")
    return place / "watchfiles.py"


def run_until(loop, condition):
    loop.call_later(PATIENCE_S, loop.stop)

    def look():
        if condition():
            loop.stop()
        else:
            loop.call_later(0.01, look)

    look()
    loop.run()
    assert condition()


def test_it_is_told_at_once_where_watchfiles_is(folder, watchfiles, monkeypatch):
    monkeypatch.setattr(watching, "BELL_POLL_S", 3600.0)
    told = []
    with Loop() as loop:
        watch = SourceWatch(loop, watcher_of(folder), told.append)
        run_until(loop, lambda: watch._bell is not None)
        write(folder / "fresh.py")
        run_until(loop, lambda: told)
        assert told == [[str(folder / "fresh.py")]]
        watch.close()


def test_a_doorbell_that_breaks_leaves_the_looking(folder, watchfiles):
    watchfiles.write_text("raise OSError('inotify watch limit reached')")
    told = []
    with Loop() as loop:
        watch = SourceWatch(loop, watcher_of(folder), told.append)
        run_until(loop, lambda: watch._bell is not None and not watch._bell.rings)
        write(folder / "app.py", "new")
        run_until(loop, lambda: told)
        watch.close()


def test_a_doorbell_ends_with_who_hung_it(folder, watchfiles):
    program = (
        "import sys, time; from reactor.loop import Loop\n"
        "from reactor.server.workers.doorbell import *\n"
        "bell = Doorbell(Loop(), sys.argv[1:], print); print(bell._process.pid, flush=True)\n"
        "import os; os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(folder)], capture_output=True)
    process = Path(f"/proc/{int(done.stdout)}/stat")
    # An orphan that has ended may wait for somebody who takes its end.
    eventually(
        lambda: not process.exists() or process.read_text().rpartition(")")[2].split()[0] == "Z",
        "it has ended",
    )


@pytest.mark.parametrize("kind", ["9p", "nfs4", "fuse.sshfs", "ext4"])
def test_it_is_not_believed_where_nobody_tells(folder, watchfiles, kind, monkeypatch):
    monkeypatch.setattr(doorbell, "kind_of", lambda folder: kind)
    assert doorbell.can_ring([str(folder)]) == (kind == "ext4")


def test_without_watchfiles_nothing_is_started(folder, monkeypatch):
    monkeypatch.setattr(doorbell, "find_spec", lambda name: None)
    assert not doorbell.can_ring([str(folder)])


# What is loaded.


def test_the_modules_of_a_process(folder, monkeypatch):
    modules = {
        "app": folder / "app.py",
        "package.part": folder / "package" / "part.py",
        "library": folder / ".venv" / "lib" / "library.py",
        "installed": folder / "lib" / "site-packages" / "installed.py",
        "reactor.again": folder / "reactor.py",
        "elsewhere": "/elsewhere/x.py",
    }
    for name, path in modules.items():
        module = types.ModuleType(name)
        module.__file__ = str(path)
        monkeypatch.setitem(sys.modules, name, module)

    class Odd(types.ModuleType):
        @property
        def __file__(self):
            raise RuntimeError("not now")

    monkeypatch.setitem(sys.modules, "odd", Odd("odd"))
    monkeypatch.setitem(sys.modules, "none", None)
    found = [os.path.relpath(path, folder) for path in loaded_files([str(folder)])]
    assert found == ["app.py", "package/part.py"]


def test_where_an_import_has_failed(folder, monkeypatch):
    (folder / "package" / "part.py").write_text("def broken(:\n")
    (folder / "app.py").write_text("try:\n    import package.part\nfinally:\n    1 / 0\n")
    monkeypatch.syspath_prepend(str(folder))
    with pytest.raises(ZeroDivisionError) as raised:
        __import__("app")
    found = [os.path.relpath(path, folder) for path in blamed_files(raised.value, [str(folder)])]
    assert found == ["app.py", "package/part.py"]
    assert blamed_files(None, [str(folder)]) == []
