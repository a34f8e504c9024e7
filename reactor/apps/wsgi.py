"""A WSGI application (PEP 3333) as an app of this server.

    request ─> environ ─> application(environ, start_response) ─> iterable ─> Response

`respond` calls the application and pulls pieces of its body until one is not empty:
that is the moment at which PEP 3333 has the headers sent, and until then a failure is
a clean 500. From there on the iterable is the HTTP machine's, which pulls a piece
whenever the client has taken the last ones, holds the body to its Content-Length,
and closes the iterable, however the response ends.

A list or tuple is the whole body, and leaves with its length in one piece. A plain
file in ``wsgi.file_wrapper`` is sent by the kernel.

Must never know: a socket, framing, which model serves it. What an application does
wrong is raised, and blamed on it by whoever called `respond`.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from itertools import chain
from types import TracebackType
from typing import Any, cast

from reactor._message import Headers, Request, Response
from reactor.apps.wsgi_environ import Environ, environ_template, fill_environ
from reactor.errors import LocalProtocolError
from reactor.http._serialise import reason_phrase
from reactor.http.ascii import parse_digits
from reactor.limits import DEFAULT_LIMITS
from reactor.net import Address

ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
StartResponse = Callable[..., Callable[[bytes], None]]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

_BODYLESS = {204, 304}


class WsgiApp:
    """An app that calls ``application(environ, start_response)``.

    Args:
        application: as PEP 3333 has it.
        body_bytes_max: the largest request body; it is in memory before the call.
        written_bytes_max: how much may be given to ``write()``. Nothing of it can be sent before
            the application returns, so it has to be kept.
    """

    def __init__(
        self,
        application: Application,
        body_bytes_max: int = DEFAULT_LIMITS.body_bytes_max,
        written_bytes_max: int = DEFAULT_LIMITS.body_bytes_max,
    ) -> None:
        self.body_bytes_max = body_bytes_max
        self._application = application
        self._written_bytes_max = written_bytes_max
        self._template = environ_template(None, False, FileWrapper)

    def serving(self, address: Address, multithread: bool) -> None:
        """Learn where, and by how many threads, the application is served."""
        self._template = environ_template(address, multithread, FileWrapper)

    def respond(self, request: Request) -> Response:
        call = _Call(self._written_bytes_max)
        environ = fill_environ(self._template.copy(), request)
        result = self._application(environ, call.start_response)
        if type(result) is list or type(result) is tuple:
            return call.response(call.joined(result))
        return _lazy_response(call, result, request)


class _Call:
    """One call of the application: what it has said by start_response and write."""

    __slots__ = ("_headers", "_reason", "_status", "_written", "_written_left", "begun", "returned")

    def __init__(self, written_bytes_max: int) -> None:
        self._headers: Headers | None = None
        self._written: list[bytes] | None = None
        self._written_left = written_bytes_max
        self.begun = False  # a piece of the body is there: the headers count as sent
        self.returned = False

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], None]:
        if exc_info is not None:
            try:
                if self.begun:
                    raise cast(BaseException, exc_info[1]).with_traceback(exc_info[2])
            finally:
                exc_info = None  # or traceback and frame would keep each other alive
        elif self._headers is not None:
            raise AssertionError("start_response was called a second time, without exc_info")
        if not isinstance(status, str):
            raise TypeError(f"a status is a str, not {type(status).__name__}")
        self._status, self._reason = _parse_status(status)
        self._headers = _checked_headers(headers)
        return self.write

    def write(self, data: bytes) -> None:
        """Keep ``data``, to be sent before what the iterable yields."""
        if self.returned:
            raise AssertionError("write was called after the application had returned")
        if not isinstance(data, bytes):
            raise TypeError(f"write takes bytes, not {type(data).__name__}")
        self._written_left -= len(data)
        if self._written_left < 0:
            raise ValueError("more was written than is kept in memory: return an iterable instead")
        if self._written is None:
            self._written = []
        self._written.append(data)
        self.begun = self.begun or bool(data)

    def joined(self, body: list[bytes] | tuple[bytes, ...]) -> bytes:
        """What was written, and then all of ``body``."""
        if self._written is not None:
            body = [*self._written, *body]
        for piece in body:
            if not isinstance(piece, bytes):
                raise TypeError(f"a body yields bytes, not {type(piece).__name__}")
        return body[0] if len(body) == 1 else b"".join(body)

    def before(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """What was written, and then ``pieces``."""
        return pieces if self._written is None else chain(self._written, pieces)

    @property
    def status(self) -> int:
        if self._headers is None:
            raise AssertionError("start_response was not called before the body began")
        return self._status

    def response(self, body: Any) -> Response:
        status = self.status
        self.begun = self.returned = True
        # What frameworks leave in a 204 or 304 is dropped, as in a HEAD: it is no fault of theirs.
        return Response(status, self._headers, b"" if status in _BODYLESS else body, self._reason)


class _Stream:
    """The rest of a body, for the machine; closes the application's iterable once."""

    __slots__ = ("_pieces", "_result")

    def __init__(self, result: Any) -> None:
        self._result = result
        self._pieces: Iterator[bytes] = iter(())

    def continue_with(self, first: bytes, pieces: Iterator[bytes]) -> None:
        self._pieces = chain((first,), pieces)

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def close(self) -> None:
        result, self._result = self._result, None
        if hasattr(result, "close"):
            result.close()


