"""One transfer: a request, the redirects and tries that it takes, and its one end."""

from typing import Protocol

from typing_extensions import disjoint_base

from reactor.client.client import OnBody, OnDone, OnHead
from reactor.client.pool import PooledMachine, Pools
from reactor.client.request import ClientRequest
from reactor.client.services import ClientServices
from reactor.client.writing import Writer
from reactor.errors import FetchError
from reactor.http._client import Exchange
from reactor.parser._message import Response

class _Owner(ClientServices, Protocol):
    """Whose transfers these are."""

    writer: Writer
    pools: Pools

    def ended(self, transfer: Transfer) -> None: ...

@disjoint_base
class Transfer(Exchange):
    """A transfer under way: what `Client.request` returns.

    ``on_done`` gets None, a FetchError, or what ``on_head`` or ``on_body`` raised.
    """

    def __init__(
        self,
        client: _Owner,
        asked: ClientRequest,
        on_head: OnHead,
        on_body: OnBody,
        on_done: OnDone,
        retries: int,
        tries: int = 0,
    ) -> None: ...
    @property
    def asked(self) -> ClientRequest: ...
    @property
    def tries(self) -> int:
        """Tries after the first, with those that were made before this transfer."""
    @property
    def received(self) -> int:
        """Bytes of the body as they came, before any decoding."""

    @property
    def glimpse(self) -> bytes:
        """How a body that was discarded begins: all of it if it has no more than 1,024 bytes, else
        more than so many."""

    @property
    def url(self) -> str:
        """Where the transfer is now, after redirects; without a password."""

    @property
    def redirects(self) -> list[str]:
        """The URLs that redirected, in order."""

    @property
    def timings(self) -> dict[str, float]:
        """Seconds: "dns", "connect", "tls" of its own connection, as far as they are known;
        "first_byte" and "total" since the transfer began."""

    @property
    def address(self) -> str | None:
        """Whom the last request was sent to, "HOST:PORT"."""

    def cancel(self) -> None:
        """Give up; there are no more callbacks. Idempotent."""

    def give_up(self, error: Exception) -> None:
        """End it, and tell ``on_done`` why. What that raises is raised. For the client."""

    def pause(self) -> None:
        """No more ``on_body`` until `resume`: the server is made to wait. It may be called in a
        callback."""

    def resume(self) -> None: ...
    def discard(self) -> None:
        """Nobody wants the body. Called in ``on_head``: up to ``limits.drain_bytes_max`` of it are
        read for the sake of the connection, and ``on_done`` gets None however it ends."""

    def next_try(self, failure: str, response: Response | None = None) -> float | None:
        """Seconds until the next try, which counts from now on; None if there is to be none.

        ``response`` may ask for a certain time. ``failure`` is said to the client's ``note``."""

    def start(self, max_time_s: float | None) -> None:
        """Raises FetchError or LocalProtocolError for what cannot be asked for."""

    def begin_on(self, machine: PooledMachine) -> None:
        """The pool has a connection."""

    def not_connected(self, error: FetchError) -> None: ...
