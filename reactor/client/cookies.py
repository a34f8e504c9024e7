"""Cookies: what a server sets goes back to the host that set it, and to no other.

Login pages and guards redirect to themselves until their cookie comes. A right subset of RFC 6265:
Path, Secure, Max-Age and Expires hold; Domain can only refuse a cookie, never send it further than
to its own host (only a cookie that the user brings may be for the names below one). Those of a
fetch end with it; a client may have some for all its fetches. Must never know a connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from reactor._value import Value
from reactor.client.url import Url
from reactor.http.ascii import lower
from reactor.http.dates import parse_date
from reactor.limits import Limits

# Of seconds: three thousand years end no sooner if there are more.
_AGE_DIGITS_MAX = 11


class Cookie(Value):
    """``below``: for the names below its host too; ``ends_at`` is a Unix time, 0 for no end."""

    host: str
    name: str
    path: str
    value: str
    below: bool = False
    secure: bool = False
    ends_at: float = 0
    http_only: bool = False


class Cookies:
    """``take`` what a response sets, ``field`` is what a request sends.

    ``most`` is how many are kept, ``clock`` tells the Unix time: without one, none ends.
    """

    def __init__(
        self, limits: Limits, most: int | None = None, clock: Callable[[], float] = float
    ) -> None:
        self._bytes_max = limits.cookie_bytes_max
        self._most = limits.cookies_max if most is None else most
        self._clock = clock
        self._kept: dict[tuple[str, str, str], Cookie] = {}

    def add(self, cookie: Cookie) -> None:
        key = cookie.host, cookie.name, cookie.path
        if key in self._kept or len(self._kept) < self._most:
            self._kept[key] = cookie

    def kept(self) -> list[Cookie]:
        """Those that have not ended."""
        now = self._clock()
        return [cookie for cookie in self._kept.values() if not 0 < cookie.ends_at <= now]

    def take(self, url: Url, fields: Iterable[str], now: float) -> None:
        """Values of Set-Cookie in a response to ``url`` (RFC 6265 5.2 and 5.3)."""
        for field in fields:
            pair, _, rest = field.partition(";")
            name, equals, value = (part.strip(" \t") for part in pair.partition("="))
            attributes = _attributes(rest)
            secure = "secure" in attributes
            if (
                not (name and equals)
                or len(pair) > self._bytes_max
                or not _is_of(url.host, attributes.get("domain", ""))
                or (secure and url.scheme != "https")
            ):
                continue
            path = attributes.get("path", "")
            if not path.startswith("/"):
                path = url.target.partition("?")[0].rpartition("/")[0] or "/"
            ends_at = _ends_at(attributes, now)
            if 0 < ends_at <= now:
                self._kept.pop((url.host, name, path), None)
            else:
                http_only = "httponly" in attributes
                self.add(Cookie(url.host, name, path, value, False, secure, ends_at, http_only))

    def field(self, url: Url) -> str:
        """The value of Cookie (RFC 6265 5.4), the longest paths first; "" for none."""
        target = url.target.partition("?")[0]
        sent = [
            (cookie.path, f"{cookie.name}={cookie.value}")
            for cookie in self.kept()
            if (url.host == cookie.host or (cookie.below and _is_below_host(url.host, cookie.host)))
            and _is_below(target, cookie.path)
            and (url.scheme == "https" or not cookie.secure)
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
    return domain in {"", host} or _is_below_host(host, domain)


def _is_below_host(host: str, domain: str) -> bool:
    """RFC 6265 5.1.3: an address has no names below it."""
    return host.endswith(f".{domain}") and not host[-1].isdigit()


def _is_below(target: str, path: str) -> bool:
    """RFC 6265 5.1.4."""
    return target == path or (
        target.startswith(path) and (path.endswith("/") or target[len(path)] == "/")
    )


def _ends_at(attributes: dict[str, str], now: float) -> float:
    """RFC 6265 5.2.1 and 5.2.2: Max-Age wins over Expires. 0: it ends with the program."""
    age = attributes.get("max-age", "")
    digits = age.removeprefix("-")
    if digits.isascii() and digits.isdigit():
        if digits != age or not digits.strip("0"):
            return now
        return now + int(digits[:_AGE_DIGITS_MAX])
    expires = attributes.get("expires", "")
    until = parse_date(expires, int(now))
    if until is None:  # many write "01-Jan-1970"
        until = parse_date(expires.replace("-", " "))
    # 1 and not 0: the beginning of 1970 is how a cookie is taken back.
    return 0 if until is None else max(1, until)
