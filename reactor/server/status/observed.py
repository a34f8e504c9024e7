"""What a process that serves counts and notes, for those who look at it.

Must never know: who looks.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from reactor.http._counting import AnswerCounts
from reactor.http._server import ServerMachines
from reactor.loop.stall import StallWatch
from reactor.net import Reactor
from reactor.process._page import Slot
from reactor.server.status.notes import Notes
from reactor.server.status.noting import Noting


class Observed:
    """Where one process writes.

    Args:
        slot: its numbers; None: some of its own.
        notes: its words.
        writer: whose places in ``notes`` are its own.

    Attributes:
        target: what is served, in the user's words.
    """

    target = ""

    def __init__(
        self, slot: Slot | None = None, notes: Notes | None = None, writer: int = 0
    ) -> None:
        self.slot = Slot() if slot is None else slot
        self.notes = Notes() if notes is None else notes
        self._noting = Noting(self.notes, writer)
        self._counts = AnswerCounts(self.slot, self._noting.slow)

    def attach(self, factories: Iterable[Any], watch: StallWatch) -> None:
        """Before anybody is accepted."""
        self.slot["pid"] = os.getpid()
        for factory in factories:
            if isinstance(factory, ServerMachines):  # a TCP protocol has no requests to count
                factory.context.count(self._counts)
                journal: Any = factory.context.journal
                journal.counts = self._counts  # of refusals, those of WebSockets too
        watch.on_stall = self._noting.stalled

    def refused(self, reason: str) -> None:
        """A client was let go before it had a protocol."""
        self._counts.refused(reason)

    def serve(self, loop: Reactor) -> None:
        """The loop begins to run."""

    @property
    def urls(self) -> list[str]:
        """Of the page that shows it here; none if another process does."""
        return []

    def close(self) -> None:
        """If nothing was served."""

    def has_state(self, state: str) -> None:
        """The server is starting, ready, or draining."""
