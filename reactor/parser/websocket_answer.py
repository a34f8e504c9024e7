"""A WebSocket that is opened by being returned: what `Request.websocket` gives a handler that has
waited, when nobody is called with the request any more."""

from __future__ import annotations

from typing import Any, NamedTuple


class WebSocketAnswer(NamedTuple):
    """The arguments of `Request.websocket`."""

    handler: Any
    subprotocols: Any
    headers: Any


def websocket_of(exchange: Any, handler: Any, subprotocols: Any, headers: Any) -> Any:
    """Open it, or say how; ``exchange`` is None where the application is not being called."""
    if exchange is None:
        return WebSocketAnswer(handler, subprotocols, headers)
    return exchange.websocket(handler, subprotocols, headers)
