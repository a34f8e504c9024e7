"""A second opinion on HTTP/1.1: the rules of framing, on top of the grammar in ``rfc_grammar``.

An implementation and its test can share a mistake, so this oracle was written from the grammar
alone, without a look at the parser. It is for reading, not for speed: the whole input is there at
once, and a connection is judged from its first byte to its last.

It knows the rules of framing and the bounds in ``reactor.limits``. It must never import the parser,
nor copy a decision from it: where the RFC leaves a choice, the choice is said in a comment that
begins with "Choice".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from rfc_grammar import (
    CRLF,
    DIGIT,
    Host,
    HTTP_version,
    authority_form,
    chunk_line,
    field_line,
    path_form,
    request_line,
    status_line,
    tchar,
    token,
)

INT64_MAX = 2**63 - 1
SIZE_DIGITS_MAX = 16
LENGTH_DIGITS_MAX = 32
# RFC 9110 6.5.1: what frames, routes, authenticates or modifies must come before the content.
# Choice: those of 7 to 13 that do, the cookies, and what proxies route by.
NOT_IN_TRAILERS = frozenset(
    b"transfer-encoding content-length host trailer te connection keep-alive proxy-connection "
    b"upgrade expect max-forwards content-encoding authorization proxy-authorization "
    b"www-authenticate proxy-authenticate cookie set-cookie forwarded x-forwarded-for "
    b"x-forwarded-host x-forwarded-proto".split()
)
TOO_LARGE = frozenset({400, 413, 431})
BAD = frozenset({400})

Fields = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True)
class Message:
    """One whole message; ``end`` is the offset of the byte after it, from the input's start."""

    start_line: tuple[bytes | int, ...]
    version: int
    headers: Fields
    body: bytes
    trailers: Fields
    end: int


@dataclass(frozen=True)
class Verdict:
    """Every whole message, and what became of the rest of the input.

    ``state``: "accept" (nothing is left, or what is left is ignored), "incomplete", or "reject";
    ``statuses``: each status that answers one of the rules which the rejected message breaks.
    """

    messages: tuple[Message, ...] = ()
    state: str = "accept"
    statuses: frozenset[int] = field(default=frozenset())


class Reject(Exception):
    def __init__(self, statuses: frozenset[int]) -> None:
        self.statuses = statuses


class Incomplete(Exception):
    pass


def only(values: list[bytes]) -> bytes | None:
    return values[0] if len(values) == 1 else None


def elements(values: list[bytes]) -> list[bytes]:
    """RFC 9110 5.6.1: a comma list over all lines of a field, in lower case, empty ones dropped."""
    parts = b",".join(values).split(b",")
    return [part.strip(b" \t").lower() for part in parts if part.strip(b" \t")]


def values_of(fields: Fields, name: bytes) -> list[bytes]:
    return [value for each, value in fields if each.lower() == name]


def has_bare_cr_or_lf(data: bytes) -> bool:
    """RFC 9112 2.2. A CR at the very end may still get its LF."""
    return re.search(rb"\r(?!\n|\Z)|(?<!\r)\n", data) is not None


def skip_empty_lines(data: bytes, at: int, limits, lenient: bool = False) -> int:
    """RFC 9112 2.2: a server ignores at least one CRLF before a request line."""
    count = 0
    while data.startswith((CRLF, b"\n") if lenient else CRLF, at):
        at, count = data.index(b"\n", at) + 1, count + 1
        if count > limits.leading_empty_lines_max:
            raise Reject(BAD)
    if count == limits.leading_empty_lines_max and data.startswith(b"\r", at):
        raise Reject(BAD)  # its LF would make it one too many, another byte a bare CR
    return at


def cut_head(data: bytes, at: int, limits, first_line_fault) -> tuple[bytes, list[bytes], int]:
    """The start line, the field lines and the offset after the empty line."""
    end = data.find(CRLF + CRLF, at)
    whole = end >= 0
    head = data[at:end] if whole else data[at:]
    broken = set()
    if has_bare_cr_or_lf(head):
        broken.add(400)
    start, *lines = head.split(CRLF)
    if len(start.rstrip(b"\r") + CRLF) > limits.request_line_bytes_max:
        broken.add(414)
    if any(len(line.rstrip(b"\r") + CRLF) > limits.field_bytes_max for line in lines):
        broken.add(431)
    if len(head) - len(start) > limits.fields_bytes_max:
        broken.add(431)
    done = lines if whole else lines[:-1]
    if len(done) > limits.field_count_max:
        broken.add(431)
    if whole or lines or broken:
        broken |= first_line_fault(start, limits)
    if any(field_line.fullmatch(line) is None for line in done):
        broken.add(400)
    if broken:
        # Whoever reads from the left may find the framing at fault before that.
        sound = [line for line in done if field_line.fullmatch(line)]
        raise Reject(frozenset(broken | framing_fault(parse_fields(sound), 11)))
    if not whole:
        raise Incomplete
    return start, lines, end + 4


