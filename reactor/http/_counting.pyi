"""What is counted of answers, at the end of each: additions to the values of a slot."""

from collections.abc import Callable
from typing import Self

from typing_extensions import disjoint_base

from reactor.http._sent_bytes import AnswerRecord
from reactor.process._page import Slot

BUCKETS_S: tuple[float, ...]
"""Where the buckets of ``latency`` end; one more is above them."""

METHODS: tuple[str, ...]
CODES: tuple[str, ...]
CLASSES: tuple[str, ...]
REASONS: tuple[str, ...]

@disjoint_base
class AnswerCounts:
    """Counts answers and refusals in ``slot``.

    Args:
        on_slow: is called with an answer's record and its seconds if they are more than what it
            has returned the last time, 0 at first, or if that was over 5 s ago.
    """

    def __new__(
        cls, slot: Slot, on_slow: Callable[[AnswerRecord, float], float] | None = None
    ) -> Self: ...
    @property
    def slot(self) -> Slot: ...
    def refused(self, code: str) -> None:
        """A connection has ended by its peer's fault: the code of the error."""
