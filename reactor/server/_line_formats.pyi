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
