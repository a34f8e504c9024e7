"""What has happened to a service since its start: for who asks what it has been through.

A supervisor writes it; it is a few numbers and the last few sentences. Must never know: who reads.
"""

from __future__ import annotations

import os
import time
from collections import Counter, deque

# As many as a person reads.
HAPPENINGS_MAX = 10
# How a worker can end, for a metric: by itself or because it was asked to, with an exit code, by
# a signal, or since its supervisor has ended it.
REASONS = ("ended", "failed", "signal", "killed")


class Record:
    """Deaths, reloads, and how many there were.

    Attributes:
        happenings: (when, "death" or "reload" or "failed reload", a sentence), the newest first.
        starts: of workers; exits: of them, by reason.
        reloaded_at: when what serves was loaded; reload_failed: and it is not the newest.
    """

    def __init__(self) -> None:
        self.started_at = self.reloaded_at = time.time()
        self.reload_failed = False
        self.starts = 0
        self.exits = Counter(dict.fromkeys(REASONS, 0))
        self.happenings: deque[tuple[float, str, str]] = deque(maxlen=HAPPENINGS_MAX)

    def reloaded(self, what: str) -> None:
        self.reload_failed, self.reloaded_at = False, time.time()
        self.say("reload", what)

    def failed(self, why: str) -> None:
        self.reload_failed = True
        self.say("failed reload", why)

    def ended(self, status: int | None, killed: bool, said: str) -> None:
        """``status`` is `os.waitpid`'s; ``killed``: by the supervisor."""
        code = 0 if status is None else os.waitstatus_to_exitcode(status)
        reason = "killed" if killed else "signal" if code < 0 else "failed" if code else "ended"
        self.exits[reason] += 1
        if reason != "ended":
            self.say("death", said)

    def say(self, what: str, text: str) -> None:
        self.happenings.appendleft((time.time(), what, text))
