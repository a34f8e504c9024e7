"""A reactor as the guest of any asyncio loop, uvloop's too: its selector is one descriptor there.

The other way round, `hosted.py`, is the faster one: one epoll for both. Here the loop is somebody
else's, as in `asyncio.run`, and has no place for a selector. It watches the descriptor of the
guest's own selector, and takes the guest's turns when something is ready there, when a timer is
due, and when somebody pokes it.

Must never block: a turn of a guest waits for nothing.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Mapping
from typing import Any

from reactor.limits import DEFAULT_LIMITS
from reactor.net.reactor import Reactor

# Turns in a row before asyncio's own callbacks have theirs: an answer takes a few.
_TURNS_MAX = 16


class Guest:
    """``reactor`` in the running loop, until `close`. ``poke`` it after asking something of it."""

    def __init__(self, read_bytes: int = DEFAULT_LIMITS.read_bytes_max) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._turn: asyncio.Handle | None = None
        self._taking = self._closed = False
        self._selector = _Selector(self)
        self.reactor = Reactor(self._selector, read_bytes=read_bytes)
        self._loop.add_reader(self._selector.fileno(), self._take_turns)

    def poke(self) -> None:
        """Have its turns soon: something was asked of it outside of them."""
        if self._turn is None and not self._taking and not self._closed:
            self._turn = self._loop.call_soon(self._take_turns)

    def close(self) -> None:
        """Idempotent."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._selector.fileno())
            self._plan(None)
            self.reactor.close()

    def _take_turns(self) -> None:
        if self._closed:
            return
        self._plan(None)
        self._taking = True
        try:
            for _ in range(_TURNS_MAX):
                self.reactor.run_once()
                if self._selector.is_done:
                    break
        finally:
            self._taking = False
        if self._selector.is_done:
            self._plan(self._selector.wanted_s)
        else:
            self.poke()

    def _plan(self, seconds: float | None) -> None:
        """The next turn by the clock, in place of any that was planned."""
        for handle in (self._timer, self._turn):
            if handle is not None:
                handle.cancel()
        self._turn = None
        self._timer = None
        if seconds is not None:
            self._timer = self._loop.call_later(seconds, self._take_turns)


class _Selector(selectors.BaseSelector):
    """The system's, without its wait: ``wanted_s`` is how long it would have been.

    ``is_done``: the last turn found nothing to do, and nothing is to be done before.
    """

    is_done = True
    wanted_s: float | None = None

    def __init__(self, guest: Guest) -> None:
        self._guest = guest
        self._inner: Any = selectors.DefaultSelector()

    def fileno(self) -> int:
        fd: int = self._inner.fileno()
        return fd

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found: list[tuple[selectors.SelectorKey, int]] = self._inner.select(0)
        self.wanted_s = timeout
        self.is_done = not found and timeout != 0
        return found

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key: selectors.SelectorKey = self._inner.register(fileobj, events, data)
        self._guest.poke()
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        key: selectors.SelectorKey = self._inner.unregister(fileobj)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key: selectors.SelectorKey = self._inner.modify(fileobj, events, data)
        self._guest.poke()
        return key

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        found: Mapping[Any, selectors.SelectorKey] = self._inner.get_map()
        return found

    def close(self) -> None:
        self._inner.close()
