"""SIGHUP to a supervisor reads the file with its options again."""

from __future__ import annotations

import signal

import pytest
from crew import (
    ask,
    crew,
    crewed_folder,  # noqa: F401 - a fixture
    write_app,
)
from processes import eventually, run_reactor
from test_workers import is_taken


def configure(folder, *lines):
    (folder / "pyproject.toml").write_text("\n".join(["[tool.reactor.serve]", *lines, ""]))


def test_the_new_generation_is_as_the_file_says(folder):
    configure(folder, "access_log = false")
    with crew(folder, "--supervise") as server:
        ask(server, "/before")
        configure(folder, "access_log = true")
        server.signal(signal.SIGHUP)
        # The one before may take a client or two more.
        eventually(lambda: ask(server, "/after") and "/after" in server.out, "it is logged")
        server.stop()
        assert "/before" not in server.out


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
        eventually(lambda: ask(server) != before, "another one serves")


SPA = "--spa: only a folder has such options, crewed:app is none"


@pytest.mark.parametrize(
    ("words", "line", "sentence"),
    [
        ([], "spa = true", SPA),
        # It is the worker that finds it out.
        (["--no-preload"], "spa = true", SPA),
        ([], "body_dir = 'none'", "no file for a request's body can be made in 'none': No such"),
    ],
)
def test_an_option_that_does_not_fit_is_a_line_of_the_log(folder, words, line, sentence):
    with crew(folder, "--supervise", *words) as server:
        before = ask(server)
        configure(folder, line)
        server.signal(signal.SIGHUP)
        eventually(lambda: "the reload has failed" in server.err, "it is told")
        assert ask(server) == before
        server.stop()
        failed = "ERROR the reload has failed, and those who serve go on: "
        [said] = [line for line in server.err.splitlines() if failed in line]
        assert said.partition(failed)[2].startswith(sentence)
        assert not [line for line in server.err.splitlines() if line.startswith("reactor: --spa")]
        assert "--help" not in server.err
        assert "the import ended" not in server.err


def test_at_the_start_it_is_a_sentence(folder):
    configure(folder, "spa = true")
    done = run_reactor("serve", "crewed:app", "--supervise", "--port", "0", cwd=folder)
    assert done.returncode == 2
    assert "reactor: --spa: only a folder has such options" in done.stderr
    assert "--help" in done.stderr


def test_what_only_a_restart_changes_is_named(folder):
    configure(folder, "backlog = 10", "ws_max_size = 1000")
    with crew(folder, "--supervise") as server:
        configure(folder, "backlog = 20", "ws_max_size = 2000", "workers = 2")
        server.signal(signal.SIGHUP)
        eventually(lambda: "reloaded: 1" in server.err, "it is there")
        assert "only a restart changes --backlog, --workers" in server.err


def test_a_failed_generation_between_two_cuts_nobody_off(folder):
    """It has a number too, but has never served: the one before is not two behind."""
    with crew(folder, "--supervise", traceback_expected=True) as server:
        (folder / "crewed.py").write_text("def broken(:\n")
        server.signal(signal.SIGHUP)
        eventually(lambda: "those who serve go on" in server.err, "it has failed")
        write_app(folder, "two")
        with server.connect() as sock:
            sock.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            eventually(lambda: is_taken(server, sock), "the request was read")
            server.signal(signal.SIGHUP)
            eventually(lambda: "reloaded: 1" in server.err, "it is there")
            assert sock.recv(4096).endswith(b" one")
        eventually(lambda: ask(server)[1] == "two", "the new one serves")
