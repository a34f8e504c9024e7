"""The blocking client: one request after another over kept connections, on a reactor of its own.

    with Client(timeout=10) as client:
        answer = client.get("https://example.org/", params={"q": "tea"})

Names are those of requests and httpx where they mean the same. `reactor.client.Client` is what it
stands on, for who runs a reactor. Must never be called by two threads at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from reactor.client import client as engine
from reactor.client.answer import Answer
from reactor.client.blocking import Collected
from reactor.client.cookies import Cookies
from reactor.client.proxies import Proxies
from reactor.client.request import GivenFields, basic, pairs_of
from reactor.limits import CLIENT_LIMITS, Limits
from reactor.net import Reactor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO, Self

    Pairs = Mapping[str, Any] | Iterable[tuple[str, Any]]
    Data = bytes | str | BinaryIO | Pairs

FORM = "application/x-www-form-urlencoded"


class Client:
    """Keeps connections and cookies between its requests.

    Args:
        headers: of every request; one of the same name in a request comes instead.
        timeout: seconds that a whole request may take, redirects and tries included; None: as long
            as something comes (``limits.response_timeout_s``).
        options: those of `reactor.client.Client`: ``cafile``, ``insecure``, ``proxies`` (by default
            the environment's), ``retries``, ``compressed``, ``ip``, ...
    """

    def __init__(
        self,
        *,
        headers: GivenFields | None = None,
        timeout: float | None = None,
        limits: Limits = CLIENT_LIMITS,
        **options: Any,
    ) -> None:
        options.setdefault("proxies", Proxies.from_environment())
        options.setdefault("cookies", Cookies(limits, limits.kept_cookies_max, time.time))
        self._headers = pairs_of(headers or ())
        self._timeout = checked_timeout(timeout)
        self._limits = limits
        self._reactor = Reactor(read_bytes=limits.fetch_read_bytes_max)
        try:
            self._client = engine.Client(self._reactor, limits, **options)
        except BaseException:  # an option that it does not have
            self._reactor.close()
            raise

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Pairs | str | None = None,
        headers: GivenFields | None = None,
        data: Data | None = None,
        json: Any = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """The answer, with its whole body of at most ``limits.fetched_body_bytes_max``.

        Args:
            params: added to the URL's query.
            data: a mapping or pairs: sent as a form; bytes, text or a binary file: as they are.
            json: sent as JSON.
            auth: name and password, for Basic authentication.

        Raises:
            FetchError: the URL, the name, the connection or the response failed, or the time is
                over (28). A status of 400 or above is none: see `Answer.raise_for_status`.
            LocalProtocolError: a method or a field that no server may be sent.
            TypeError: both ``data`` and ``json``; a timeout that is no number.
        """
        given = pairs_of(headers or ())
        body, kind = body_of(data, json)
        names = {name.lower() for name, _ in given}
        fields = [pair for pair in self._headers if pair[0].lower() not in names]
        fields += given
        if kind is not None and not any(name.lower() == "content-type" for name, _ in fields):
            fields.append(("Content-Type", kind))
        if auth is not None:
            fields.append(("Authorization", basic(*auth)))
        bound = self._timeout if timeout is None else checked_timeout(timeout)
        return self._fetch(method, with_params(url, params), fields, body, bound)

    def _fetch(
        self,
        method: str,
        url: str,
        fields: list[tuple[str, str]],
        body: bytes | BinaryIO | None,
        max_time_s: float | None,
    ) -> Answer:
        collected = Collected(self._limits)
        errors: list[Exception | None] = []

        def done(error: Exception | None) -> None:
            errors.append(error)
            self._reactor.stop()

        transfer = collected.start(self._client, method, url, fields, body, max_time_s, done)
        try:
            self._reactor.run()
        finally:
            transfer.cancel()  # if Ctrl-C has ended the run
        if errors and errors[0] is not None:
            raise errors[0]
        return Answer(collected.response(), transfer.url, transfer.redirects)

    def get(self, url: str, **options: Any) -> Answer:
        """`request` with GET."""
        return self.request("GET", url, **options)

    def head(self, url: str, **options: Any) -> Answer:
        """`request` with HEAD."""
        return self.request("HEAD", url, **options)

    def post(self, url: str, **options: Any) -> Answer:
        """`request` with POST."""
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Any) -> Answer:
        """`request` with PUT."""
        return self.request("PUT", url, **options)

    def patch(self, url: str, **options: Any) -> Answer:
        """`request` with PATCH."""
        return self.request("PATCH", url, **options)

    def delete(self, url: str, **options: Any) -> Answer:
        """`request` with DELETE."""
        return self.request("DELETE", url, **options)

    def close(self) -> None:
        """Close the connections. Idempotent."""
        self._client.close()
        self._reactor.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


# What belongs to the client, where one request has a client of its own.
_OF_A_REQUEST = ("params", "headers", "data", "json", "auth")


def request(
    method: str,
    url: str,
    *,
    timeout: float | None = None,
    limits: Limits = CLIENT_LIMITS,
    **options: Any,
) -> Answer:
    """`Client.request` by a client that is closed with it; ``options`` are both theirs.

    Redirects are followed, and passing failures tried again.
    """
    asked = {name: options.pop(name) for name in _OF_A_REQUEST if name in options}
    with Client(timeout=timeout, limits=limits, **options) as client:
        return client.request(method, url, **asked)


def get(url: str, limits: Limits = CLIENT_LIMITS, **options: Any) -> Answer:
    """`request` with GET: the answer, with its whole body in memory.

    Raises:
        FetchError: it failed; or the body is larger than ``limits.fetched_body_bytes_max``.
            A status of 400 or above is no error here.
    """
    return request("GET", url, limits=limits, **options)


def post(url: str, limits: Limits = CLIENT_LIMITS, **options: Any) -> Answer:
    """`request` with POST."""
    return request("POST", url, limits=limits, **options)


def with_params(url: str, params: Pairs | str | None) -> str:
    """The URL with more in its query.

    >>> with_params("http://a/?b=c#d", {"e": "f g", "h": [1, 2]})
    'http://a/?b=c&e=f+g&h=1&h=2#d'
    """
    if not params:
        return url
    from urllib.parse import urlencode

    if not isinstance(url, str):
        raise TypeError(f"a URL is text, not {url!r}")
    more = params if isinstance(params, str) else urlencode(_listed(params), doseq=True)
    if not more:
        return url
    before, mark, fragment = url.partition("#")
    joint = "" if before[-1:] in {"?", "&"} else "&" if "?" in before else "?"
    return f"{before}{joint}{more}{mark}{fragment}"


def body_of(data: Data | None, json: Any) -> tuple[bytes | BinaryIO | None, str | None]:
    """What is sent, and its media type if it says one."""
    if json is not None:
        if data is not None:
            raise TypeError("data and json each are the body: give one of them")
        from json import dumps

        # As RFC 8259 has it: no NaN.
        text = dumps(json, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode("utf-8"), "application/json"
    if data is None or isinstance(data, bytes):
        return data, None
    if isinstance(data, str):
        return data.encode("utf-8"), None
    if hasattr(data, "read"):
        file: Any = data
        return file, None
    from urllib.parse import urlencode

    return urlencode(_listed(data), doseq=True).encode("ascii"), FORM


def _listed(pairs: Any) -> list[tuple[str, Any]]:
    """What is None is left out."""
    found = pairs.items() if isinstance(pairs, Mapping) else pairs
    return [(name, value) for name, value in found if value is not None]


def checked_timeout(seconds: Any) -> float | None:
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"a timeout is seconds for the whole request, so a number, not {seconds!r}")
    if not seconds > 0:
        raise ValueError(f"a timeout is above zero, not {seconds!r}")
    return float(seconds)
