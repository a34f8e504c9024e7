"""Workers that have nothing to do sleep, and nobody wakes them to ask how they are."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

import pytest
from crew import answering, children, crew, write_app
from processes import eventually

if sys.platform != "linux":
    pytest.skip("several workers need Linux", allow_module_level=True)
SECONDS = 30 if "REACTOR_LONG" in os.environ else 1


def wakes(pid):
    """How often it has gone to sleep, and so was awake."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return sum(map(int, re.findall(r"ctxt_switches:\s*(\d+)", text)))


def test_idle_workers_sleep_and_their_supervisor_looks_once_a_second(tmp_path):
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
        time.sleep(SECONDS)
        assert counts() == before
        assert wakes(server.pid) - looked <= 2 * (SECONDS + 1)  # asleep, and cut short by others
