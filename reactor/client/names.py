"""Names for files whose content somebody else chose.

Knows what a URL and a Content-Disposition field call a file, and makes a name of it
that is harmless: one component, visible, printable, never one of the names that
saving itself uses. Must never look at a disk: whether a name is free is not its business.

A name is made from the URL that the user wrote, never from where redirects led
(CVE-2010-2252), and from Content-Disposition only when the user says so.
"""

from __future__ import annotations

from reactor.client._plain_url import plain_name
from reactor.client.url import Url
from reactor.http.ascii import lower

# What saving calls a file that is not whole yet, and what it knows about it.
PART_SUFFIX = ".part"
SIDECAR_SUFFIX = ".part.json"

# 255 is every file system's bound; ".part.json" and a number such as ".12345678" must fit in.
NAME_BYTES_MAX = 230
_EXTENSION_BYTES_MAX = 20

_DEFAULT = "index.html"
# Devices on a disk that Windows reads too, whatever follows the first dot.
_RESERVED = {"con", "prn", "aux", "nul"} | {
    f"{port}{digit}" for port in ("com", "lpt") for digit in "123456789\u00b9\u00b2\u00b3"
}
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def name_from_url(url: Url) -> str:
    """The last name of a URL's path, made harmless.

    >>> name_from_url(Url.parse("http://host/a/page.html?x=/y"))
    'page.html'
    >>> name_from_url(Url.parse("http://host/..%2f.bashrc"))
    'bashrc'
    """
    name = plain_name(url.target)
    if name is not None:
        return name
    last = url.target.partition("?")[0].rpartition("/")[2]
    if "%" in last:
        from urllib.parse import unquote

        last = unquote(last, errors="surrogateescape")
    return harmless(last)


def name_from_disposition(field: str) -> str | None:
    """The file name in a Content-Disposition field (RFC 6266), made harmless; None without one.

    >>> name_from_disposition("attachment; filename=x.txt; filename*=UTF-8''na%C3%AFve.txt")
    'naïve.txt'
    >>> name_from_disposition('attachment; filename="/etc/passwd"')
    'passwd'
    >>> name_from_disposition("inline") is None
    True
    """
    parameters = _parameters(field)
    name = _extended(parameters.get("filename*", "")) or parameters.get("filename")
    if name is None:
        return None
    # RFC 6266 4.3: a path is reduced to its last part, whichever way its slashes lean.
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return harmless(last)


def harmless(name: str) -> str:
    """``name`` as one that can be created in any folder: the result is never empty.

    No separator, no control or invisible character, no dotfile, no option ("-rf"), no
    device, not too long, and never the name of a part of another file.
    """
    name = "".join(c for c in name if c.isprintable() and c not in "/\\")
    name = name.strip(". ")
    if not name:
        return _DEFAULT
    if name.startswith("-") or lower(name).partition(".")[0].rstrip(" ") in _RESERVED:
        name = f"_{name}"
    # A page that were saved as "x.part.json" could make a later --continue trust it.
    if lower(name).endswith((PART_SUFFIX, SIDECAR_SUFFIX)):
        name = f"{name}_"
    return _shortened(name)


def _shortened(name: str) -> str:
    if len(name.encode("utf-8", "replace")) <= NAME_BYTES_MAX:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension.encode("utf-8")) > _EXTENSION_BYTES_MAX:
        stem, dot, extension = name, "", ""
    room = NAME_BYTES_MAX - len((dot + extension).encode("utf-8"))
    # A character that the cut would halve goes.
    return stem.encode("utf-8")[:room].decode("utf-8", "ignore").rstrip(". ") + dot + extension


def _parameters(field: str) -> dict[str, str]:
    """The parameters after the disposition's type; of one that is given twice, the first."""
    found: dict[str, str] = {}
    rest = field.partition(";")[2]
    while rest:
        name, equals, rest = rest.partition("=")
        name = lower(name.strip(" \t;"))
        if not equals or not name or not _TOKEN.issuperset(name):
            break
        rest = rest.lstrip(" \t")
        if rest.startswith('"'):
            value, rest = _quoted(rest)
        else:
            value = rest.partition(";")[0]
            rest = rest[len(value) :]
            value = value.strip(" \t")
        found.setdefault(name, _text(value))
        rest = rest.lstrip(" \t").removeprefix(";")
    return found


def _quoted(text: str) -> tuple[str, str]:
    r"""The quoted string that ``text`` begins with (RFC 9110 5.6.4), and what follows it.

    Only ``\"`` and ``\\`` are taken as escapes: many servers write Windows paths unescaped.
    """
    value, index = [], 1
    while index < len(text) and text[index] != '"':
        if text[index] == "\\" and text[index + 1 : index + 2] in ('"', "\\"):
            index += 1
        value.append(text[index : index + 1])
        index += 1
    return "".join(value), text[index + 1 :]


def _text(value: str) -> str:
    """A field is Latin-1 on the wire, and in practice often UTF-8."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def _extended(value: str) -> str | None:
    """An extended value (RFC 8187): ``charset'language'percent-encoded``; None if it is none."""
    charset, _, rest = value.partition("'")
    _, quote, encoded = rest.partition("'")
    codec = {"utf-8": "utf-8", "iso-8859-1": "latin-1"}.get(lower(charset))
    if not quote or codec is None:
        return None
    from urllib.parse import unquote_to_bytes

    try:
        return unquote_to_bytes(encoded).decode(codec)
    except UnicodeError:
        return None
