from collections.abc import Callable
from typing import Any

from typing_extensions import disjoint_base

@disjoint_base
class Deadline:
    """A time-out that moves at the price of one store.

    Calls ``callback()`` once when the time that was set last has come.
    """

    @property
    def when(self) -> float:
        """The loop's time at which it expires; infinity for never."""

    def __init__(self, loop: Any, callback: Callable[[], object]) -> None: ...
    def set(self, delay: float) -> None:
        """Expire ``delay`` seconds from this turn's time."""

    def extend(self, seconds: float, at_most: float) -> None:
        """Give ``seconds`` more, but never more than ``at_most`` from now."""

    def clear(self) -> None:
        """Do not expire. The armed timer stays and will find nothing to do."""

    def cancel(self) -> None:
        """For good: the timer is released too."""
