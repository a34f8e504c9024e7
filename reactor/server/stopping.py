"""How a server is asked to stop: by SIGINT and SIGTERM, by another thread.

The first signal asks. The second one insists: the server drops what it does, and if an
application keeps it from that, `loop/_insist.pyx` ends the process. Signals belong to the
main thread; a server that runs in another one is stopped by a call.

Must never know: how a server stops.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, Protocol

from reactor.limits import Limits
from reactor.log import log
from reactor.loop._insist import exit_within, insist, relent
from reactor.loop.stall import describe
from reactor.process.interrupts import SignalInterrupt, raises_no_other

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# What ends faster than this says nothing: nobody waits for it.
SAID_AFTER_S = 0.1


def idle_grace_s(limits: Limits) -> float:
    """How long idle connections are waited for, unless it is said."""
    return min(limits.idle_grace_s, limits.keep_alive_timeout_s, limits.graceful_timeout_s / 2)


def delay_s(limits: Limits, grace_s: float | None, final: bool) -> float:
    """For how long a stop lets new clients in. Who says a grace, as Ctrl-C does, is in a hurry."""
    return limits.drain_delay_s if final and grace_s is None else 0.0


def say_delayed(limits: Limits) -> None:
    log(
        logging.INFO,
        "draining: clients are still served, for %g s, and told to close; the next signal ends "
        "at once",
        limits.drain_delay_s,
    )


def say_waiting(what: str, under_way: int, others: int, limits: Limits, grace_s: float) -> None:
    """Tell the user what a stop waits for, and how it is ended."""
    parts = []
    if under_way:
        parts.append(
            f"{under_way} {what}{'s' * (under_way != 1)} under way "
            f"({limits.graceful_timeout_s:g} s at most)"
        )
    if others:
        longest_s = max(grace_s, limits.linger_timeout_s)
        parts.append(
            f"{others} idle or closing connection{'s' * (others != 1)} ({longest_s:g} s at most)"
        )
    if parts:
        log(
            logging.INFO,
            "stopping: waiting for %s; the next signal ends at once",
            " and ".join(parts),
        )


def say_cut(what: str, under_way: int, limits: Limits) -> None:
    if under_way:
        log(
            logging.WARNING, "stopped after %g s: %d %s%s cut off",
            limits.graceful_timeout_s, under_way, what, " was" if under_way == 1 else "s were",
        )  # fmt: skip


def say_blocked(frame: FrameType | None) -> None:
    """From a signal's handler: which function it has interrupted."""
    # A stream that is in the middle of a write refuses a second one from here.
    with suppress(RuntimeError):
        where = describe(frame)
        log(logging.INFO, "stopping: waiting for %s; the next signal ends at once", where)


class WakePipe:
    """Ends a wait in poll or select: from another thread, or as the C handler of a signal writes.

    A handler of a loop too: what it is woken for is elsewhere.
    """

    def __init__(self) -> None:
        self._reader, self.writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self.writer, False)

    def fileno(self) -> int:
        return self._reader

    def wake(self) -> None:
        # Full, so many wake-ups are under way; or closed, by who waits no more.
        with suppress(OSError):
            os.write(self.writer, b"\0")

    def drain(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._reader, 4096)

    on_readable = drain

    def on_writable(self) -> None:
        raise NotImplementedError

    def on_deadline(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Idempotent."""
        if self._reader >= 0:
            os.close(self._reader)
            os.close(self.writer)
            self._reader = self.writer = -1


class StartSignals:
    """While its block runs SIGINT and SIGTERM end the start of a server, and with it the block.

    An import is interrupted by KeyboardInterrupt. One that swallows that, or that is in C, has as
    long as the end of the process: then it ends where it is.

    Attributes:
        heard: the signal that came before anything was served; None.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._before: dict[int, Any] = {}
        self._pid = os.getpid()
        self.heard: int | None = None

    def __enter__(self) -> StartSignals:
        for number in STOP_SIGNALS:
            handler = signal.getsignal(number)
            # One that is ignored, or handled by who calls this as a function, is left alone.
            if handler in (signal.SIG_DFL, signal.default_int_handler):
                self._before[number] = signal.signal(number, self._hear)
        insist(self._before, self._limits.last_words_s, serves=False)
        return self

    @property
    def code(self) -> int:
        """The exit code, if one was heard."""
        return 0 if self.heard == signal.SIGTERM else 128 + (self.heard or 0)

    def serves(self) -> None:
        """From here on other handlers hear them; these are as they were before.

        Raises KeyboardInterrupt: one came, and the application has swallowed that.
        """
        if self.heard is not None:
            raise SignalInterrupt
        for number, handler in self._before.items():
            if signal.getsignal(number) == self._hear:  # else the application has one of its own
                signal.signal(number, handler)
        self._before = {}

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        """Whatever a signal has become on its way through the application is over."""
        if self.heard is None:
            self.serves()
            return False
        # What the application does at the end of the process has no more time either.
        exit_within(self._limits.last_words_s, self.code)
        return True

    @raises_no_other
    def _hear(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._pid:  # a fork of the application's, which knows nothing of us
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self.heard = number
        raise SignalInterrupt


class Stoppable(Protocol):
    def stop(self, grace_s: float | None = None, final: bool = True) -> None:
        """For any thread, and between any two bytecodes. Again: now.

        If it is ``final``, so that nobody else serves these clients, and no grace is said, it
        begins after `Limits.drain_delay_s`.
        """

    def blocked(self) -> bool:
        """Whether an application has kept the main thread for longer than it should."""


class StopSignals:
    """While its block runs SIGINT and SIGTERM stop ``server``, if this is the main thread.

    Attributes:
        insisted: the signal that came when one had come already; None.
    """

    def __init__(self, server: Stoppable, wake: WakePipe, limits: Limits) -> None:
        self._server = server
        self._wake = wake
        self._limits = limits
        self._before: dict[int, Any] = {}
        self._wakeup_before = -1
        self._asked = False
        self.insisted: int | None = None

    def __enter__(self) -> StopSignals:
        try:
            for number in STOP_SIGNALS:
                self._before[number] = signal.signal(number, self._hear)
        except ValueError:
            return self  # only the main thread may
        self._wakeup_before = signal.set_wakeup_fd(self._wake.writer, warn_on_full_buffer=False)
        insist(STOP_SIGNALS, self._limits.insist_timeout_s)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        """What the second signal interrupts is over, and no failure."""
        if self._before:
            relent()
            signal.set_wakeup_fd(self._wakeup_before, warn_on_full_buffer=False)
        for number, handler in self._before.items():
            # None: the previous handler was not Python's and cannot be put back from here.
            if handler is not None:
                signal.signal(number, handler)
        return kind is SignalInterrupt and self.insisted is not None

    @raises_no_other
    def _hear(self, number: int, frame: FrameType | None) -> None:
        """Between two bytecodes of the main thread, whatever it does."""
        blocked = self._server.blocked()
        if not self._asked:
            self._asked = True
            interrupt = number == signal.SIGINT
            self._server.stop(self._limits.interrupt_grace_s if interrupt else None)
            if blocked:
                say_blocked(frame)
            return
        self.insisted = number
        self._server.stop()
        # The timer of `insist` runs: what was printed is shown, if anybody takes it by then.
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        if blocked:
            raise SignalInterrupt
