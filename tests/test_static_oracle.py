"""The kernel's own word: what the running server opens, and what a racing attacker gets."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter

import pytest
from test_path_resolution import SECRET, traversals

from reactor.apps.path_resolution import Root
from reactor.apps.static import StaticFolder
from reactor.parser._message import Request

RENAME_EXCHANGE = 2


@pytest.fixture
def outside(tmp_path):
    """A root whose links try to leave it, beside a folder with a secret."""
    root = tmp_path / "root"
    (root / "inside").mkdir(parents=True)
    (root / "inside" / "file.txt").write_bytes(b"public")
    for folder in ("sibling", "rootling"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "secret.txt").write_bytes(SECRET)
        (tmp_path / folder / "file.txt").write_bytes(SECRET)
    (tmp_path / "outside.txt").write_bytes(SECRET)
    links = {"out-file": tmp_path / "outside.txt", "out-folder": tmp_path / "sibling",
             "out-relative": "../outside.txt", "loop": "loop", "loop-a": "loop-b",
             "loop-b": "loop-a", "chain": "out-relative", "proc-link": "/proc/self/root",
             "fd-link": "/proc/self/fd/0"}  # fmt: skip
    for name, target in links.items():
        (root / name).symlink_to(target)
    return root


def ask(port, target):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        head = f"GET {target} HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\n\r\n"
        client.sendall(head.encode("utf-8"))
        received = b""
        try:
            while data := client.recv(65536):
                received += data
        except ConnectionResetError:
            # Bytes after a refused head; the answer was read before.
            pass
        return received


@pytest.fixture
def traced(outside, tmp_path):
    """A server under strace: its port, and the list of what it opened since it answered first."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    log = tmp_path / "opens"
    command = [strace, "-f", "-y", "-e", "trace=open,openat,openat2", "-o", str(log)]
    allowed = subprocess.run([*command, "true"], capture_output=True)
    if allowed.returncode:
        pytest.skip("strace may not trace here")
    serve = [
        sys.executable,
        "-m",
        "reactor",
        "serve",
        str(outside),
        "--port",
        "0",
        "--no-access-log",
        "--allowed-host",  # targets in absolute form name many
        "*",
    ]
    with subprocess.Popen([*command, *serve], stdout=subprocess.PIPE, text=True) as tracer:
        announced = tracer.stdout.readline()
        port = int(re.search(r":(\d+)/", announced)[1])
        ask(port, "/")
        mark = len(log.read_text().splitlines())

        def stop():
            with open(f"/proc/{tracer.pid}/task/{tracer.pid}/children") as children:
                os.kill(int(children.read().split()[0]), signal.SIGTERM)
            tracer.stdout.read()
            tracer.wait(timeout=20)
            return log.read_text().splitlines()[mark:]

        yield port, stop
        if tracer.poll() is None:
            stop()


def test_the_kernel_saw_no_file_opened_outside(outside, traced):
    port, stop = traced
    statuses = Counter()
    for target in traversals():
        received = ask(port, target)
        assert SECRET not in received, target
        statuses[received[9:12]] += 1
    assert set(statuses) <= {b"400", b"404", b"414"}
    assert b"public" in ask(port, "/inside/file.txt")
    opened = [line for line in stop() if re.search(r"= \d+<", line)]
    beneath = re.compile(rf"= \d+<{re.escape(str(outside))}(/[^>]*)?>")
    assert [line for line in opened if not beneath.search(line)] == []
    # The oracle is awake: it saw the one file that was served.
    assert any("inside/file.txt>" in line for line in opened)


SWAPPER = """
import ctypes, sys
libc = ctypes.CDLL(None)
while True:
    libc.renameat2(-100, sys.argv[1].encode(), -100, sys.argv[2].encode(), {exchange})
"""


@pytest.mark.parametrize("openat2", [True, False])
def test_a_folder_that_turns_into_a_link_again_and_again(outside, openat2, monkeypatch):
    """Another process swaps a folder for a link to the outside while it is asked for."""
    if not hasattr(ctypes.CDLL(None), "renameat2"):
        pytest.skip("this C library has no renameat2")
    if not openat2:
        monkeypatch.setattr(Root, "_probe", lambda self: False)
    (outside / "swapped").symlink_to(outside.parent / "sibling")
    code = SWAPPER.format(exchange=RENAME_EXCHANGE)
    names = [str(outside / "inside"), str(outside / "swapped")]
    app = StaticFolder(outside)
    seen = Counter()
    with subprocess.Popen([sys.executable, "-c", code, *names]) as swapper:
        try:
            while sum(seen.values()) < 20_000 or len(seen) < 2:
                seen[app.respond(Request("GET", "/inside/file.txt")).body] += 1
                assert swapper.poll() is None
        finally:
            swapper.kill()
    assert set(seen) == {b"public", b"Not Found\n"}
    app.close()
