"""A time-out that moves with every request, at the price of one store.

A timer per request that is cancelled by the next one costs a heap operation
twice per request. A `Deadline` keeps one timestamp and at most one timer: moving
it *later* only changes the timestamp; the timer, when it comes too early, arms
itself again for what is left.
"""

from __future__ import annotations

from collections.abc import Callable

from reactor.loop.core import Loop
from reactor.loop.timers import TimerHandle

NEVER = float("inf")


class Deadline:
    """Calls ``callback()`` once when the time that was set last has come."""

    __slots__ = ("_callback", "_loop", "_timer", "when")

    def __init__(self, loop: Loop, callback: Callable[[], object]) -> None:
        self._loop = loop
        self._callback = callback
        self._timer: TimerHandle | None = None
        self.when = NEVER

    def set(self, delay: float) -> None:
        """Expire ``delay`` seconds from this turn's time."""
        self._move_to(self._loop.time() + delay)

    def extend(self, seconds: float, at_most: float) -> None:
        """Give ``seconds`` more, but never more than ``at_most`` from now."""
        self._move_to(min(self.when + seconds, self._loop.time() + at_most))

    def clear(self) -> None:
        """Do not expire. The armed timer stays and will find nothing to do."""
        self.when = NEVER

    def cancel(self) -> None:
        """For good: the owner is closing, and no timer may keep it alive."""
        self.when = NEVER
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _move_to(self, when: float) -> None:
        self.when = when
        if when == NEVER:
            return
        timer = self._timer
        if timer is not None:
            if timer.when <= when:
                return
            timer.cancel()
        self._timer = self._loop.call_at(when, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self.when == NEVER:
            return
        if self.when > self._loop.time():
            self._move_to(self.when)
            return
        self.when = NEVER
        self._callback()
