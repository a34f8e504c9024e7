"""What the servers under test answer with: the same bytes through every interface.

``hello``, ``wsgi`` and ``asgi`` have one answer for all. The varied ones answer each request with
its own: X-Request-Id comes back, in a cookie and in the body too, and the body holds the path.

Each server imports this module by name (``apps:hello``, ``apps:wsgi``, ``apps:asgi``), so it
imports nothing but the standard library until our own handler is asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BODY = b"Hello, World!"
MESSAGE = b"sixty-four bytes ".ljust(64, b".")
PIECE = b"a hundred bytes".ljust(100, b".")
FIELDS = [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))]
ASGI_FIELDS = [(name.lower().encode(), value.encode()) for name, value in FIELDS]

#: The cookie that the varied applications set.
VISIT = "visit={}; Path=/; HttpOnly"

SMALL = ("small.txt", 1024)
LARGE = ("large.txt", 1024 * 1024)


def __getattr__(name: str) -> Any:
    """The native handlers, made only when they are asked for: peers may not have `reactor`."""
    if name == "asgi_starlette":
        return _starlette()
    if name == "echo":
        return _echo()
    if name not in ("hello", "hello_reused", "varied"):
        raise AttributeError(name)
    # As applications have it, by its public name: an earlier reactor has its modules elsewhere.
    response = importlib.import_module("reactor").Response

    ready = response(200, {"Content-Type": "text/plain"}, BODY)

    def hello(request: Any) -> Any:
        """A new response for each request, as most applications have it."""
        return response(200, {"Content-Type": "text/plain"}, BODY)

    def hello_reused(request: Any) -> Any:
        """One response for all, as nginx's ``return 200`` and the floor have it."""
        return ready

    def varied(request: Any) -> Any:
        """To each request its own: what the other servers' varied applications answer."""
        request_id = request.headers.get("X-Request-Id", "")
        fields = {
            "Content-Type": "text/plain",
            "X-Request-Id": request_id,
            "Set-Cookie": VISIT.format(request_id),
        }
        return response(200, fields, f"{request_id} {request.path}")

    return {"hello": hello, "hello_reused": hello_reused, "varied": varied}[name]


def _starlette() -> Any:
    """The same page by Starlette."""
    applications = importlib.import_module("starlette.applications")
    responses = importlib.import_module("starlette.responses")
    routing = importlib.import_module("starlette.routing")

    async def page(request: Any) -> Any:
        return responses.PlainTextResponse(BODY)

    return applications.Starlette(routes=[routing.Route("/", page)])


def _echo() -> Any:
    """Sends each message of a WebSocket back."""
    module: Any = importlib.import_module("reactor")

    class Echo(module.WebSocket):  # type: ignore[misc]
        def on_message(self, data: Any) -> None:
            self.send(data)

    return lambda request: request.websocket(Echo)


def wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", FIELDS)
    return [BODY]


def wsgi_varied(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    request_id = environ.get("HTTP_X_REQUEST_ID", "")
    body = f"{request_id} {environ['PATH_INFO']}".encode()
    fields = [
        ("Content-Type", "text/plain"),
        ("Content-Length", str(len(body))),
        ("X-Request-Id", request_id),
        ("Set-Cookie", VISIT.format(request_id)),
    ]
    start_response("200 OK", fields)
    return [body]


def wsgi_stream(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    """A hundred pieces of a hundred bytes, with no pause, in chunks: a template that streams."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    for _ in range(100):
        yield PIECE


async def asgi(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    await send({"type": "http.response.start", "status": 200, "headers": ASGI_FIELDS})
    await send({"type": "http.response.body", "body": BODY})


async def asgi_stream(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The body in three pieces, in chunks."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    await send({"type": "http.response.start", "status": 200, "headers": ASGI_FIELDS[:1]})
    for piece in (BODY[:5], BODY[5:7]):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": BODY[7:]})


async def asgi_echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Sends each message of a WebSocket back."""
    if scope["type"] != "websocket":
        raise NotImplementedError(scope["type"])
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})


async def asgi_varied(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    request_id = dict(scope["headers"]).get(b"x-request-id", b"").decode("ascii")
    body = f"{request_id} {scope['path']}".encode()
    fields = [
        (b"content-type", b"text/plain"),
        (b"content-length", str(len(body)).encode()),
        (b"x-request-id", request_id.encode()),
        (b"set-cookie", VISIT.format(request_id).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})


def content(size: int) -> bytes:
    """Text in which a byte that is missing, doubled or out of place shows."""
    lines = (b"%015d\n" % number for number in range(size // 16 + 1))
    return b"".join(lines)[:size]


def make_site(folder: Path) -> None:
    """The folder that static servers serve."""
    for name, size in (SMALL, LARGE):
        (folder / name).write_bytes(content(size))
