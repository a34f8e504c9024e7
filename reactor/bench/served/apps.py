"""What the servers under test answer with: the same bytes through every interface.

Each server imports this module by name (``apps:hello``, ``apps:wsgi``, ``apps:asgi``), so it
imports nothing but the standard library until our own handler is asked for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

BODY = b"Hello, World!"
FIELDS = [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))]
ASGI_FIELDS = [(name.lower().encode(), value.encode()) for name, value in FIELDS]

SMALL = ("small.txt", 1024)
LARGE = ("large.txt", 1024 * 1024)


def __getattr__(name: str) -> Any:
    """The native handlers, made only when they are asked for: peers may not have `reactor`."""
    if name not in ("hello", "hello_reused"):
        raise AttributeError(name)
    from reactor._message import Response

    ready = Response(200, {"Content-Type": "text/plain"}, BODY)

    def hello(request: Any) -> Response:
        """A new response for each request, as most applications have it."""
        return Response(200, {"Content-Type": "text/plain"}, BODY)

    def hello_reused(request: Any) -> Response:
        """One response for all, as nginx's ``return 200`` and the floor have it."""
        return ready

    return hello if name == "hello" else hello_reused


def wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", FIELDS)
    return [BODY]


async def asgi(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    await send({"type": "http.response.start", "status": 200, "headers": ASGI_FIELDS})
    await send({"type": "http.response.body", "body": BODY})


def content(size: int) -> bytes:
    """Text in which a byte that is missing, doubled or out of place shows."""
    lines = (b"%015d\n" % number for number in range(size // 16 + 1))
    return b"".join(lines)[:size]


def make_site(folder: Path) -> None:
    """The folder that static servers serve."""
    for name, size in (SMALL, LARGE):
        (folder / name).write_bytes(content(size))
