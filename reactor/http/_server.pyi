from typing import Any

from typing_extensions import disjoint_base

from reactor._protocol import Factory
from reactor.http._responder import Responder
from reactor.http._service import Service

@disjoint_base
class ServerMachine(Responder):
    """Serves ``service.app`` on one connection; driven by whatever transport it is given."""

    def __init__(self, service: Service) -> None: ...
    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> bool: ...
    def connection_lost(self, exc: Any) -> None: ...
    def is_idle(self) -> bool:
        """Whether it waits for one more request and nothing of that has come."""

    def finish(self) -> None:
        """Graceful stop: end after the response that is under way, or now if there is none."""

@disjoint_base
class ServerMachines(Factory):
    """Makes a `ServerMachine` of ``service`` for each connection."""

    def __init__(self, service: Service) -> None: ...
    def __call__(self, *args: Any, **kwargs: Any) -> ServerMachine: ...
