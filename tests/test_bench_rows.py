"""`bench/rows.py`: what a goal's verdict is, and that the rows can be measured."""

import subprocess
import sys
from pathlib import Path

import pytest

from reactor.bench.peers import NAMES, WEBSOCKET_NAMES
from reactor.bench.results import Ratio
from reactor.bench.servers import missing

BENCH = Path(__file__).resolve().parent.parent / "bench"
ROWS = BENCH / "rows.py"


@pytest.fixture
def goals(monkeypatch):
    monkeypatch.syspath_prepend(BENCH)
    return pytest.importorskip("goals")


@pytest.fixture
def server_rows(monkeypatch):
    monkeypatch.syspath_prepend(BENCH)
    return pytest.importorskip("server_rows")


def ratio(low, high, difference=True):
    middle = (low + high) / 2
    noise = [0.98, 1.02]
    return Ratio("a", "b", 64, "cpu_us_per_request", middle, low, high, noise, difference)


@pytest.mark.parametrize(
    ("bound", "at_least", "low", "high", "verdict"),
    [
        (0.9, False, 0.7, 0.8, "yes"),
        (0.9, False, 0.85, 0.95, "unknown: within the interval"),
        (0.9, False, 0.91, 0.95, "NOT MET"),
        (4, True, 4.1, 5, "yes"),
        (4, True, 3, 3.9, "NOT MET"),
        (4, True, 3, 5, "unknown: within the interval"),
    ],
)
def test_a_goal_is_met_or_not_if_the_whole_interval_says_so(
    goals, bound, at_least, low, high, verdict
):
    goal = goals.Goal(bound, at_least)
    assert goals.Line("row", goal, ratio(low, high)).verdict() == verdict


def test_what_cannot_be_told_is_unknown(goals):
    goal = goals.Goal(0.9)
    assert "launches" in goals.Line("row", goal, ratio(0.1, 0.2, difference=None)).verdict()
    doubtful = goals.Line("row", goal, ratio(0.1, 0.2), "GENERATOR-BOUND")
    assert doubtful.verdict() == "unknown: GENERATOR-BOUND"
    assert goals.Line("row", None, ratio(0.1, 0.2)).verdict() == ""


def test_what_was_not_measured_says_why(goals):
    line = goals.Line("row", goals.Goal(0.9), doubt="not installed")
    assert line.verdict() == "not measured"
    assert line.cells()[-1] == "not measured: not installed"


def test_every_row_names_servers_that_there_are(server_rows):
    for name, row in server_rows.ROWS.items():
        assert {row.ours, *row.goals} <= {*(WEBSOCKET_NAMES if row.websocket else NAMES)}, name
        assert name.endswith("-varied") <= bool(row.load.get("varied")), name


@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_rows_of_ours_are_measured_against_each_other():
    done = run("native-varied-constant")
    assert done.returncode == 0, done.stderr
    [line] = [one for one in done.stdout.splitlines() if one.startswith("native-varied-constant:")]
    assert "reactor / reactor, varied 0" in line
    assert line.endswith("at most 1.18  unknown: fewer than 6 launches")


@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_a_server_is_measured_against_an_earlier_one():
    done = run("static", "--before", sys.executable)
    assert done.returncode == 0, done.stderr
    assert "static: static / before" in done.stdout


def test_a_row_that_is_none_is_refused():
    done = run("apache")
    assert (done.returncode, "no such row: apache" in done.stderr) == (2, True)


def run(*words):
    command = [sys.executable, str(ROWS), *words, "--pairs", "2", "--slot", "0.1"]
    return subprocess.run(command, capture_output=True, text=True, timeout=100)
