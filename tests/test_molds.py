"""Molds that do not answer, and what becomes of those who wait for a worker of theirs."""

from __future__ import annotations

import os
import signal
import sys

import pytest
from crew import answering, children, crew, state, write_app
from processes import eventually

if sys.platform != "linux":
    pytest.skip("several workers need Linux", allow_module_level=True)


@pytest.fixture
def folder(tmp_path):
    write_app(tmp_path)
    return tmp_path


def stopped_mold(server, workers):
    """The number of the mold, which a signal has stopped."""
    [mold] = set(children(server.pid)) - workers
    os.kill(mold, signal.SIGSTOP)
    eventually(lambda: state(mold) == "T", "it stands still")
    return mold


def test_a_mold_that_forks_nobody_is_ended_and_made_anew(folder):
    with crew(folder, "--workers", "2", "--timeout-worker-start", "1") as server:
        workers = answering(server, 2)
        mold = stopped_mold(server, workers)
        victim = workers.pop()
        os.kill(victim, signal.SIGKILL)
        answering(server, 2, without={victim})
        assert f"the mold {mold} is ended: it has forked no worker for 1 s" in server.err
        assert "no worker could be forked" in server.err
        assert len(children(server.pid)) == 3


def test_a_mold_that_stands_still_is_gone_some_time_after_a_reload(folder):
    with crew(folder, "--workers", "2", "--timeout-worker-start", "1") as server:
        workers = answering(server, 2)
        mold = stopped_mold(server, workers)
        server.signal(signal.SIGHUP)
        answering(server, 2, without=workers)
        eventually(lambda: state(mold) == "", "it was ended")


def test_a_second_signal_ends_a_server_whose_mold_stands_still(folder):
    with crew(folder, "--workers", "2", "--timeout-worker-start", "60") as server:
        workers = answering(server, 2)
        mold = stopped_mold(server, workers)
        server.signal(signal.SIGTTIN)
        eventually(lambda: "SIGTTIN: 3 workers" in server.err, "one more was asked for")
        server.signal(signal.SIGTERM)
        eventually(lambda: children(server.pid) == [mold], "those who serve have ended")
        server.signal(signal.SIGTERM)
        assert server.wait() == 128 + signal.SIGTERM


FAILING_END = """
async def app(scope, receive, send):
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.failed", "message": "no"})
"""


def test_a_lifespan_that_cannot_end_is_in_the_exit_code(tmp_path):
    (tmp_path / "ending.py").write_text(FAILING_END)
    with crew(tmp_path, "--workers", "2", target="ending:app") as server:
        assert server.stop() == 1
