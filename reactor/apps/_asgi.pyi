from collections.abc import Iterable
from typing import Any, final

from reactor._file import File
from reactor.apps._asgi_receiver import AsgiReceiver, Awaited, Ready
from reactor.apps._scope import Scopes
from reactor.apps._tasks import Tasks
from reactor.http._exchange import Exchange
from reactor.parser._message import Request, Response

@final
class AsgiCalls:
    """Makes the calls of one ASGI application; ``policy`` is its `AsgiApp`."""

    @property
    def tasks(self) -> Tasks: ...
    @property
    def scopes(self) -> Scopes: ...
    asks_local: bool
    """Whether a connection has to be asked where it arrived."""

    def __init__(self, application: Any, tasks: Tasks, scopes: Scopes, policy: Any) -> None: ...
    def respond(self, request: Request) -> Response | Exchange:
        """Raises what the application does, if it has answered nothing."""

    def local(self, request: Request) -> tuple[str, int | None] | None:
        """What the client has connected to; while the request is asked for an answer."""

    def report_failure(self, exception: BaseException, request: Request) -> None:
        """Tell the server's journal."""

@final
class AsgiCall(AsgiReceiver):
    """One call. ``send`` of the application is its first method; what an extension does is done
    by the others, which raise RuntimeError where it may not be."""

    @property
    def waited_for(self) -> Request | None:
        """The request, while its answer has not begun; else None."""

    def send_message(self, message: dict[str, Any]) -> Ready | Awaited: ...
    def check_unfinished(self, kind: str) -> None: ...
    def finish_with(self, file: File) -> Any:
        """The whole body is a file."""

    def send_part(self, file: File, offset: int, count: int, more: bool) -> Any:
        """A region of a file, which is the machine's from here on, as a piece of the body."""

    def send_interim(self, status: int, headers: Iterable[tuple[Any, Any]]) -> None: ...
    def add_trailers(self, fields: Any, more: bool) -> Any: ...
