"""What a comparison found, as dataclasses, and their JSON.

The JSON is the dataclasses' fields by name, under the schema's name; only ``p99.9`` is spelled
otherwise, since Python has no such name. Latencies are seconds, a histogram is HdrHistogram's
compressed V2 form of nanoseconds in base64. Knows nothing of how anything was measured.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Self, TypeVar, get_args, get_origin, get_type_hints

SCHEMA = "reactor-bench/4"
SPELLED = {"p99_9": "p99.9"}

RunVerdict = Literal["VALID", "GENERATOR-BOUND", "UNSTABLE"]
Metric = Literal["cpu_us_per_request", "requests_per_s", "p99_s"]
METRICS: tuple[Metric, ...] = get_args(Metric)


class NotResults(ValueError):
    """A text is not the JSON of a comparison; the sentence says where."""


@dataclass(frozen=True)
class Environment:
    """Where and how; ``load_average`` is before and after, null where unknown."""

    started: str
    kernel: str
    cpu: str
    cores: int
    governor: str | None
    python: str
    load_average: list[float]
    git_revision: str | None
    command_line: list[str]
    versions: dict[str, str | None]
    commands: dict[str, list[str]]
    configurations: dict[str, str]


@dataclass(frozen=True)
class Plan:
    """What was asked for; ``rate`` None is a closed loop, ``varied`` 0 one constant request.

    ``access_log``: each server that has one wrote its access log to a file.
    """

    target: str
    connections: int
    rate: float | None
    pipeline: int
    keep_alive: bool
    pairs: int
    slot_s: float
    warm_up_s: float
    seed: int
    varied: int = 0
    access_log: bool = False


@dataclass(frozen=True)
class Latency:
    """Seconds."""

    p50: float
    p90: float
    p99: float
    p99_9: float
    max: float


@dataclass(frozen=True)
class Slot:
    """One measured stretch of one server; ``cpu_s`` is of its process tree.

    ``launch`` counts from 0: slots of one launch are of the same processes. ``histogram`` is
    there since the p99 of several slots is not to be had from theirs.
    """

    launch: int
    requests: int
    wall_s: float
    cpu_s: float
    p99_s: float
    histogram: str

    def metric(self, name: Metric) -> float:
        if name == "p99_s":
            return self.p99_s
        if name == "requests_per_s":
            return self.requests / self.wall_s
        return self.cpu_s / max(1, self.requests) * 1e6


@dataclass(frozen=True)
class Row:
    """A server at so many connections, all its slots together; ``access_log``: it wrote one."""

    server: str
    connections: int
    rate: float | None
    access_log: bool
    requests_per_s: float
    cpu_us_per_request: float
    latency_s: Latency
    uncorrected_s: Latency | None
    histogram: str
    generator_cpu: float
    missed: int
    rss_bytes: int
    bytes_per_idle_connection: float | None
    threads: int
    descriptors: int
    context_switches_per_request: float
    verdict: RunVerdict
    why: str | None
    slots: list[Slot]


@dataclass(frozen=True)
class Ratio:
    """``a`` over ``b``: the median of the pairs and its interval; ``noise`` is the A/A pair's."""

    a: str
    b: str
    connections: int
    metric: Metric
    median: float
    low: float
    high: float
    noise: list[float] | None
    difference: bool | None


@dataclass(frozen=True)
class Trial:
    """A run at a rate; ``kept``: all was answered, and the p99 was within the bound."""

    rate: float
    requests: int
    p99_s: float
    missed: int
    unsent: int
    generator_cpu: float
    kept: bool


@dataclass(frozen=True)
class HighestRate:
    """The highest rate that a server kept with its p99 within ``bound_s``; 0 if it kept none."""

    server: str
    connections: int
    bound_s: float
    rate: float
    verdict: RunVerdict
    why: str | None
    trials: list[Trial]


@dataclass(frozen=True)
class Failure:
    """A server that could not be measured, or not to the end."""

    server: str
    sentence: str


@dataclass(frozen=True)
class Results:
    """One run of the comparison; ``complete`` is false when it was interrupted."""

    environment: Environment
    plan: Plan
    rows: list[Row] = field(default_factory=list)
    ratios: list[Ratio] = field(default_factory=list)
    highest_rates: list[HighestRate] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    complete: bool = True

    def to_json(self) -> str:
        data = {"schema": SCHEMA, "complete": self.complete, **_spelled(asdict(self))}
        return json.dumps(data, indent=1) + "\n"

    def write(self, path: Path) -> None:
        path.write_text(self.to_json(), encoding="utf-8")

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises NotResults: it is not a comparison, or of another schema."""
        try:
            data = json.loads(text)
        except ValueError as error:
            raise NotResults(f"is not JSON: {error}") from error
        if not isinstance(data, dict) or data.pop("schema", None) != SCHEMA:
            raise NotResults(f"has not the schema {SCHEMA!r}")
        return _read(cls, data, "the file")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises NotResults as `from_json` does, OSError if it cannot be read."""
        try:
            return cls.from_json(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise NotResults(f"{path} {error}") from error


def _spelled(value: Any) -> Any:
    if isinstance(value, dict):
        return {SPELLED.get(name, name): _spelled(one) for name, one in value.items()}
    return [_spelled(one) for one in value] if isinstance(value, list) else value


T = TypeVar("T")


def _read(kind: type[T], data: Any, where: str) -> T:
    if not isinstance(data, dict):
        raise NotResults(f"has no object at {where}")
    hints = get_type_hints(kind)
    values = {}
    for one in fields(kind):  # type: ignore[arg-type]
        key = SPELLED.get(one.name, one.name)
        if key not in data:
            raise NotResults(f"has no {key!r} in {where}")
        values[one.name] = _value(hints[one.name], data[key], key)
    if unknown := set(data) - {SPELLED.get(name, name) for name in values}:
        raise NotResults(f"has an unknown {min(unknown)!r} in {where}")
    return kind(**values)


def _value(hint: Any, data: Any, where: str) -> Any:
    """``data`` as what the hint says, or NotResults."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is UnionType:
        return None if data is None else _value(inner[0], data, where)
    if origin is list and isinstance(data, list):
        return [_value(inner[0], one, where) for one in data]
    if origin is dict and isinstance(data, dict):
        return {name: _value(inner[1], one, where) for name, one in data.items()}
    if is_dataclass(hint) and isinstance(hint, type):
        return _read(hint, data, where)
    if origin is Literal and data in inner:
        return data
    if hint is float and type(data) in (int, float):
        return float(data)
    if origin is None and type(data) is hint:
        return data
    raise NotResults(f"has a wrong value for {where!r}")
