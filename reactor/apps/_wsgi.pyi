"""What a WSGI call costs each time besides its environ: its start_response."""

from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, final

from reactor.apps._environ import Environs
from reactor.http.body import LateResponse
from reactor.parser._message import Request, Response

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]

KEPT_STATUSES: dict[str, tuple[int, str | None]]

@final
class WsgiCaller:
    """Calls ``application`` for each request.

    Args:
        application: as PEP 3333 has it.
        lazy: makes the response if the result is no list or tuple: ``lazy(call, result, request)``.
        environs: makes the environ of each request; may be replaced.
        unsent_bytes_max: how much of what is written may wait for a slow client.
    """

    environs: Environs

    def __init__(
        self,
        application: Callable[..., Any],
        lazy: Callable[[WsgiCall, Any, Request], Response | LateResponse],
        environs: Environs,
        unsent_bytes_max: int,
    ) -> None: ...
    def respond(self, request: Request) -> Response | LateResponse:
        """The application's response; what it raises, or is made to raise, comes through."""

@final
class WsgiCall:
    """One call of the application: what it has said by start_response and write.

    Attributes:
        begun: a piece of the body is there, so the headers count as sent.
        returned: the application has returned: nothing may be written any more.
    """

    returned: bool

    @property
    def begun(self) -> bool: ...
    @property
    def bodyless(self) -> bool:
        """Whether its status is one that has no body."""

    def start_response(
        self, status: str, headers: Iterable[Sequence[str]], exc_info: _ExcInfo | None = None
    ) -> Callable[[bytes], None]:
        """PEP 3333's; what is wrong in status or headers is raised here."""

    def __call__(self, data: bytes) -> None:
        """PEP 3333's write: send ``data`` now, before what the iterable yields."""

    def response(self, body: Any) -> Response:
        """The response, with ``body`` or, if its status has none, without.

        Raises:
            AssertionError: start_response was not called.
        """
