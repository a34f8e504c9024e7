"""The file that names and passwords for hosts are in, read as curl and ftp(1) read it.

Not by the standard library's module: that refuses the whole file for one word that it does not
know, in whoever's entry it is. Must never show what it reads, nor know what it is for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# A quoted word, a comment up to the end of the line, or what lies between two blanks.
_TOKEN = re.compile(r'[ \t\r]*(?:"((?:[^"\\]|\\.)*)"|(#.*)|([^ \t\r"][^ \t\r]*))[ \t\r]*')
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


class Entry:
    """A machine's name and password; ``host`` is None for what is left to all others."""

    def __init__(self, host: str | None) -> None:
        self.host = host
        self.login: str | None = None
        self.password: str | None = None


def read_entries(text: str) -> list[Entry]:
    """Raises ValueError for a quote that nothing ends."""
    found: list[Entry] = []
    words = _words(text)
    for word in words:
        if word == "default":
            found.append(Entry(None))
        elif word == "machine":
            found.append(Entry(next(words, "").lower()))
        elif word in {"login", "password", "account"}:
            value = next(words, "")
            if found and word != "account":
                setattr(found[-1], word, value)
        # Whatever else there is ("method", "port") is somebody else's.
    return found


def credentials_for(entries: list[Entry], host: str, user: str | None) -> tuple[str, str] | None:
    """Name and password by the first entry of a host, or by its first for ``user``."""
    for entry in entries:
        if entry.host not in {None, host.lower()} or user not in {None, entry.login}:
            continue
        if entry.login is not None or entry.password is not None:
            return entry.login or "", entry.password or ""
    return None


def _words(text: str) -> Iterator[str]:
    in_macro = False
    for line in text.split("\n"):
        if in_macro:
            in_macro = bool(line.strip())
            continue
        for word in _words_of(line):
            if word == "macdef":
                in_macro = True
                break
            yield word


def _words_of(line: str) -> Iterator[str]:
    at = 0
    while at < len(line.rstrip()):
        found = _TOKEN.match(line, at)
        if found is None:
            raise ValueError("a quote that nothing ends")
        quoted, comment, plain = found.groups()
        if comment is not None:
            return
        if plain is None:
            plain = re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[1]), quoted)
        yield plain
        at = found.end()
