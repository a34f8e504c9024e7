from collections.abc import Callable
from typing import Any

from typing_extensions import disjoint_base

# The functions for other Cython modules.
__pyx_capi__: dict[str, Any]

@disjoint_base
class TurnEnd:
    """What is done when a turn of the loop has served everybody."""

    def call(self, callback: Callable[[], object]) -> None:
        """Call once, when all that was written in this turn is with the kernel. Between two turns
        it is of the next one, which does not wait. What it raises ends `run`."""
