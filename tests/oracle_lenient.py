"""The second opinion on a lenient client, on top of ``oracle_abnf``.

A head is rewritten as a strict sender would have written it, and then judged by the strict rules.
As there, it was written from the RFC, not from the parser; where the RFC leaves a choice, a comment
that begins with "Choice" says which one.
"""

from __future__ import annotations

import re

from oracle_abnf import (
    BAD,
    INT64_MAX,
    LENGTH_DIGITS_MAX,
    SIZE_DIGITS_MAX,
    TOO_LARGE,
    Fields,
    Incomplete,
    Message,
    Reject,
    Verdict,
    cut_head,
    ends_with_connection,
    is_last,
    judge,
    parse_fields,
    skip_empty_lines,
    status_line_fault,
    values_of,
)
from rfc_grammar import CRLF, DIGIT, field_line, status_line, token

# RFC 9110 5.5: what may be kept of controls. Choice: as a space. CR, LF and NUL are refused.
CONTROL = re.compile(rb"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")
FRAMES = (b"content-length", b"transfer-encoding")
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]+)([ \t]*)(;[\t\x20-\x7e\x80-\xff]*)?")


def strict_fields(text: bytes, trailer: bool = False) -> tuple[bytes, bool]:
    """Field lines as a strict sender writes them, and whether the connection must end for it."""
    closes, out = False, []
    # RFC 9112 5.2: a fold is spaces. What is before the first field is no fold of one.
    for field in re.split(rb"(?<=\n)(?![ \t])", text):
        content, end = re.fullmatch(rb"(?s)(.*?)((?<!\r)\r?\n|\r|)", field).groups()
        name, colon, value = content.partition(b":")
        bare = name.rstrip(b" \t")
        if colon and bare != name and re.fullmatch(token, bare):
            # RFC 9112 5.1. Choice: nothing after such a message is read.
            closes, name = True, bare
        unfolded = re.sub(rb"\r?\n(?=[ \t])", lambda found: b" " * len(found[0]), value)
        repaired = CONTROL.sub(b" ", unfolded)
        if trailer or bare.lower() not in FRAMES:
            # Choice: what frames the message is not repaired, and Connection is not looked at.
            closes = closes or (repaired != value and bare.lower() == b"connection")
            value = repaired
        out.append(name + colon + value + end.replace(b"\r\n", b"\n").replace(b"\n", CRLF))
    return b"".join(out), closes


def strict_start(line: bytes) -> bytes:
    """RFC 9112 4: white space for a space; a client may do without the reason, and its space."""
    found = re.match(rb"(HTTP/[0-9]\.[0-9])[ \t]+([0-9]{3})(?:[ \t]|(?=\r?\n|\r?\Z))", line)
    if found is None:
        return line
    whole = line.endswith(b"\n")
    reason = CONTROL.sub(b" ", line[found.end() :])
    if whole and not reason.endswith(CRLF):
        reason = reason[:-1] + CRLF
    return found[1] + b" " + found[2] + b" " + reason


def section_end(data: bytes, at: int) -> int:
    blank = re.compile(rb"\n\r?\n").search(data, at)
    return blank.end() if blank else len(data)


def strictly(data: bytes, at: int) -> tuple[bytes, int, bool]:
    """The data with a strict head at ``at``; the bytes that it took; whether it is the last."""
    end = section_end(data, at)
    start, newline, fields = data[at:end].partition(b"\n")
    blank = re.search(rb"(?:\A|(?<=\n))\r?\n\Z", fields)
    body = fields[: blank.start()] if blank else fields
    text, closes = strict_fields(body) if body else (b"", False)
    head = strict_start(start + newline) + text + (CRLF if blank else b"")
    return data[:at] + head + data[end:], len(head) - (end - at), closes


def framing(fields: Fields, version: int) -> tuple[int | None, list[bytes], bool]:
    """The length, the codings, and whether nothing more is read after the message.

    Choice: the empty coding and "identity" are none; chunked, said again, is said once.
    """
    length, codings, closes = None, [], False
    for name, value in fields:
        if name.lower() == b"content-length":
            for part in value.split(b","):
                digits = part.strip(b" \t")
                if not re.fullmatch(DIGIT + rb"+", digits) or len(digits) > LENGTH_DIGITS_MAX:
                    raise Reject(BAD)
                if int(digits) > INT64_MAX or (not codings and length not in (None, int(digits))):
                    raise Reject(BAD)
                length = int(digits)
        elif name.lower() == b"transfer-encoding":
            coding = value.lower()
            if coding in (b"", b"identity"):
                closes = True
            elif codings != [b"chunked"] or coding != b"chunked":
                codings.append(coding)
    if codings and (length is not None or version == 10):
        closes = True  # RFC 9112 6.1 and 6.3: the coding overrides a length
    repeated = len(values_of(fields, b"transfer-encoding")) > 1 and codings
    if codings not in ([], [b"chunked"]) and not ends_with_connection(codings):
        raise Reject(BAD)
    return None if codings else length, codings, closes or bool(repeated)


