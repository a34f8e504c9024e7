from typing import Any

from typing_extensions import disjoint_base

from reactor.loop.handler import Handler, HasFileno

# The functions for other Cython modules.
__pyx_capi__: dict[str, Any]

@disjoint_base
class Registration:
    """One descriptor in the selector: who handles it, and which events are wanted now."""

    @property
    def fileobj(self) -> int | HasFileno: ...
    @property
    def fd(self) -> int: ...
    @property
    def handler(self) -> Handler | None:
        """None once it is unregistered."""

    @property
    def events(self) -> int: ...
    @property
    def deadline(self) -> float:
        """The loop's time at which `Handler.on_deadline` is called; infinity for never."""

    def __init__(self, fileobj: int | HasFileno, events: int, handler: Handler) -> None: ...

@disjoint_base
class Poller:
    """A selector that the loop can ask in C; its methods are in `_core.pxd`."""
