from typing import final

from reactor.parser._headers import Headers
from reactor.parser._message import Request

ENDINGS: tuple[str, ...]

@final
class AnswerRecord:
    """What became of an answer. Times are seconds of its transport's clock (`Transport.time`)."""

    @property
    def request(self) -> Request | None:
        """What was answered; None if it was no request."""

    @property
    def line(self) -> bytes | None:
        """The first line of what is no request, if it came whole."""

    @property
    def headers(self) -> Headers | None:
        """The fields that the application has given its answer; None: no answer began."""

    @property
    def close(self) -> str:
        """Why the connection ends behind it, of `ENDINGS`; "keep": it goes on."""

    @property
    def status(self) -> int:
        """Of the answer. Of none: 499 if the client has gone before it began, else 0."""

    @property
    def body_bytes(self) -> int:
        """How many bytes of its body the kernel has taken, the framing of chunks included."""

    @property
    def bytes_sent(self) -> int:
        """The same of the whole answer, its head included."""

    @property
    def head_at(self) -> float:
        """When the head of the request was whole; of what is no request: when it was answered."""

    @property
    def first_byte_at(self) -> float | None:
        """When the first byte of the answer left; None if none did."""

    @property
    def taken_at(self) -> float:
        """When the kernel had taken the last byte, or it was known that it takes no more."""

@final
class SentBytes:
    """Counts what a connection was given to send, and what of it has left."""
