"""Name and password for a host: from ``--user`` or netrc.

Knows which host may see which. A name and a password become one field of the request, which
the client drops when a redirect leads to another origin. Must never show either.
"""

from __future__ import annotations

import argparse

from reactor.errors import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import netrc


class Credentials:
    """``fields_for(url)`` is the Authorization field, or nothing."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._user: str | None = options.user
        self._given = any(name.lower() == "authorization" for name, _ in options.header)
        self._netrc = _read_netrc() if options.netrc else None

    def fields_for(self, url: str) -> list[tuple[str, str]]:
        if self._given:
            return []
        pair = self._pair(url)
        if pair is None:
            return []
        from reactor.client.asked import basic  # the help needs no client

        return [("Authorization", basic(*pair))]

    def _pair(self, url: str) -> tuple[str, str] | None:
        if self._user is not None:
            name, _, password = self._user.partition(":")
            return name, password
        if self._netrc is None:
            return None
        from urllib.parse import urlsplit

        try:
            parts = urlsplit(url)
        except ValueError:
            return None  # the client says what is wrong with it
        # What the URL says comes first, and the client sends it.
        if parts.hostname and parts.username is None:
            found = self._netrc.authenticators(parts.hostname)
            if found is not None:
                return found[0] or found[1] or "", found[2] or ""
        return None


def _read_netrc() -> netrc.netrc:
    import netrc
    import os

    path = os.environ.get("NETRC") or os.path.expanduser("~/.netrc")
    try:
        return netrc.netrc(path)
    except FileNotFoundError as error:
        raise ConfigurationError(f"--netrc: there is no {path}") from error
    except OSError as error:
        raise ConfigurationError(f"--netrc: cannot read {path}: {error.strerror}") from error
    except (netrc.NetrcParseError, UnicodeError) as error:
        # The parser's message may hold a word of the file.
        raise ConfigurationError(f"--netrc: {path} is not written as netrc(5) says") from error
