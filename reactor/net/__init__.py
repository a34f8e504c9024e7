"""The wire: sockets that listen, connect, and carry bytes both ways.

This layer drives any `Protocol` (asyncio's names) from readiness. It must never
know what the bytes mean.
"""

from __future__ import annotations

from reactor._protocol import Protocol, Transport
from reactor.net._connection import Connection
from reactor.net._socket import reset_on_close
from reactor.net.address import Address, Bind, Descriptor, Inet, Unix, parse_bind
from reactor.net.connector import Connector
from reactor.net.listening import listen_sockets
from reactor.net.reactor import Reactor

__all__ = [
    "Address",
    "Bind",
    "Connection",
    "Connector",
    "Descriptor",
    "Inet",
    "Protocol",
    "Reactor",
    "Transport",
    "Unix",
    "listen_sockets",
    "parse_bind",
    "reset_on_close",
]