def read_chunks(data: bytes, at: int, limits) -> tuple[bytes, Fields, int]:
    """RFC 9112 7.1, with white space after a size, any extension, and LF where it is the end."""
    body, extensions = [], 0
    while True:
        line = CHUNK_LINE.match(data, at)
        if line is None:
            raise Incomplete if at == len(data) else Reject(BAD)
        after = data[line.end() : line.end() + 2]
        if len(line[1]) > SIZE_DIGITS_MAX or int(line[1], 16) > INT64_MAX:
            raise Reject(BAD)
        extension = line.end() - line.end(1)
        extensions += extension
        if (
            extension > limits.chunk_extension_bytes_max
            or extensions > limits.chunk_extensions_bytes_max
        ):
            raise Reject(TOO_LARGE)
        at = line.end() + end_of_line(after, line[3] is None)
        size = int(line[1], 16)
        if size == 0:
            break
        body.append(data[at : at + size])
        at += size
        if at > len(data):
            raise Incomplete
        at += end_of_line(data[at : at + 2], True)
    end = section_end(data, at - 1)
    text, _ = strict_fields(data[at:end], trailer=True)
    return b"".join(body), trailers_in(text, limits), end


def end_of_line(data: bytes, bare: bool) -> int:
    if data == CRLF:
        return 2
    if bare and data[:1] == b"\n":
        return 1
    raise Incomplete if data in (b"", b"\r") else Reject(BAD)


def trailers_in(text: bytes, limits) -> Fields:
    """RFC 9110 6.5.1: kept apart from the headers, whatever they are."""
    *lines, rest = text.split(CRLF)
    whole = bool(lines) and lines[-1] == b"" and rest == b""
    done = lines[:-1] if whole else lines
    if any(field_line.fullmatch(line) is None for line in done) or len(text) > 4096:
        raise Reject(BAD)
    if len(done) > limits.trailer_count_max:
        raise Reject(TOO_LARGE)
    if not whole:
        # A byte that no field line can have is seen at once.
        if re.search(rb"\r(?!\Z)|\0|\n", rest) or re.match(rb"[^\r]*[^\r:]\r", rest) is None:
            raise Incomplete if can_be_line(rest) else Reject(BAD)
        raise Incomplete
    return parse_fields(done)


def can_be_line(rest: bytes) -> bool:
    return re.fullmatch(rb"\r?|" + token + rb"[ \t]*(:[^\0\r\n]*\r?)?", rest) is not None


def read_lenient(data: bytes, at: int, limits, method: bytes, eof: bool) -> tuple[Message, bool]:
    at = skip_empty_lines(data, at, limits, lenient=True)
    data, added, closes = strictly(data, at)
    start, lines, at = cut_head(data, at, limits, status_line_fault)
    http, code, reason = status_line.fullmatch(start).groups()
    version, status = 10 if http == b"HTTP/1.0" else 11, int(code)
    fields = parse_fields(lines)
    length, codings, must_close = framing(fields, version)
    tunnel = status == 101 or (method == b"CONNECT" and 200 <= status < 300)
    empty = tunnel or method == b"HEAD" or status < 200 or status in (204, 304)
    last = tunnel or (status >= 200 and (closes or must_close or is_last(version, fields)))
    body, trailers = b"", ()
    if empty:
        pass
    elif codings == [b"chunked"]:
        body, trailers, at = read_chunks(data, at, limits)
    elif length is not None:
        if at + length > len(data):
            raise Incomplete
        body, at = data[at : at + length], at + length
    elif not eof:
        raise Incomplete
    else:
        body, at, last = data[at:], len(data), True
    return Message((status, reason), version, fields, body, trailers, at - added), last


def judge_lenient(
    data: bytes, limits, methods: tuple[bytes, ...] = (), eof: bool = False
) -> Verdict:
    """As `judge_response`, for a lenient client."""

    def read_one(at: int, messages: list[Message]) -> tuple[Message, bool]:
        final = sum(1 for message in messages if message.start_line[0] >= 200)
        method = methods[final] if final < len(methods) else b"GET"
        return read_lenient(data, at, limits, method, eof)

    return judge(data, read_one)
