"""``reactor top``: what it shows of a server, of somebody else's words, and of nobody."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import socket
import subprocess
import threading
import time

import pytest
from observed import observed, where
from option_table import missing
from processes import PATIENCE_S, command, environment, exchange, run_reactor, serving
from rich.console import Console
from status_snapshots import full, minute

from reactor.cli.top_screen import screen
from reactor.server.status.app import as_json
from reactor.server.status.history import History

LAST = b"GET /shown HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def drawn(status, width=120, trouble=""):
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(screen(status, trouble, width))
    return out.getvalue()


def status_of(now, history=None):
    return json.loads(as_json(now, history or History()))


def test_all_that_there_is_is_on_the_screen():
    history, now = minute(4)
    text = drawn(status_of(now, history))
    for part in (
        "shop:app", "ready", "p99", "4001", "blocked 1.3 s", "/checkout", "views.py:87",
        "SIGKILL", "generation 2 serves", "█",
    ):  # fmt: skip
        assert part in text, part


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_line_is_wider_than_the_terminal(width):
    history, now = minute(2)
    assert max(map(len, drawn(status_of(now, history), width).splitlines())) <= width


def test_what_comes_from_elsewhere_drives_no_terminal():
    status = status_of(full())
    hostile = "\x1b]0;owned\x07[bold red]\x9b31m\r\n"
    status["target"] = status["version"] = hostile
    status["slowest"][0]["path"] = status["stalls"][0]["where"] = hostile
    status["events"][0]["text"] = hostile
    text = drawn(status)
    assert not {"\x1b", "\x07", "\x9b", "\r"} & set(text)
    assert "[bold red]" in text  # as it was written, and no markup


def test_that_nobody_answers_is_said_on_the_screen():
    assert "no answer since 12:00:00" in drawn(
        status_of(full()), trouble="no answer since 12:00:00"
    )


def test_once_of_a_real_server(tmp_path):
    (tmp_path / "page").write_text("x")
    with observed(tmp_path) as server:
        exchange(server.address, LAST)
        host, port = where(server)
        for address in (f"{host}:{port}", f"http://{host}:{port}/status", f":{port}"):
            done = run_reactor("top", address, "--once")
            assert (done.returncode, done.stderr) == (0, "")
            assert "/shown" in done.stdout and f" {server.pid} " in done.stdout


def test_of_a_unix_socket(tmp_path):
    path = tmp_path / "metrics.sock"
    with serving(tmp_path, "--metrics", f"unix:{path}"):
        done = run_reactor("top", f"unix:{path}")
        assert done.returncode == 0
        assert "throughput" in done.stdout


def test_it_follows_in_a_terminal_until_q(tmp_path):
    with observed(tmp_path) as server:
        ours, theirs = pty.openpty()
        words = command("top", "{}:{}".format(*where(server)), "--every", "0.2")
        process = subprocess.Popen(
            words, stdin=theirs, stdout=theirs, env=environment(TERM="xterm", COLUMNS="100")
        )
        os.close(theirs)
        seen = b""
        until = time.monotonic() + PATIENCE_S
        while seen.count(b"throughput") < 3 and time.monotonic() < until:
            if select.select([ours], [], [], 0.1)[0]:
                seen += os.read(ours, 65536)
        assert seen.count(b"throughput") >= 3
        threads = len(os.listdir(f"/proc/{process.pid}/task"))
        os.write(ours, b"q")
        while process.poll() is None and time.monotonic() < until:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    seen += os.read(ours, 65536)
                except OSError:  # the other end is closed
                    break
        assert process.wait(PATIENCE_S) == 0
        os.close(ours)
        assert threads == 1
        assert b"\x1b[?1049l" in seen  # the terminal is as before


def test_nobody_and_somebody_else():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run_reactor("top", address)
        assert done.returncode == 1
        assert "start the server with --metrics" in done.stderr
        assert done.stderr.count("\n") == 1
        taken.listen()

        def answer(body):
            client, _ = taken.accept()
            with client:
                client.recv(1000)
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + body)

        for said, why in (
            (b"{}", "it says something else"),
            (b"hi", "its /status is no JSON"),
            (b"\xff\xfe", "its /status is no JSON"),
        ):
            thread = threading.Thread(target=answer, args=[said])
            thread.start()
            done = run_reactor("top", address)
            thread.join()
            sentence = f"reactor: what answers at {address} is no server with --metrics: {why}\n"
            assert (done.returncode, done.stderr) == (1, sentence)


def test_an_address_that_is_none():
    done = run_reactor("top", "nowhere")
    assert done.returncode == 2
    assert "write HOST:PORT" in done.stderr


def test_every_option_has_a_test():
    """`--once` and `--every` are above."""
    assert missing("top", []) == {"address", "--once", "--every"}
