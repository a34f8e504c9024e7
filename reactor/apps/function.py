"""The native handler: a function from a request to a response."""

from __future__ import annotations

from collections.abc import Callable

from reactor.http.app import ServingContext
from reactor.http.blame import name_of
from reactor.limits import DEFAULT_LIMITS
from reactor.parser._message import Request, Response

HandlerFunction = Callable[[Request], Response]


class FunctionApp:
    """An app that calls ``function(request) -> Response``; a function, or any callable object."""

    def __init__(
        self, function: HandlerFunction, body_bytes_max: int = DEFAULT_LIMITS.body_bytes_max
    ) -> None:
        self.body_bytes_max = body_bytes_max
        self.name = name_of(function)
        self.respond = function

    def serving(self, context: ServingContext) -> None:
        """Tell a handler that is an object with such a method of its own."""
        if hasattr(self.respond, "serving"):
            self.respond.serving(context)
