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

import socket
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from reactor.apps._environ import Environs
from reactor.apps._wsgi import WsgiCall, WsgiCaller
from reactor.http.app import ServingContext
from reactor.http.blame import name_of
from reactor.http.body import LateResponse, PlainFile, blocks_of, is_plain_file, not_bytes
from reactor.limits import DEFAULT_LIMITS
from reactor.net import Inet
from reactor.parser._message import Request, Response

Environ = dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], None]]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

_NO_BODIES = (str, bytes, bytearray, memoryview, dict)
_WILDCARDS = {"0.0.0.0", "::"}


class WsgiApp:
    """An app that calls ``application(environ, start_response)``.

    Args:
        application: as PEP 3333 has it.
        body_bytes_max: the largest request body; it is in memory before the call.
        unsent_bytes_max: how much of what is given to ``write()`` may wait for a slow client: the
            application cannot be made to wait for him, so it has to be kept.
        root_path: where it is mounted, SCRIPT_NAME; taken off each path that begins with it.
    """

    def __init__(
        self,
        application: Application,
        body_bytes_max: int = DEFAULT_LIMITS.body_bytes_max,
        unsent_bytes_max: int = DEFAULT_LIMITS.body_bytes_max,
        root_path: str = "",
    ) -> None:
        self._root_path = root_path.rstrip("/")
        self.body_bytes_max = body_bytes_max
        self.name = name_of(application)
        environs = Environs(environ_template(ServingContext(), self._root_path))
        self._caller = WsgiCaller(application, _lazy_response, environs, unsent_bytes_max)
        self.respond = self._caller.respond

    def serving(self, context: ServingContext) -> None:
        """Learn where and how the application is served, for its environs."""
        self._caller.environs = Environs(environ_template(context, self._root_path))


class _Unbegun(LateResponse):
    """Of an iterable that has given nothing but an empty piece."""

    def __init__(self, call: WsgiCall, stream: _Stream, pieces: Iterator[bytes]) -> None:
        self._call, self._stream = call, stream
        self.pieces = pieces
        self.close = stream.close  # type: ignore[method-assign]

    def begin(self, first: bytes) -> Response:
        return _begun(self._call, self._stream, first, self.pieces)


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
    the kernel can send itself is never read. Where the file can be moved in, so can the wrapper:
    frameworks cut ranges out of what can.
    """

    def __init__(self, file: Any, block_bytes: int = 8192) -> None:
        self.file = file
        for name in ("close", "seek", "seekable", "tell"):
            if hasattr(file, name):
                setattr(self, name, getattr(file, name))

        self._blocks = blocks_of(file, block_bytes)

    def __iter__(self) -> FileWrapper:
        return self

    def __next__(self) -> bytes:
        return next(self._blocks)


def _lazy_response(call: WsgiCall, result: Any, request: Request) -> Response | LateResponse:
    """The response of an iterable that is run only as far as its first piece."""
    stream = _Stream(result)
    first = b""
    try:
        if type(result) is FileWrapper and not call.begun and is_plain_file(result.file):
            response = call.response(PlainFile(result.file, stream.close))
            if call.bodyless:
                stream.close()
            return response
        call.returned = True
        pieces = _pieces_of(result)
        if not call.begun:  # else the headers are sent, by write()
            for first in pieces:
                if not isinstance(first, bytes):
                    raise not_bytes(first)
                if not first:
                    return _Unbegun(call, stream, pieces)
                break
        return _begun(call, stream, first, pieces)
    except BaseException:
        stream.close()
        raise


def _begun(call: WsgiCall, stream: _Stream, first: bytes, pieces: Iterator[bytes]) -> Response:
    """With its first piece the headers are sent."""
    try:
        stream.continue_with(first, pieces)
        body = stream if first or call.begun else b""
        if not body or call.bodyless:
            stream.close()
        return call.response(body)
    except BaseException:
        stream.close()
        raise


def _pieces_of(result: Any) -> Iterator[bytes]:
    """Text, bytes and a dict can be iterated too, which only hides what was forgotten. Empty
    ones are an empty body, as on other servers."""
    if result is None or (isinstance(result, _NO_BODIES) and result):
        raise TypeError(
            "a WSGI application returns an iterable of bytes (PEP 3333), as [b'...'], "
            f"not {'None' if result is None else type(result).__name__}"
        )
    return iter(result)


def environ_template(context: ServingContext, root_path: str = "") -> Environ:
    """What is the same in all requests of a server; then what most of them leave as it is."""
    name, port = "localhost", "80"  # PEP 3333: neither may be empty, not even on a Unix socket
    address = context.addresses[0] if context.addresses else None
    if isinstance(address, Inet):
        port = str(address.port)
        name = socket.gethostname() if address.host in _WILDCARDS else address.host
    template = {
        "GATEWAY_INTERFACE": "CGI/1.1",
        # PEP 3333: its characters stand for bytes.
        "SCRIPT_NAME": root_path.encode().decode("latin-1"),
        "SERVER_NAME": name,
        "SERVER_PORT": port,
        "SERVER_SOFTWARE": "reactor",
        "wsgi.file_wrapper": FileWrapper,
        # The input ends where the body does, whatever CONTENT_LENGTH says.
        "wsgi.input_terminated": True,
        "wsgi.multiprocess": context.processes > 1,
        "wsgi.multithread": context.threads > 1,
        "wsgi.run_once": False,
        "wsgi.url_scheme": context.scheme,
        "wsgi.version": (1, 0),
        "reactor.draining": context.draining,
        "PATH_INFO": "",
        "QUERY_STRING": "",
        "REMOTE_ADDR": "",
        "REMOTE_PORT": "",
        "REQUEST_METHOD": "GET",
        "REQUEST_URI": "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.errors": None,
        "wsgi.input": None,
    }
    # A dict of 22 keys has room for 42, and its copies keep that: no copy has to grow.
    filler = range(22 - len(template))
    template.update(dict.fromkeys(map(str, filler)))
    for key in map(str, filler):
        del template[key]
    return template
