"""What the faulty applications are made of: a register, and parts that fail."""

from __future__ import annotations

PLAIN = [("Content-Type", "text/plain")]
FAULTS = {}
kept = {}


def fault(outcome, name=None):
    """Register an application."""

    def register(application):
        FAULTS[(name or application.__name__).replace(" ", "_")] = (outcome, application)
        return application

    return register


class Fault(Exception):
    pass


class Body:
    """An iterable whose parts can each be made to fail."""

    def __init__(self, pieces=(b"one", b"two"), close=None, iterate=None):
        self.pieces, self.on_close, self.iterate = pieces, close, iterate

    def __iter__(self):
        return self.iterate() if self.iterate else iter(self.pieces)

    def close(self):
        if self.on_close:
            raise self.on_close


class Unprintable(Exception):
    def __str__(self):
        raise Fault("no text")

    __repr__ = __str__
