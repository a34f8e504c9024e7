"""The load generator: reactor's client side, asking as fast or as steadily as it is told.

It runs as a process of its own (`python -m reactor.load`), so that it can have a core of its
own; `Generator` starts and drives one.
"""

from __future__ import annotations

from reactor.load._histogram import Histogram
from reactor.load.generator import Generator, Result
from reactor.load.plan import Expect, Plan
from reactor.load.sweep import Sweep, Trial, highest_rate

__all__ = ["Expect", "Generator", "Histogram", "Plan", "Result", "Sweep", "Trial", "highest_rate"]
