"""The two sides of a connection."""

from typing import Any

from typing_extensions import disjoint_base

from reactor._protocol import Protocol
from reactor.http.states import TRANSITIONS as TRANSITIONS
from reactor.http.states import State

__pyx_capi__: dict[str, Any]

@disjoint_base
class Sides(Protocol):
    """What the machines of both roles are made of: a state for each side."""

    @property
    def reading(self) -> State: ...
    @property
    def writing(self) -> State: ...
