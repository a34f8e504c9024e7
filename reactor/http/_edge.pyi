from typing import Any, Protocol, type_check_only

from typing_extensions import disjoint_base

# The functions for other Cython modules.
__pyx_capi__: dict[str, Any]

@type_check_only
class _Hosts(Protocol):
    def allows(self, authority: str) -> bool: ...

@type_check_only
class _Trusted(Protocol):
    def holds(self, peer: Any) -> bool:
        """Whether what the one at the other end says is believed."""

    def look(self, text: str) -> tuple[tuple[str, int] | None, bool]:
        """The node that this text names, and whether it is a proxy that is trusted."""

@disjoint_base
class Edge:
    """What is believed of a request, and for which hosts it may be.

    Args:
        hosts: whom the server answers for; None: any host.
        trusted: whose X-Forwarded-* fields are believed, and taken away from everybody; None:
            nobody's, and they stay.
        standard: Forwarded (RFC 7239) is believed instead.
        entries_max: proxies in a row that are looked at.
    """

    def __init__(
        self,
        hosts: _Hosts | None = None,
        trusted: _Trusted | None = None,
        standard: bool = False,
        entries_max: int = 32,
    ) -> None: ...
    def believe(self, request: Any, said: list[tuple[int, str]]) -> None: ...
    def walked(self, peer: Any, nodes: list[str | None]) -> tuple[Any, int | None]: ...