def request_line_fault(line: bytes, limits) -> set[int]:
    """RFC 9112 3, and 2.3 for the version."""
    # Read from the left, the first digit of a version or a 33rd letter of a method is enough.
    broken = {505} if re.search(rb" HTTP/[02-9]", line) else set()
    if re.match(tchar + rb"{%d}" % (limits.method_bytes_max + 1), line):
        broken.add(501)
    match = request_line.fullmatch(line)
    if match is None:
        return broken | {400}
    method, target, version = match.groups()
    if method == b"CONNECT":
        if not authority_form.fullmatch(target):
            broken.add(400)
    elif not (path_form.fullmatch(target) or (target == b"*" and method == b"OPTIONS")):
        broken.add(400)
    if HTTP_version.fullmatch(version) is None:
        broken.add(400)
    return broken


def status_line_fault(line: bytes, _limits) -> set[int]:
    """RFC 9112 4. Choice: the SP before an absent reason is required, as the grammar says."""
    match = status_line.fullmatch(line)
    if match is None:
        return {400}
    numbers = HTTP_version.fullmatch(match[1])
    if numbers is None:
        return {400}
    return set() if numbers[1] == b"1" else {505, 400}


def parse_fields(lines: list[bytes]) -> Fields:
    return tuple(field_line.fullmatch(line).groups() for line in lines)


def host_fault(fields: Fields, version: int) -> set[int]:
    """RFC 9112 3.2: exactly one valid Host in 1.1, at most one in 1.0."""
    hosts = values_of(fields, b"host")
    if not hosts:
        return {400} if version == 11 else set()
    return set() if len(hosts) == 1 and Host.fullmatch(hosts[0]) else {400}


def framing_fault(fields: Fields, version: int, until_close: bool = False) -> set[int]:
    """RFC 9112 6.1 to 6.3: one Content-Length or one chunked, never a doubt.

    ``until_close``: an unknown coding is no doubt, since the connection's end is the message's.
    """
    lengths, codings = values_of(fields, b"content-length"), values_of(fields, b"transfer-encoding")
    broken = set()
    if lengths:
        value = only(lengths) or b""
        digits = re.fullmatch(DIGIT + rb"+", value) is not None
        # Choice: a bound on digits that carry nothing.
        if not digits or len(value) > LENGTH_DIGITS_MAX or int(value) > INT64_MAX:
            broken.add(400)
    if codings:
        if lengths or version == 10:
            broken.add(400)
        # RFC 9112 6.1: 501 for a coding that is unknown; 6.3: 400 if chunked is not last.
        chunked = [value.lower() for value in codings] == [b"chunked"]
        if not chunked and not (until_close and ends_with_connection(codings)):
            broken |= {400, 501}
    return broken


def ends_with_connection(codings: list[bytes]) -> bool:
    """RFC 9112 6.3, 4: a response in whose codings nobody could see chunked as the last one.

    Choice: each line ends in the name of a coding, which is chunked only where that is all of the
    first line, with another after it. "chunked," and "gzip, chunked" have chunked as their last.
    """
    for number, line in enumerate(codings):
        name = line.split(b",")[-1].strip(b" \t").lower()
        alone_first = number == 0 and line.lower() == b"chunked"
        if not re.fullmatch(token, name) or (name == b"chunked" and not alone_first):
            return False
    return True


def is_last(version: int, fields: Fields) -> bool:
    """RFC 9112 9.3: whether the connection ends after this message."""
    options = elements(values_of(fields, b"connection"))
    return b"close" in options or (version == 10 and b"keep-alive" not in options)


def read_line(data: bytes, at: int, bound: int) -> tuple[bytes, int]:
    end = data.find(CRLF, at)
    line = data[at:end] if end >= 0 else data[at:]
    if has_bare_cr_or_lf(line):
        raise Reject(BAD)
    if len(line) > bound:
        raise Reject(TOO_LARGE)
    if end < 0:
        raise Incomplete
    return line, end + 2


def read_chunked(data: bytes, at: int, limits) -> tuple[bytes, Fields, int]:
    """RFC 9112 7.1, to the end of the trailers."""
    body, extensions, framing, received = [], 0, 0, 0
    while True:
        start = at
        line, at = read_line(data, at, SIZE_DIGITS_MAX + limits.chunk_extension_bytes_max)
        match = chunk_line.fullmatch(line)
        if match is None or len(match[1]) > SIZE_DIGITS_MAX or int(match[1], 16) > INT64_MAX:
            raise Reject(BAD)
        size = int(match[1], 16)
        extensions += len(match[2])
        if (
            len(match[2]) > limits.chunk_extension_bytes_max
            or extensions > limits.chunk_extensions_bytes_max
        ):
            raise Reject(TOO_LARGE)
        if size == 0:
            break
        framing += at - start + 2
        body.append(data[at : at + size])
        received += len(body[-1])
        if framing > limits.chunk_overhead_bytes_max and framing > 0.8 * (framing + received):
            raise Reject(TOO_LARGE)
        at += size
        if not CRLF.startswith(data[at : at + 2]):
            raise Reject(BAD)
        if at + 2 > len(data):
            raise Incomplete
        at += 2
    trailers, at = read_trailers(data, at, limits)
    return b"".join(body), trailers, at


