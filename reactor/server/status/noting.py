"""What one process notes: the slowest requests of the last minute, and its last stalls.

A request is looked at only if it was slower than the fastest of those that are kept, or if that was
a while ago: a server at its usual speed notes nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from reactor.http._sent_bytes import AnswerRecord
from reactor.server.status.notes import SLOW_MAX, STALLS_MAX, Notes, shortened

# For how long a slow request is of interest.
KEPT_S = 60.0


class Noting:
    """Writes into the places of ``writer``."""

    def __init__(self, notes: Notes, writer: int = 0, now: Callable[[], float] = time.time) -> None:
        self._notes = notes
        self._writer = writer
        self._now = now
        self._slow: list[tuple[float, float]] = [(-KEPT_S, 0.0)] * SLOW_MAX  # (when, seconds)
        self._looked_at = 0.0
        self._places: dict[str, tuple[int, float]] = {}  # (of the note, the longest one)

    def slow(self, record: AnswerRecord, seconds: float) -> float:
        """Note it, if it is one of the slowest; from how many seconds on the next one may be."""
        now = self._now()
        request = record.request
        # What is over a minute old makes room, and of the others the fastest.
        place = min(range(SLOW_MAX), key=lambda n: self._rank(n, now))
        if request is not None and seconds > self._rank(place, now):
            self._slow[place] = now, seconds
            self._notes.write(
                self._writer,
                place,
                {
                    "at": round(now, 3),
                    "seconds": round(seconds, 6),
                    "method": shortened(request.method)[:20],
                    "path": shortened(request.target.partition("?")[0]),
                    "status": record.status,
                    "pid": os.getpid(),
                },
            )
        return self._floor(now)

    def _rank(self, place: int, now: float) -> float:
        when, seconds = self._slow[place]
        return seconds if now - when < KEPT_S else 0.0

    def _floor(self, now: float) -> float:
        return min(self._rank(place, now) for place in range(SLOW_MAX))

    def stalled(self, turn_began: float, seconds: float, where: str) -> None:
        """A place that holds the loop up again has its note already; the longest counts."""
        where = shortened(where)
        if where in self._places:
            place, longest = self._places.pop(where)
        elif len(self._places) < STALLS_MAX:
            place, longest = len(self._places), 0.0
        else:
            # The one that has not been seen for the longest time.
            place, longest = self._places.pop(next(iter(self._places)))[0], 0.0
        self._places[where] = place, max(longest, seconds)
        self._notes.write(
            self._writer,
            SLOW_MAX + place,
            {
                "at": round(self._now(), 3),
                "seconds": round(max(longest, seconds), 3),
                "where": where,
                "pid": os.getpid(),
            },
        )
