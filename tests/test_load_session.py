"""`reactor.load.session`: runs that nobody waits for end, and so do those that nobody answers."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest
from processes import PATIENCE_S, environment, eventually

from reactor.errors import LoadError
from reactor.limits import DEFAULT_LIMITS
from reactor.load import Generator, Plan, session
from reactor.load.session import Session
from reactor.net import Reactor

GENERATOR = [sys.executable, *["-O"] * sys.flags.optimize, "-m", "reactor.load"]

# Starts a generator with a long run, says its number, and waits to be killed.
PARENT = """
import sys
from reactor.load import Generator, Plan
with Generator(Plan((sys.argv[1],), connections=2)) as generator:
    print(generator.pid, flush=True)
    generator.run(600.0)
"""


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(
    not os.path.exists("/proc/self/stat"), reason="processes are looked up in /proc"
)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_generator_whose_parent_dies_in_a_run_ends(serve, folder, number):
    url = serve(folder, "--no-access-log").url
    command = [sys.executable, "-c", PARENT, url]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as parent:
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.send_signal(number)
    eventually(lambda: not is_alive(pid), "the generator has ended")


def test_an_interrupt_that_waited_for_the_process_leaves_none(monkeypatch):
    """It came while the child was being started, and is raised when that is done."""
    started = []
    real = subprocess.Popen

    def interrupted(*arguments, **options):
        started.append(real(*arguments, **options))
        signal.raise_signal(signal.SIGINT)
        return started[0]

    monkeypatch.setattr(subprocess, "Popen", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            Generator(Plan(("http://127.0.0.1:1/",), 1)).__enter__()
    finally:
        signal.signal(signal.SIGINT, before)
    assert started[0].returncode == -signal.SIGKILL


def starts(url, **pipes):
    plan = {"urls": [url], "connections": 2}
    process = subprocess.Popen(
        GENERATOR, env=environment(), stdin=subprocess.PIPE, stderr=subprocess.PIPE, **pipes
    )
    process.stdin.write(f'{json.dumps(plan)}\n{{"run_s": 600}}\n'.encode("ascii"))
    process.stdin.flush()
    return process


def test_it_ends_also_if_others_hold_its_pipes(serve, folder):
    """A child that its parent has forked inherits them, and then no end of them tells anything."""
    url = serve(folder, "--no-access-log").url
    code = (
        "import subprocess, sys; "
        "child = subprocess.Popen(sys.argv[1:], stdin=0, stdout=2); print(child.pid, flush=True); "
        "sys.stdin.close(); child.wait()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, *GENERATOR],
        env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    with parent:
        pid = int(parent.stdout.readline())
        plan = {"urls": [url], "connections": 2}
        parent.stdin.write(f'{json.dumps(plan)}\n{{"run_s": 600}}\n'.encode("ascii"))
        parent.stdin.flush()
        assert b"ready" in parent.stderr.readline()
        parent.kill()
        parent.wait(PATIENCE_S)
        eventually(lambda: not is_alive(pid), "the generator has ended")


def test_a_generator_that_nobody_reads_ends(serve, folder):
    with starts(serve(folder, "--no-access-log").url, stdout=subprocess.PIPE) as process:
        assert b"ready" in process.stdout.readline()
        process.stdout.close()
        assert process.wait(PATIENCE_S) == 141
        assert process.stderr.read() == b""


class Silent:
    """A server that answers the first ``answers`` requests of all, and then no more."""

    def __init__(self, answers):
        self.left = answers
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/"
        self.connections = []
        self.thread = threading.Thread(target=self.accept)
        self.thread.start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(sock)
            while self.left and sock.recv(4096):
                self.left -= 1
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
        for sock in self.connections:
            sock.close()


@pytest.fixture
def silent():
    made = []

    def make(answers):
        made.append(Silent(answers))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(session, "TICK_S", 0.02)
    limits = DEFAULT_LIMITS.replace(load_answer_timeout_s=0.05)
    monkeypatch.setattr(session, "DEFAULT_LIMITS", limits)


def test_a_run_of_requests_that_nobody_answers_is_given_up(silent, impatient):
    out = io.StringIO()
    with Reactor() as reactor:
        plan = Plan((silent(answers=3).url,), connections=1)
        one = Session(reactor, plan, out)
        one.connect()
        one.run({"requests": 1_000_000})
        one.close()
    result = json.loads(out.getvalue().splitlines()[-1])
    assert result["requests"] == 2
    assert set(result["errors"]) == {"timeout"}
    assert result["errors"]["timeout"] >= 2
    assert result["unsent"] == 1_000_000 - 2 - result["errors"]["timeout"]
    assert "no answer came in time" in result["first_error"]


def test_nor_are_many_urls_waited_for_one_after_another(silent, impatient):
    with Reactor() as reactor:
        server = silent(answers=0)
        plan = Plan(tuple(f"{server.url}{n}" for n in range(1000)), 1, connect_timeout_s=0.05)
        one = Session(reactor, plan, io.StringIO())
        with pytest.raises(LoadError, match="no answer came in time"):
            one.connect()
        one.close()
    assert len(server.connections) < 100
