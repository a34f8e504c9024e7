"""The generator as a child process, and its results: what a benchmark in Python uses.

plan = Plan(("http://127.0.0.1:8000/",), connections=64)
with Generator(plan, core=1) as generator:
    result = generator.run(1.0)
    print(result.rate, result.latency.percentile(99) / 1e3, "us")
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from reactor.errors import LoadError
from reactor.load._histogram import Histogram
from reactor.load.children import uninterrupted
from reactor.load.plan import Plan


@dataclass(frozen=True, slots=True)
class Result:
    """One run. Times are seconds, latencies nanoseconds."""

    requests: int  # answered, and rightly
    errors: dict[str, int]  # wrong, closed, timeout: how many requests of each
    first_error: str | None
    wall_s: float
    cpu_s: float  # of the generator
    core_wait_s: float  # could have computed, and other processes had its core
    bytes: int  # received, heads included
    missed: int  # left more than 1 ms late, though a connection was free
    waited: int  # were due when no connection was free
    unsent: int  # were due, and never left
    late_s: float  # the worst delay of the generator's own
    latency: Histogram  # from when a request was due
    uncorrected: Histogram | None  # from when it left; None for a closed loop, where it is the same
    ticks: list[dict[str, int]] = field(default_factory=list)  # of each whole second

    @property
    def rate(self) -> float:
        """Right answers a second."""
        return self.requests / self.wall_s

    @property
    def busy(self) -> float:
        """The share of the time in which the generator computed, or waited for its core.

        Near 1 it is the bottleneck.
        """
        return (self.cpu_s + self.core_wait_s) / self.wall_s

    @classmethod
    def from_json(cls, line: dict[str, Any], ticks: list[dict[str, int]]) -> Self:
        """Of the generator's ``result`` line."""
        values = {key: value for key, value in line.items() if key != "type"}
        raw = values.pop("uncorrected")
        return cls(
            latency=Histogram.decode(values.pop("histogram")),
            uncorrected=None if raw is None else Histogram.decode(raw),
            ticks=ticks,
            **values,
        )


class Generator:
    """The process; entering waits until every connection has had its first right answer.

    ``core`` is the processor it is bound to, away from the server's. Leaving always ends it.

    Raises:
        LoadError: there is no server, it answers wrongly, or the plan cannot be carried out.
    """

    def __init__(self, plan: Plan, core: int | None = None) -> None:
        self._plan = plan
        self._core = core
        self._process: Any = None
        self.ready: dict[str, Any] = {}  # the line, as in docs/bench.md

    def __enter__(self) -> Self:
        try:
            # Inside: a signal that has waited for the process is raised at the block's end.
            with uninterrupted():
                self._process = subprocess.Popen(  # noqa: S603 - this interpreter, this package
                    [sys.executable, *["-O"] * sys.flags.optimize, "-m", "reactor.load"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    # Ctrl-C is for the benchmark, which then ends its generators.
                    start_new_session=True,
                )
            if self._core is not None:
                os.sched_setaffinity(self._process.pid, {self._core})
            self._write(self._plan.to_json())
            self.ready = self._read()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    @property
    def pid(self) -> int:
        """Of the process."""
        return int(self._process.pid)

    def run(
        self,
        seconds: float | None = None,
        *,
        requests: int | None = None,
        rate: float | None = None,
        on_tick: Callable[[dict[str, int]], object] | None = None,
    ) -> Result:
        """Make load for so many seconds, or so many requests; wait for all their answers.

        ``rate`` replaces the plan's for this run. ``on_tick`` is told of each second that passes.

        Raises:
            LoadError: the server has gone.
        """
        command = {"run_s": seconds, "requests": requests, "rate": rate}
        self._write({key: value for key, value in command.items() if value is not None})
        ticks = []
        while (line := self._read())["type"] == "tick":
            ticks.append({"requests": line["requests"], "errors": line["errors"]})
            if on_tick is not None:
                on_tick(ticks[-1])
        return Result.from_json(line, ticks)

    def _write(self, line: dict[str, Any]) -> None:
        try:
            self._process.stdin.write(json.dumps(line).encode("ascii") + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended; what it said is read next

    def _read(self) -> dict[str, Any]:
        text = self._process.stdout.readline()
        if not text:
            raise LoadError(f"the load generator ended, with exit code {self._process.wait()}")
        line: dict[str, Any] = json.loads(text)
        if line["type"] == "error":
            raise LoadError(line["message"])
        return line
