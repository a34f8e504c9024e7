"""A reactor that hosts asyncio: one selector, two citizens.

An asyncio loop takes any selector. This one is a `Reactor`: its ``select`` runs a turn, in which
the reactor's own sockets, timers and callbacks are served, and returns only the keys that are
asyncio's. So both live in one thread on one epoll, and neither waits for the other.

What is scheduled in a turn (futures, `call_soon`) runs in the same iteration: asyncio counts its
ready callbacks after `select`. From there until the next one it is asyncio's code that may hold
everybody up, so a `HostedReactor` counts that time as its turn's.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from reactor.limits import DEFAULT_LIMITS
from reactor.net.reactor import Reactor


def new_event_loop() -> asyncio.SelectorEventLoop:
    """An asyncio loop with a reactor in it; a ``loop_factory`` for `asyncio.Runner`."""
    return hosting_loop(HostedReactor())


def hosting_loop(reactor: HostedReactor) -> asyncio.SelectorEventLoop:
    """An asyncio loop in this reactor, which it closes with itself."""
    selector = ReactorSelector(reactor)
    loop = asyncio.SelectorEventLoop(selector)
    selector.serves(loop)
    reactor.on_stop = loop.stop
    return loop


def has_reactor() -> bool:
    """Whether the running asyncio loop is one of `new_event_loop`."""
    return isinstance(getattr(asyncio.get_running_loop(), "_selector", None), ReactorSelector)


def running_reactor() -> Reactor:
    """The reactor of the running asyncio loop. Raises RuntimeError if it has none."""
    selector = getattr(asyncio.get_running_loop(), "_selector", None)
    if not isinstance(selector, ReactorSelector):
        raise RuntimeError(
            "there is no reactor in this loop: "
            "run it with asyncio.Runner(loop_factory=reactor.aio.new_event_loop)"
        )
    return selector.reactor


def end_tasks(loop: asyncio.AbstractEventLoop, timeout_s: float) -> None:
    """Cancel every task, and run the loop until all have ended, for at most so long."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()

    async def ends() -> None:
        if tasks:
            await asyncio.wait(tasks, timeout=timeout_s)
        with suppress(TimeoutError):
            await asyncio.wait_for(loop.shutdown_asyncgens(), timeout_s)

    loop.run_until_complete(ends())


class HostedReactor(Reactor):
    """A `Reactor` whose turns an asyncio loop takes; ``in_turn`` is true in asyncio's steps too.

    Attributes:
        on_stop: called by `stop`, besides: what ends the loop that takes the turns.
    """

    in_asyncio = False
    on_stop: Callable[[], object] | None = None

    def stop(self) -> None:
        super().stop()
        if self.on_stop is not None:
            self.on_stop()

    @property
    def in_turn(self) -> bool:
        return self.in_asyncio or super().in_turn


class ReactorSelector(selectors.BaseSelector):
    """A selector whose descriptors are watched by ``reactor``, which it closes."""

    def __init__(self, reactor: HostedReactor) -> None:
        self.reactor = reactor
        self._foreign: dict[int, _Foreign] = {}
        self._ready: dict[_Foreign, int] = {}
        self._loop: Any = None  # asyncio's

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

    def serves(self, loop: asyncio.SelectorEventLoop) -> None:
        """Take turns in a row while asyncio has nothing to do.

        A turn of asyncio's costs as much as a request. Whether it has callbacks or timers, or is to
        end, no public name tells; where these three are missing it has each turn.
        """
        names = ("_ready", "_scheduled", "_stopping")
        self._loop = loop if all(hasattr(loop, name) for name in names) else None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready, reactor = self._ready, self.reactor
        if ready:
            ready.clear()
        reactor.in_asyncio = False
        try:
            reactor.run_once(timeout)
            loop = self._loop
            if timeout is None and loop is not None:
                while not (ready or loop._ready or loop._scheduled or loop._stopping):
                    reactor.run_once()
        except MemoryError as error:
            # The loop's own: what a connection lacks, it ends with. The next turn may do better.
            reactor.report(error, "taking a turn of the loop")
            time.sleep(DEFAULT_LIMITS.vain_turn_pause_s)
        reactor.in_asyncio = True
        return [(foreign.key, events) for foreign, events in ready.items()] if ready else []

    def close(self) -> None:
        self.reactor.in_asyncio = False
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
