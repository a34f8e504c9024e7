"""What a service manager hears of a server (sd_notify(3)), and the unit of docs/deploy.md."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from array import array
from pathlib import Path

import pytest
from processes import MODELS, PATIENCE_S, eventually, needs, serving, started

DEPLOY = Path(__file__).resolve().parent.parent / "docs" / "deploy.md"


@pytest.fixture
def manager(tmp_path):
    """A socket that hears, as systemd's does: each datagram with the descriptors in it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0reactor-notify-{os.getpid()}-{tmp_path.name}")
        sock.settimeout(PATIENCE_S)
        yield sock


def heard(manager):
    """The next message: its lines, and the descriptors that came with it."""
    data, rights, *_ = manager.recvmsg(4096, 1024)
    numbers = array("i")
    for _, _, fds in rights:
        numbers.frombytes(fds)
    return data.decode().splitlines(), list(numbers)


def told_to(manager, **more):
    return {"NOTIFY_SOCKET": "@" + manager.getsockname()[1:].decode(), **more}


def usec(line):
    return int(line.partition("=")[2])


@pytest.mark.parametrize("model", MODELS)
def test_what_it_says_and_in_which_order(model, manager, tmp_path):
    with serving(tmp_path, "--model", model, env=told_to(manager)) as server:
        lines, _ = heard(manager)
        assert lines[:2] == ["READY=1", f"MAINPID={server.pid}"]
        assert lines[2].startswith("STATUS=Serving") and len(lines) == 3
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        server.signal(signal.SIGHUP)
        lines, _ = heard(manager)
        assert lines[0] == "RELOADING=1" and lines[1].startswith("MONOTONIC_USEC=")
        assert before <= usec(lines[1]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        assert heard(manager)[0][0] == "READY=1"
        eventually(lambda: "a restart does that" in server.err, "it says what is not read again")
        server.signal(signal.SIGTERM)
        lines, _ = heard(manager)
        assert lines[0] == "STOPPING=1"
        assert usec(lines[1]) > 30_000_000
        assert server.wait() == 0


@pytest.mark.parametrize("model", MODELS)
def test_it_beats_in_half_of_the_watchdogs_time(model, manager, tmp_path):
    env = told_to(manager, WATCHDOG_USEC="200000")
    with serving(tmp_path, "--model", model, env=env):
        assert heard(manager)[0][0] == "READY=1"
        began = time.monotonic()
        for _ in range(5):
            assert heard(manager)[0] == ["WATCHDOG=1"]
        # Not all at once: each after half of the time, the first one's clock began earlier.
        assert time.monotonic() - began > 0.3


def test_a_watchdog_of_another_process_is_not_ours(manager, tmp_path):
    env = told_to(manager, WATCHDOG_USEC="1000", WATCHDOG_PID="1")
    with serving(tmp_path, env=env) as server:
        assert heard(manager)[0][0] == "READY=1"
        server.signal(signal.SIGTERM)
        assert heard(manager)[0][0] == "STOPPING=1"
        assert server.wait() == 0


def test_a_loop_that_hangs_does_not_beat(manager, tmp_path):
    (tmp_path / "hanging.py").write_text(
        "import time\n\ndef app(request):\n    time.sleep(60)\n", encoding="utf-8"
    )
    env = told_to(manager, WATCHDOG_USEC="100000")
    with serving("hanging:app", cwd=tmp_path, env=env) as server, server.connect() as sock:
        assert heard(manager)[0][0] == "READY=1"
        assert heard(manager)[0] == ["WATCHDOG=1"]
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        manager.settimeout(1.0)  # twenty beats
        with pytest.raises(TimeoutError):
            while True:
                heard(manager)
        server.process.kill()
        server.process.wait()


def test_children_do_not_speak_in_its_name(manager, tmp_path):
    (tmp_path / "showing.py").write_text(
        "import os\nfrom reactor import Response\n\ndef app(request):\n"
        "    return Response(200, {}, repr(sorted({'NOTIFY_SOCKET', 'WATCHDOG_USEC'} & "
        "set(os.environ))))\n",
        encoding="utf-8",
    )
    env = told_to(manager, WATCHDOG_USEC="60000000")
    with serving("showing:app", cwd=tmp_path, env=env) as server, server.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert sock.recv(4096).endswith(b"[]") or sock.recv(4096) == b"[]"


def test_a_manager_that_is_not_there_disturbs_nothing(tmp_path):
    with serving(tmp_path, env={"NOTIFY_SOCKET": str(tmp_path / "none")}) as server:
        assert server.urls


# --- the store ------------------------------------------------------------------------------

RESTARTING = """
import os, sys
number, name = int(sys.argv[1]), sys.argv[2]
if number != 3:
    os.dup2(number, 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_FDNAMES=name, LISTEN_PID=str(os.getpid()))
os.execv(sys.executable, [sys.executable, "-m", "reactor", "serve", *sys.argv[3:]])
"""


def stored(manager):
    """The name and the descriptor that the manager was given."""
    lines, numbers = heard(manager)
    assert lines[0] == "FDSTORE=1"
    [number] = numbers
    return lines[1].partition("=")[2], number


@pytest.mark.parametrize("model", MODELS)
def test_a_client_that_comes_between_two_runs_is_served_by_the_second(model, manager, tmp_path):
    (tmp_path / "index.html").write_text("the page")
    env = told_to(manager, FDSTORE="16")
    with serving(tmp_path, "--model", model, env=env) as server:
        name, number = stored(manager)
        address = server.address
        where = f"127.0.0.1:{server.port}"
    assert name == f"reactor-listen-{where.replace(':', '.')}"
    with socket.create_connection(address, timeout=PATIENCE_S) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        program = [sys.executable, "-c", RESTARTING, str(number), name, str(tmp_path)]
        with started([*program, "--bind", where], env=env, pass_fds=[number]) as server:
            assert server.address == address
            assert sock.makefile("rb").read().endswith(b"the page")
    os.close(number)


def test_what_the_next_run_does_not_want_is_given_back(manager, tmp_path):
    env = told_to(manager, FDSTORE="16")
    with serving(tmp_path, env=env):
        name, number = stored(manager)
        assert heard(manager)[0][0] == "READY=1"
    assert heard(manager)[0][0] == "STOPPING=1"
    program = [sys.executable, "-c", RESTARTING, str(number), name, str(tmp_path)]
    with started([*program, "--port", "0"], env=env, pass_fds=[number]):
        again, other = stored(manager)
        assert again != name
        assert heard(manager)[0] == ["FDSTOREREMOVE=1", f"FDNAME={name}"]
    os.close(number)
    os.close(other)


# --- the unit -------------------------------------------------------------------------------


def test_the_unit_of_the_page_is_one(tmp_path):
    analyze = needs("systemd-analyze")
    units = re.findall(r"```ini\n# (\S+)\n(.*?)```", DEPLOY.read_text(encoding="utf-8"), re.DOTALL)
    names = [name for name, _ in units]
    assert names == ["reactor.service", "reactor.service.d/tls.conf", "reactor.socket"]
    (tmp_path / "reactor.service.d").mkdir()
    for name, text in units:
        here = text.replace("/srv/venv/bin/python", f'"{sys.executable}"')
        (tmp_path / name).write_text(here, encoding="utf-8")
    done = subprocess.run(
        [analyze, "verify", "--man=no", *(str(tmp_path / name) for name in names[::2])],
        capture_output=True, text=True, timeout=PATIENCE_S * 3,
    )  # fmt: skip
    # It also looks at the units that these need, which are the machine's and not ours.
    ours = [line for line in done.stderr.splitlines() if "reactor." in line or "tls.conf" in line]
    assert ours == []
