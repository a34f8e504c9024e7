"""The loop: wait for descriptors, dispatch to their handlers, run what is due.

One *turn* is one iteration:

    select ─> handlers of ready descriptors ─> due timers ─> callbacks ─> close descriptors

* `select` is called on one line, and the clock is read on one line, right after it.
* A `Registration` carries the events that are wanted *now*. An event that was
  reported for something that an earlier handler of the same batch has taken
  away meanwhile meets a registration that does not want it, and is dropped.
* Descriptors are closed at the end of the turn, so that the kernel cannot hand
  out a number again while the batch still holds events for it.
* Callbacks that are added during a turn run in the next one: a callback that
  schedules itself cannot starve the sockets.

The loop never catches what a `Handler` raises: handlers are this package's own,
they answer for their users' code, and a fault of theirs ends `run`.
"""

from __future__ import annotations

import logging
import selectors
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, Self

from reactor.limits import DEFAULT_LIMITS
from reactor.loop.timers import Handle, TimerHandle, Timers
from reactor.loop.wakeup import SignalWatcher, Waker

EVENT_READ = selectors.EVENT_READ
EVENT_WRITE = selectors.EVENT_WRITE

logger = logging.getLogger("reactor")


def default_selector() -> selectors.BaseSelector:
    if sys.platform == "linux":
        from reactor.loop._epoll import EpollSelector

        return EpollSelector()
    return selectors.DefaultSelector()


class Handler(Protocol):
    """What is registered for a descriptor."""

    def on_readable(self) -> None: ...
    def on_writable(self) -> None: ...
    def close(self) -> None: ...


class HasFileno(Protocol):
    def fileno(self) -> int: ...


class Closeable(Protocol):
    def close(self) -> object: ...


class Registration:
    """One descriptor in the selector: who handles it, and which events are wanted now."""

    __slots__ = ("events", "fileobj", "handler")

    def __init__(self, fileobj: int | HasFileno, events: int, handler: Handler) -> None:
        self.fileobj = fileobj
        self.events = events
        self.handler = handler


