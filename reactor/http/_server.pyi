from typing import Any

from typing_extensions import disjoint_base

from reactor._protocol import Factory
from reactor.http._context import ServerContext
from reactor.http._deferred import DeferredResponder
from reactor.http._edge import Edge
from reactor.http._exchange import Exchange

@disjoint_base
class ServerMachine(DeferredResponder):
    """Serves ``context.app`` on one connection; driven by whatever transport it is given."""

    def __init__(self, context: ServerContext) -> None: ...
    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> bool: ...
    def connection_lost(self, exc: Any) -> None: ...
    def is_idle(self) -> bool:
        """Whether it waits for one more request and nothing of that has come; or has waited for a
        request for longer than the grace of who is silent, and that has not come whole."""

    def open_exchange(self) -> Exchange:
        """The handle of the request that is being answered; see `Request.exchange`."""

    def finish(self) -> None:
        """Graceful stop, after `ServerContext.drain`: answer what has come, and at most one request
        more; the last answer says that it is."""

    def end_ahead(self) -> None:
        """The peer has ended its side; what it sent before may still have to be read."""

    def end_stream(self) -> None:
        """End an answer that is an event stream by its last chunk: who listens comes again."""

@disjoint_base
class ServerMachines(Factory):
    """Makes a `ServerMachine` of ``context`` for each connection."""

    def __init__(self, context: ServerContext) -> None: ...
    @property
    def context(self) -> ServerContext: ...
    def __call__(self, *args: Any, **kwargs: Any) -> ServerMachine: ...
    def guard(self, edge: Edge) -> None:
        """Before a connection is made: hold every request to it."""

    def drain(self, idle_grace_s: float | None) -> None: ...
    def is_draining(self) -> bool: ...
    def end_streams(self) -> None: ...
