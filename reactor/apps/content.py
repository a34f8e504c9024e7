"""How one open file answers one request: validators, preconditions, ranges, fields.

Theory of operation. ``serve_content`` is given a descriptor and what ``fstat`` says of that
very descriptor, so that the fields and the bytes are of one file even if the name was moved
to another meanwhile. It owns the file from the first line: whatever it returns or raises,
the file is closed or inside the response's body. The rules are those of
``reactor.http.preconditions`` and ``.ranges``; here is only their order (RFC 9110 13.2.2,
14.2). Must never know paths, folders or which file was chosen.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from hashlib import blake2b

from reactor._file import File
from reactor.http.body import has_true_size
from reactor.http.dates import format_date
from reactor.http.preconditions import PreconditionResult, evaluate, range_applies
from reactor.http.ranges import Multipart, Span, content_range, select_ranges
from reactor.parser._headers import Headers
from reactor.parser._message import Request, Response

Fields = list[tuple[str, str]]

_CONDITIONS = ("If-Match", "If-Unmodified-Since", "If-None-Match", "If-Modified-Since")

# A file up to this size is read here and leaves with its head in one ``send``; a larger one is
# handed on open, for ``sendfile``.
WHOLE_BYTES_MAX = 32 * 1024

# Of a version's digest: no two versions of one file are ever equal by chance.
_TAG_BYTES = 8

# One piece of a multipart body in memory at a time: the size of a socket's send buffer.
_PIECE_BYTES = 64 * 1024


def joined(headers: Headers, name: str) -> str | None:
    """All field lines of a name as one value (RFC 9110 5.3); None if there is none."""
    values = headers.getall(name)
    return ", ".join(values) if values else None


def serve_content(
    request: Request,
    file: File,
    status: os.stat_result,
    *,
    kind: str,
    coding: str,
    extra: Fields,
    now_s: int,
) -> Response:
    """The response to a GET or HEAD whose selected representation is this open file.

    Args:
        request: for its method and conditional fields.
        file: a regular file at offset 0; owned by this call and then by the response.
        status: its ``fstat``.
        kind: the Content-Type.
        coding: the Content-Encoding, "" for none.
        extra: fields of every answer for this file, 304 included.
        now_s: Unix time.
    """
    try:
        if not has_true_size(file.fileno(), status):
            # Its time and size tell no versions apart, and nobody knows where its parts end.
            fields = [("Content-Type", kind), ("Accept-Ranges", "none"), *extra]
            return Response(200, fields + _coding_field(coding), file)
        # RFC 9110 8.8.2.1: Last-Modified is never later than the message's own Date.
        modified_s = max(0, min(status.st_mtime_ns // 10**9, now_s))
        etag = entity_tag(status, coding)
        common = [("Last-Modified", format_date(modified_s)), ("ETag", etag), *extra]
        result = _precondition(request, etag, modified_s, now_s)
        if result is not PreconditionResult.PROCEED:
            file.close()
            return _unsent(result, common)
        common += _coding_field(coding)
        common.append(("Accept-Ranges", "bytes"))
        size = status.st_size
        spans = _spans(request, size, etag, modified_s, now_s)
        if spans is None:
            fields = [("Content-Type", kind), ("Content-Length", str(size)), *common]
            if size <= WHOLE_BYTES_MAX and request.method == "GET":
                with file:
                    return Response(200, fields, file.read(size))
            return Response(200, fields, file)
        return _partial(file, spans, size, kind, common)
    except BaseException:
        file.close()
        raise


def _coding_field(coding: str) -> Fields:
    return [("Content-Encoding", coding)] if coding else []


def serve_page(request: Request, page: bytes, fields: Fields) -> Response:
    """The response to a GET or HEAD whose selected representation was made for it.

    Its validator is a digest of the bytes: what it was made from (a folder, and each file in it)
    has no one date, and no field that says that nothing of it has changed.
    """
    etag = f'"{blake2b(page, digest_size=_TAG_BYTES).hexdigest()}"'
    fields = [("ETag", etag), *fields]
    result = _precondition(request, etag, None, 0)
    if result is not PreconditionResult.PROCEED:
        return _unsent(result, [pair for pair in fields if pair[0] != "Content-Type"])
    return Response(200, fields, page)


def _precondition(
    request: Request, etag: str, modified_s: int | None, now_s: int
) -> PreconditionResult:
    conditions = {
        name: value for name in _CONDITIONS if (value := joined(request.headers, name)) is not None
    }
    if not conditions:
        return PreconditionResult.PROCEED
    return evaluate(request.method, conditions, etag, modified_s, now_s)


def entity_tag(status: os.stat_result, coding: str = "") -> str:
    """A strong validator from all that a change leaves a trace in; a coding makes other bytes.

    ``cp -p`` and ``touch`` can give other bytes the same size and mtime, but neither the inode
    nor the ctime. A digest, since an inode's number is nobody's business (CVE-2003-1418).
    """
    traces = status.st_mtime_ns, status.st_size, status.st_ino, status.st_ctime_ns
    digest = blake2b(repr(traces).encode(), digest_size=_TAG_BYTES).hexdigest()
    return f'"{digest}-{coding}"' if coding else f'"{digest}"'


def _unsent(result: PreconditionResult, common: Fields) -> Response:
    if result is PreconditionResult.NOT_MODIFIED:
        # RFC 9110 15.4.5: the fields that a cache updates; no Content-Length, no body.
        return Response(304, common)
    fields = [("Content-Type", "text/plain; charset=utf-8"), *common]
    return Response(412, fields, "Precondition Failed\n")


def _spans(
    request: Request, size: int, etag: str, modified_s: int, now_s: int
) -> list[Span] | None:
    # RFC 9110 14.2: Range is defined for GET only.
    if request.method != "GET":
        return None
    value = joined(request.headers, "Range")
    if value is None:
        return None
    if not range_applies(joined(request.headers, "If-Range"), etag, modified_s, now_s):
        return None
    return select_ranges(value, size)


def _partial(file: File, spans: list[Span], size: int, kind: str, common: Fields) -> Response:
    if not spans:
        file.close()
        fields = [("Content-Range", content_range(None, size)), *common]
        fields.append(("Content-Type", "text/plain; charset=utf-8"))
        return Response(416, fields, "Range Not Satisfiable\n")
    if len(spans) == 1:
        # RFC 9110 15.3.7.2: never a multipart answer with one part to ask for one.
        (span,) = spans
        file.seek(span.start)
        fields = [
            ("Content-Type", kind),
            ("Content-Length", str(span.length)),
            ("Content-Range", content_range(span, size)),
            *common,
        ]
        return Response(206, fields, file)
    frame = Multipart(spans, size, kind, secrets.token_hex(16))
    fields = [
        ("Content-Type", frame.content_type),
        ("Content-Length", str(frame.content_length)),
        *common,
    ]
    return Response(206, fields, Pieces(file, iter(frame)))


class Pieces:
    """A multipart body, read as it is sent; ``close`` releases the file whenever it comes.

    Not a generator: one that was never started would skip its own ``finally``.
    """

    def __init__(self, file: File, parts: Iterator[bytes | Span]) -> None:
        self._file = file
        self._parts = parts
        self._position = 0
        self._left = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        while not self._left:
            part = next(self._parts)
            if isinstance(part, bytes):
                return part
            self._position, self._left = part
        piece = os.pread(self._file.fileno(), min(self._left, _PIECE_BYTES), self._position)
        if not piece:
            # The file was cut since its size was announced: the sender must not pad it.
            raise StopIteration
        self._position += len(piece)
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        """Release the file; idempotent."""
        self._file.close()
