"""What load to make: a `Plan`, its JSON form, and the requests that it stands for.

The JSON is what `python -m reactor.load` reads; docs/bench.md documents it. A plan that cannot
be carried out is refused here, in one sentence, before anything is sent.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from reactor.client import Url
from reactor.errors import FetchError, LoadError, LocalProtocolError
from reactor.http.websocket import accept_value
from reactor.limits import DEFAULT_LIMITS
from reactor.load._answers import Target
from reactor.load.varied import variations, without_varied
from reactor.parser._frames import frame
from reactor.parser._serialise import serialise_request

TEXT = 1
KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # the same each time: no cache is in between
OPENING = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
}

# Of what a plan's JSON says; the annotations are for the type checker.
_PLAN_KINDS: dict[str, Any] = {
    "urls": tuple,
    "connections": int,
    "rate": int | float | None,
    "pipeline": int,
    "keep_alive": bool,
    "method": str,
    "headers": Mapping,
    "body": bytes,
    "unix": str | None,
    "expect": tuple,
    "connect_timeout_s": int | float,
    "varied": int,
    "websocket": bool,
}
_EXPECT_KINDS: dict[str, Any] = {
    "status": int,
    "body": bytes | None,
    "length": int | None,
    "sha256": str | None,
    "varies": bool,
}


def _check_kinds(given: Any, kinds: dict[str, Any]) -> None:
    for name, kind in kinds.items():
        if not isinstance(getattr(given, name), kind):
            raise LoadError(f"{name} cannot be {getattr(given, name)!r:.40}")


@dataclass(frozen=True, slots=True)
class Expect:
    """What the right answer to a URL is.

    ``body`` is compared byte for byte. Without it, the body of the very first answer is taken for
    the right one, if it has this ``length`` and this ``sha256`` (hexadecimal), where given.
    ``varies`` is for bodies that differ from answer to answer: only ``length`` is compared.
    """

    status: int = 200
    body: bytes | None = None
    length: int | None = None
    sha256: str | None = None
    varies: bool = False

    def __post_init__(self) -> None:
        """Raises LoadError: no answer can be like that."""
        _check_kinds(self, _EXPECT_KINDS)
        if not 200 <= self.status <= 999 or (self.length is not None and self.length < 0):
            raise LoadError("an expected status is from 200 to 999, a length is not negative")


@dataclass(frozen=True, slots=True)
class Plan:
    """A load on one server.

    ``rate`` requests a second make it an open loop; None is a closed one. Several ``urls`` are
    asked for in turn, and have an `Expect` each, or one for all. ``unix`` is the path of a socket
    to connect to instead of the URL's host. With ``varied`` each URL stands for so many different
    requests, the same ones in every run: see `reactor.load.varied`. With ``websocket`` each request
    is a message, the text ``body``, on a connection that was opened as a WebSocket, and the right
    answer the same text in one frame; the server is to send no pings.
    """

    urls: tuple[str, ...]
    connections: int = 64
    rate: float | None = None
    pipeline: int = 1
    keep_alive: bool = True
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    unix: str | None = None
    expect: tuple[Expect, ...] = (Expect(),)
    connect_timeout_s: float = DEFAULT_LIMITS.connect_timeout_s
    varied: int = 0
    websocket: bool = False

    def __post_init__(self) -> None:
        """Raises LoadError: the plan makes no sense; the message says why."""
        _check_kinds(self, _PLAN_KINDS)
        texts = [*self.urls, *self.headers, *self.headers.values()]
        if not all(isinstance(text, str) for text in texts):
            raise LoadError("urls and headers are texts")
        if not self.urls:
            raise LoadError("the plan has no URL: there is nothing to ask for")
        if self.connections < 1 or self.pipeline < 1:
            raise LoadError("the plan needs at least one connection, and a pipeline of at least 1")
        if not self.connect_timeout_s > 0:
            raise LoadError("connect_timeout_s is above zero")
        if self.rate is not None and not 0 < self.rate <= 10_000_000:
            raise LoadError(f"a rate of {self.rate:g} requests/s cannot be made")
        if not 0 <= self.varied * len(self.urls) <= DEFAULT_LIMITS.load_varied_max:
            raise LoadError(
                f"{self.varied * len(self.urls):,} different requests are not from 0 to "
                f"{DEFAULT_LIMITS.load_varied_max:,}: all of them are kept in memory"
            )
        if self.pipeline > 1 and not self.keep_alive:
            raise LoadError("a connection that is closed after each request has no pipeline")
        if self.websocket:
            self._check_echo()
        if len(self.expect) not in (1, len(self.urls)):
            raise LoadError("the plan needs one expected answer for all URLs, or one for each")

    def _check_echo(self) -> None:
        if self.varied or not self.keep_alive or self.method != "GET" or self.expect != (Expect(),):
            raise LoadError(
                "a WebSocket's answer is the message itself: leave out varied, keep_alive, method "
                "and expect"
            )
        if not self.body.isascii():
            raise LoadError("the message of a WebSocket is a text of ASCII here")

    def to_json(self) -> dict[str, Any]:
        """The plan as `json.dumps` takes it."""
        plan = asdict(self)
        plan["body"] = _to_base64(self.body)
        for expect in plan["expect"]:
            if expect["body"] is not None:
                expect["body"] = _to_base64(expect["body"])
        return plan

    @classmethod
    def from_json(cls, plan: Any) -> Plan:
        """Raises LoadError: it is no plan; the message says what is wrong."""
        given = _checked(plan, cls, "the plan")
        expect = given.get("expect", {})
        given["expect"] = tuple(
            Expect(**_with_body(_checked(one, Expect, "expect")))
            for one in (expect if isinstance(expect, list) else [expect])
        )
        given["urls"] = tuple(given["urls"])
        try:
            return cls(**_with_body(given))
        except TypeError as error:
            raise LoadError(f"the plan is no plan: {error}") from error

    @property
    def url(self) -> Url:
        """The first URL: where the server is."""
        return _parsed(self.urls[0])

    def targets(self) -> list[Target]:
        """The requests, and what must come back."""
        first = self.url
        targets = []
        expected = self.expect * len(self.urls) if len(self.expect) == 1 else self.expect
        for text, expect in zip(self.urls, expected, strict=True):
            url = _parsed(text)
            if (url.host, url.port) != (first.host, first.port):
                raise LoadError(f"{text} and {first.text} are of two servers: take one at a time")
            targets.append(self._target(url, expect))
        return targets

    def _echo(self, url: Url) -> Target:
        """A message that has to come back."""
        fields = {
            name: value for name, value in self.headers.items() if name.lower() != "connection"
        }
        return Target(
            url.text,
            "GET",
            (frame(TEXT, self.body, mask=os.urandom(4)),),
            status=101,
            body=frame(TEXT, self.body),
            opening=_serialised(
                "GET", url.target, {"Host": url.authority, **fields, **OPENING}, b""
            ),
            accept=accept_value(KEY).encode("ascii"),
        )

    def _target(self, url: Url, expect: Expect) -> Target:
        if self.websocket:
            return self._echo(url)
        given = {name.lower() for name in self.headers}
        headers = dict(self.headers)
        if "host" not in given:
            headers = {"Host": url.authority, **headers}
        if not self.keep_alive and "connection" not in given:
            headers["Connection"] = "close"
        asked: Iterable[tuple[str, dict[str, str]]] = [(url.target, {})]
        if self.varied:
            headers = without_varied(headers)
            asked = variations(url.target, self.varied)
        requests = tuple(
            _serialised(self.method, target, {**headers, **fields}, self.body)
            for target, fields in asked
        )
        bodyless = self.method == "HEAD"
        return Target(
            url.text,
            self.method,
            requests,
            status=expect.status,
            body=None if bodyless else expect.body,
            length=0 if bodyless else expect.length,
            learning=expect.body is None and not expect.varies and not bodyless,
        )


def _serialised(method: str, target: str, headers: dict[str, str], body: bytes) -> bytes:
    try:
        return serialise_request(method, target, headers, body)
    except LocalProtocolError as error:
        raise LoadError(f"the request cannot be made: {error.message}") from error


def _parsed(text: str) -> Url:
    try:
        return Url.parse(text)
    except FetchError as error:
        raise LoadError(error.message) from error


def _checked(given: Any, kind: type[Plan] | type[Expect], name: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise LoadError(f"{name} is no JSON object")
    known = {one.name for one in fields(kind)}
    if unknown := set(given) - known:
        raise LoadError(f"{name} has no key {min(unknown)!r}; it has {', '.join(sorted(known))}")
    if kind is Plan and not isinstance(given.get("urls"), list):
        raise LoadError("the plan needs a list of urls")
    return dict(given)


def _with_body(given: dict[str, Any]) -> dict[str, Any]:
    if given.get("body") is None:
        return given
    try:
        return {**given, "body": base64.b64decode(given["body"], validate=True)}
    except (binascii.Error, TypeError, ValueError) as error:
        raise LoadError("a body in a plan is base64") from error


def _to_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
