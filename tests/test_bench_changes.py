"""`bench compare`: what got worse is found, what is noise is not."""

from dataclasses import replace

import pytest
from bench_results import histogram, latency, results

from reactor.bench import changes
from reactor.bench.cells import SPEED_HEAD, speed_cells
from reactor.bench.changes import compare
from reactor.bench.tables import merged
from reactor.load import Histogram


@pytest.fixture(autouse=True)
def draws(monkeypatch):
    """Enough for differences as large as these; the usual 2,000 take two seconds."""
    monkeypatch.setattr(changes, "DRAWS", 200)


def scaled(made, cpu=1.0, wall=1.0):
    rows = [
        replace(
            row,
            slots=[replace(s, cpu_s=s.cpu_s * cpu, wall_s=s.wall_s * wall) for s in row.slots],
        )
        for row in made.rows
    ]
    return replace(made, rows=rows)


def with_noise(made, low, high):
    return replace(made, ratios=[replace(one, noise=[low, high]) for one in made.ratios])


@pytest.mark.parametrize(
    ("change", "regressed", "word"),
    [
        ({}, False, "no difference"),
        ({"cpu": 1.1}, True, "REGRESSION"),
        ({"cpu": 0.9}, False, "better"),
        ({"wall": 1.1}, True, "REGRESSION"),
        ({"wall": 0.9}, False, "better"),
        ({"cpu": 1.01}, False, "no difference"),
    ],
)
def test_a_change_for_the_worse_outside_the_noise_is_a_regression(change, regressed, word):
    lines, worse = compare(results(), scaled(results(), **change))
    assert worse is regressed
    assert any(line.endswith(word) for line in lines)
    assert any("REGRESSION" in line for line in lines) is regressed


def slower(made, factor, slots=slice(None)):
    """As a run whose answers in these slots took so many times as long, rows and all."""
    rows = []
    for row in made.rows:
        changed = list(row.slots)
        for at in range(len(changed))[slots]:
            encoded = histogram(factor).encode()
            changed[at] = replace(changed[at], p99_s=0.005 * factor, histogram=encoded)
        whole = merged(Histogram.decode(slot.histogram) for slot in changed)
        rows.append(replace(row, slots=changed, latency_s=latency(whole)))
    return replace(made, rows=rows)


@pytest.mark.parametrize(
    ("factor", "slots", "word"),
    [
        (1.5, slice(None), "REGRESSION"),
        (0.5, slice(None), "better"),
        # A bad slot is in the p99 of all answers, and not in the median of the slots' p99.
        (3.0, slice(1), "no difference"),
    ],
)
def test_the_p99_is_the_one_of_the_table(factor, slots, word):
    old, new = results(), slower(results(), factor, slots)
    lines = [line for line in compare(old, new)[0] if ": p99 " in line]
    for line, was, now in zip(lines, old.rows, new.rows, strict=True):
        shown = [speed_cells(row)[SPEED_HEAD.index("p99 ms")] for row in (was, now)]
        assert "p99 {} ms -> {} ms, ratio ".format(*shown) in line
        assert line.endswith(word)
        assert shown[0] != shown[1]


def test_the_wider_band_of_both_runs_counts():
    old = with_noise(results(), 0.8, 1.25)
    assert not compare(old, scaled(results(), cpu=1.1))[1]
    assert not compare(results(), scaled(old, cpu=1.1))[1]


def test_rows_of_one_run_only_are_named():
    old = results()
    new = replace(old, rows=old.rows[:1])
    assert "threads, 64 connections: only in OLD" in compare(old, new)[0]
    assert "threads, 64 connections: only in NEW" in compare(new, old)[0]


def test_throughput_that_was_the_generators_is_not_compared():
    old = results()
    bound = replace(old, rows=[replace(row, verdict="GENERATOR-BOUND") for row in old.rows])
    lines, worse = compare(bound, scaled(old, wall=2.0))
    assert not worse
    assert not any("requests/s" in line or "p99" in line for line in lines)
    assert sum("the generator was the bound" in line for line in lines) == len(old.rows)
