from collections.abc import Callable
from typing import Any

from typing_extensions import disjoint_base

from reactor.http._sent_bytes import AnswerRecord
from reactor.server._line_formats import LineFormat

@disjoint_base
class AccessLines:
    """Lines that wait to be written together.

    ``write`` gets them as bytes, whole ones. One of ``sample`` requests has a line; so has any that
    was refused, failed or broken off.

    Into a file, ``descriptor``, they are written from here. Then ``write`` is called once a second,
    for who has opened the file to see whether it is the right one, and with what did not go in:
    ``write(lines, written)`` has ``written`` bytes of them in the file already, and returns whether
    the rest is there too. What either raises, or the format, is reported, and costs lines.
    """

    def __init__(
        self,
        format: LineFormat | None,
        write: Callable[..., object],
        sample: int = 1,
        descriptor: int = -1,
    ) -> None:
        """Without a format there are no lines."""

    def wait_for(self, at_turn_end: Callable[[Callable[[], object]], object]) -> None:
        """Write when ``at_turn_end`` calls what it is given; else at once."""

    def share(self, lock: Any) -> None:
        """Several threads answer: one after another makes its line, and writes it at once."""

    def answered(self, peer: Any, record: AnswerRecord) -> None:
        """An exchange is over: it has its line."""

    def flush(self) -> None:
        """Write what waits."""
