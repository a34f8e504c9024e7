"""``--reload`` between processes: those that import say which files they have loaded, and the
supervisor watches them.

    mold, worker ── a datagram for each lot of files ──> supervisor: SourceWatch ── a reload

Must never know: how an application is imported.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.machinery import PathFinder
from typing import Any

from reactor.log import log
from reactor.loop import Loop
from reactor.loop._core import EVENT_READ
from reactor.server.workers.watching import SourceWatch, Watcher, below, blamed_files, loaded_files

_BEGAN = struct.Struct("!q")
# Below what a Unix socket takes at once, whatever its buffer.
DATAGRAM_BYTES_MAX = 32 * 1024


class Sources:
    """What the application is made of.

    ``on_change`` is called when that has changed, in the loop that `attach` was given.
    """

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        # A datagram is whole, whoever else writes: an old worker, a new one.
        self._here, self._there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._here.setblocking(False)
        self._watch: SourceWatch | None = None

    @property
    def keep(self) -> list[int]:
        """Descriptors that are the supervisor's alone."""
        return [self._here.fileno()]

    # --- in the supervisor ------------------------------------------------------------------------

    def attach(self, loop: Loop, on_change: Callable[[], object]) -> None:
        def changed(paths: list[str]) -> None:
            names = [os.path.relpath(path) for path in paths[:3]]
            more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
            log(logging.INFO, "changed: %s%s", ", ".join(names), more)
            for path in paths:
                _forget_compiled(path)
            on_change()

        self._watch = SourceWatch(loop, self._watcher, changed)
        loop.register(self._here, EVENT_READ, self)

    def on_readable(self) -> None:
        try:
            data = self._here.recv(DATAGRAM_BYTES_MAX + _BEGAN.size)
        except OSError:
            return
        [began_ns] = _BEGAN.unpack_from(data)
        if self._watch is not None:
            names = data[_BEGAN.size :].split(b"\0")
            self._watch.watch(map(os.fsdecode, filter(None, names)), began_ns)

    def on_writable(self) -> None:
        raise NotImplementedError

    def on_deadline(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """When the loop is closed."""
        if self._watch is not None:
            self._watch.close()
        self._here.close()
        self._there.close()

    # --- in a child -------------------------------------------------------------------------------

    def loaded(self, began_ns: int, error: BaseException | None = None) -> None:
        """After an import, with the `time.time_ns` of its beginning; ``error`` has ended it."""
        folders = self._watcher.folders
        self._tell(began_ns, {*loaded_files(folders), *blamed_files(error, folders)})
        if error is None:
            sys.meta_path.insert(0, _Noticer(self._noticed))

    def _noticed(self, path: str) -> None:
        self._tell(time.time_ns(), below([path], self._watcher.folders))

    def _tell(self, began_ns: int, paths: Iterable[str]) -> None:
        names = map(os.fsencode, paths)
        lot = _BEGAN.pack(began_ns)
        with suppress(OSError):  # the supervisor has gone
            for name in names:
                if len(lot) + len(name) >= DATAGRAM_BYTES_MAX:
                    self._there.send(lot)
                    lot = _BEGAN.pack(began_ns)
                lot += name + b"\0"
            if len(lot) > _BEGAN.size:
                self._there.send(lot)


class _Noticer:
    """A finder of modules that finds none, but hears of each that is imported when the server
    serves: Django imports views at the first request."""

    def __init__(self, tell: Callable[[str], object]) -> None:
        self._tell = tell

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        with suppress(Exception):  # it is the next finder's to say
            spec = PathFinder.find_spec(name, path)
            if spec is not None and spec.has_location and spec.origin is not None:
                self._tell(spec.origin)


def _forget_compiled(path: str) -> None:
    """Python takes what it has compiled for right if the source has the size and the second that
    it had: two saves in a second may have both."""
    if path.endswith(".py"):
        with suppress(OSError, NotImplementedError):
            os.unlink(importlib.util.cache_from_source(path))
