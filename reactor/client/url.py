"""http and https URLs: taken apart, checked, written as a request needs them.

Most URLs are plain: nothing in them has to be escaped, and there is one way to read them. Those
are taken apart by `_plain`; the standard library has the others, and is loaded for them only.

A name and a password in a URL are taken out here, once, so that nothing further on can
show them. Must never open a connection.
"""

from __future__ import annotations

from reactor.client._plain_url import plain_url
from reactor.client.failures import EXIT_URL
from reactor.errors import FetchError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from urllib.parse import SplitResult

PORTS = {"http": 80, "https": 443}
# What a browser does: spaces and non-ASCII are escaped, escapes that are there stay.
_SAFE = "/%:@!$&'()*+,;=~-._"

Origin = tuple[str, str, int]


class Url:
    """A URL without its fragment. ``text`` has no password and may be shown.

    A host that is an IPv6 address may have a zone ("fe80::1%eth0"), which is for this machine only.

    ``origin`` is what may see the same secrets (RFC 6454). Not to be changed; slots and an
    initialiser of its own, since each transfer makes one.
    """

    __slots__ = ("credentials", "origin", "target", "text")

    def __init__(
        self,
        text: str,
        origin: Origin,
        target: str,
        credentials: tuple[str, str] | None = None,
    ) -> None:
        self.text = text
        self.origin = origin
        self.target = target
        self.credentials = credentials

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Url):
            return NotImplemented
        return (self.text, self.credentials) == (other.text, other.credentials)

    def __hash__(self) -> int:
        return hash((self.text, self.credentials))

    def __repr__(self) -> str:
        return f"Url({self.text!r})"

    @property
    def scheme(self) -> str:
        return self.origin[0]

    @property
    def host(self) -> str:
        return self.origin[1]

    @property
    def port(self) -> int:
        return self.origin[2]

    @property
    def authority(self) -> str:
        """What the Host field says; the port only where it is not the scheme's own."""
        host = bracketed(self.host)
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def where(self) -> str:
        return f"{self.host} port {self.port}"

    @classmethod
    def parse(cls, text: str) -> Url:
        """Raises FetchError (exit code 3) for what is no http or https URL, TypeError for what is
        no text."""
        if not isinstance(text, str):
            raise TypeError(f"a URL is text, not {text!r}")
        found = plain_url(text)
        if found is not None:
            return cls(text, *found)
        from urllib.parse import unquote, urlsplit

        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as error:
            raise FetchError(f"that is no URL: {error}", EXIT_URL) from error
        if parts.scheme not in PORTS or not parts.hostname:
            shown = "that" if "@" in text else text or "''"
            raise FetchError(f"{shown} is no http URL: write http://HOST/PATH", EXIT_URL)
        if "\\" in parts.netloc:
            # To a browser it is a slash: which of the names is the host depends on who reads it.
            raise FetchError("that is no URL: a backslash before its path", EXIT_URL)
        credentials = None
        if parts.username is not None:
            credentials = unquote(parts.username), unquote(parts.password or "")
        host = _ascii_host(parts.hostname)
        origin = parts.scheme, host, PORTS[parts.scheme] if port is None else port
        return cls(_without_credentials(parts), origin, _target(parts), credentials)

    def join(self, reference: str) -> Url:
        """Where a Location leads to from here (RFC 9110 10.2.2).

        ``reference`` is a field's value, a character for each byte. Many servers write UTF-8 there
        without escaping it; bytes that are none are escaped as they are.

        Raises FetchError as `parse` does: a server may write anything there.
        """
        from urllib.parse import urljoin

        try:
            joined = urljoin(self.text, _text_of(reference))
        except ValueError as error:
            raise FetchError(f"it redirects to what is no URL: {error}", EXIT_URL) from error
        return Url.parse(joined)


def _target(parts: SplitResult) -> str:
    from urllib.parse import quote

    path = quote(_without_dots(parts.path) or "/", safe=_SAFE, errors="surrogateescape")
    query = quote(parts.query, safe=_SAFE + "?", errors="surrogateescape")
    return f"{path}?{query}" if query else path


def _without_dots(path: str) -> str:
    """RFC 3986 5.2.4 and 6.2.2.3: "." and ".." lead somewhere, they are no names."""
    if "/." not in path and "/%2" not in path:
        return path
    kept: list[str] = []
    first, *segments = path.split("/")
    for number, segment in enumerate(segments, 1):
        # RFC 3986 6.2.2.2: escaped or not, a dot is a dot.
        plain = segment.replace("%2e", ".").replace("%2E", ".")
        if plain not in {".", ".."}:
            kept.append(segment)
            continue
        if plain == ".." and kept:
            kept.pop()
        if number == len(segments):
            kept.append("")  # it leads to a folder
    return "/".join([first, *kept])


def _text_of(field: str) -> str:
    if field.isascii():
        return field
    text = field.encode("latin-1").decode("utf-8", "surrogateescape")
    return "".join(f"%{ord(c) - 0xDC00:02X}" if "\udc80" <= c <= "\udcff" else c for c in text)


def visible(url: str) -> str:
    """A URL without the password that may be in it, also one that cannot be parsed.

    >>> visible("http://me:secret@host/x"), visible("http://host/@x")
    ('http://host/x', 'http://host/@x')
    """
    if "@" not in url:
        return url
    from urllib.parse import urlsplit

    try:
        netloc = urlsplit(url).netloc
    except ValueError:
        return url.rpartition("@")[2]
    return url.replace(netloc, netloc.rpartition("@")[2], 1) if "@" in netloc else url


def bracketed(host: str) -> str:
    """A host as an authority has it. RFC 6874 4: a zone means nothing to anybody else."""
    return f"[{host.partition('%')[0]}]" if ":" in host else host


def _without_credentials(parts: SplitResult) -> str:
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()


def _ascii_host(host: str) -> str:
    """The host as the DNS has it. What could be mistaken for another part is refused."""
    if ":" in host:
        return _address(host)
    if not host.isascii():
        import idna  # few hosts need it

        try:
            # IDNA 2008: in the codec of the standard library, IDNA 2003, "straße" is "strasse",
            # which somebody else may have registered. UTS 46 lowers case, as browsers do.
            host = idna.encode(host, uts46=True).decode("ascii")
        except UnicodeError as error:
            raise FetchError(f"{host!r} is no host name", EXIT_URL) from error
    if any(c <= " " or c in "/\\?#@%<>^|\x7f" for c in host) or len(host) > 253:
        raise FetchError(f"{host!r:.80} is no host name", EXIT_URL)
    return host


def _address(host: str) -> str:
    """An IPv6 address; RFC 6874: of a zone the "%" is written "%25", by many as it is."""
    address, percent, zone = host.partition("%")
    if not percent:
        return host
    zone = zone.removeprefix("25")
    if not zone or not all(c.isascii() and (c.isalnum() or c in "-._~") for c in zone):
        raise FetchError(f"{host!r:.80} has no zone after its %25", EXIT_URL)
    return f"{address}%{zone}"
