"""The environ of a WSGI request (PEP 3333), from a request whose body is all there.

Knows: CGI's names and how a header's name becomes one. Must never know: the
application, its response, a socket.

Two headers never reach an application. One whose name holds ``_``: in CGI's alphabet
it could not be told from the one with ``-``, so a client could forge what a proxy in
front has set. And ``Proxy``: as HTTP_PROXY it would be taken for this process's own
setting (httpoxy, CVE-2016-5385).
"""

from __future__ import annotations

import io
import socket
import sys
from functools import lru_cache
from typing import Any

from reactor._message import Request
from reactor.net import Address, Inet

Environ = dict[str, Any]

# Spellings of names that are kept; a client that makes up names only makes its own slower.
_NAMES_MAX = 512
_WILDCARDS = {"0.0.0.0", "::"}


def environ_template(address: Address | None, multithread: bool, file_wrapper: object) -> Environ:
    """What is the same in every request of a server.

    Args:
        address: where the server listens, of several the first; None: nobody knows.
        multithread: whether the application may be called by two threads at once.
        file_wrapper: what ``wsgi.file_wrapper`` is.
    """
    name, port = "localhost", "80"  # PEP 3333: neither may be empty, not even on a Unix socket
    if isinstance(address, Inet):
        port = str(address.port)
        name = socket.gethostname() if address.host in _WILDCARDS else address.host
    return {
        "SCRIPT_NAME": "",
        "SERVER_NAME": name,
        "SERVER_PORT": port,
        "SERVER_SOFTWARE": "reactor",
        "GATEWAY_INTERFACE": "CGI/1.1",
        "REMOTE_ADDR": "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.multithread": multithread,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": file_wrapper,
        # The input ends where the body does, whatever CONTENT_LENGTH says.
        "wsgi.input_terminated": True,
    }


def fill_environ(environ: Environ, request: Request) -> Environ:
    """Add ``request`` to ``environ``, a copy of the template of its own; returns it."""
    target = request.target
    body = request.body
    client = request.client
    environ["REQUEST_METHOD"] = request.method
    environ["REQUEST_URI"] = target
    environ["QUERY_STRING"] = request.query
    environ["SERVER_PROTOCOL"] = "HTTP/1.1" if request.version == 11 else "HTTP/1.0"
    environ["wsgi.input"] = io.BytesIO(body)
    environ["wsgi.errors"] = sys.stderr
    if type(client) is tuple:
        environ["REMOTE_ADDR"] = client[0]
        environ["REMOTE_PORT"] = str(client[1])
    _add_headers(environ, request)
    if target[0] == "/":
        environ["PATH_INFO"] = _latin1(request.path)
    else:
        _add_other_target(environ, request)
    if body or request.chunked:
        # RFC 9112 7.1.3: with the coding taken off, the length is known and the field is gone.
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
    return environ


def _add_headers(environ: Environ, request: Request) -> None:
    for name, value in request.headers.items():
        key = environ_key(name)
        if key not in environ:
            environ[key] = value
        elif key:
            # RFC 9110 5.3: a list in several lines is one list; RFC 6265 5.4: cookies end in ";".
            separator = "; " if key == "HTTP_COOKIE" else ","
            environ[key] = f"{environ[key]}{separator}{value}"
    environ.pop("", None)


@lru_cache(_NAMES_MAX)
def environ_key(name: str) -> str:
    """The key of a header; "" if applications do not get it. A name is a token, so ASCII."""
    if "_" in name:
        return ""
    key = name.upper().replace("-", "_")
    if key in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
        return key
    return "" if key == "PROXY" else f"HTTP_{key}"


def _latin1(path: str) -> str:
    """PEP 3333: a str in which each character stands for one byte."""
    return path if path.isascii() else path.encode("utf-8", "surrogateescape").decode("latin-1")


def _add_other_target(environ: Environ, request: Request) -> None:
    """A target in absolute-form; or one without a path, which PEP 3333 has no other way to say."""
    if request.method == "CONNECT" or request.target == "*":
        environ["PATH_INFO"] = ""
        return
    environ["PATH_INFO"] = _latin1(request.path)
    # RFC 9112 3.2.2: the target's authority replaces what Host says.
    environ["HTTP_HOST"] = request.host
