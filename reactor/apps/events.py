"""Server-sent events (WHATWG HTML 9.2): what an EventSource reads, out of what an app yields.

A source is an iterable whose items are texts, mappings, or None while there is nothing to say. The
machine does the rest: pieces leave as they come, and a server that stops ends an event stream
between two of them (docs/stop.md). Must never know: a connection, a clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reactor.parser._message import Request, Response

Event = str | Mapping[str, Any] | None

FIELDS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would collect them
}
# A comment: it tells the client, and what is in between, that the connection is alive, and the
# server that the client is not.
HEARTBEAT = b":\n\n"
_KNOWN = frozenset({"data", "event", "id", "retry_s"})
# WHATWG HTML 9.2.5: these three end a line, and no others.
_LINE_END = re.compile("\r\n|\r|\n")


def events(source: Iterable[Event], *, retry_s: float | None = None, headers: Any = ()) -> Response:
    """A response that streams events, to `return` from a handler.

    Each item of ``source`` is the data of an event, or a mapping of ``data``, ``event`` (its type),
    ``id`` and ``retry_s``; for None a heartbeat is sent. A generator is closed when the client
    has gone or the server stops.

    Args:
        retry_s: after how many seconds a client that lost the connection comes again.
        headers: more fields of the response.

    >>> b"".join(events(["hello", {"event": "tick", "id": "1", "data": "a\\nb"}, None]).body)
    b'data: hello\\n\\nevent: tick\\nid: 1\\ndata: a\\ndata: b\\n\\n:\\n\\n'

    Raises (while it is sent; the answer is then cut off):
        ValueError: an event's type or id has a line break, or a mapping another key.
        TypeError: an item is none of these.
    """
    return Response(200, fields(headers), _encoded(source, retry_s))


def fields(headers: Any) -> list[tuple[str, str]]:
    """Those of an event stream, and the application's own."""
    own = headers.items() if hasattr(headers, "items") else headers
    return [*FIELDS.items(), *own]


def _encoded(source: Iterable[Event], retry_s: float | None) -> Iterator[bytes]:
    try:
        if retry_s is not None:
            yield encode({"retry_s": retry_s})
        for item in source:
            yield encode(item)
    finally:
        if hasattr(source, "close"):
            source.close()


def encode(item: Event) -> bytes:
    """One event, as it is sent.

    >>> encode({"id": "7", "retry_s": 2.5})
    b'id: 7\\nretry: 2500\\n\\n'
    """
    if item is None:
        return HEARTBEAT
    if isinstance(item, str):
        item = {"data": item}
    if not isinstance(item, Mapping):
        raise TypeError(f"an event is a text, a mapping or None, not {type(item).__name__}")
    if unknown := item.keys() - _KNOWN:
        raise ValueError(f"an event has data, event, id and retry_s, not {min(unknown)!r}")
    lines = [f"{name}: {_one_line(name, item[name])}" for name in ("event", "id") if name in item]
    if "retry_s" in item:
        lines.append(f"retry: {round(item['retry_s'] * 1000)}")
    if "data" in item:
        if not isinstance(item["data"], str):
            raise TypeError(f"an event's data is a text, not {type(item['data']).__name__}")
        lines.extend(f"data: {line}" for line in _LINE_END.split(item["data"]))
    return "\n".join([*lines, "", ""]).encode()


def _one_line(name: str, text: object) -> str:
    line = str(text)
    # NUL: an EventSource ignores such an id.
    if _LINE_END.search(line) or "\0" in line:
        raise ValueError(f"the {name} of an event has no line break and no NUL: {line!r}")
    return line


def last_event_id(request: Request) -> str:
    """The id of the last event that the client got before it lost the connection; "" without one.

    >>> last_event_id(Request("GET", "/", {"Last-Event-ID": "7"}))
    '7'
    """
    sent: str = request.headers.get("last-event-id", "")
    return sent.encode("latin-1").decode("utf-8", "replace")  # WHATWG HTML 9.2.4: it is UTF-8
