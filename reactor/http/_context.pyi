from typing import Any

from typing_extensions import disjoint_base

from reactor.http._counting import AnswerCounts
from reactor.http._edge import Edge
from reactor.http.app import App, BodyFileMaker, HttpDate, Journal
from reactor.http.websocket_options import WebSocketOptions
from reactor.limits import Limits
from reactor.process._page import Slot

@disjoint_base
class Dates:
    """What the Date field says, asked in C: of ``made_by``, or made by a subclass itself."""

    def __init__(self, made_by: HttpDate | None = None) -> None: ...

@disjoint_base
class ServerContext:
    """What the machines of one server have in common; each `ServerMachine` is made with it."""

    websockets: Any  # the `WebSocketContext` of this server; None: no WebSocket was opened
    websocket_options: WebSocketOptions | None
    slot: Slot | None  # where requests are counted; None: nowhere
    @property
    def app(self) -> App: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def journal(self) -> Journal: ...
    def __init__(
        self,
        app: App,
        limits: Limits,
        date: HttpDate | Dates,
        journal: Journal,
        open_body_file: BodyFileMaker | None = None,
    ) -> None:
        """``open_body_file`` makes the files of large bodies; without it there are none."""

    @property
    def bodies(self) -> Any:
        """Where request bodies are: ``memory`` and ``files``, each with the bytes that it has
        ``held`` of ``bodies`` (`_collecting.pyx`)."""

    @property
    def edge(self) -> Edge | None:
        """What is believed of requests; None: all, for any host."""

    def guard(self, edge: Edge) -> None:
        """Before the first request: hold every one to it."""

    def count(self, counts: AnswerCounts) -> None:
        """Before the first request: count all answers there."""

    @property
    def draining(self) -> bool:
        """Whether the server stops: answers that begin now are the last of their connections."""

    def drain(self, idle_grace_s: float | None) -> None:
        """Begin to stop. For any thread; then each machine's `finish` is to be called.

        Who has nothing under way has so many seconds for one more request. None: as much time as
        ever, since the stop begins later, and until then new clients come.
        """

    def end_streams(self) -> None:
        """Event streams end. For any thread; then each machine's `end_stream` is to be called."""
