"""`reactor serve --workers`: who serves, who takes whose place, and how all of them end."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress

import pytest
from crew import (
    answering,
    ask,
    children,
    crew,
    crewed_folder,  # noqa: F401 - a fixture
    state,
    write_app,
)
from processes import MODELS, eventually, run_reactor


@pytest.mark.parametrize("model", MODELS)
def test_workers_serve_one_port_and_end_with_sigterm(folder, model):
    with crew(folder, "--workers", "3", "--model", model) as server:
        pids = answering(server, 3)
        assert server.pid not in pids
        everybody = children(server.pid)
        assert pids < set(everybody)  # and the mold
        assert server.stop() == 0
    # The mold ends with its supervisor, a moment later.
    eventually(lambda: not any(state(pid) not in {"", "Z"} for pid in everybody), "all have ended")


def test_a_worker_is_the_supervisors_child_and_has_nothing_of_its_own(folder):
    """No pipe to another worker, no copy of the supervisor's epoll set."""
    with crew(folder, "--workers", "2", "--pid", folder / "pid") as server:
        pids = answering(server, 2)
        eventually(lambda: len({len(opened(pid)) for pid in pids}) == 1, "they have as many")
        for pid in pids:
            names = opened(pid)
            assert names.count("anon_inode:[eventpoll]") == 1
            assert not [name for name in names if "pidfd" in name or name.endswith("/pid")]


def opened(pid):
    """What the descriptors of a process lead to."""
    names = []
    for number in os.listdir(f"/proc/{pid}/fd"):
        with suppress(FileNotFoundError):  # it was closed since
            names.append(os.readlink(f"/proc/{pid}/fd/{number}"))
    return names


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_answers_what_is_under_way(folder, number):
    with crew(folder, "--workers", "2") as server:
        answering(server, 2)
        with server.connect() as sock:
            sock.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            # It is under way when nothing waits in the kernel.
            eventually(lambda: is_taken(server, sock), "the request was read")
            server.signal(number)
            answer = b"".join(iter(lambda: sock.recv(4096), b""))
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"Connection: close" in answer
        assert server.wait() == 0


def is_taken(server, sock):
    """Whether the server has read all that this client has sent."""
    ours, theirs = sock.getsockname()[1], server.port
    with open("/proc/net/tcp", encoding="ascii") as file:
        for line in file:
            words = line.split()
            if words[1].endswith(f":{theirs:04X}") and words[2].endswith(f":{ours:04X}"):
                return words[4].endswith(":00000000")
    return False


def test_signals_to_the_whole_group_stop_it_in_order(folder):
    """As a terminal's Ctrl-C and `systemctl stop` send them: to every process at once."""
    with crew(folder, "--workers", "2", start_new_session=True) as server:
        answering(server, 2)
        with server.connect() as sock:
            sock.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            eventually(lambda: is_taken(server, sock), "the request was read")
            os.killpg(server.pid, signal.SIGTERM)
            answer = b"".join(iter(lambda: sock.recv(4096), b""))
        assert answer.startswith(b"HTTP/1.1 200")
        assert server.wait() == 0


STARTING = """
import time
from crewed import app as plain

class App:
    def __call__(self, request):
        return plain(request)

    def serving(self, context):
        print("starting", flush=True)
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            pass

app = App()
"""


def test_sigterm_to_a_worker_that_starts_is_no_failed_start(folder):
    """A stop of the whole group would else end with code 3."""
    (folder / "starting.py").write_text(STARTING)
    with crew(folder, "--supervise", "--interface", "native", target="starting:app") as server:
        assert "starting" in server.out
        worker = max(children(server.pid))
        os.kill(worker, signal.SIGTERM)
        eventually(lambda: "Serving" in server.out, "it serves in spite of that")
        assert state(worker) not in {"", "Z"}


def test_the_second_signal_ends_all_of_them(folder):
    with crew(folder, "--workers", "2") as server:
        pids = answering(server, 2)
        with server.connect() as sock:
            sock.sendall(b"GET /spin HTTP/1.1\r\nHost: a\r\n\r\n")
            eventually(lambda: is_taken(server, sock), "the request was read")
            server.signal(signal.SIGTERM)
            eventually(lambda: len([p for p in pids if state(p)]) < 2, "the other one has ended")
            server.signal(signal.SIGTERM)
            assert server.wait() == 128 + signal.SIGTERM
    eventually(lambda: not any(state(pid) not in {"", "Z"} for pid in pids), "all have ended")


