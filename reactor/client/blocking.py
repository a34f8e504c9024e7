"""`fetch` and `save`: one URL on a reactor of its own, for callers who have none."""

from __future__ import annotations

from collections.abc import Callable

from reactor.client.client import Client
from reactor.client.download import Download
from reactor.client.proxies import Proxies
from reactor.errors import FetchError
from reactor.limits import CLIENT_LIMITS, Limits
from reactor.net import Reactor
from reactor.parser._message import Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from typing import Any, BinaryIO

    from reactor.client._transfer import Transfer
    from reactor.client.download import OnDownload
    from reactor.client.request import GivenFields


def fetch(
    url: str,
    on_head: Callable[[Response], object],
    on_body: Callable[[bytes], object],
    limits: Limits = CLIENT_LIMITS,
    **options: Any,
) -> None:
    """GET ``url``; blocks on a reactor of its own.

    ``on_head`` is called once with the response, then ``on_body`` with each piece of its
    body. When this returns, the body was whole, by its length, its chunks or its end.
    ``options`` are `Client`'s; proxies are taken from the environment.

    Raises:
        FetchError: the URL, the name, the connection or the response failed.
        Exception: whatever ``on_head`` or ``on_body`` raised.
    """
    options.setdefault("proxies", Proxies.from_environment())
    errors: list[Exception | None] = []

    def done(error: Exception | None) -> None:
        errors.append(error)
        reactor.stop()

    with (
        Reactor(read_bytes=limits.fetch_read_bytes_max) as reactor,
        Client(reactor, limits, **options) as client,
    ):
        client.request(
            "GET", url, on_head=lambda head, _: on_head(head), on_body=on_body, on_done=done
        )
        reactor.run()
    if errors[0] is not None:
        raise errors[0]


def save(
    url: str,
    path: str | os.PathLike[str],
    limits: Limits = CLIENT_LIMITS,
    *,
    resume: bool = False,
    sha256: str | None = None,
    on_progress: OnDownload | None = None,
    **options: Any,
) -> Download:
    """GET ``url`` into the file ``path``, which is replaced when the body is whole; blocks.

    ``resume``, ``sha256`` and ``on_progress`` are `Download`'s, ``options`` `Client`'s. If this is
    interrupted, ``PATH.part`` has what came.

    Raises:
        FetchError: as `fetch`; or the status is 300 or above, the hash another one, or the file
            cannot be written.
        Exception: whatever ``on_progress`` raised.
    """
    options.setdefault("proxies", Proxies.from_environment())
    with (
        Reactor(read_bytes=limits.fetch_read_bytes_max) as reactor,
        Client(reactor, limits, **options) as client,
    ):
        download = Download(
            client,
            url,
            path,
            resume=resume,
            sha256=sha256,
            on_progress=on_progress,
            on_done=lambda _: reactor.stop(),
        )
        download.start()
        try:
            reactor.run()
        finally:
            download.cancel()
    if download.error is not None:
        raise download.error
    return download


class Collected:
    """A response whose body is collected in memory, up to a bound."""

    def __init__(self, limits: Limits) -> None:
        self._bytes_max = limits.fetched_body_bytes_max
        self._head: Response | None = None
        self._pieces: list[bytes] = []
        self._size = 0

    def start(
        self,
        client: Client,
        method: str,
        url: str,
        fields: GivenFields,
        body: bytes | BinaryIO | None,
        max_time_s: float | None,
        on_done: Callable[[Exception | None], object],
    ) -> Transfer:
        """The transfer whose response this is, when ``on_done`` was called without an error."""
        return client.request(
            method,
            url,
            headers=fields,
            body=body,
            max_time_s=max_time_s,
            on_head=lambda head, _: self.head_received(head),
            on_body=self.body_received,
            on_done=on_done,
        )

    def head_received(self, head: Response) -> None:
        self._head = head

    def body_received(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._bytes_max:
            raise FetchError(
                f"the body is larger than {self._bytes_max} bytes: stream it with fetch()", 63
            )
        self._pieces.append(data)

    def response(self) -> Response:
        if self._head is None:
            raise FetchError("no response came", 52)
        return self._head.with_body(b"".join(self._pieces))
