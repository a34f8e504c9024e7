"""Waking a loop that waits in `select`: from another thread, or by a signal.

Threads write to an eventfd (a counter: any number of writes is one wake-up).
Signals need a pipe of their own, since `signal.set_wakeup_fd` writes one byte,
the signal's number, and an eventfd takes eight bytes or nothing.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from reactor.limits import DEFAULT_LIMITS
from reactor.process.interrupts import raises_no_other

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

    _SignalHandler = Callable[[int, FrameType | None], Any] | int | None


class Waker:
    """Handler of the descriptor that other threads write to."""

    def __init__(self, on_wake: Callable[[], None]) -> None:
        self._on_wake = on_wake
        # The loop writes to ``writer`` itself (`Loop.call_soon_threadsafe`).
        if hasattr(os, "eventfd"):
            self._reader = self.writer = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        else:
            self._reader, self.writer = _nonblocking_pipe()

    def fileno(self) -> int:
        return self._reader

    def on_readable(self) -> None:
        _drain(self._reader)
        self._on_wake()

    def on_writable(self) -> None:
        raise NotImplementedError

    def on_deadline(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        for descriptor in {self._reader, self.writer}:
            os.close(descriptor)


class SignalWatcher:
    """Handler of the descriptor that the C signal handler writes to.

    From `watch` to `close` the process's handlers are replaced, and the interpreter writes the
    numbers of signals into a pipe: one that comes before the loop runs, or between two runs,
    waits there. A process has one such pipe; several loops pass on what is another's.
    """

    # Those of this process: the last is whose pipe is written to.
    _open: ClassVar[list[SignalWatcher]] = []
    # What was there before the first of them.
    _foreign_wakeup: ClassVar[int] = -1

    def __init__(
        self, call_soon: Callable[..., object], call_soon_threadsafe: Callable[..., object]
    ) -> None:
        self._call_soon = call_soon
        self._call_soon_threadsafe = call_soon_threadsafe
        self._watched: dict[int, tuple[Callable[..., object], tuple[Any, ...]]] = {}
        self._previous: dict[int, _SignalHandler] = {}
        self._reader, self._writer = _nonblocking_pipe()

    def fileno(self) -> int:
        return self._reader

    def watch(self, number: int, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        """Raises ValueError outside of the main thread, which alone may replace handlers."""
        self.listen()  # the first: without the byte in the pipe a signal would be nobody's
        self._watched[number] = (callback, args)
        previous = signal.getsignal(number)
        if previous != self._arrived:
            signal.signal(number, self._arrived)
            self._previous[number] = previous

    def listen(self) -> None:
        """Have signals written to this pipe: who waits in `select` must be the one that wakes."""
        ours = {watcher._writer for watcher in SignalWatcher._open}
        try:
            before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        except ValueError:  # not the main thread: as `watch` has left it
            return
        if before not in ours:
            SignalWatcher._foreign_wakeup = before
        if self in SignalWatcher._open:
            SignalWatcher._open.remove(self)
        SignalWatcher._open.append(self)

    def on_readable(self) -> None:
        numbers = _drain(self._reader)
        for index, number in enumerate(numbers):
            try:
                self._pass_on(number)
            except MemoryError:
                # Not lost: they wait in the pipe for a turn that has more of it.
                os.write(self._writer, numbers[index:])
                raise

    def _pass_on(self, number: int) -> None:
        handler = signal.getsignal(number)
        for watcher in SignalWatcher._open:
            if handler == watcher._arrived:
                callback, args = watcher._watched[number]
                own = watcher is self
                call = self._call_soon if own else watcher._call_soon_threadsafe
                call(callback, *args)

    def on_writable(self) -> None:
        raise NotImplementedError

    def on_deadline(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Put back what was there before. Raises ValueError outside of the main thread."""
        for number, previous in self._previous.items():
            if signal.getsignal(number) == self._arrived:
                # None: the previous handler was not Python's and cannot be put back from here.
                signal.signal(number, signal.SIG_DFL if previous is None else previous)
            for later in SignalWatcher._open:
                if later._previous.get(number) == self._arrived:
                    later._previous[number] = previous
        self._previous.clear()
        if self in SignalWatcher._open:
            self._stop_listening()
        os.close(self._reader)
        os.close(self._writer)

    def _stop_listening(self) -> None:
        now = signal.set_wakeup_fd(-1)
        SignalWatcher._open.remove(self)
        if now == self._writer:
            rest = SignalWatcher._open
            now = rest[-1]._writer if rest else SignalWatcher._foreign_wakeup
        # Somebody else's may be closed by now.
        with suppress(OSError, ValueError):
            signal.set_wakeup_fd(now, warn_on_full_buffer=False)

    @raises_no_other
    def _arrived(self, number: int, frame: FrameType | None) -> None:
        """Does nothing: the byte in the pipe does, and only with a Python handler in place does
        the interpreter write that byte."""


def _nonblocking_pipe() -> tuple[int, int]:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    return reader, writer


def _drain(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:
        # It was said to be ready, and will be again: without the pause the loop would spin.
        time.sleep(DEFAULT_LIMITS.vain_turn_pause_s)
        return b""
