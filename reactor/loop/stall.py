"""Say which function holds the loop up, without a thread and without a cost per turn.

    select ─> handlers, timers, callbacks ─> select
                 ▲
              SIGALRM, every threshold_s: is it the same turn as at the last tick?
              Then the function that it interrupts is the one.

The timer ticks only while the loop works. After a few ticks without a turn but their own it is
off, so that an idle process sleeps; meanwhile the watch is told of the beginning of each turn, and
the next one that is no tick's starts the timer again. What blocks in C is reported when the
interpreter is back.

A process has one ITIMER_REAL and one SIGALRM. If somebody else has a handler for it, nothing
is watched. SA_RESTART is set: no library's system call fails because of a tick.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from types import FrameType

from reactor.log import log
from reactor.loop._core import Loop

# A tick interrupts `select`, and its number is in the loop's wake-up pipe: turns of its own.
OWN_TURNS_S = 0.01
IDLE_TICKS = 3

# What a user can do about it. Said with the first warning: in each it would hide the places.
ADVICE = (
    "; everybody waited meanwhile. A blocking application is served with --model threads "
    '(model="threads")'
)


class StallWatch:
    """Reports turns of ``loop`` that take too long.

    Args:
        threshold_s: what a turn may take. One of twice that is always reported, and again each
            time that it has doubled.
        report: gets the seconds so far and ``"FILE:LINE (FUNCTION)"``; default: a warning, the
            first one with ``advice``.

    Attributes:
        on_stall: gets them too, behind the time at which the turn began; None: nobody does.
        on_tick: gets the frame that a tick has interrupted while the loop works.
    """

    on_stall: Callable[[float, float, str], object] | None = None
    on_tick: Callable[[FrameType | None], object] | None = None

    def __init__(
        self,
        loop: Loop,
        threshold_s: float,
        report: Callable[[float, str], object] | None = None,
        advice: str = ADVICE,
    ) -> None:
        self._loop = loop
        self._threshold_s = threshold_s
        self._report = self._warn if report is None else report
        self._advice = advice
        self._watching = False
        self._seen_turn = self._ticked_at = 0.0
        self._report_from_s = threshold_s
        self._idle_ticks = 0

    def start(self) -> bool:
        """Watch. False if it cannot be done."""
        if signal.getsignal(signal.SIGALRM) is not signal.SIG_DFL:
            return False
        try:
            signal.signal(signal.SIGALRM, self._tick)
        except ValueError:  # only the main thread may, and only there do handlers run
            return False
        signal.siginterrupt(signal.SIGALRM, False)
        self._watching = True
        self._arm()
        return True

    def stop(self) -> None:
        """Give timer and signal back. Idempotent."""
        self._loop.on_turn_began = None
        if self._watching:
            self._watching = False
            if signal.getsignal(signal.SIGALRM) == self._tick:
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def _arm(self) -> None:
        self._loop.on_turn_began = None
        self._idle_ticks = 0
        # The application may have taken the signal meanwhile, with a timer of its own.
        if signal.getsignal(signal.SIGALRM) == self._tick:
            signal.setitimer(signal.ITIMER_REAL, self._threshold_s)
        else:
            self._watching = False

    def _turn_began(self, now: float) -> None:
        if now > self._ticked_at + OWN_TURNS_S:
            self._arm()

    def _tick(self, number: int, frame: FrameType | None) -> None:
        if not self._watching:
            return
        turn, now = self._loop.turn_began, self._loop.clock()
        if turn != self._seen_turn:
            self._report_from_s = self._threshold_s
        elif self._loop.in_turn:
            self._stalled(now - turn, frame)
        if self.on_tick is not None and self._loop.in_turn:
            self.on_tick(frame)
        idle = not self._loop.in_turn and turn <= self._ticked_at + OWN_TURNS_S
        self._idle_ticks = self._idle_ticks + 1 if idle else 0
        self._seen_turn, self._ticked_at = turn, now
        if self._idle_ticks < IDLE_TICKS:
            signal.setitimer(signal.ITIMER_REAL, self._threshold_s)
        else:
            self._loop.on_turn_began = self._turn_began

    def _stalled(self, blocked_s: float, frame: FrameType | None) -> None:
        if blocked_s >= self._report_from_s:
            slot = self._loop.slot
            if slot is not None and self._report_from_s == self._threshold_s:
                slot["stalls"] += 1  # once a turn
            self._report_from_s = 2 * blocked_s
            where = describe(frame)
            if self.on_stall is not None:
                self.on_stall(self._seen_turn, blocked_s, where)
            self._report(blocked_s, where)

    def _warn(self, blocked_s: float, where: str) -> None:
        warn(blocked_s, where, self._advice)
        self._advice = ""


def describe(frame: FrameType | None) -> str:
    """Where it was interrupted, and the function's name."""
    if frame is None:
        return "an unknown place"
    code = frame.f_code
    return f"{code.co_filename}:{frame.f_lineno} ({code.co_qualname})"


def warn(blocked_s: float, where: str, advice: str = "") -> None:
    # A stream that is in the middle of a write refuses a second one from a signal handler.
    log(
        logging.WARNING,
        "loop blocked %d ms at %s%s",
        blocked_s * 1000,
        where,
        advice,
        expected=RuntimeError,
    )
