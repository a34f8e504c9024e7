"""Cookies of one fetch: what a redirect sets goes back to the host that set it, and to no other.

Login pages and guards redirect to themselves until their cookie comes. A right subset of RFC 6265:
Path, Secure, Max-Age and Expires hold; Domain can only refuse a cookie, never send it further than
to its own host. Nothing outlives the fetch. Must never know a connection, or a clock.
"""

from __future__ import annotations

from collections.abc import Iterable

from reactor.client.url import Url
from reactor.http.ascii import lower
from reactor.http.dates import parse_date
from reactor.limits import Limits

# Host, name, path.
_Key = tuple[str, str, str]


class Cookies:
    """``take`` what a response sets, ``field`` is what a request sends."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._kept: dict[_Key, tuple[str, bool]] = {}  # value, and whether https only

    def take(self, url: Url, fields: Iterable[str], now: float) -> None:
        """Values of Set-Cookie in a response to ``url`` (RFC 6265 5.2 and 5.3)."""
        for field in fields:
            pair, _, rest = field.partition(";")
            name, equals, value = (part.strip(" \t") for part in pair.partition("="))
            attributes = _attributes(rest)
            secure = "secure" in attributes
            if (
                not (name and equals)
                or len(pair) > self._limits.cookie_bytes_max
                or not _is_of(url.host, attributes.get("domain", ""))
                or (secure and url.scheme != "https")
            ):
                continue
            path = attributes.get("path", "")
            if not path.startswith("/"):
                path = url.target.partition("?")[0].rpartition("/")[0] or "/"
            key = url.host, name, path
            if _is_over(attributes, now):
                self._kept.pop(key, None)
            elif key in self._kept or len(self._kept) < self._limits.cookies_max:
                self._kept[key] = value, secure

    def field(self, url: Url) -> str:
        """The value of Cookie (RFC 6265 5.4), the longest paths first; "" for none."""
        target = url.target.partition("?")[0]
        sent = [
            (path, f"{name}={value}")
            for (host, name, path), (value, secure) in self._kept.items()
            if host == url.host
            and _is_below(target, path)
            and (url.scheme == "https" or not secure)
        ]
        sent.sort(key=lambda found: -len(found[0]))
        return "; ".join(pair for _, pair in sent)


def _attributes(text: str) -> dict[str, str]:
    """By their names in lower case; of one that is given twice, the last."""
    found = {}
    for part in text.split(";"):
        name, _, value = part.partition("=")
        found[lower(name.strip(" \t"))] = value.strip(" \t")
    return found


def _is_of(host: str, domain: str) -> bool:
    """RFC 6265 5.3, 5 and 6: whether a host may set cookies for a domain. "" is the host itself."""
    domain = lower(domain.removeprefix("."))
    return domain in {"", host} or (host.endswith(f".{domain}") and not host[-1].isdigit())


def _is_below(target: str, path: str) -> bool:
    """RFC 6265 5.1.4."""
    return target == path or (
        target.startswith(path) and (path.endswith("/") or target[len(path)] == "/")
    )


def _is_over(attributes: dict[str, str], now: float) -> bool:
    """RFC 6265 5.2.1 and 5.2.2: Max-Age wins over Expires."""
    age = attributes.get("max-age", "")
    digits = age.removeprefix("-")
    if digits.isascii() and digits.isdigit():
        return digits != age or not digits.strip("0")
    expires = attributes.get("expires", "")
    until = parse_date(expires, int(now))
    if until is None:  # many write "01-Jan-1970"
        until = parse_date(expires.replace("-", " "))
    return until is not None and until <= now
