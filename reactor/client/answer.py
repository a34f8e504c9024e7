"""What the blocking client gives: a response with its whole body, read as its users want it.

Names are those of requests and httpx where they mean the same. Must never know how it came.
"""

from __future__ import annotations

from reactor.client.failures import EXIT_HTTP
from reactor.errors import FetchError
from reactor.http.ascii import lower
from reactor.parser._headers import Headers
from reactor.parser._message import Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self


class Answer:
    """The response to a request, and where it came from after redirects.

    Attributes:
        url: of the response, without a password.
        redirects: the URLs on the way to it.
        head: the response itself, as `reactor.Response`.
    """

    __slots__ = ("head", "redirects", "url")

    def __init__(self, head: Response, url: str = "", redirects: list[str] | None = None) -> None:
        self.head = head
        self.url = url
        self.redirects = redirects or []

    def __repr__(self) -> str:
        return f"<Answer {self.status} {self.url}>"

    @property
    def status(self) -> int:
        """The status code: 100 to 999."""
        return self.head.status

    @property
    def status_code(self) -> int:
        """`status`, as requests and httpx call it."""
        return self.head.status

    @property
    def reason(self) -> str:
        """The reason phrase; ``""`` if none was sent."""
        return self.head.reason

    @property
    def version(self) -> int:
        """10 or 11."""
        return self.head.version

    @property
    def headers(self) -> Headers:
        """Its fields, in the order in which they stand."""
        return self.head.headers

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.head.status < 400

    @property
    def content(self) -> bytes:
        """The whole body."""
        body: bytes = self.head.body
        return body

    @property
    def body(self) -> bytes:
        """`content`, as `reactor.Response` calls it."""
        return self.content

    @property
    def encoding(self) -> str:
        """The charset of the Content-Type field, or utf-8 where it has none that Python knows."""
        for part in (self.headers.get("content-type") or "").split(";")[1:]:
            name, _, value = part.partition("=")
            if lower(name.strip()) == "charset":
                import codecs

                try:
                    return codecs.lookup(value.strip(" \t\"'")).name
                except LookupError:
                    break
        return "utf-8"

    @property
    def text(self) -> str:
        """The content as text; bytes that are none in its encoding are U+FFFD."""
        try:
            return self.content.decode(self.encoding, "replace")
        except LookupError:  # a codec, but none of text
            return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """What the content is in JSON. Raises ValueError if it is none."""
        import json

        return json.loads(self.content)

    def raise_for_status(self) -> Self:
        """Itself. Raises FetchError (22) for a status of 400 or above."""
        if not self.ok:
            raise FetchError(f"{self.url}: the server answered {self.status}", EXIT_HTTP)
        return self
