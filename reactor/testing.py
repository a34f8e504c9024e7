"""Test tools: a selector and a clock that do what the test says, and nothing else.

With both, a test of time-outs takes no time and a test of readiness needs no
socket:

    clock = FakeClock()
    loop = Loop(FakeSelector(clock), clock)
    loop.call_later(60, done.append, "minute")
    loop.run_once()                     # waits one minute of fake time

A protocol needs neither: `FakeTransport` stands for its connection.

    transport = FakeTransport(protocol)
    protocol.connection_made(transport)
    protocol.data_received(b"ping")
    transport.take()                    # what it has answered
"""

from __future__ import annotations

import selectors
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from reactor._protocol import Transport, seconds_checked, write_buffer_marks
from reactor.limits import DEFAULT_LIMITS


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


class FakeTransport(Transport):
    """The connection of a protocol under test: it remembers what was written and asked.

    Args:
        protocol: told of pauses; anything but None.
        peername: what `get_extra_info` says of the peer.
        clock: what `time` says; a turn begins with each `run_soon`, and where a test sets ``turn``.

    ``sent`` is what was written and not yet taken by `take`, in so many ``sends``. ``closed``,
    ``aborted``, ``lingers``, ``eof_written``, ``reading`` and ``deadline`` are the last that the
    protocol asked for, ``soon`` the callbacks that wait for `run_soon`. While ``full`` is true each
    write pauses the protocol, as above the high-water mark, until `resume`.
    """

    def __init__(
        self,
        protocol: Any,
        peername: Any = ("192.0.2.7", 1234),
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.protocol = protocol
        self.clock = FakeClock() if clock is None else clock
        self.turn = self._since = self.clock()
        self.peername = peername
        self.sent = bytearray()
        self.sends = 0
        self.closed = self.aborted = self.lingers = self.eof_written = False
        self.reading = True
        self.deadline: float | None = None
        self.full = False
        self.soon: list[Callable[[], object]] = []
        self.low, self.high = write_buffer_marks(None, None, DEFAULT_LIMITS.write_high_water_bytes)

    # --- what a test asks -----------------------------------------------------------------

    def take(self) -> bytes:
        """What was sent since the last time."""
        sent, self.sent = bytes(self.sent), bytearray()
        return sent

    def resume(self) -> None:
        """The peer has taken everything: no longer ``full``."""
        self.full = False
        self.protocol.resume_writing()

    def run_soon(self) -> int:
        """The loop's next turn: how many callbacks ran."""
        self.turn = self.clock()
        soon, self.soon = self.soon, []
        for callback in soon:
            callback()
        return len(soon)

    # --- what a protocol asks -------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Raises RuntimeError after the end: a real one drops it, but no protocol means that."""
        if self.closed or self.eof_written:
            raise RuntimeError("written after the end")
        self.sent += data
        self.taken += len(data)
        self.sends += 1
        if self.full:
            self.protocol.pause_writing()

    def sendfile(self, file: BinaryIO, offset: int, count: int) -> None:
        with file:
            file.seek(offset)
            self.write(file.read(count))

    def write_eof(self) -> None:
        self.eof_written = True

    def close(self, linger: bool = True) -> None:
        self.closed = True
        self.lingers = linger

    def abort(self) -> None:
        self.closed = self.aborted = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_reading(self) -> bool:
        return self.reading and not self.closed

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        usual = DEFAULT_LIMITS.write_high_water_bytes
        self.low, self.high = write_buffer_marks(high, low, usual)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self.low, self.high

    def get_write_buffer_size(self) -> int:
        """Always 0: what was written counts as sent."""
        return 0

    def time(self) -> float:
        return self.clock()

    def turn_began(self) -> float:
        return self.turn

    def set_deadline(self, seconds: float | None) -> None:
        self.deadline = None if seconds is None else seconds_checked(seconds)
        self._since = self.turn

    def waited(self) -> float:
        return self.turn - self._since

    def extend_deadline(self, seconds: float, at_most: float) -> None:
        if self.deadline is not None:
            self.deadline = min(self.deadline + seconds, at_most)

    def call_soon(self, callback: Callable[[], object]) -> None:
        self.soon.append(callback)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.peername if name == "peername" else default

    def get_protocol(self) -> Any:
        return self.protocol

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol


def _descriptor(fileobj: Any) -> int:
    return fileobj if isinstance(fileobj, int) else int(fileobj.fileno())
