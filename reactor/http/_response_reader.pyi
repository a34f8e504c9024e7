from typing_extensions import disjoint_base

from reactor.http._sides import Sides
from reactor.limits import Limits
from reactor.parser._framing import ResponseParser

@disjoint_base
class ResponseReader(Sides):
    """Feeds its parser what comes: from the wire in place, from `data_received` by a copy."""

    @property
    def parser(self) -> ResponseParser: ...
    def __init__(self, limits: Limits) -> None: ...
    def wants(self) -> bool:
        """Something came: whether it is to be parsed. For subclasses."""

    def pull(self) -> None:
        """Take what the parser has, until it has nothing or no more is wanted. For subclasses."""
