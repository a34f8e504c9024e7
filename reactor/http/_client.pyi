"""The client's role: requests out, responses in."""

from collections.abc import Iterator

from typing_extensions import disjoint_base

from reactor._protocol import Transport
from reactor.http._response_reader import ResponseReader
from reactor.limits import Limits
from reactor.parser._headers import Headers
from reactor.parser._message import Response

@disjoint_base
class Exchange:
    """What the user of a client learns about one request's response."""

    def interim_received(self, response: Response) -> None:
        """A 1xx came, which is no answer yet."""

    def head_received(self, response: Response) -> None:
        """The final response's head; its body follows."""

    def body_received(self, data: bytes) -> None:
        """Some bytes of the body, decoded from chunks, at least one."""

    def completed(self, trailers: Headers) -> None:
        """The response is whole. Called last, unless `failed` is."""

    def failed(self, error: Exception) -> None:
        """The response will never be whole. Called last, unless `completed` is."""

@disjoint_base
class ClientMachine(ResponseReader):
    """Sends one request after another on one connection; one is under way at a time."""

    def __init__(self, limits: Limits) -> None: ...
    @property
    def transport(self) -> Transport: ...
    @property
    def response_begun(self) -> bool:
        """Whether anything of the response under way has come."""

    @property
    def served(self) -> int:
        """Responses that came whole."""

    @property
    def ready(self) -> bool:
        """Whether `send` may be called now."""

    @property
    def closed(self) -> bool:
        """Nothing more will be read or written."""

    def send(
        self,
        method: str,
        message: bytes,
        exchange: Exchange,
        pieces: Iterator[bytes] | None = None,
    ) -> None:
        """Send a serialised request; ``exchange`` is told of its response.

        ``pieces`` are sent after the message as they are; they have the framing that it says.
        """

    def pause(self) -> None:
        """Take no more of the response until `resume`. It may be called from a callback."""

    def resume(self) -> None: ...
    def cancel(self) -> None:
        """Give up the response under way, and the connection. Nobody is told."""

    def freed(self) -> None:
        """The response is whole, and there may be another request. For subclasses."""

    def wants(self) -> bool: ...
    def pull(self) -> None: ...
