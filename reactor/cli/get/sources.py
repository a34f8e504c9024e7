"""The URLs to fetch: those of the command line, then those of a file, one line at a time.

Knows lines. A list of any length is read as it is needed and never as a whole; a pipe whose
writer is slow is waited for by the loop, so the transfers under way go on meanwhile.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from collections import deque
from collections.abc import Callable, Iterable

from reactor.errors import ConfigurationError
from reactor.limits import KIB
from reactor.loop._core import EVENT_READ
from reactor.loop._registration import Registration
from reactor.net import Reactor

_READ_BYTES = 16 * KIB  # some hundred URLs: fetches begin before a slow list is whole
# No server takes a longer request line.
_LINE_BYTES_MAX = 64 * KIB
# Half a URL, or something else's: the client says what is wrong with it.
_SCHEMES = ("http:", "https:", "ftp:", "file:", "mailto:", "data:", "/")
# Of a "#" behind something else a fragment begins.
_COMMENT = re.compile(r"(?:^|\s)#")


class Urls:
    """``next`` gives one URL after another; None while there is none *yet*: see ``exhausted``."""

    def __init__(
        self,
        given: Iterable[str],
        path: str | None,
        reactor: Reactor,
        on_ready: Callable[[], object],
    ) -> None:
        self._found = deque(given)
        self._reactor = reactor
        self._on_ready = on_ready
        self._rest = b""
        self._registration: Registration | None = None
        self._fd = -1 if path is None else _open(path)
        self._waits = self._fd >= 0 and _may_have_to_wait(self._fd)

    @property
    def exhausted(self) -> bool:
        return not self._found and self._fd < 0

    def next(self) -> str | None:
        while not self._found and self._fd >= 0:
            if self._waits:
                if self._registration is None:
                    self._registration = self._reactor.register(self._fd, EVENT_READ, self)
                return None
            self._read()
        return self._found.popleft() if self._found else None

    def close(self) -> None:
        """Read no more."""
        self._unregister()
        if self._fd > 2:
            os.close(self._fd)
        self._fd = -1
        self._found.clear()

    # --- the handler of a pipe ------------------------------------------------------------

    def fileno(self) -> int:
        return self._fd

    def on_readable(self) -> None:
        self._unregister()  # until the next URL is wanted
        self._read()
        self._on_ready()

    def on_writable(self) -> None:
        raise NotImplementedError

    def on_deadline(self) -> None:
        raise NotImplementedError

    def _unregister(self) -> None:
        registration, self._registration = self._registration, None
        if registration is not None:
            self._reactor.unregister(registration)

    def _read(self) -> None:
        data = os.read(self._fd, _READ_BYTES)
        whole, _, self._rest = (self._rest + data).rpartition(b"\n")
        if not data:
            whole, self._rest = whole + b"\n" + self._rest, b""
            if self._fd > 2:
                os.close(self._fd)
            self._fd = -1
        if len(self._rest) > _LINE_BYTES_MAX:
            raise ConfigurationError("the list of URLs has a line that is too long for a URL")
        for line in os.fsdecode(whole).split("\n"):
            # Most lines have no "#", and to look for one costs a fraction of the pattern.
            text = (_COMMENT.split(line, maxsplit=1)[0] if "#" in line else line).strip()
            if text:
                self._found.append(text)


def with_scheme(url: str) -> str:
    """As curl: what names no scheme is http.

    >>> with_scheme("localhost:8000/a"), with_scheme("https://a/")
    ('http://localhost:8000/a', 'https://a/')
    """
    return url if "://" in url or url.startswith(_SCHEMES) or not url else f"http://{url}"


def _may_have_to_wait(fd: int) -> bool:
    """Whether epoll knows it: a file or /dev/null is always ready, and refused there."""
    mode = os.fstat(fd).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(fd)


def _open(path: str) -> int:
    if path == "-":
        if sys.stdin is None:
            raise ConfigurationError("-i -: stdin is closed")
        return sys.stdin.fileno()
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from error
    if stat.S_ISDIR(os.fstat(fd).st_mode):
        os.close(fd)
        raise ConfigurationError(f"cannot read {path}: {os.strerror(errno.EISDIR)}")
    return fd
