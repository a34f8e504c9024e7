"""reactor: a selector-based, single-threaded server, client and HTTP/1.1 parser.

Names are imported when they are first used, so that the parser alone costs
neither the loop nor a socket.
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from reactor._parse import join as join
    from reactor._parse import parse_request as parse_request
    from reactor._parse import parse_response as parse_response
    from reactor._parse import split_head as split_head
    from reactor._parse import split_message as split_message
    from reactor.apps.events import events as events
    from reactor.apps.events import last_event_id as last_event_id
    from reactor.client.answer import Answer as Answer
    from reactor.client.session import Client as Client
    from reactor.client.session import get as get
    from reactor.client.session import post as post
    from reactor.client.session import request as request
    from reactor.errors import LocalProtocolError as LocalProtocolError
    from reactor.errors import ProtocolError as ProtocolError
    from reactor.errors import RemoteProtocolError as RemoteProtocolError
    from reactor.http._websocket import WebSocket as WebSocket
    from reactor.limits import Limits as Limits
    from reactor.net import Inet as Inet
    from reactor.net import Protocol as Protocol
    from reactor.net import Reactor as Reactor
    from reactor.net import Unix as Unix
    from reactor.parser._framing import RequestParser as RequestParser
    from reactor.parser._framing import ResponseParser as ResponseParser
    from reactor.parser._headers import Headers as Headers
    from reactor.parser._message import Request as Request
    from reactor.parser._message import Response as Response
    from reactor.parser._parts import Body as Body
    from reactor.parser._parts import End as End
    from reactor.parser._serialise import serialise_chunk as serialise_chunk
    from reactor.parser._serialise import serialise_last_chunk as serialise_last_chunk
    from reactor.parser._serialise import serialise_request as serialise_request
    from reactor.parser._serialise import serialise_response as serialise_response
    from reactor.server import Server as Server
    from reactor.server import serve as serve

__version__ = "0.2.0"

# Every public name and the module that has it; a type checker reads the imports above instead.
_HOMES = {
    "Answer": ".client.answer",
    "Body": ".parser._parts",
    "Client": ".client.session",
    "End": ".parser._parts",
    "Headers": ".parser._headers",
    "Inet": ".net",
    "Limits": ".limits",
    "LocalProtocolError": ".errors",
    "Protocol": ".net",
    "ProtocolError": ".errors",
    "Reactor": ".net",
    "RemoteProtocolError": ".errors",
    "Request": ".parser._message",
    "RequestParser": ".parser._framing",
    "Response": ".parser._message",
    "ResponseParser": ".parser._framing",
    "Server": ".server",
    "Unix": ".net",
    "WebSocket": ".http._websocket",
    "events": ".apps.events",
    "get": ".client.session",
    "join": "._parse",
    "last_event_id": ".apps.events",
    "parse_request": "._parse",
    "parse_response": "._parse",
    "post": ".client.session",
    "request": ".client.session",
    "serialise_chunk": ".parser._serialise",
    "serialise_last_chunk": ".parser._serialise",
    "serialise_request": ".parser._serialise",
    "serialise_response": ".parser._serialise",
    "serve": ".server",
    "split_head": "._parse",
    "split_message": "._parse",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605 - a list, but no literal


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(importlib.import_module(_HOMES[name], __name__), name)
    except ModuleNotFoundError as error:
        from reactor.cli.unbuilt import explain

        if (sentence := explain(error)) is None:
            raise
        raise ImportError(sentence, name=error.name) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]
