from collections.abc import Callable
from typing import Any

from typing_extensions import disjoint_base

@disjoint_base
class CertifiedHosts:
    """The hosts of the certificate that a client has asked for by a name of it.

    ``allows`` tells of an authority whether its host is one. All connections of a certificate may
    share one.
    """

    def __init__(self, allows: Callable[[str], bool]) -> None: ...
    @property
    def allows(self) -> Callable[[str], bool]: ...

@disjoint_base
class Arrival:
    """How a request arrived: over TLS, or by a proxy that is trusted to say it.

    ``host`` is in place of the request's own, ``peer`` the address of a proxy that speaks for the
    client, ``tls`` what is known of the connection's TLS, ``hosts`` those that a request by it may
    be for; None: any. Immutable.
    """

    def __init__(
        self,
        scheme: str = "http",
        host: str | None = None,
        peer: Any = None,
        tls: Any = None,
        hosts: CertifiedHosts | None = None,
    ) -> None: ...
    @property
    def scheme(self) -> str: ...
    @property
    def host(self) -> str | None: ...
    @property
    def peer(self) -> Any: ...
    @property
    def tls(self) -> Any: ...

PLAINLY: Arrival
"""By the client itself, over plain TCP; one for all requests that say nothing else."""
