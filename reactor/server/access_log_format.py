"""The formats of the access log: by name, or spelled out as Apache and gunicorn have it.

    %h %l %u %t "%r" %>s %b          Apache's mod_log_config
    %(h)s %(r)s %({Referer}i)s       gunicorn's access_log_format

A format is read once, into a tuple of functions; a line is what they return, joined. What a client
chose is escaped by each of them. Must never know where lines go.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from typing import Any

from reactor.errors import ConfigurationError
from reactor.http._sent_bytes import AnswerRecord
from reactor.server._line_formats import Combined, Custom, LineFormat, Pairs

Atom = Callable[[Any, AnswerRecord], str]

_ESCAPES = {
    code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0x100), ord('"'), ord("\\"))
}
NAMED = {"common": '%h %l %u %t "%r" %>s %b'}
_ATOM = re.compile(
    r"%(?:"
    r"\((?:\{(?P<of_gunicorn>[^}]*)\})?(?P<gunicorn>[A-Za-z])\)[sd]"
    r"|\{(?P<trace>traceparent|trace_id)\}(?![A-Za-z])"
    r"|[<>]?(?:\{(?P<of_apache>[^}]*)\})?(?P<apache>[A-Za-z%])"
    r"|(?P<wrong>.{0,20}))"
)
_TRACE = re.compile("[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


def escape(text: str) -> str:
    """Printable ASCII only, without a bare quote or backslash.

    >>> print(escape('a"b\\x1b[31m'))
    a\\x22b\\x1b[31m
    """
    return text.translate(_ESCAPES).encode("ascii", "backslashreplace").decode("ascii")


def host_of(peer: Any) -> str:
    """The address of a peer, without its port; ``-`` for a Unix socket's nameless one."""
    return str(peer[0]) if isinstance(peer, tuple) else "-"


def line_format(name: str, worker: int | None = None) -> LineFormat:
    """What makes the lines: of "combined", "common", "json" or "logfmt", or of atoms.

    Raises:
        ConfigurationError: an atom is none; the message has those that there are.
    """
    if name == "combined":
        return Combined()
    if name in ("json", "logfmt"):
        return Pairs(name == "json", worker)
    if "%" not in name and name not in NAMED:
        raise ConfigurationError(
            f"the access log's format {name!r:.80} is none: write combined, common, json, logfmt, "
            "or a format of atoms, as '%h %t \"%r\" %s'"
        )
    parts = compiled(NAMED.get(name, name), worker)
    return Custom(lambda peer, record: "".join([part(peer, record) for part in parts]))


def compiled(text: str, worker: int | None = None) -> tuple[Atom, ...]:
    """The functions that a format is made of."""
    parts: list[Atom] = []
    at = 0
    for found in _ATOM.finditer(text):
        parts += [_constant(text[at : found.start()])] * (at < found.start())
        parts.append(_atom_of(found, worker))
        at = found.end()
    return (*parts, *[_constant(text[at:])] * (at < len(text)))


def _atom_of(found: re.Match[str], worker: int | None) -> Atom:
    if found["trace"]:
        return _of_request(_traceparent if found["trace"] == "traceparent" else _trace_id)
    letter, of = found["gunicorn"], found["of_gunicorn"]
    known: dict[str, Atom] = {**ATOMS, **GUNICORNS} if letter else {**ATOMS, **APACHES}
    if not letter:
        letter, of = found["apache"], found["of_apache"]
    atom: Atom | None = None
    if letter == "w" and of is None:
        atom = _constant("-" if worker is None else str(worker))
    elif letter is not None and of is None:
        atom = known.get(letter)
    elif letter in WITH_NAME and of:
        atom = WITH_NAME[letter](of)
    elif letter is not None:
        atom = SPECIAL.get(f"{{{of}}}{letter}")
    if atom is None:
        raise ConfigurationError(
            f"the access log's format has no atom {found[0]!r:.40}; there are %{' %'.join(ATOMS)} "
            f"%a %p %q %w, {' '.join(f'%{name}' for name in SPECIAL)}, %{{NAME}}i of the request's "
            "header, %{NAME}o of the response's, %{NAME}e of the environment, %{FORMAT}t, "
            "%{traceparent} %{trace_id}, and %%"
        )
    return atom


# --- what they return ----------------------------------------------------------------------------


def _constant(text: str) -> Atom:
    return lambda peer, record: text


def _of_request(value: Callable[[Any], str | None]) -> Atom:
    """Of the request, escaped; ``-``: it has none, or there was no request."""

    def atom(peer: Any, record: AnswerRecord) -> str:
        text = None if record.request is None else value(record.request)
        return escape(text) if text else "-"

    return atom


def _client(peer: Any, record: AnswerRecord) -> str:
    return host_of(peer if record.request is None else record.request.client)


def _peer(peer: Any, record: AnswerRecord) -> str:
    """Who is connected: a proxy, where that is believed what it says of the client."""
    request = record.request
    if request is not None and request.arrival.peer is not None:
        return host_of(request.arrival.peer)
    return _client(peer, record)


def _line(peer: Any, record: AnswerRecord) -> str:
    request = record.request
    if request is not None:
        return f"{escape(request.method)} {escape(request.target)} {_version(request)}"
    return escape(record.line.decode("latin-1")) if record.line else "-"


def _version(request: Any) -> str:
    return f"HTTP/1.{request.version - 10}"


def _path(request: Any) -> str:
    return str(request.target.partition("?")[0])


def _query(request: Any) -> str:
    return str(request.target.partition("?")[2])


def _marked_query(peer: Any, record: AnswerRecord) -> str:
    """Apache's: with its question mark, and nothing where there is none."""
    query = "" if record.request is None else _query(record.request)
    return f"?{escape(query)}" if query else ""


def _seconds(record: AnswerRecord) -> float:
    return max(0.0, record.taken_at - record.head_at)


def _to_first_byte(scale: float) -> Atom:
    def atom(peer: Any, record: AnswerRecord) -> str:
        first = record.first_byte_at
        return "-" if first is None else str(round(scale * max(0.0, first - record.head_at)))

    return atom


def _whole(scale: float) -> Atom:
    return lambda peer, record: str(round(scale * _seconds(record)))


def _now(form: str) -> Atom:
    """As Apache has it: what `strftime` knows, of UTC; sec, msec and usec since 1970."""
    scale = {"sec": 1, "msec": 1_000, "usec": 1_000_000}.get(form)
    if scale is not None:
        return lambda peer, record: str(int(time.time() * scale))
    return lambda peer, record: time.strftime(form, time.gmtime())


def _request_field(name: str) -> Atom:
    return _of_request(lambda request: request.headers.get(name))


def _response_field(name: str) -> Atom:
    def atom(peer: Any, record: AnswerRecord) -> str:
        value = None if record.headers is None else record.headers.get(name)
        return escape(value) if value else "-"

    return atom


def _environment(name: str) -> Atom:
    return _constant(escape(os.environ.get(name) or "-"))


def _traceparent(request: Any) -> str | None:
    value = request.headers.get("traceparent")
    return value if value and _TRACE.match(value) else None


def _trace_id(request: Any) -> str | None:
    value = _traceparent(request)
    return value[3:35] if value else None


# --- the atoms -----------------------------------------------------------------------------------

ATOMS: dict[str, Atom] = {
    "h": _client,
    "l": _constant("-"),
    "u": _constant("-"),
    "t": _now("[%d/%b/%Y:%H:%M:%S +0000]"),
    "r": _line,
    "m": _of_request(lambda request: request.method),
    "U": _of_request(_path),
    "H": _of_request(_version),
    "s": lambda peer, record: f"{record.status:03}",
    "b": lambda peer, record: str(record.body_bytes or "-"),
    "B": lambda peer, record: str(record.body_bytes),
    "O": lambda peer, record: str(record.bytes_sent),
    "D": _whole(1e6),
    "M": _whole(1e3),
    "T": lambda peer, record: str(int(_seconds(record))),
    "L": lambda peer, record: f"{_seconds(record):.6f}",
    "X": lambda peer, record: record.close,
    "v": _of_request(lambda request: request.host),
}
APACHES: dict[str, Atom] = {
    "a": _client,
    "p": lambda peer, record: str(os.getpid()),
    "P": lambda peer, record: str(os.getpid()),
    "q": _marked_query,
    "%": _constant("%"),
}
GUNICORNS: dict[str, Atom] = {
    "a": _request_field("user-agent"),
    "f": _request_field("referer"),
    "p": lambda peer, record: f"<{os.getpid()}>",
    "q": _of_request(_query),
}
SPECIAL: dict[str, Atom] = {
    "{c}h": _peer,
    "{c}a": _peer,
    "{first}D": _to_first_byte(1e6),
    "{first}M": _to_first_byte(1e3),
    "{s}T": ATOMS["T"],
    "{ms}T": _whole(1e3),
    "{us}T": _whole(1e6),
}
WITH_NAME: dict[str, Callable[[str], Atom]] = {
    "i": _request_field,
    "o": _response_field,
    "e": _environment,
    "t": _now,
}
