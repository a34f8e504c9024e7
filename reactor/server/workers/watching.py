"""``--reload``: which files an application was made of, and which of them have changed.

    the files of the modules ──> Watcher ── what has changed ──> SourceWatch ──> a reload

Only what is loaded is looked at, and what is beside it: a walk of the whole tree costs
as much as a small server (uvicorn#338). Must never know: what a reload is.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from fnmatch import fnmatch
from typing import Any

from reactor.log import log
from reactor.loop import Loop
from reactor.server.workers.doorbell import Doorbell, can_ring

# A save is seen at the next look. With the pause behind it and an import that is as short as most,
# the new one serves within half a second; a thousand files take 0.7 % of a core.
POLL_S = 0.3
# An editor, or git, writes several files: one reload is enough.
DEBOUNCE_S = 0.1
# What no event tells: a mount, a bound file of a container.
BELL_POLL_S = 2.0
# They are words of a command line, and a watch of the kernel each.
BELL_FOLDERS_MAX = 1000
# Three questions to the kernel a second each: so many take a tenth of a core.
WATCHED_FILES_MAX = 20_000
# A kernel stamps files with a clock that moves every few ms.
_CLOCK_NS = 50_000_000
_IGNORED = frozenset({".git", ".venv", "__pycache__", "node_modules", "site-packages"})
_ENVIRONMENT = "pyvenv.cfg"  # a virtual environment, whatever its name

Signature = tuple[int, int, int]
_UNSEEN = (-1, -1, -1)


class Watcher:
    """Files, and how they were when somebody looked last.

    Args:
        folders: nothing outside of them is looked at.
        includes: patterns of files besides those that are loaded, at any depth of the folders:
            of a name (``*.html``), of a path in a folder (``templates/*``), or a folder's name.
        excludes: patterns of files and folders that are left alone, in any case.
    """

    def __init__(
        self, folders: Iterable[str], includes: Iterable[str] = (), excludes: Iterable[str] = ()
    ) -> None:
        self.folders = [*map(os.path.realpath, folders)]
        self._includes, self._excludes = [*includes], [*excludes]
        self._files: dict[str, Signature | None] = {}
        self._listings: dict[str, int] = {}  # a folder, and when its names have changed
        self._said = False
        for folder in self.folders:
            self._list(folder)

    def __len__(self) -> int:
        return len(self._files)

    @property
    def listed(self) -> list[str]:
        """The folders whose files are looked at."""
        return sorted(self._listings)

    def watch(self, paths: Iterable[str], since_ns: int) -> None:
        """These too, and what comes beside them. What was saved after ``since_ns`` (`time.time_ns`)
        has changed: whoever has loaded it may have read what it was before."""
        for path in map(os.path.realpath, paths):
            if path in self._files or not self._is_ours(path):
                continue
            self._add(path, since_ns)
            self._listings.setdefault(os.path.dirname(path), -1)
        for folder, stamp in [*self._listings.items()]:
            if stamp == -1:
                self._list(folder)

    def changed(self) -> list[str]:
        """Those that were saved, made or removed since the last time."""
        found = []
        for path, before in self._files.items():
            now = _signature(path)
            # Not "later": git brings back a file with the time that it had.
            if now != before:
                self._files[path] = now
                found.append(path)
        for folder, stamp in [*self._listings.items()]:
            if _stamp(folder) != stamp:
                found += self._list(folder)
        return found

    def _add(self, path: str, since_ns: int | None = None) -> None:
        if len(self._files) >= WATCHED_FILES_MAX:
            if not self._said:
                log(logging.WARNING, "--reload looks at the first %d files only", WATCHED_FILES_MAX)
            self._said = True
            return
        try:
            found = os.stat(path)
        except OSError:
            self._files[path] = None
            return
        # A file that was moved into its place has the time at which it was written elsewhere.
        saved_ns = max(found.st_mtime_ns, found.st_ctime_ns)
        late = since_ns is not None and saved_ns > since_ns - _CLOCK_NS
        self._files[path] = _UNSEEN if late else (found.st_mtime_ns, found.st_size, found.st_ino)

    def _list(self, folder: str) -> list[str]:
        """Take in what a folder has; what was not known is returned."""
        stamp = _stamp(folder)
        # What comes in the same moment would not show.
        recent = stamp is not None and time.time_ns() - stamp < _CLOCK_NS
        self._listings[folder] = -2 if recent or stamp is None else stamp
        if stamp is None:
            del self._listings[folder]
            return []
        fresh = []
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.name in _IGNORED or self._is_excluded(entry.path):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if self._is_searched(entry.path):
                        fresh += self._list(entry.path)
                elif entry.path not in self._files and self._is_wanted(entry):
                    self._add(entry.path)
                    fresh.append(entry.path)
        return fresh

    def _is_searched(self, folder: str) -> bool:
        """Without patterns, only folders with modules that are loaded are looked into."""
        if not self._includes or folder in self._listings:
            return False
        return not os.path.exists(os.path.join(folder, _ENVIRONMENT))

    def _is_wanted(self, entry: os.DirEntry[str]) -> bool:
        return entry.name.endswith(".py") or self._matches(entry.path, self._includes)

    def _is_excluded(self, path: str) -> bool:
        return self._matches(path, self._excludes)

    def _is_ours(self, path: str) -> bool:
        folder = next((one for one in self.folders if _is_below(path, one)), None)
        return folder is not None and not self._is_excluded(path)

    def _matches(self, path: str, patterns: list[str]) -> bool:
        if not patterns:
            return False
        names = [os.path.relpath(path, one) for one in self.folders if _is_below(path, one)]
        names.append(os.path.basename(path))
        return any(
            fnmatch(name, pattern) or fnmatch(name, f"{pattern.rstrip('/')}/*")
            for name in names
            for pattern in patterns
        )


class SourceWatch:
    """Looks some times a second, from a loop, and calls ``on_change`` with what has changed, when
    nothing has for a moment. With watchfiles it looks when that rings, and else seldom."""

    def __init__(
        self, loop: Loop, watcher: Watcher, on_change: Callable[[list[str]], object]
    ) -> None:
        self._loop = loop
        self._watcher = watcher
        self._on_change = on_change
        self._seen: list[str] = []
        self._bell: Doorbell | None = None
        self._rung_for: list[str] = []
        self._timer: Any = loop.call_later(POLL_S, self._look)

    def watch(self, paths: Iterable[str], since_ns: int) -> None:
        """As `Watcher.watch`."""
        self._watcher.watch(paths, since_ns)
        self._look_after(0.0)

    def close(self) -> None:
        self._timer.cancel()
        if self._bell is not None:
            self._bell.close()

    def _hang_bell(self) -> None:
        """For the folders that there are now."""
        folders = self._watcher.listed
        if folders == self._rung_for or len(folders) > BELL_FOLDERS_MAX or not can_ring(folders):
            return
        self._rung_for = folders
        if self._bell is not None:
            self._bell.close()
        with suppress(OSError):  # no process, no descriptor
            self._bell = Doorbell(self._loop, folders, self._rung)

    def _rung(self) -> None:
        self._look_after(0.0)

    def _look_after(self, seconds: float) -> None:
        self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        changed = self._watcher.changed()
        self._seen += [path for path in changed if path not in self._seen]
        if self._seen and not changed:
            seen, self._seen = self._seen, []
            self._on_change(seen)
        if not self._seen:
            self._hang_bell()
        rings = self._bell is not None and self._bell.rings
        self._look_after(DEBOUNCE_S if self._seen else BELL_POLL_S if rings else POLL_S)


def loaded_files(folders: Iterable[str]) -> list[str]:
    """The files of the modules of this process that are below one of the folders; not ours, which
    a reload does not load anew."""
    roots = [*map(os.path.realpath, folders)]
    found = set()
    for name, module in [*sys.modules.items()]:
        file = None
        with suppress(Exception):  # a module is whatever somebody has put there
            file = module.__file__
        if isinstance(file, str) and name.partition(".")[0] != "reactor":
            found.add(file)
    return sorted(below(found, roots))


def blamed_files(error: BaseException | None, folders: Iterable[str]) -> list[str]:
    """The files in which an import has failed: no module has their names any more."""
    found = set()
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        if isinstance(error, SyntaxError) and error.filename:
            found.add(error.filename)
        frame = error.__traceback__
        while frame is not None:
            found.add(frame.tb_frame.f_code.co_filename)
            frame = frame.tb_next
        error = error.__cause__ or error.__context__
    return sorted(below(found, [*map(os.path.realpath, folders)]))


def below(files: Iterable[str], roots: Iterable[str]) -> Iterator[str]:
    """Those that are the application's own, by their real paths."""
    for file in files:
        path = os.path.realpath(file)
        root = next((one for one in roots if _is_below(path, one)), None)
        if root is not None and _IGNORED.isdisjoint(path[len(root) :].split(os.sep)):
            yield path


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(folder if folder.endswith(os.sep) else folder + os.sep)


def _signature(path: str) -> Signature | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _stamp(folder: str) -> int | None:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return None
