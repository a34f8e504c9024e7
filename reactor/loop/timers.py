"""Callbacks to be made, now or at a time: `Handle`, `TimerHandle` and their heap.

A cancelled timer stays in the heap until it comes to the top, or until more
than a quarter of the heap is cancelled; so cancelling costs one store, and what is
cancelled costs at most a third of the memory of what is alive.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Handle:
    """A callback that will be made once, unless `cancel` comes first."""

    __slots__ = ("_args", "_callback", "cancelled")

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        self._callback: Callable[..., object] | None = callback
        self._args = args
        self.cancelled = False

    def cancel(self) -> None:
        """Never call back; what the callback held is released now. Idempotent."""
        self.cancelled = True
        self._callback = None
        self._args = ()

    def run(self) -> None:
        if self._callback is not None:
            self._callback(*self._args)

    def __repr__(self) -> str:
        state = "cancelled" if self.cancelled else repr(self._callback)
        return f"<{type(self).__name__} {state}>"


class TimerHandle(Handle):
    """A `Handle` for a time: ``when`` is in seconds of the loop's monotonic clock."""

    __slots__ = ("_timers", "when")

    def __init__(
        self, timers: Timers, when: float, callback: Callable[..., object], args: tuple[Any, ...]
    ) -> None:
        super().__init__(callback, args)
        self.when = when
        self._timers: Timers | None = timers  # None when it has left the heap

    def cancel(self) -> None:
        if not self.cancelled:
            super().cancel()
            if self._timers is not None:
                self._timers.note_cancelled()


class Timers:
    """The pending timers, the next one first; equal times in the order they were set."""

    # Below this size a sweep for cancelled timers costs more than it frees.
    SWEEP_MIN = 64

    def __init__(self) -> None:
        # Always this list: the loop looks into it, to see that there is none.
        self._heap: list[tuple[float, int, TimerHandle]] = []
        self._count = 0
        self._cancelled = 0

    def __len__(self) -> int:
        return len(self._heap) - self._cancelled

    def add(
        self, when: float, callback: Callable[..., object], args: tuple[Any, ...]
    ) -> TimerHandle:
        handle = TimerHandle(self, when, callback, args)
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, handle))
        return handle

    def next_when(self) -> float | None:
        """When the earliest live timer is due; None if there is none."""
        heap = self._heap
        while heap and heap[0][2].cancelled:
            heapq.heappop(heap)
            self._cancelled -= 1
        return heap[0][0] if heap else None

    def pop_due(self, now: float) -> list[TimerHandle]:
        """Take out the timers that are due. One that is cancelled by another of them
        is in the list, and does nothing when it is run."""
        due = []
        while (when := self.next_when()) is not None and when <= now:
            handle = heapq.heappop(self._heap)[2]
            handle._timers = None  # a later cancel() must not count it: it left the heap
            due.append(handle)
        return due

    def note_cancelled(self) -> None:
        self._cancelled += 1
        if len(self._heap) >= self.SWEEP_MIN and self._cancelled * 4 > len(self._heap):
            self._heap[:] = [entry for entry in self._heap if not entry[2].cancelled]
            heapq.heapify(self._heap)
            self._cancelled = 0
