"""What a server inherits from who starts it: blocked signals."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.request

import pytest
from crew import write_app
from processes import PATIENCE_S, command, environment

WAYS = {"one": (), "threads": ("--model", "threads"), "workers": ("--workers", "2")}
# A program that is executed keeps the mask.
BLOCKED = [
    sys.executable,
    "-c",
    "import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals());"
    "os.execv(sys.argv[1], sys.argv[1:])",
]


@pytest.mark.parametrize("words", WAYS.values(), ids=WAYS)
def test_signals_that_were_blocked_are_heard(tmp_path, words):
    write_app(tmp_path)
    serve = command("serve", "crewed:app", "--port", "0", "--allow-root", *words)
    process = subprocess.Popen(
        [*BLOCKED, *serve],
        cwd=tmp_path,
        env=environment(PYTHONDONTWRITEBYTECODE="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        url = process.stdout.readline().split()[3]
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            assert answer.read().endswith(b"one")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