class FileWrapper:
    """``wsgi.file_wrapper``: a file as a body.

    ``FileWrapper(file, block_bytes)`` yields blocks of anything that has ``read``. One that
    the kernel can send itself is never read.
    """

    def __init__(self, file: Any, block_bytes: int = 8192) -> None:
        self.file = file
        self.block_bytes = block_bytes
        if hasattr(file, "close"):
            self.close = file.close

    def __iter__(self) -> Iterator[bytes]:
        return iter(partial(self.file.read, self.block_bytes), b"")


class _PlainFile:
    """The file of a FileWrapper, for the kernel to send; closing it closes the wrapper."""

    __slots__ = ("close", "fileno", "read", "seek", "tell")

    def __init__(self, file: Any, close: Callable[[], object]) -> None:
        file.flush()  # what was written to it may not be in its descriptor yet
        self.fileno, self.tell = file.fileno, file.tell
        self.read, self.seek = file.read, file.seek
        self.close = close

    def __enter__(self) -> _PlainFile:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def is_plain_file(file: Any) -> bool:
    """Whether reading ``file`` gives just the bytes of its descriptor, from ``tell()`` on.

    Exact types: a gzip.GzipFile has a descriptor too, of the compressed bytes.
    """
    raw = file.raw if type(file) in {io.BufferedReader, io.BufferedRandom} else file
    return (
        type(raw) is io.FileIO and raw.readable() and stat.S_ISREG(os.fstat(raw.fileno()).st_mode)
    )


def _lazy_response(call: _Call, result: Any, request: Request) -> Response:
    """The response of an iterable that is run only as far as its first piece."""
    stream = _Stream(result)
    try:
        if type(result) is FileWrapper and not call.begun and is_plain_file(result.file):
            body: Any = _PlainFile(result.file, stream.close)
        else:
            call.returned = True
            pieces = call.before(iter(result))
            first = _first_piece(pieces)
            stream.continue_with(first, pieces)
            body = stream if first else b""
        if not body or call.status in _BODYLESS:
            stream.close()
        response = call.response(body)
        if body is stream and request.method != "HEAD":
            _check_length(response.content_length, len(first))
    except BaseException:
        stream.close()
        raise
    return response


def _first_piece(pieces: Iterator[bytes]) -> bytes:
    """The first piece that is not empty; b"" if there is none."""
    for piece in pieces:
        if not isinstance(piece, bytes):
            raise TypeError(f"a body yields bytes, not {type(piece).__name__}")
        if piece:
            return piece
    return b""


def _check_length(length: int | None, size: int) -> None:
    # The machine holds all pieces to it; here it still can be answered with a 500.
    if length is not None and size > length:
        raise LocalProtocolError(f"Content-Length is {length} but the body has {size} bytes")


@lru_cache(256)
def _parse_status(status: str) -> tuple[int, str | None]:
    """``"404 Not Found"`` as a number and its reason, None if it is the usual one."""
    code = parse_digits(status[:3], 3) if status[3:4] == " " else None
    if code is None or len(status) < 4:
        raise LocalProtocolError(f"{status!r} is no status: write '200 OK'", "status")
    reason = status[4:]
    return code, None if reason == reason_phrase(code) else reason


def _checked_headers(headers: list[tuple[str, str]]) -> Headers:
    if type(headers) is not list:
        raise TypeError(f"headers are a list, not {type(headers).__name__}")
    for field in headers:
        if not isinstance(field, tuple) or len(field) != 2:
            raise TypeError(f"a header is a tuple of name and value, not {field!r}")
        if not (isinstance(field[0], str) and isinstance(field[1], str)):
            raise TypeError(f"name and value of a header are str: {field!r}")
    return Headers(headers)
