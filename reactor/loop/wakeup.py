"""Waking a loop that waits in `select`: from another thread, or by a signal.

Threads write to an eventfd (a counter: any number of writes is one wake-up).
Signals need a pipe of their own, since `signal.set_wakeup_fd` writes one byte,
the signal's number, and an eventfd takes eight bytes or nothing.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    _SignalHandler = Callable[[int, FrameType | None], Any] | int | None


class Waker:
    """Handler of the descriptor that other threads write to."""

    def __init__(self, on_wake: Callable[[], None]) -> None:
        self._on_wake = on_wake
        if hasattr(os, "eventfd"):
            self._reader = self._writer = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        else:
            self._reader, self._writer = _nonblocking_pipe()

    def fileno(self) -> int:
        return self._reader

    def wake(self) -> None:
        """Make the loop's select return. Callable from any thread."""
        # Full: so many wake-ups are under way that the loop cannot miss them.
        with suppress(BlockingIOError):
            os.write(self._writer, (1).to_bytes(8, "little"))

    def on_readable(self) -> None:
        _drain(self._reader)
        self._on_wake()

    def on_writable(self) -> None:
        raise NotImplementedError

    def on_deadline(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        for descriptor in {self._reader, self._writer}:
            os.close(descriptor)


class SignalWatcher:
    """Handler of the descriptor that the C signal handler writes to.

    `watch` may be called at any time; the process's handlers are replaced only
    between `install` and `restore`, that is while the loop runs.
    """

    def __init__(self, on_signal: Callable[..., object]) -> None:
        self._on_signal = on_signal
        self._watched: dict[int, tuple[Callable[..., object], tuple[Any, ...]]] = {}
        self._previous: dict[int, _SignalHandler] = {}
        self._previous_wakeup = -1
        self._installed = False
        self._reader, self._writer = _nonblocking_pipe()

    def fileno(self) -> int:
        return self._reader

    def watch(self, number: int, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        self._watched[number] = (callback, args)
        if self._installed:
            self._replace(number)

    def install(self) -> None:
        self._installed = True
        self._previous_wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in self._watched:
            self._replace(number)

    def restore(self) -> None:
        """Put back what was there before `install`."""
        for number, previous in self._previous.items():
            # None: the previous handler was not Python's and cannot be put back from here.
            if previous is not None:
                signal.signal(number, previous)
        self._previous.clear()
        signal.set_wakeup_fd(self._previous_wakeup, warn_on_full_buffer=False)
        self._installed = False

    def on_readable(self) -> None:
        for number in _drain(self._reader):
            if number in self._watched:
                callback, args = self._watched[number]
                self._on_signal(callback, *args)

    def on_writable(self) -> None:
        raise NotImplementedError

    def on_deadline(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        if self._installed:
            self.restore()
        os.close(self._reader)
        os.close(self._writer)

    def _replace(self, number: int) -> None:
        # The handler itself does nothing: the byte in the pipe does, and only with a Python
        # handler in place does the interpreter write that byte.
        if number not in self._previous:
            self._previous[number] = signal.signal(number, _do_nothing)


def _do_nothing(number: int, frame: FrameType | None) -> None:
    pass


def _nonblocking_pipe() -> tuple[int, int]:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    return reader, writer


def _drain(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except BlockingIOError:
        return b""
