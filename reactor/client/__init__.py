"""The client: from a URL to the bytes of its body, and to a file that is whole.

    Client ─> Transfer ─> Pool ─> Opening (name, address, tunnel, TLS) ─> ClientMachine
    FileSink ─> Part ─> the name (saving.py and what it stands on)

The first row knows no file, the second no network; who uses both is the command line.
"""

from __future__ import annotations

from reactor.client._transfer import Transfer
from reactor.client.blocking import fetch, get, save
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
    "Client",
    "Download",
    "Proxies",
    "Transfer",
    "Url",
    "fetch",
    "get",
    "save",
]