def read_trailers(data: bytes, at: int, limits) -> tuple[Fields, int]:
    """RFC 9112 7.1.2 and RFC 9110 6.5.1."""
    start, lines = at, []
    while True:
        line, at = read_line(data, at, limits.trailers_bytes_max)
        if not line:
            break
        if field_line.fullmatch(line) is None:
            raise Reject(BAD)
        lines.append(line)
        if len(lines) > limits.trailer_count_max or at - start > limits.trailers_bytes_max:
            raise Reject(TOO_LARGE)
    trailers = parse_fields(lines)
    if any(name.lower() in NOT_IN_TRAILERS for name, _ in trailers):
        raise Reject(BAD)
    return trailers, at


def read_body(data: bytes, at: int, fields: Fields, limits) -> tuple[bytes, Fields, int]:
    if values_of(fields, b"transfer-encoding"):
        return read_chunked(data, at, limits)
    length = int(only(values_of(fields, b"content-length")) or b"0")
    if at + length > len(data):
        raise Incomplete
    return data[at : at + length], (), at + length


def read_request(data: bytes, at: int, limits) -> tuple[Message, bool]:
    """One request, and whether it is the connection's last."""
    at = skip_empty_lines(data, at, limits)
    start, lines, at = cut_head(data, at, limits, request_line_fault)
    method, target, http = start.split(b" ")
    version = 10 if http == b"HTTP/1.0" else 11  # RFC 9110 2.5: 1.2 to 1.9 are read as 1.1
    fields = parse_fields(lines)
    broken = host_fault(fields, version) | framing_fault(fields, version)
    # RFC 9110 9.3.6: content of a CONNECT has no meaning. Choice: refuse it.
    has_content = values_of(fields, b"transfer-encoding") or any(
        value.strip(b"0") for value in values_of(fields, b"content-length")
    )
    if method == b"CONNECT" and has_content:
        broken.add(400)
    if broken:
        raise Reject(frozenset(broken))
    body, trailers, at = read_body(data, at, fields, limits)
    # RFC 9110 9.3.6. Choice: what follows a CONNECT is never read as HTTP, whatever the answer is.
    last = method == b"CONNECT" or is_last(version, fields)
    return Message((method, target), version, fields, body, trailers, at), last


def read_response(data: bytes, at: int, limits, method: bytes, eof: bool) -> tuple[Message, bool]:
    """One response to ``method``, and whether it is the connection's last."""
    at = skip_empty_lines(data, at, limits)
    start, lines, at = cut_head(data, at, limits, status_line_fault)
    http, code, reason = status_line.fullmatch(start).groups()
    version, status = 10 if http == b"HTTP/1.0" else 11, int(code)
    fields = parse_fields(lines)
    tunnel = status == 101 or (method == b"CONNECT" and 200 <= status < 300)
    # RFC 9112 6.3, 1 and 2: these end with their head, whatever their fields say.
    empty = tunnel or method == b"HEAD" or status < 200 or status in (204, 304)
    codings = [value.lower() for value in values_of(fields, b"transfer-encoding")]
    if broken := framing_fault(fields, version, until_close=True):
        raise Reject(frozenset(broken | {502}))
    last = tunnel or (is_last(version, fields) and status >= 200)
    body, trailers = b"", ()
    if empty:
        pass
    elif codings == [b"chunked"] or (not codings and values_of(fields, b"content-length")):
        body, trailers, at = read_body(data, at, fields, limits)
    elif not eof:
        raise Incomplete
    else:
        body, at, last = data[at:], len(data), True
    return Message((status, reason), version, fields, body, trailers, at), last


def judge(data: bytes, read_one) -> Verdict:
    messages: list[Message] = []
    at, last = 0, False
    try:
        while at < len(data) and not last:
            message, last = read_one(at, messages)
            messages.append(message)
            at = message.end
    except Reject as verdict:
        return Verdict(tuple(messages), "reject", verdict.statuses)
    except Incomplete:
        # Empty lines alone are no message yet: after one, nothing is missing.
        nothing_begun = messages and not data[at:].strip(CRLF)
        return Verdict(tuple(messages), "accept" if nothing_begun else "incomplete")
    return Verdict(tuple(messages), "accept" if messages else "incomplete")


def judge_request(data: bytes, limits) -> Verdict:
    """Judge all that a client sent on one connection."""
    return judge(data, lambda at, _: read_request(data, at, limits))


def judge_response(
    data: bytes,
    limits,
    methods: tuple[bytes, ...] = (),
    eof: bool = False,
) -> Verdict:
    """Judge all that a server sent; ``methods`` are the requests', GET where none is left."""

    def read_one(at: int, messages: list[Message]) -> tuple[Message, bool]:
        final = sum(1 for message in messages if message.start_line[0] >= 200)
        method = methods[final] if final < len(methods) else b"GET"
        return read_response(data, at, limits, method, eof)

    return judge(data, read_one)