class Loop:
    """A single-threaded event loop over any `selectors.BaseSelector`.

    Args:
        selector: defaults to a compiled epoll selector on Linux, else to
            `selectors.DefaultSelector`; closed with the loop.
        clock: a monotonic clock in seconds; defaults to `time.monotonic`.

    ``run`` may be called again after ``stop``; loops are independent of each other.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._selector = default_selector() if selector is None else selector
        self._clock = time.monotonic if clock is None else clock
        self._now = self._clock()
        self._timers = Timers()
        self._ready: deque[Handle] = deque()
        self._from_threads: deque[Handle] = deque()
        self._wake_sent = False
        self._to_close: list[Closeable] = []
        self._running = False
        self._in_turn = False
        self._stopping = False
        self._closed = False
        self._signals: SignalWatcher | None = None
        self._waker = Waker(self._take_from_threads)
        self.register(self._waker, EVENT_READ, self._waker)
        # Every connection of this loop receives into this one buffer.
        self.scratch = memoryview(bytearray(DEFAULT_LIMITS.read_bytes_max))

    # --- running ---------------------------------------------------------------------------

    def run(self) -> None:
        """Turn until `stop`. Raises what a handler raises, and KeyboardInterrupt."""
        self._check_open()
        if self._running:
            raise RuntimeError("this loop is already running")
        self._running = True
        try:
            if self._signals is not None:
                self._signals.install()
            while not self._stopping:
                self.run_once()
        finally:
            self._running = False
            self._stopping = False
            if self._signals is not None:
                self._signals.restore()

    def run_once(self, timeout: float | None = None) -> None:
        """One turn. Waits at most ``timeout`` seconds (None: until something happens)."""
        self._check_open()
        ready = self._selector.select(self._select_timeout(timeout))
        self._now = self._clock()
        self._in_turn = True
        try:
            for key, mask in ready:
                registration: Registration = key.data
                if registration.events & mask & EVENT_READ:
                    registration.handler.on_readable()
                if registration.events & mask & EVENT_WRITE:
                    registration.handler.on_writable()
            for timer in self._timers.pop_due(self._now):
                self._call(timer)
            for _ in range(len(self._ready)):
                self._call(self._ready.popleft())
        finally:
            self._in_turn = False
            self._close_dropped()

    def stop(self) -> None:
        """End `run` after this turn. If the loop is not running, the next `run` returns at once."""
        self._stopping = True

    def close(self) -> None:
        """Release the selector and the wake-up descriptors. Idempotent."""
        if self._closed:
            return
        if self._running:
            raise RuntimeError("stop the loop before it is closed")
        self._closed = True
        if self._signals is not None:
            self._signals.close()
        self._waker.close()
        self._selector.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def time(self) -> float:
        """The loop's monotonic time in seconds: one reading per turn."""
        if not self._in_turn:
            self._now = self._clock()
        return self._now

    # --- callbacks -------------------------------------------------------------------------

    def call_soon(self, callback: Callable[..., object], *args: Any) -> Handle:
        """Call in this turn, after the sockets; from a callback: in the next turn."""
        handle = Handle(callback, args)
        self._ready.append(handle)
        return handle

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: Any) -> Handle:
        """`call_soon` for other threads and for signal handlers: it also wakes the loop."""
        handle = Handle(callback, args)
        self._from_threads.append(handle)
        # One write wakes the loop for however many callbacks are queued behind it.
        if not self._wake_sent:
            self._wake_sent = True
            self._waker.wake()
        return handle

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> TimerHandle:
        """Call in ``delay`` seconds."""
        return self.call_at(self.time() + delay, callback, *args)

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> TimerHandle:
        """Call at ``when``, a time of `Loop.time`."""
        return self._timers.add(when, callback, args)

    def on_signal(self, number: int, callback: Callable[..., object], *args: Any) -> None:
        """Call back, inside a turn, when the process gets this signal.

        The handler that was there before is back when `run` ends. Python delivers signals
        to the main thread only; `run` in another thread raises ValueError.
        """
        if self._signals is None:
            self._signals = SignalWatcher(self.call_soon)
            self.register(self._signals, EVENT_READ, self._signals)
            if self._running:
                self._signals.install()
        self._signals.watch(number, callback, args)

    def report(self, exception: BaseException, doing: str) -> None:
        """A callback of the user failed: say so once, with its traceback, and go on."""
        logger.error("exception while %s", doing, exc_info=exception)

    # --- descriptors -----------------------------------------------------------------------

    def register(self, fileobj: int | HasFileno, events: int, handler: Handler) -> Registration:
        registration = Registration(fileobj, events, handler)
        if events:
            self._selector.register(fileobj, events, registration)
        return registration

    def modify(self, registration: Registration, events: int) -> None:
        """Change the wanted events; 0 takes the descriptor out of the selector meanwhile."""
        before = registration.events
        if events == before:
            return
        registration.events = events
        if not events:
            self._selector.unregister(registration.fileobj)
        elif not before:
            self._selector.register(registration.fileobj, events, registration)
        else:
            self._selector.modify(registration.fileobj, events, registration)

    def unregister(self, registration: Registration) -> None:
        """Drop the descriptor, and every event of it that this turn still holds. Idempotent."""
        self.modify(registration, 0)

    def close_at_turn_end(self, fileobj: Closeable) -> None:
        """Close a descriptor that was registered, when this batch of events is done."""
        if self._in_turn:
            self._to_close.append(fileobj)
        else:
            fileobj.close()

    # --- inside ----------------------------------------------------------------------------

    def _select_timeout(self, timeout: float | None) -> float | None:
        if self._ready or self._stopping:
            return 0
        when = self._timers.next_when()
        if when is None:
            return timeout
        until_timer = max(0.0, when - self._now)
        return until_timer if timeout is None else min(timeout, until_timer)

    def _call(self, handle: Handle) -> None:
        try:
            handle.run()
        except Exception as exception:
            self.report(exception, f"running {handle!r}")

    def _take_from_threads(self) -> None:
        # The flag first: a callback that is queued after this line writes its own wake-up.
        self._wake_sent = False
        while self._from_threads:
            self._ready.append(self._from_threads.popleft())

    def _close_dropped(self) -> None:
        while self._to_close:
            self._to_close.pop().close()

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("this loop is closed")
