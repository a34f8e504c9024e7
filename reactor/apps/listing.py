"""What a folder holds, read from the disk in bounded time.

Theory of operation. The entries are exactly what a GET would answer: no hidden names, no
FIFOs, sockets or devices, no symbolic link that leads outside. Up to ``STATS_MAX`` entries,
all are looked at, so that any column can be sorted. A larger folder is sorted by name from
what the directory itself says (name and kind), and only the page's own entries are looked
at; the sorted names of the last large folder are kept until its mtime changes, since paging
through it would else sort it again for each page. Must never know HTTP or HTML.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from itertools import islice

from reactor.apps.index import Entry, Order, Page
from reactor.apps.resolve import Root, hidden

# Rows of one page: what a phone scrolls, and under 10 ms of work.
PAGE_ROWS = 500
# One look costs about 3 us.
STATS_MAX = 2_000
# Directories larger than this are shown in part, and the page says so.
ENTRIES_MAX = 100_000

_NUMBER = re.compile("[0-9]+")


def natural_key(name: str) -> tuple[str, str]:
    """Sorts ``img9`` before ``img10``, ignoring case; the name itself decides between equals."""
    # Each number is preceded by its own length, so that plain string order compares values.
    return _NUMBER.sub(_numbered, name.casefold()), name


def _numbered(match: re.Match[str]) -> str:
    digits = match.group().lstrip("0")
    return f"{len(digits):03}{digits}"


class FolderReader:
    """Reads the folders beneath one root, a page at a time."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._large: tuple[tuple[int, int, int], list[tuple[bool, str]], bool] | None = None

    def read(self, names: list[bytes], order: Order, number: int) -> Page | None:
        """Page ``number`` (from 1, clamped) of the folder; None if there is no such folder.

        Raises:
            OSError: the machine's own trouble.
        """
        descriptor = self._root.open_folder(names)
        if descriptor is None:
            return None
        try:
            return self._read(descriptor, names, order, number)
        finally:
            os.close(descriptor)

    def _read(self, descriptor: int, names: list[bytes], order: Order, number: int) -> Page:
        found, complete = self._scan(descriptor, top=not names)
        if len(found) > STATS_MAX:
            return self._large_page(descriptor, names, found, order, number, complete=complete)
        entries = list(self._look(descriptor, names, found))
        order.sort(entries, natural_key)
        number, pages, window = _window(len(entries), number)
        files = [entry.size for entry in entries if entry.size is not None]
        folders = len(entries) - len(files)
        return Page(entries[window], order, number, pages, folders, len(files), sum(files))

    def _large_page(
        self,
        descriptor: int,
        names: list[bytes],
        found: list[tuple[bool, str]],
        order: Order,
        number: int,
        *,
        complete: bool,
    ) -> Page:
        number, pages, window = _window(len(found), number)
        files = sum(is_file for is_file, _ in found)
        return Page(
            list(self._look(descriptor, names, found[window])),
            Order("name", descending=False),
            number,
            pages,
            len(found) - files,
            files,
            sortable=False,
            complete=complete,
        )

    def _scan(self, descriptor: int, *, top: bool) -> tuple[list[tuple[bool, str]], bool]:
        """(is no folder, name) of every visible entry, sorted by name if there are many."""
        status = os.fstat(descriptor)
        key = (status.st_dev, status.st_ino, status.st_mtime_ns)
        large = self._large
        if large is not None and large[0] == key:
            return large[1], large[2]
        with os.scandir(descriptor) as entries:
            read = list(islice(entries, ENTRIES_MAX + 1))
        complete = len(read) <= ENTRIES_MAX
        found = [
            (not entry.is_dir(follow_symlinks=False), entry.name)
            for entry in read[:ENTRIES_MAX]
            if not (entry.name[0] == "." and hidden(os.fsencode(entry.name), top=top))
            and self._servable(entry)
        ]
        if len(found) > STATS_MAX:
            found.sort(key=lambda pair: (pair[0], natural_key(pair[1])))
            self._large = (key, found, complete)
        return found, complete

    def _servable(self, entry: os.DirEntry[str]) -> bool:
        if entry.is_symlink():
            return self._root.openat2
        return entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)

    def _look(
        self, descriptor: int, names: list[bytes], found: list[tuple[bool, str]]
    ) -> Iterator[Entry]:
        for _, name in found:
            try:
                status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            except OSError:
                # Gone since the folder was read.
                continue
            if stat.S_ISLNK(status.st_mode):
                target = self._root.look([*names, os.fsencode(name)])
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
