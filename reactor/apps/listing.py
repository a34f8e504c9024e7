"""What a folder holds, read from the disk in bounded time.

Theory of operation. The entries are exactly what a GET would answer: no hidden names, no
FIFOs, sockets or devices, no symbolic link that leads outside. Up to ``STATS_MAX`` entries,
all are looked at, so that any column can be sorted. A larger folder is sorted by name from
what the directory itself says (name and kind; links go last, unresolved), and only the
page's own entries are looked at. The names of the last few large folders are kept until
their mtime or ctime changes, and for a second in any case: paging through one would else read and
sort it for each page. Must never know HTTP or HTML.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from reactor.apps.index import Entry, Order, Page
from reactor.apps.path_resolution import Root, close_descriptor, hidden

# Rows of one page: what a phone scrolls, and under 10 ms of work.
PAGE_ROWS = 500
# One look costs about 3 us.
STATS_MAX = 2_000
# 50,000 names take about 75 ms to read and sort. Larger folders are shown in part.
ENTRIES_MAX = 50_000
# A large folder that changes all the time is read this often, not for each request.
REREAD_S = 1.0
# Large folders remembered; each costs about 100 bytes a name.
REMEMBERED_MAX = 4

_NUMBER = re.compile("([0-9]+)")


def sort_naturally(names: list[str]) -> None:
    """Sort in place: ``img9`` before ``img10``, ignoring case; among equals by code points."""
    if not names:
        return
    # All names are one string meanwhile, for NUL is in none of them: 50,000 take 40 ms, and
    # twice that if each is taken apart by itself.
    pieces = _NUMBER.split("\0".join(names).casefold())
    # A number is preceded by its length as one character: text order is then number order.
    numbers = [digits.lstrip("0") for digits in pieces[1::2]]
    pieces[1::2] = [chr(ord("0") + len(digits)) + digits for digits in numbers]
    texts = "".join(pieces).split("\0")
    keys = iter([f"{text}\0{name}" for text, name in zip(texts, names, strict=True)])
    names.sort(key=lambda _name: next(keys))


@dataclass(frozen=True, slots=True)
class _Names:
    """The visible names of a folder by kind; ``complete`` is False if it holds more."""

    folders: list[str]
    files: list[str]
    links: list[str]
    complete: bool

    def __iter__(self) -> Iterator[str]:
        yield from self.folders
        yield from self.files
        yield from self.links

    @property
    def total(self) -> int:
        return len(self.folders) + len(self.files) + len(self.links)

    def sort(self) -> None:
        """By name within each kind."""
        for names in (self.folders, self.files, self.links):
            sort_naturally(names)


class FolderReader:
    """Reads the folders beneath one root, a page at a time."""

    def __init__(self, root: Root) -> None:
        self._root = root
        # By device, inode and whether it is the root: the names, the folder's mtime and ctime
        # (None if they may not be trusted), and when they were read.
        self._remembered: dict[
            tuple[int, int, bool], tuple[_Names, tuple[int, int] | None, float]
        ] = {}

    def read(self, path: list[bytes], order: Order, number: int) -> Page | None:
        """Page ``number`` (from 1, clamped) of the folder; None if there is no such folder.

        Raises:
            OSError: the machine's own trouble.
        """
        descriptor = self._root.open_folder(path)
        if descriptor is None:
            return None
        try:
            status = os.fstat(descriptor)
            if not status.st_nlink:
                # Only the root, which is held open, can be there no more.
                return None
            names = self._names(descriptor, status, top=not path)
            if names.total > STATS_MAX:
                return self._large_page(descriptor, path, names, number)
            known = list(names)
            sort_naturally(known)
            entries = list(self._look(descriptor, path, known))
        finally:
            close_descriptor(descriptor)
        order.sort(entries)
        number, pages, window = _window(len(entries), number)
        sizes = [entry.size for entry in entries if entry.size is not None]
        folders = len(entries) - len(sizes)
        return Page(entries[window], order, number, pages, folders, len(sizes), sum(sizes))

    def _large_page(self, descriptor: int, path: list[bytes], names: _Names, number: int) -> Page:
        number, pages, window = _window(names.total, number)
        shown = islice(names, window.start, window.stop)
        return Page(
            list(self._look(descriptor, path, shown)),
            Order("name", descending=False),
            number,
            pages,
            len(names.folders),
            len(names.files) + len(names.links),
            sortable=False,
            complete=names.complete,
        )

    def _names(self, descriptor: int, status: os.stat_result, *, top: bool) -> _Names:
        key = (status.st_dev, status.st_ino, top)
        stamps = status.st_mtime_ns, status.st_ctime_ns
        names, known_stamps, read_at = self._remembered.get(key, (None, None, 0.0))
        now = time.monotonic()
        if names is not None and (now < read_at + REREAD_S or known_stamps == stamps):
            return names
        names = self._scan(descriptor, top=top)
        if names.total > STATS_MAX:
            names.sort()
            # A folder of this very moment may change once more within the same tick.
            settled = time.time() - status.st_ctime > REREAD_S
            self._remembered[key] = names, stamps if settled else None, now
            while len(self._remembered) > REMEMBERED_MAX:
                self._remembered.pop(next(iter(self._remembered)), None)
        return names

    def _scan(self, descriptor: int, *, top: bool) -> _Names:
        folders: list[str] = []
        files: list[str] = []
        links: list[str] = []
        with os.scandir(descriptor) as entries:
            for entry in islice(entries, ENTRIES_MAX):
                name = entry.name
                if name[0] == "." and hidden(os.fsencode(name), top=top):
                    continue
                if entry.is_file(follow_symlinks=False):
                    files.append(name)
                elif entry.is_dir(follow_symlinks=False):
                    folders.append(name)
                elif entry.is_symlink() and self._root.openat2:
                    links.append(name)
            complete = next(entries, None) is None
        return _Names(folders, files, links, complete)

    def _look(self, descriptor: int, path: list[bytes], names: Iterable[str]) -> Iterator[Entry]:
        for name in names:
            try:
                status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            except OSError:
                # Gone since the folder was read.
                continue
            if stat.S_ISLNK(status.st_mode):
                target = self._root.look([*path, os.fsencode(name)])
                if target is None:
                    continue
                status = target
            if stat.S_ISDIR(status.st_mode):
                yield Entry(name, None, int(status.st_mtime))
            elif stat.S_ISREG(status.st_mode):
                yield Entry(name, status.st_size, int(status.st_mtime))


def _window(total: int, number: int) -> tuple[int, int, slice]:
    """The page's number within its bounds, how many there are, and the rows it shows."""
    pages = max(1, -(-total // PAGE_ROWS))
    number = min(max(number, 1), pages)
    return number, pages, slice((number - 1) * PAGE_ROWS, number * PAGE_ROWS)
