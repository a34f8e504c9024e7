"""The client: from a URL to the bytes of its body, and to a file that is whole.

    Client ─> Transfer ─> Pool ─> Opening (name, address, tunnel, TLS) ─> ClientMachine
    FileSink ─> Part ─> the name (saving.py and what it stands on)

The first row knows no file, the second no network; `Download` uses both.

From a URL to the first byte, and back to the pool; what is indented happens in a later turn:

    Client.request       Url.parse; Transfer.start
      Transfer.start     Writer.write: the proxy, the fields, the request as bytes
      Pools.of(way)      the pool of scheme, host, port and proxy
      Pool.submit        an idle connection: begin_on, now
                         room for one more: Opening.start; none: it waits
          Opening        Resolver.resolve ─> Connector ─> [_Tunnel ─>] [TlsProtocol ─>]
          PooledMachine.connection_made ─> Opening.opened ─> Transfer.begin_on(machine)
    Transfer.begin_on    machine.ask: the bytes leave
          machine.receive ─> Transfer.head_received ─> on_head, or a redirect or another try: then
                         the rest of this answer is dropped, and it begins again at Writer.write
                         ─> body_received ─> on_body
          the last byte  Pool.freed(machine): who waits longest begins on it, else it is idle
                         only then Transfer.completed ─> on_done, which may ask for more
    PooledMachine.connection_lost ─> Pool.lost: there is room, for who waits or for none

What fails before `begin_on` comes to Transfer.not_connected, what fails after it to
Transfer.failed; `Transfer.cancel` and `Client.close` withdraw from the pool, or cut the connection.
"""

from __future__ import annotations

from reactor.client._transfer import Transfer
from reactor.client.answer import Answer
from reactor.client.blocking import fetch, save
from reactor.client.client import Client
from reactor.client.download import Download
from reactor.client.failures import (
    EXIT_CONNECT,
    EXIT_HTTP,
    EXIT_PARTIAL,
    EXIT_PROTOCOL,
    EXIT_RESOLVE,
    EXIT_TIMEOUT,
    EXIT_URL,
    EXIT_WRITE,
)
from reactor.client.proxies import Proxies
from reactor.client.session import get, post, request
from reactor.client.url import Url

__all__ = [
    "EXIT_CONNECT",
    "EXIT_HTTP",
    "EXIT_PARTIAL",
    "EXIT_PROTOCOL",
    "EXIT_RESOLVE",
    "EXIT_TIMEOUT",
    "EXIT_URL",
    "EXIT_WRITE",
    "Answer",
    "Client",
    "Download",
    "Proxies",
    "Transfer",
    "Url",
    "fetch",
    "get",
    "post",
    "request",
    "save",
]
