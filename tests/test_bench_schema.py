"""`docs/bench.schema.json` says what the dataclasses say; test_bench_cli asks it of a real run."""

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
from bench_results import results, row
from jsonschema import Draft202012Validator

from reactor.bench.results import (
    METRICS,
    SCHEMA,
    SPELLED,
    Environment,
    Failure,
    HighestRate,
    Latency,
    Plan,
    Ratio,
    Results,
    Row,
    Slot,
    Trial,
)

FILE = Path(__file__).resolve().parent.parent / "docs" / "bench.schema.json"
TOLD = json.loads(FILE.read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(TOLD)
KINDS = [Environment, Failure, HighestRate, Latency, Plan, Ratio, Row, Slot, Trial]


def every_kind():
    """A row of each verdict, closed and open, measured in all ways or in few; ratios likewise."""
    made = results()
    late = Latency(0.001, 0.002, 0.003, 0.004, 1.0)
    rows = [
        *made.rows,
        replace(row("open"), rate=1000.0, uncorrected_s=late, missed=3),
        replace(row("bound"), verdict="GENERATOR-BOUND", why="it was busy"),
        replace(row("drifts"), verdict="UNSTABLE", why="it drifted"),
        replace(row("unknown"), bytes_per_idle_connection=None),
    ]
    ratio = made.ratios[0]
    ratios = [replace(ratio, metric=metric) for metric in METRICS]
    ratios += [replace(ratio, noise=None, difference=None)]
    return replace(made, rows=rows, ratios=ratios, complete=False)


def test_the_schema_is_one_and_of_this_version():
    Draft202012Validator.check_schema(TOLD)
    assert TOLD["properties"]["schema"] == {"const": SCHEMA}
    assert TOLD["$id"] == f"urn:{SCHEMA.replace('/', ':')}"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_its_fields_are_those_of_the_dataclass(kind):
    told = TOLD["$defs"][kind.__name__.lower()]
    assert set(told["properties"]) == {SPELLED.get(f.name, f.name) for f in fields(kind)}
    assert set(told["required"]) == set(told["properties"])
    assert told["additionalProperties"] is False


def test_every_kind_of_row_is_valid():
    text = every_kind().to_json()
    VALIDATOR.validate(json.loads(text))
    assert Results.from_json(text) == every_kind()


def objects(value, path=()):
    """Every object of a document, with the way to it."""
    if isinstance(value, dict):
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in items:
        if isinstance(one, dict | list):
            yield from objects(one, (*path, key))


def at(value, path):
    for key in path:
        value = value[key]
    return value


# In these any server's name is a key.
FREE = {("environment", one) for one in ("versions", "commands", "configurations")}
PATHS = [path for path in objects(json.loads(results().to_json())) if path not in FREE]


@pytest.mark.parametrize("path", [path for path in PATHS if not {1, 2, 3, 4, 5} & {*path}], ids=str)
def test_what_is_missing_unknown_or_of_a_wrong_kind_is_refused(path):
    text = results().to_json()
    for key in at(json.loads(text), path):
        told = json.loads(text)
        del at(told, path)[key]
        assert not VALIDATOR.is_valid(told), f"{key} is missing"
        told = json.loads(text)
        at(told, path)[key] = {"of": 1.5}
        assert not VALIDATOR.is_valid(told), f"{key} is of a wrong kind"
    told = json.loads(text)
    at(told, path)["more"] = 1
    assert not VALIDATOR.is_valid(told)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), "reactor-bench/1"),
        (("rows", 0, "verdict"), "FINE"),
        (("rows", 0, "connections"), 0),
        (("rows", 0, "histogram"), "aGVsbG8="),
        (("rows", 0, "slots"), []),
        (("ratios", 0, "metric"), "speed"),
        (("ratios", 0, "noise"), [1.0]),
        (("environment", "load_average"), [0.1]),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(path, value):
    told = json.loads(results().to_json())
    at(told, path[:-1])[path[-1]] = value
    assert not VALIDATOR.is_valid(told)
