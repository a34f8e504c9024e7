from typing_extensions import disjoint_base

from reactor.loop.handler import Handler, HasFileno

@disjoint_base
class Registration:
    """One descriptor in the selector: who handles it, and which events are wanted now."""

    @property
    def fileobj(self) -> int | HasFileno: ...
    @property
    def fd(self) -> int: ...
    @property
    def handler(self) -> Handler: ...
    @property
    def events(self) -> int: ...
    def __init__(self, fileobj: int | HasFileno, events: int, handler: Handler) -> None: ...

@disjoint_base
class Poller:
    """A selector that the loop can ask in C; its methods are in `_core.pxd`."""
