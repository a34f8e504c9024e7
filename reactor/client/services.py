"""What everything below `Client` asks of it: the loop, the bounds, and the user's choices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from reactor.client.name_resolution import Resolver
from reactor.client.proxies import Proxies
from reactor.limits import Limits
from reactor.net import Reactor
from reactor.parser._message import Response


class ClientServices(Protocol):
    """A `Client`, as its parts see it."""

    reactor: Reactor
    limits: Limits
    proxies: Proxies
    resolver: Resolver
    per_host: int
    retries: int
    compressed: bool
    family: int | None
    pins: tuple[bytes, ...]
    unix_socket: str | None
    trace: Callable[[bytes | Response], object] | None
    note: Callable[[str], object] | None

    def tls_context(self) -> Any:
        """An ssl.SSLContext. Raises OSError: the file of certificates cannot be read."""
