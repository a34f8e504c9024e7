"""Reloads and crashes under load: what clients lose is nothing, or what a dead worker had taken."""

from __future__ import annotations

import os
import signal

import pytest
from clients import NOTE
from crew import answering, children, crew, write_app
from processes import eventually
from reloading import RollingLoad

from reactor.server.workers.policy import LIVED_S

QUIET = ("--no-access-log", "--workers", "2")
# The client and the server share two cores with whatever else runs.
GENTLE = {"kept": 8, "think_s": 0.01, "new_per_s": 50}
NOTES = f"""
def notes(request):
    if request.path == "/note.txt":
        return Response(200, {{}}, {NOTE!r})
    return app(request)
"""


@pytest.fixture
def folder(tmp_path):
    write_app(tmp_path, more=NOTES)
    return tmp_path


def roll(folder, times, every_s, model="reactor", **load):
    """(the load, the seconds that its answers took without reloads)."""
    with crew(folder, *QUIET, "--model", model, target="crewed:notes") as server:
        answering(server, 2)
        quiet = RollingLoad(server.address, **load)
        quiet.run(every_s)
        quiet.finish()
        rolling = RollingLoad(server.address, **load)
        for count in range(1, times + 1):
            server.signal(signal.SIGHUP)
            rolling.run(every_s)
            while server.err.count("reloaded: 2") < count:
                rolling.run(0.01)
        rolling.finish()
        assert "ended by" not in server.err
    return rolling, quiet


@pytest.mark.parametrize("model", ["reactor", pytest.param("threads", marks=pytest.mark.long)])
def test_a_reload_loses_nothing(folder, model):
    load, _ = roll(folder, 2, 0.4, model, **GENTLE)
    assert load.lost == {}
    assert load.counts["answered"] > 50
    assert load.counts["told to close"] >= GENTLE["kept"]


@pytest.mark.long
def test_thirty_reloads_in_twenty_seconds_lose_nothing(folder):
    load, _ = roll(folder, 30, 0.65)
    assert load.lost == {}


def test_a_stop_of_all_workers_answers_their_queue(folder):
    with crew(folder, *QUIET, target="crewed:notes") as server:
        answering(server, 2)
        load = RollingLoad(server.address, **GENTLE)
        load.run(0.3)
        load.ending = True
        server.signal(signal.SIGTERM)
        load.go_on_after_the_stop()
        lost = {how: count for how, count in load.lost.items() if how != "refused"}
        assert lost == {}


@pytest.mark.parametrize("times", [1, pytest.param(4, marks=pytest.mark.long)])
def test_a_worker_that_is_killed_loses_only_what_it_had_taken(folder, times):
    with crew(folder, *QUIET, target="crewed:notes") as server:
        answering(server, 2)
        load = RollingLoad(server.address, **GENTLE)
        for _ in range(times):
            # One that has lived is replaced at once, however often.
            load.run(0.1 if times == 1 else LIVED_S)
            workers = set(children(server.pid)) - {children(server.pid)[0]}
            before = len(server.err.splitlines())
            os.kill(max(workers), signal.SIGKILL)
            load.run(0.1)
            eventually(lambda before=before: len(server.err.splitlines()) > before, "it is said")
            answering(server, 2, without={max(workers)})
        load.finish()
        # A connection has one request under way: each of them is lost at most once a kill.
        assert sum(load.lost.values()) <= times * (GENTLE["kept"] + 1)
        assert load.counts["refused"] == load.counts["unanswered"] == 0


@pytest.mark.parametrize("model", ["reactor", pytest.param("threads", marks=pytest.mark.long)])
def test_workers_that_have_done_enough_are_replaced_and_nobody_notices(folder, model):
    words = (*QUIET, "--max-requests", "100", "--model", model)
    with crew(folder, *words, target="crewed:notes") as server:
        before = answering(server, 2)
        load = RollingLoad(server.address, **GENTLE)
        while server.err.count("(--max-requests)") < 3:
            load.run(0.2)
            # The mold and two that serve, at least.
            assert len([pid for pid in children(server.pid) if runs(pid)]) >= 3
        load.finish()
        assert load.lost == {}
        assert before != answering(server, 2)
        assert "ended by" not in server.err


@pytest.mark.parametrize("times", [3, pytest.param(40, marks=pytest.mark.long)])
def test_a_supervisor_that_is_killed_leaves_no_process(folder, times):
    """Also in the middle of a fork: while it starts, and while it reloads."""
    for index in range(times):
        with crew(folder, *QUIET, target="crewed:notes") as server:
            answering(server, 1)
            known = set(children(server.pid))
            if index % 2:
                server.signal(signal.SIGHUP)
                eventually(lambda known=known: set(children(server.pid)) - known, "it forks")
            everybody = known | set(children(server.pid))
            server.signal(signal.SIGKILL)
            server.process.wait()
            eventually(lambda everybody=everybody: not any(map(runs, everybody)), "all ended", 5)


def runs(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
