"""Say which function holds the loop up, without a thread.

    select ─> clock ─> handlers, timers, callbacks ─> select
                │             ▲
            StallWatch     SIGALRM, every threshold_s: the same turn as at the last tick?
                           Then the function that it interrupts is the one.

The loop reads its clock once a turn, right after `select`: a watch that *is* the clock learns
of each turn without a hook. The timer ticks only while the loop works: after a few ticks
without a turn of its own it is off, so that an idle process sleeps, and the next turn starts
it again. What blocks in C is reported when the interpreter is back.

A process has one ITIMER_REAL and one SIGALRM. If somebody else has a handler for it, nothing
is watched. SA_RESTART is set: no library's system call fails because of a tick.
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

logger = logging.getLogger("reactor")

# A tick interrupts `select`, and its number is in the loop's wake-up pipe: two turns of its own.
OWN_TURNS = 2
OWN_TURNS_S = 0.01
IDLE_TICKS = 3


class StallWatch:
    """A monotonic clock for a `Loop`, that reports turns which take too long.

    Args:
        threshold_s: what a turn may take. One of twice that is always reported, and again each
            time that it has doubled.
        report: gets the seconds so far and ``"FUNCTION (FILE:LINE)"``; default: a warning.
    """

    def __init__(
        self, threshold_s: float, report: Callable[[float, str], object] | None = None
    ) -> None:
        self._threshold_s = threshold_s
        self._report = warn if report is None else report
        self._in_turn: Callable[[], bool] | None = None  # None: not watching
        self._turns = self._ticked = 0
        self._turn_began = 0.0
        self._report_from_s = threshold_s
        self._idle_ticks = 0
        self._asleep_since: float | None = None

    def __call__(self) -> float:
        now = time.monotonic()
        self._turns += 1
        self._turn_began = now
        if self._asleep_since is not None and now > self._asleep_since + OWN_TURNS_S:
            self._arm()
        return now

    def start(self, in_turn: Callable[[], bool]) -> bool:
        """Watch; ``in_turn`` says whether a turn is under way. False if it cannot be done."""
        if signal.getsignal(signal.SIGALRM) is not signal.SIG_DFL:
            return False
        try:
            signal.signal(signal.SIGALRM, self._tick)
        except ValueError:  # only the main thread may, and only there do handlers run
            return False
        signal.siginterrupt(signal.SIGALRM, False)
        self._in_turn = in_turn
        self._arm()
        return True

    def stop(self) -> None:
        """Give timer and signal back. Idempotent."""
        if self._in_turn is not None:
            self._in_turn = self._asleep_since = None
            if signal.getsignal(signal.SIGALRM) == self._tick:
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def _arm(self) -> None:
        self._asleep_since = None
        self._idle_ticks = 0
        # The application may have taken the signal meanwhile, with a timer of its own.
        if signal.getsignal(signal.SIGALRM) == self._tick:
            signal.setitimer(signal.ITIMER_REAL, self._threshold_s)
        else:
            self._in_turn = None

    def _tick(self, number: int, frame: FrameType | None) -> None:
        if self._in_turn is None:
            return
        turns = self._turns - self._ticked
        self._ticked = self._turns
        if self._in_turn():
            self._idle_ticks = 0
            if not turns:
                self._stalled(frame)
        else:
            self._idle_ticks = self._idle_ticks + 1 if turns <= OWN_TURNS else 0
        if turns:
            self._report_from_s = self._threshold_s
        if self._idle_ticks < IDLE_TICKS:
            signal.setitimer(signal.ITIMER_REAL, self._threshold_s)
        else:
            self._asleep_since = time.monotonic()

    def _stalled(self, frame: FrameType | None) -> None:
        blocked_s = time.monotonic() - self._turn_began
        if blocked_s >= self._report_from_s:
            self._report_from_s = 2 * blocked_s
            self._report(blocked_s, describe(frame))


def describe(frame: FrameType | None) -> str:
    """The function that was interrupted, and where in it."""
    if frame is None:
        return "unknown code"
    code = frame.f_code
    return f"{code.co_qualname} ({code.co_filename}:{frame.f_lineno})"


def warn(blocked_s: float, where: str) -> None:
    # A stream that is in the middle of a write refuses a second one from a signal handler.
    with suppress(RuntimeError):
        logger.warning("loop blocked %d ms in %s", blocked_s * 1000, where)
