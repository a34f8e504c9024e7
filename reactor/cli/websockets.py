"""The options of ``reactor serve`` for WebSockets."""

from __future__ import annotations

import argparse
from typing import Any

from reactor.cli.numbers import seconds_or_0, whole
from reactor.http.websocket_options import WebSocketOptions
from reactor.limits import DEFAULT_LIMITS

# The flag, the field of Limits, what it says.
FLAGS = [
    ("--ws-max-size", "websocket_message_bytes_max", "N", "bytes of a message (1009)"),
    (
        "--ws-ping-interval",
        "websocket_ping_interval_s",
        "SECONDS",
        "without a frame of the peer before it gets a ping; 0: no pings",
    ),
    (
        "--ws-ping-timeout",
        "websocket_ping_timeout_s",
        "SECONDS",
        "after that without one before it is given up (1011)",
    ),
]


def add_websockets(group: Any) -> None:
    for flag, field, metavar, what in FLAGS:
        group.add_argument(
            flag,
            type=whole(1, 2**40) if metavar == "N" else seconds_or_0,
            default=getattr(DEFAULT_LIMITS, field),
            dest=field,
            metavar=metavar,
            help=f"{what}; default: {getattr(DEFAULT_LIMITS, field):.10g}",
        )
    group.add_argument(
        "--ws-origin",
        action="append",
        type=_origin,
        default=[],
        dest="ws_origins",
        metavar="ORIGIN",
        help="whose pages may open one, as https://example.com, or * for all; repeatable; "
        "default: on a loopback address those of the host that was asked for and of this machine, "
        "else all",
    )
    group.add_argument(
        "--ws-deflate",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="whether messages are deflated, if the client can; default: yes",
    )


def websocket_limits(options: argparse.Namespace) -> dict[str, Any]:
    return {field: getattr(options, field) for _, field, _, _ in FLAGS}


def websocket_options(options: argparse.Namespace) -> WebSocketOptions:
    return WebSocketOptions(origins=tuple(options.ws_origins), deflate=options.ws_deflate)


def _origin(text: str) -> str:
    scheme, colon, host = text.partition("://")
    if text != "*" and not (scheme and colon and host and "/" not in host):
        raise argparse.ArgumentTypeError(f"{text!r:.60} is no origin, as https://example.com is")
    return text.lower()
