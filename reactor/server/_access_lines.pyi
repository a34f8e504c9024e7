from collections.abc import Callable
from typing import Any

from typing_extensions import disjoint_base

from reactor.http._sent_bytes import ENDINGS as ENDINGS
from reactor.http._sent_bytes import AnswerRecord

@disjoint_base
class LineFormat:
    """How a line looks."""

class Combined(LineFormat):
    """The combined log format, and behind it the proxy's address if the client's is from one."""

@disjoint_base
class Pairs(LineFormat):
    """JSON, or logfmt: names and values, with OpenTelemetry's names where it has one."""

    def __init__(self, json: bool, worker: int | None = None) -> None: ...

@disjoint_base
class Custom(LineFormat):
    """Whatever ``line_of(peer, record)`` returns."""

    def __init__(self, line_of: Callable[[Any, AnswerRecord], str]) -> None: ...

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

    def answered(self, peer: Any, record: AnswerRecord) -> None:
        """An exchange is over: it has its line."""

    def flush(self) -> None:
        """Write what waits."""
