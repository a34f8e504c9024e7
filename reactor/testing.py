"""Test tools: a selector and a clock that do what the test says, and nothing else.

With both, a test of time-outs takes no time and a test of readiness needs no
socket:

    clock = FakeClock()
    loop = Loop(FakeSelector(clock), clock)
    loop.call_later(60, done.append, "minute")
    loop.run_once()                     # waits one minute of fake time
"""

from __future__ import annotations

import selectors
from collections.abc import Mapping
from typing import Any


class FakeClock:
    """A clock that stands still until `advance`."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.readings = 0

    def __call__(self) -> float:
        self.readings += 1
        return self.now

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("a monotonic clock never goes back")
        self.now += seconds


class FakeSelector(selectors.BaseSelector):
    """A selector whose events come from `make_ready`.

    Each `select` returns one batch: what was made ready since the last one, for
    what is registered and wanted when `select` is called. With nothing ready it
    lets its clock pass the time-out; without a time-out it raises, since the
    loop would wait for ever.
    """

    def __init__(self, clock: FakeClock | None = None) -> None:
        self._clock = FakeClock() if clock is None else clock
        self._keys: dict[int, selectors.SelectorKey] = {}
        self._ready: list[tuple[int, int]] = []
        self.timeouts: list[float | None] = []

    def make_ready(self, fileobj: Any, events: int) -> None:
        """The next `select` reports these events for this file object, in this order."""
        self._ready.append((_descriptor(fileobj), events))

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        descriptor = _descriptor(fileobj)
        if not events or events & ~(selectors.EVENT_READ | selectors.EVENT_WRITE):
            raise ValueError(f"invalid events: {events!r}")
        if descriptor in self._keys:
            raise KeyError(f"{fileobj!r} is already registered")
        key = selectors.SelectorKey(fileobj, descriptor, events, data)
        self._keys[descriptor] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(_descriptor(fileobj))

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.timeouts.append(timeout)
        made_ready, self._ready = self._ready, []
        batch = []
        for descriptor, events in made_ready:
            key = self._keys.get(descriptor)
            if key is not None and key.events & events:
                batch.append((key, key.events & events))
        if not batch:
            if timeout is None:
                raise RuntimeError("nothing is ready and no timer is set: select would not return")
            self._clock.advance(max(0.0, timeout))
        return batch

    def close(self) -> None:
        self._keys.clear()

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys


def _descriptor(fileobj: Any) -> int:
    return fileobj if isinstance(fileobj, int) else int(fileobj.fileno())
