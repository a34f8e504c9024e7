from typing import Any, final

from reactor.apps._sections import Section, SectionCache
from reactor.parser._message import Request

# The functions for other Cython modules.
__pyx_capi__: dict[str, Any]

@final
class Scopes(SectionCache):
    """Makes the scopes of one server's requests."""

    state: dict[str, Any]
    """What the lifespan has put there; each scope has a copy."""

    def __init__(
        self, template: dict[str, Any], extensions: dict[str, Any], root_path: str = ""
    ) -> None: ...
    def served_at(self, scheme: str, server: tuple[str, int | None] | None) -> None:
        """What all clients have connected to; None: not all to the same."""

    def extend(self, name: str, value: dict[str, Any]) -> None:
        """An extension for all scopes, whatever a client speaks."""

    def make(self, request: Request, local: Any = None) -> dict[str, Any]:
        """A new scope; ``local`` is its ``server``, where that is not the template's."""

@final
class CachedScope(Section):
    """A header section that recurs, and the scope of the last request that had it."""
