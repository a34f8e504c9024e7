"""The seam to asyncio: one selector, two citizens.

An asyncio loop takes any selector. This one is a `Reactor`: its ``select`` runs a turn, in which
the reactor's own sockets, timers and callbacks are served, and returns only the keys that are
asyncio's. So both live in one thread on one epoll, and neither waits for the other.

    async def main():
        async with AsyncClient() as client:
            response = await client.get("https://example.org/")

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())

The only module that imports asyncio. What is scheduled in a turn (futures, `call_soon`) runs in
the same iteration: asyncio counts its ready callbacks after `select`.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Mapping
from typing import Any, BinaryIO

from reactor.client.blocking import Collected
from reactor.client.client import Client
from reactor.client.request import GivenFields
from reactor.limits import CLIENT_LIMITS, Limits
from reactor.net import Reactor
from reactor.parser._message import Response


def new_event_loop() -> asyncio.SelectorEventLoop:
    """An asyncio loop with a reactor in it; a ``loop_factory`` for `asyncio.Runner`."""
    return asyncio.SelectorEventLoop(ReactorSelector(Reactor()))


def running_reactor() -> Reactor:
    """The reactor of the running asyncio loop. Raises RuntimeError if it has none."""
    selector = getattr(asyncio.get_running_loop(), "_selector", None)
    if not isinstance(selector, ReactorSelector):
        raise RuntimeError(
            "there is no reactor in this loop: "
            "run it with asyncio.Runner(loop_factory=reactor.aio.new_event_loop)"
        )
    return selector.reactor


class ReactorSelector(selectors.BaseSelector):
    """A selector whose descriptors are watched by ``reactor``, which it closes."""

    def __init__(self, reactor: Reactor) -> None:
        self.reactor = reactor
        self._foreign: dict[int, _Foreign] = {}
        self._ready: dict[_Foreign, int] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        fd = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        if fd in self._foreign:
            raise KeyError(f"{fileobj!r} is already registered")
        key = selectors.SelectorKey(fileobj, fd, events, data)
        foreign = _Foreign(self._ready, key)
        foreign.registration = self.reactor.register(fd, events, foreign)
        self._foreign[fd] = foreign
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        foreign = self._find(fileobj)
        del self._foreign[foreign.key.fd]
        self._ready.pop(foreign, None)
        self.reactor.unregister(foreign.registration)
        return foreign.key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        foreign = self._find(fileobj)
        foreign.key = foreign.key._replace(events=events, data=data)
        self.reactor.modify(foreign.registration, events)
        return foreign.key

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._ready.clear()
        self.reactor.run_once(timeout)
        return [(foreign.key, events) for foreign, events in self._ready.items()]

    def close(self) -> None:
        self.reactor.close()
        self._foreign.clear()

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return {foreign.key.fileobj: foreign.key for foreign in self._foreign.values()}

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        return self._find(fileobj).key

    def _find(self, fileobj: Any) -> _Foreign:
        fd = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        if fd not in self._foreign:
            # A closed file object is found too, by itself.
            for foreign in self._foreign.values():
                if foreign.key.fileobj is fileobj:
                    return foreign
            raise KeyError(f"{fileobj!r} is not registered")
        return self._foreign[fd]


class _Foreign:
    """Handler of a descriptor of asyncio: it only notes what is ready."""

    registration: Any

    def __init__(self, ready: dict[_Foreign, int], key: selectors.SelectorKey) -> None:
        self._ready = ready
        self.key = key

    def on_readable(self) -> None:
        self._ready[self] = self._ready.get(self, 0) | selectors.EVENT_READ

    def on_writable(self) -> None:
        self._ready[self] = self._ready.get(self, 0) | selectors.EVENT_WRITE

    def on_deadline(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


class AsyncClient:
    """`Client`, awaited. Make it where a loop of `new_event_loop` runs.

    ``options`` are `Client`'s.
    """

    def __init__(self, limits: Limits = CLIENT_LIMITS, **options: Any) -> None:
        self.client = Client(running_reactor(), limits, **options)

    async def get(self, url: str, **options: Any) -> Response:
        """`request` with GET."""
        return await self.request("GET", url, **options)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: GivenFields = (),
        body: bytes | BinaryIO | None = None,
        max_time_s: float | None = None,
    ) -> Response:
        """The response with its whole body, of at most ``limits.fetched_body_bytes_max``.

        To be cancelled cancels the transfer. What streams uses ``client``, with callbacks.

        Raises:
            FetchError: the URL, the name, the connection or the response failed.
            LocalProtocolError: a method or a field that no server may be sent.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        collected = Collected(self.client.limits)

        def done(error: Exception | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)

        transfer = self.client.request(
            method,
            url,
            headers=headers,
            body=body,
            max_time_s=max_time_s,
            on_head=lambda head, _: collected.head_received(head),
            on_body=collected.body_received,
            on_done=done,
        )
        try:
            await future
        finally:
            transfer.cancel()
        return collected.response()

    def close(self) -> None:
        """End what is under way: its callers get a FetchError. Idempotent."""
        self.client.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.close()
