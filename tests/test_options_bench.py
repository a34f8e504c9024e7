"""`bench`: every option by what it does, as a command that measures a server."""

from __future__ import annotations

import json
import resource
import socket
import subprocess
import sys
import threading
from importlib.util import find_spec
from types import SimpleNamespace

import pytest
from option_table import UNSEEN, Shown, check, missing, unknown
from processes import command, environment, serving

from reactor.bench import servers
from reactor.cli.bench import IDLE, SPARE_DESCRIPTORS

pytestmark = pytest.mark.skipif(servers.missing() is not None, reason=str(servers.missing()))
# A slot each of as little as can be measured.
SHORT = ("--pairs", "1", "--slot", "0.1")
ONE = ("--target", "{url}", "-c", "2", *SHORT)  # one server that runs: nothing is started
OF_OURS = ("-c", "2", *SHORT)


COUNTS = ("connections", "at_once", "closing", "distinct")


class Counting:
    """A server in this process that counts what the load generator does."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/"
        self.forget()
        threading.Thread(target=self.accept, daemon=True).start()

    def forget(self):
        vars(self).update(dict.fromkeys(COUNTS, 0))
        self.heads = set()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        with sock:
            try:
                while data := sock.recv(65536):
                    count = data.count(b"\r\n\r\n")
                    closing = b"Connection: close" in data
                    if not closing:
                        self.heads.add(data)
                        self.distinct = len(self.heads)
                    self.at_once = max(self.at_once, count)
                    self.closing += closing
                    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" * count)
                    if closing:
                        return
            except ConnectionError:
                pass


@pytest.fixture(scope="module")
def counting():
    server = Counting()
    yield server
    server.listener.shutdown(socket.SHUT_RDWR)
    server.listener.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    (folder / "index.html").write_text("a page")
    with serving(folder, "--no-access-log") as server:
        server.folder = folder
        yield server


@pytest.fixture(scope="module")
def runs():
    """Outcomes by the words of the command."""
    return {}


@pytest.fixture
def places(tmp_path, served, counting, runs):
    # Stands for the interpreter of the peers, and notes that it was asked.
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\necho asked >> "{tmp_path}/asked"\nexec "{sys.executable}" "$@"\n'
    )
    python.chmod(0o755)
    return {
        "tmp": tmp_path, "url": served.url, "folder": served.folder, "counting": counting.url,
        "python": python, "counts": counting, "runs": runs,
    }  # fmt: skip


def bench(*words):
    # Not by `run_reactor`: thousands of connections take longer than its patience.
    return subprocess.run(
        command("bench", *words), env=environment(), capture_output=True, text=True, timeout=110
    )


def measured(what):
    """Run it, and look: ``what(outcome)`` has the results, their first row, and what was counted.

    What many rows see without their options is measured once.
    """

    def look(words, places):
        runs, counting = places["runs"], places["counts"]
        if tuple(words) not in runs:
            file = places["tmp"] / "results.json"
            counting.forget()
            done = bench(*words, "--json", file)
            assert (done.returncode, done.stderr) == (0, "")
            made = json.loads(file.read_text(encoding="utf-8"))
            counts = {name: getattr(counting, name) for name in COUNTS}
            runs[tuple(words)] = SimpleNamespace(made=made, row=made["rows"][0], **counts)
        return what(runs[tuple(words)])

    return look


def exit_code_and(what):
    def look(words, places):
        done = bench(*words)
        return done.returncode, what(done, places)

    return look


def compared(words, places):
    """The results of a run, with themselves."""
    old = places["tmp"] / "old.json"
    bench(*[word.format_map(places) for word in ONE], "--json", old)
    done = bench(*words, old, old)
    return done.returncode, done.stdout.count("no difference")


has_page = exit_code_and(
    lambda done, places: (places["tmp"] / "page.html").exists() or "needs matplotlib" in done.stderr
)
MATPLOTLIB = find_spec("matplotlib") is not None

TABLE = [
    Shown("words", ["compare"], compared, UNSEEN, (0, 3)),
    Shown("--against", ["--against", "wsgi"],
          measured(lambda one: [row["server"] for row in one.made["rows"]]),
          ["reactor", "threads"], ["reactor", "wsgi"], OF_OURS),
    # That it may be a URL is shown by every row that has one.
    Shown("--target", ["--target", "{folder}"],
          measured(lambda one: "apps:hello" in one.made["environment"]["commands"]["reactor"]),
          True, False, OF_OURS),
    Shown("--connections", ["-c", "40"], measured(lambda one: one.row["descriptors"] > 40),
          False, True, ONE),
    Shown("--rate", ["--rate", "50"],
          measured(lambda one: sum(slot["requests"] for slot in one.row["slots"]) <= 10),
          False, True, ONE),
    Shown("--pipeline", ["--pipeline", "4"], measured(lambda one: one.at_once), 1, 4,
          ("--target", "{counting}", "-c", "2", *SHORT)),
    Shown("--varied", ["--varied", "40"], measured(lambda one: one.distinct), 1, 40,
          ("--target", "{counting}", "-c", "2", *SHORT)),
    Shown("--close", ["--close"],
          measured(lambda one: one.closing > 10 and one.connections > 10),
          False, True, ("--target", "{counting}", "-c", "2", *SHORT)),
    Shown("--access-log", ["--access-log"], measured(lambda one: one.row["access_log"]),
          False, True, OF_OURS),
    Shown("--websocket", ["--websocket"],
          measured(lambda one: [row["server"] for row in one.made["rows"]]),
          ["reactor", "threads"], ["reactor", "asgi"], OF_OURS),
    Shown("--pairs", ["--pairs", "3"], measured(lambda one: len(one.row["slots"])), 1, 3, ONE),
    Shown("--slot", ["--slot", "0.5"], measured(lambda one: one.row["slots"][0]["wall_s"] > 0.45),
          False, True, ONE),
    Shown("--p99", ["--p99", "1000"],
          measured(lambda one: [found["bound_s"] for found in one.made["highest_rates"]]),
          [], [1.0], ONE),
    Shown("--python", ["--python", "{python}"],
          exit_code_and(lambda done, places: (places["tmp"] / "asked").exists()),
          (0, False), (0, True), ONE),
    Shown("--json", ["--json", "{tmp}/made.json"],
          exit_code_and(lambda done, places: (places["tmp"] / "made.json").exists()),
          (0, False), (0, True), ONE),
    Shown("--html", ["--html", "{tmp}/page.html"], has_page, (0, False),
          (0 if MATPLOTLIB else 1, True), ONE),
]  # fmt: skip
MANY = [
    Shown("--sweep", ["--sweep"],
          measured(lambda one: [row["connections"] for row in one.made["rows"]]),
          [2], [1, 10, 100, 1_000, 9_000], ONE),
    Shown("--memory", ["--memory"],
          measured(lambda one: one.row["bytes_per_idle_connection"] is not None),
          False, True, ONE),
]  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.option)
def test_an_option_does_what_it_says(row, places):
    check(row, places)


@pytest.mark.long
@pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_NOFILE)[1] < IDLE + SPARE_DESCRIPTORS,
    reason="thousands of connections need more descriptors than are allowed here",
)
@pytest.mark.parametrize("row", MANY, ids=lambda row: row.option)
def test_an_option_for_thousands_of_connections_does_what_it_says(row, places):
    check(row, places)


def test_every_option_has_a_row():
    assert missing("bench", TABLE + MANY) == set()
    assert unknown("bench", TABLE + MANY) == set()
