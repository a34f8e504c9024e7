"""Cookies in a file: Netscape's format, as curl, wget and browsers write it.

    #HttpOnly_.example.org <TAB> TRUE <TAB> / <TAB> FALSE <TAB> 1800000000 <TAB> name <TAB> value

A domain, whether names below it get the cookie too, the path, whether it is for https only, when
it ends (0: with the program), name and value. Must never know who sends them.
"""

from __future__ import annotations

import os
import stat

from reactor.client.cookies import Cookie, Cookies
from reactor.errors import ConfigurationError
from reactor.http.ascii import lower
from reactor.limits import MIB
from reactor.parser._digits import parse_digits

HEAD = "# Netscape HTTP Cookie File\n# Written by reactor, over whatever was here.\n\n"
_HTTP_ONLY = "#HttpOnly_"
_FILE_BYTES_MAX = 16 * MIB  # as many cookies as a client keeps, each as long as may be
# The last second of the year 9999: what is later is no time.
_SECONDS_DIGITS_MAX = 12


def load_cookies(path: str, cookies: Cookies) -> None:
    """Raises ConfigurationError: the file cannot be read. One that is not there has none."""
    try:
        with open(path, "rb") as file:
            text = file.read(_FILE_BYTES_MAX).decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from error
    for line in text.split("\n"):
        cookie = _cookie_of(line.rstrip("\r"))
        if cookie is not None:
            cookies.add(cookie)


def save_cookies(path: str, cookies: Cookies) -> None:
    """Raises OSError. The file is this user's alone, and never half of itself."""
    data = lines_of(cookies).encode("utf-8", "surrogateescape")
    try:
        regular = stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        regular = True
    if not regular:  # a device, a pipe
        with open(path, "wb") as file:
            file.write(data)
        return
    path = os.path.realpath(path)  # a symbolic link stays one
    new = f"{path}.{os.getpid()}"
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
        os.replace(new, path)
    except BaseException:
        os.unlink(new)
        raise


def lines_of(cookies: Cookies) -> str:
    """All of them, as a file has them."""
    return HEAD + "".join(map(_line_of, cookies.kept()))


def _cookie_of(line: str) -> Cookie | None:
    """None for a comment, and for what is none."""
    http_only = line.startswith(_HTTP_ONLY)
    line = line.removeprefix(_HTTP_ONLY) if http_only else line
    fields = line.split("\t")
    if line.startswith("#") or len(fields) != 7:
        return None
    domain, below, path, secure, ends, name, value = fields
    ends_at = parse_digits(ends, _SECONDS_DIGITS_MAX)
    if not domain.strip(".") or not path.startswith("/") or ends_at is None or not name:
        return None
    if any(c <= " " or c in ";\x7f" for c in name + value.replace(" ", "")):
        return None  # no field could hold it
    return Cookie(
        lower(domain.removeprefix(".")), name, path, value,
        below=below == "TRUE", secure=secure == "TRUE", ends_at=ends_at, http_only=http_only,
    )  # fmt: skip


def _line_of(cookie: Cookie) -> str:
    fields = (
        f"{_HTTP_ONLY if cookie.http_only else ''}{'.' if cookie.below else ''}{cookie.host}",
        "TRUE" if cookie.below else "FALSE",
        cookie.path,
        "TRUE" if cookie.secure else "FALSE",
        str(int(cookie.ends_at)),
        cookie.name,
        cookie.value,
    )
    return "\t".join(fields) + "\n"
