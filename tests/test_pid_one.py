"""As process 1, which a server is in a container: signals reach it, and orphans are its own."""

from __future__ import annotations

import subprocess

import pytest
from crew import APP, ask, children, state
from processes import PATIENCE_S, command, eventually, needs, started

# A shell that leaves a child behind, which ends with a code that means something to a supervisor.
ORPHANS = """
import subprocess

def orphaned(request):
    if request.path == "/orphan":
        subprocess.run(["sh", "-c", "(sleep 0.1; exit 3) &"])
    return app(request)
"""


@pytest.fixture(scope="module")
def unshare():
    """What runs a program as process 1 of a namespace of its own."""
    program = [needs("unshare"), "--pid", "--fork", "--kill-child", "--mount-proc"]
    if subprocess.run([*program, "true"], capture_output=True, timeout=PATIENCE_S).returncode:
        pytest.skip("this user may not make namespaces")
    return program


def first(unshare, folder, *words):
    """The server, and a function for the number that its process 1 has out here."""
    (folder / "crewed.py").write_text(APP + ORPHANS)
    arguments = ["crewed:orphaned", "--port", "0", "--allow-root", *words]
    return started([*unshare, *command("serve", *arguments)], cwd=folder)


def test_sigterm_ends_it_in_order(unshare, tmp_path):
    """The kernel drops signals for process 1 that it has no handler for. With workers:
    test_supervisor.py."""
    with first(unshare, tmp_path) as server:
        assert ask(server)[0] > 0
        [pid] = children(server.pid)
        subprocess.run(["kill", "-TERM", str(pid)], check=True)
        assert server.wait() == 0


def test_orphans_are_taken_and_mean_nothing(unshare, tmp_path):
    with first(unshare, tmp_path, "--supervise") as server:
        [pid] = children(server.pid)
        before = len(children(pid))
        for _ in range(5):
            ask(server, "/orphan")
        assert len(children(pid)) >= before
        eventually(lambda: len(children(pid)) == before, "all were taken")
        assert ask(server)[0] > 0
        assert "Z" not in {state(child) for child in children(pid)}
        subprocess.run(["kill", "-TERM", str(pid)], check=True)
        assert server.wait() == 0
