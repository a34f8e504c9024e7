"""`bench compare`: what got worse is found, what is noise is not."""

from dataclasses import replace

import pytest
from bench_results import results

from reactor.bench.changes import compare


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