def test_a_worker_that_dies_is_replaced_and_said(folder):
    with crew(folder, "--workers", "2") as server:
        before = answering(server, 2)
        victim = min(before)
        os.kill(victim, signal.SIGKILL)
        answering(server, 2, without={victim})
        assert f"worker {victim} (slot " in server.err
        assert "ended by SIGKILL" in server.err
        assert before - {victim} < set(children(server.pid))


def test_sigterm_to_a_worker_brings_its_successor_first(folder):
    with crew(folder, "--workers", "2") as server:
        before = answering(server, 2)
        victim = min(before)
        os.kill(victim, signal.SIGTERM)
        answering(server, 2, without={victim})
        eventually(lambda: not state(victim), "it has ended in order")
        assert "ended by" not in server.err


def test_workers_drain_when_their_supervisor_is_killed(folder):
    with crew(folder, "--workers", "2") as server:
        answering(server, 2)
        everybody = children(server.pid)
        with server.connect() as sock:
            sock.sendall(b"GET /slow HTTP/1.0\r\nHost: a\r\n\r\n")
            eventually(lambda: is_taken(server, sock), "the request was read")
            server.signal(signal.SIGKILL)
            server.process.wait()
            answer = b"".join(iter(lambda: sock.recv(4096), b""))
        assert answer.startswith(b"HTTP/1.1 200")
        eventually(lambda: not any(state(pid) not in {"", "Z"} for pid in everybody), "all ended")
        with socket.socket() as again:
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            again.bind(server.address)


# --- starts that fail -----------------------------------------------------------------------------


def refused(folder, *words, code, env=None):
    (folder / "broken.py").write_text("raise ValueError('as it is')\n")
    (folder / "quitting.py").write_text(
        "async def app(scope, receive, send):\n"
        "    if scope['type'] == 'lifespan':\n"
        "        await receive()\n"
        "        await send({'type': 'lifespan.startup.failed', 'message': 'no database'})\n"
    )
    done = run_reactor("serve", "--port", "0", "--allow-root", *words, cwd=folder, env=env)
    assert done.returncode == code, done
    return done.stderr


@pytest.mark.parametrize("words", [("--workers", "0"), ("--workers", "10000"), ("-w", "many")])
def test_a_wrong_number_of_workers_is_one_sentence(folder, words):
    said = refused(folder, "crewed:app", *words, code=2)
    assert "is no number from 1 to 512" in said


def test_a_missing_module_is_said_once(folder):
    said = refused(folder, "nowhere:app", "--workers", "4", code=3)
    assert said.count("no module 'nowhere'") == 1


def test_a_lifespan_that_fails_is_said_once(folder):
    said = refused(folder, "quitting:app", "--workers", "4", code=3)
    assert said.count("no database") == 1


def test_a_pid_file_in_use_is_one_sentence(folder):
    with crew(folder, "--workers", "2", "--pid", folder / "pid") as server:
        assert (folder / "pid").read_text() == f"{server.pid}\n"
        said = refused(folder, "crewed:app", "--workers", "2", "--pid", "pid", code=3)
        assert "still runs" in said
        ask(server)
    assert not (folder / "pid").exists()


def test_only_the_supervisor_removes_a_unix_socket(folder):
    with crew(folder, "--workers", "2", "--bind", f"unix:{folder / 's'}") as server:
        eventually(lambda: len(children(server.pid)) == 3, "all are there")
        workers = children(server.pid)[1:]
        os.kill(workers[0], signal.SIGTERM)
        eventually(lambda: not state(workers[0]), "a worker has ended in order")
        assert (folder / "s").exists()
    assert not (folder / "s").exists()


@pytest.mark.parametrize("words", [(), ("--no-preload",)], ids=["preload", "no preload"])
def test_what_a_worker_says_is_heard(folder, words):
    """Its stderr is a pipe here, which is opened anew so that nobody waits for its reader."""
    write_app(folder, more="\ndef fails(request):\n    raise ValueError('of a worker')\n")
    options = {"target": "crewed:fails", "traceback_expected": True}
    with crew(folder, "--workers", "2", *words, **options) as server:
        with server.connect() as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert sock.recv(4096).startswith(b"HTTP/1.1 500")
        eventually(lambda: "ValueError: of a worker" in server.err, "the traceback is there")
