"""What the HTTP machine calls: the application that answers requests.

`http` declares it and `apps` implement it, so that imports point down.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from reactor._value import Value
from reactor.errors import RemoteProtocolError
from reactor.http._exchange import Exchange
from reactor.http._sent_bytes import AnswerRecord
from reactor.http.body import LateResponse
from reactor.parser._message import Request, Response


class ServingContext(Value):
    """How an app is served: what a server tells it once, before the first request.

    Attributes:
        addresses: where the server listens, `reactor.Inet` or `reactor.Unix` each; () if nobody
            knows.
        scheme: of the URLs that lead to it.
        processes, threads: how many there are that may call the app at the same time.
        draining: whether the server stops, so that a long answer can end where it may.
    """

    addresses: tuple[Any, ...] = ()
    scheme: str = "http"
    processes: int = 1
    threads: int = 1
    draining: Callable[[], bool] = bool


class App(Protocol):
    """Answers one request after another.

    If it has a ``name``, a text, the log says it where the application has failed. If it has
    ``error_fields``, pairs of name and value, they are in what the machine answers for it too: a
    request that breaks HTTP, an application that fails. If it has ``serving``, that is called with
    a `ServingContext` when a server is about to serve it.
    """

    # The largest request body that it takes, in bytes. 0: none; the body of a request is then
    # never read, and the connection ends with the answer.
    @property
    def body_bytes_max(self) -> int: ...

    def respond(self, request: Request) -> Response | Exchange | LateResponse:
        """The answer, or the request's exchange if it comes later. An exception is answered
        with a 500.

        An app whose ``streams_bodies`` is true is called when a head has come, and takes the body
        by `Exchange.read_body`; any other when the body has.
        """
        ...


class Journal(Protocol):
    """Where a server's machine tells what it did."""

    # Whether `answered` is to be called: without an access log it would only cost.
    wants_answers: bool

    def answered(self, peer: Any, record: AnswerRecord) -> None:
        """A response was taken by the kernel, or broken off."""

    def refused(self, peer: Any, error: RemoteProtocolError) -> None:
        """The peer broke HTTP, or a limit, or a time-out; its connection ends."""

    def failed(self, exception: BaseException, doing: str) -> None:
        """The application's code raised."""


class BodyFile(Protocol):
    """A file for one request's body: a machine appends to it; then the application reads it, as
    any binary file that is open at its first byte."""

    @property
    def size(self) -> int:
        """Bytes that were appended."""

    def append(self, data: bytes) -> None:
        """All of ``data``. OSError: the disk is full, or in trouble."""

    def load(self) -> bytes:
        """The whole body, wherever its reader is."""

    def read(self, size: int = -1) -> bytes: ...


# Makes one; None if the process has no descriptor for it. OSError: there can be none.
BodyFileMaker = Callable[[], BodyFile | None]

HttpDate = Callable[[], bytes]
