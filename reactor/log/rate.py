"""How often one thing is said: a crowd of clients, or a handler that always fails, fills no disk.

So many lines of a kind have room in a second. What is over that is counted, and said in one line
when the second has passed and something is said again, or at the end.

Must never know: what a kind is, or what is said.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

# Kinds of a second that are told apart; what is beyond counts as one. A kind may hold the place in
# somebody's code that has failed, so there may be many.
KINDS_MAX = 256


class RateLimit:
    """At most ``most`` of a kind in a second; ``say_rest`` gets how many were left out, of what."""

    def __init__(self, most: int, say_rest: Callable[[int, str], object]) -> None:
        self._most = most
        self._say_rest = say_rest
        self._second = -1
        self._counts: dict[Hashable, int] = {}
        self._names: dict[Hashable, str] = {}

    def allows(self, kind: Hashable, name: str) -> bool:
        """Whether there is room for one more. ``name``: what the line of those left out says."""
        second = int(time.monotonic())
        if second != self._second:
            self.settle()
            self._second = second
        if kind not in self._counts and len(self._counts) >= KINDS_MAX:
            kind, name = None, "of many kinds"
        count = self._counts[kind] = self._counts.get(kind, 0) + 1
        if count == self._most + 1:
            self._names[kind] = name
        return count <= self._most

    def settle(self) -> None:
        """Say what was left out, and begin anew."""
        counts, self._counts = self._counts, {}
        names, self._names = self._names, {}
        for kind, name in names.items():
            self._say_rest(counts[kind] - self._most, name)
