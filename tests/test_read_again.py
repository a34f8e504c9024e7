"""SIGHUP to a supervisor reads the file with its options again."""

from __future__ import annotations

import signal
import sys

import pytest
from crew import ask, crew, write_app
from processes import eventually

if sys.platform != "linux":
    pytest.skip("a supervisor needs Linux", allow_module_level=True)


@pytest.fixture
def folder(tmp_path):
    write_app(tmp_path)
    return tmp_path


def configure(folder, *lines):
    (folder / "pyproject.toml").write_text("\n".join(["[tool.reactor.serve]", *lines, ""]))


def test_the_new_generation_is_as_the_file_says(folder):
    configure(folder, "access_log = false")
    with crew(folder, "--supervise") as server:
        ask(server, "/before")
        configure(folder, "access_log = true")
        server.signal(signal.SIGHUP)
        eventually(lambda: "reloaded: 1" in server.err, "it is there")
        ask(server, "/after")
        server.stop()
        assert "/before" not in server.out
        assert "/after" in server.out


def test_a_mistake_leaves_all_as_it_is(folder):
    with crew(folder, "--supervise") as server:
        before = ask(server)
        configure(folder, "acess_log = true")
        server.signal(signal.SIGHUP)
        eventually(lambda: "did you mean access_log?" in server.err, "it is told")
        assert "the reload has failed, and those who serve go on" in server.err
        assert ask(server) == before
        # And then it is right.
        configure(folder, "access_log = false")
        server.signal(signal.SIGHUP)
        eventually(lambda: "reloaded: 1" in server.err, "it is there")
        assert ask(server) != before


def test_what_only_a_restart_changes_is_named(folder):
    configure(folder, "backlog = 10", "ws_max_size = 1000")
    with crew(folder, "--supervise") as server:
        configure(folder, "backlog = 20", "ws_max_size = 2000", "workers = 2")
        server.signal(signal.SIGHUP)
        eventually(lambda: "reloaded: 1" in server.err, "it is there")
        assert "only a restart changes --backlog, --workers" in server.err
