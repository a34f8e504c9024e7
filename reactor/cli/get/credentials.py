"""Name and password for a host: from ``--user`` or netrc.

Knows which host may see which. A name and a password become one field of the request, which
the client drops when a redirect leads to another origin. Must never show either.
"""

from __future__ import annotations

import argparse

from reactor.cli.output import shown
from reactor.errors import ConfigurationError
from reactor.limits import MIB

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reactor.cli.get.netrc import Entry

_NETRC_BYTES_MAX = MIB  # ten thousand hosts; a device or a pipe has no end


class Credentials:
    """``fields_for(url)`` is the Authorization field, or nothing."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._user: str | None = options.user
        if options.user is not None and ":" not in options.user:
            self._user = f"{options.user}:{_ask_password(options.user)}"
        self._given = any(name.lower() == "authorization" for name, _ in options.header)
        self._netrc = _read_netrc() if options.netrc else None

    def fields_for(self, url: str) -> list[tuple[str, str]]:
        if self._given:
            return []
        pair = self._pair(url)
        if pair is None:
            return []
        from reactor.client.request import basic  # the help needs no client

        return [("Authorization", basic(*pair))]

    def _pair(self, url: str) -> tuple[str, str] | None:
        if self._user is not None:
            name, _, password = self._user.partition(":")
            return name, password
        if self._netrc is None:
            return None
        from urllib.parse import unquote, urlsplit

        try:
            parts = urlsplit(url)
        except ValueError:
            return None  # the client says what is wrong with it
        # A password that the URL has comes first, and the client sends it.
        if not parts.hostname or parts.password is not None:
            return None
        from reactor.cli.get.netrc import credentials_for

        user = None if parts.username is None else unquote(parts.username)
        return credentials_for(self._netrc, parts.hostname, user)


def _ask_password(name: str) -> str:
    """On the terminal, not on stdin: that may be what is sent."""
    import getpass

    try:
        with open("/dev/tty", "rb"):
            pass
    except OSError:
        raise ConfigurationError(
            "-u NAME asks for the password on a terminal, and there is none: "
            "write -u NAME:PASSWORD, or -n for the one in ~/.netrc"
        ) from None
    return getpass.getpass(f"Password of {shown(name)}: ")


def _read_netrc() -> list[Entry]:
    import os

    from reactor.cli.get.netrc import read_entries

    path = os.environ.get("NETRC") or os.path.expanduser("~/.netrc")
    try:
        with open(path, "rb") as file:
            return read_entries(os.fsdecode(file.read(_NETRC_BYTES_MAX)))
    except FileNotFoundError:
        return []  # as curl: it names nobody
    except OSError as error:
        raise ConfigurationError(f"--netrc: cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigurationError(f"--netrc: {path} is not written as netrc(5) says") from error
