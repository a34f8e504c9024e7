"""Workers that have nothing to do sleep, and nobody wakes them to ask how they are."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from crew import answering, children, crew, write_app
from processes import eventually


def wakes(pid):
    """How often it has gone to sleep, and so was awake."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return sum(map(int, re.findall(r"ctxt_switches:\s*(\d+)", text)))


@pytest.mark.parametrize("seconds", [1, pytest.param(30, marks=pytest.mark.long)])
def test_idle_workers_sleep_and_their_supervisor_looks_once_a_second(tmp_path, seconds):
    write_app(tmp_path)
    with crew(tmp_path, "--workers", "4") as server:
        answering(server, 4)
        mold, *workers = sorted(children(server.pid))

        def counts():
            return [wakes(pid) for pid in (mold, *workers)]

        def sleep():
            before = counts()
            time.sleep(0.5)
            return counts() == before

        eventually(sleep, "all of them sleep")
        before, looked = counts(), wakes(server.pid)
        time.sleep(seconds)
        assert counts() == before
        assert wakes(server.pid) - looked <= 2 * (seconds + 1)  # asleep, and cut short by others
