"""What a ratio has to be, and whether its interval says that it is."""

from __future__ import annotations

from dataclasses import dataclass

from reactor.bench.cells import NAMES
from reactor.bench.results import Ratio
from reactor.bench.statistics import LAUNCHES_MIN

HEAD = ["row", "of", "ratio", "95 %", "A/A noise", "goal", "met"]
NOT_MET, NOT_MEASURED = "NOT MET", "not measured"


@dataclass(frozen=True)
class Goal:
    """A bound of a ratio; most are at most so much."""

    bound: float
    at_least: bool = False

    def is_met(self, ratio: float) -> bool:
        return ratio >= self.bound if self.at_least else ratio <= self.bound

    def __str__(self) -> str:
        return f"{'at least' if self.at_least else 'at most'} {self.bound:g}"


# Of two commits under one load, where nothing else was gained.
AFTER = Goal(1.01)


@dataclass(frozen=True)
class Line:
    """One ratio of a row, or why there is none.

    ``doubt`` says why the ratio is not the servers': the generator was the bound, for one.
    """

    label: str
    goal: Goal | None
    ratio: Ratio | None = None
    doubt: str | None = None

    def cells(self) -> list[str]:
        goal = str(self.goal or "")
        if self.ratio is None:
            return [self.label, "", "", "", "", goal, f"{NOT_MEASURED}: {self.doubt}"]
        one = self.ratio
        noise = "-" if one.noise is None else f"{one.noise[0]:.2f}-{one.noise[1]:.2f}"
        return [
            self.label,
            NAMES[one.metric],
            f"{one.median:.2f}",
            f"{one.low:.2f}-{one.high:.2f}",
            noise,
            goal,
            self.verdict(),
        ]

    def verdict(self) -> str:
        """A goal is met, or not, if the whole interval says so."""
        if self.ratio is None:
            return NOT_MEASURED
        if self.goal is None:
            return self.doubt or ""
        if self.doubt:
            return f"unknown: {self.doubt}"
        if self.ratio.difference is None:
            return f"unknown: fewer than {LAUNCHES_MIN} launches"
        ends = {self.goal.is_met(end) for end in (self.ratio.low, self.ratio.high)}
        if len(ends) > 1:
            return "unknown: within the interval"
        return "yes" if ends.pop() else NOT_MET
