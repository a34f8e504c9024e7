"""The environ of a WSGI request (PEP 3333)."""

from typing import Any, final

from reactor.apps._sections import Section, SectionCache
from reactor.parser._message import Request

KEPT_KEYS: dict[str, str | None]

@final
class Environs(SectionCache):
    """Makes the environs of a server's requests.

    Args:
        template: what is the same for the whole server, and ``"GET"``, ``""`` or ``"HTTP/1.1"`` for
            what a request may leave as it is. It is copied.
    """

    def __init__(self, template: dict[str, Any]) -> None: ...
    def make(self, request: Request) -> dict[str, Any]:
        """A new environ: the template, and what PEP 3333 wants of ``request``, whose body is all
        there."""

@final
class CachedEnviron(Section):
    """A header section that recurs, with the environ of the last request that had it."""
