"""Servers as their users start them: ``python -m reactor serve`` in a process of its own.

Nothing here sleeps for luck. A server is ready when its line is there; what has to
become true is waited for with `eventually`, which fails the test when it does not.
"""

from __future__ import annotations

import gc
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import tls_bridge

REPOSITORY = Path(__file__).resolve().parent.parent
# Long enough for a loaded machine; no test passes because it is over.
PATIENCE_S = 20.0
MODELS = ("reactor", "threads")
# What a process may grow by for reasons of its own; a sanitizer's allocator has more of them.
MEMORY_SLACK_KIB = 20_000 if "libasan" in os.environ.get("LD_PRELOAD", "") else 3_000


def eventually(condition, what, patience_s=PATIENCE_S):
    """Wait until ``condition()`` is true, and return its value; fail the test if it never is."""
    until = time.monotonic() + patience_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            pytest.fail(f"never came true: {what}")
        time.sleep(0.005)


def environment(**changes):
    """This process's environment, in which `import reactor` is this repository's."""
    paths = [str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **changes}


def command(*arguments):
    # -O and -OO are handed on: the suite passes under them, the commands included.
    return [sys.executable, *["-O"] * sys.flags.optimize, "-m", "reactor", *map(str, arguments)]


def run_reactor(*arguments, cwd=None, env=None, **options):
    """Run ``python -m reactor ARGUMENTS`` to its end; its CompletedProcess, output as text."""
    done = subprocess.run(
        command(*arguments),
        cwd=cwd,
        env=environment(**(env or {})),
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=PATIENCE_S,
        **options,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


class ServerProcess:
    """A running `reactor serve`; ``out`` and ``err`` are what it has printed so far."""

    def __init__(self, process, announced):
        self.process = process
        self.pid = process.pid
        self.out = ""
        self.err = ""
        self.bridge = None
        self._ready = threading.Event()
        self._readers = [
            threading.Thread(target=self._collect, args=(stream, name), daemon=True)
            for stream, name in ((process.stdout, "out"), (process.stderr, "err"))
        ]
        for reader in self._readers:
            reader.start()
        if announced:
            self._ready.wait(PATIENCE_S)
            if "\n" not in self.out:
                self.release()
                pytest.fail(f"the server did not start: {self.err!r}")

    def _collect(self, stream, name):
        # Read all the time: a server whose pipe is full would wait for us.
        while data := os.read(stream.fileno(), 65536):
            text = data.decode("utf-8", "surrogateescape")
            setattr(self, name, getattr(self, name) + text)
            if "\n" in self.out:
                self._ready.set()
        self._ready.set()

    @property
    def urls(self):
        """The URLs of the line that the server printed, in its order."""
        line = self.out.partition("\n")[0]
        if self.bridge is not None:
            here = f"127.0.0.1:{self.bridge.port}"
            return [f"tcp://{here}" if "tls://" in line else f"http://{here}/"]
        return re.findall(r"(?:https?://|tcp://|tls://|unix:)[^ ,;]+", line)

    @property
    def url(self):
        return self.urls[0]

    @property
    def port(self):
        return int(self.url.rstrip("/").rpartition(":")[2])

    @property
    def address(self):
        return ("127.0.0.1", self.port)

    @property
    def access_log(self):
        """The lines after the first one."""
        return self.out.split("\n")[1:-1]

    def connect(self, **options):
        return socket.create_connection(self.address, timeout=PATIENCE_S, **options)

    def status(self, field):
        """A number of /proc/PID/status: Threads, VmRSS (in KiB), ..."""
        text = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(re.search(rf"^{field}:\s*(\d+)", text, re.MULTILINE)[1])

    def descriptors(self):
        """How many are open when every connection has ended: waits until that is so."""
        listening = len(self.urls)
        eventually(
            lambda: len(self.sockets()) == listening,
            "no socket is open but those that listen",
        )
        return len(self.open_descriptors())

    def sockets(self):
        """The names of its open sockets, those that listen too: no two sockets have the same."""
        return [name for name in self.open_descriptors() if name.startswith("socket:")]

    def open_descriptors(self):
        """What each of them leads to."""
        folder = f"/proc/{self.pid}/fd"
        names = []
        for number in os.listdir(folder):
            with suppress(FileNotFoundError):  # it was closed since
                names.append(os.readlink(f"{folder}/{number}"))
        return names

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self):
        """The exit code, once the process has ended and all its output is here."""
        code = self.process.wait(PATIENCE_S)
        for reader in self._readers:
            reader.join(PATIENCE_S)
        return code

    def stop(self):
        """SIGTERM; the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def release(self):
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        if self.bridge is not None:
            self.bridge.close()
        self.process.stdout.close()
        self.process.stderr.close()


LIMITED = """
import sys
from reactor import Limits, serve
from reactor.server.edge import EdgePolicy

def announce(sockets):
    print(f"Serving on http://127.0.0.1:{sockets[0].getsockname()[1]}/", flush=True)

serve(sys.argv[1], bind=sys.argv[4], model=sys.argv[2], limits=Limits(**eval(sys.argv[3])),
      edge=EdgePolicy(hosts=("*",)),
      on_listening=announce)
"""


def serving_limited(target, model, limits, bind="127.0.0.1:0", **options):
    """As `serving`, with other `Limits` than the command's: a dict of those that differ."""
    optimised = ["-O"] * sys.flags.optimize
    arguments = ["-c", LIMITED, str(target), model, repr(limits), bind]
    return started([sys.executable, *optimised, *arguments], **options)


def serving(*arguments, **options):
    """A server of ``arguments``, on a port of its own unless they say where."""
    said = {"--bind", "-b", "--uds", "--fd", "--port"} & set(arguments)
    where = () if said else ("--port", "0")
    # Requests of tests name any host; what a server on loopback refuses has tests of its own.
    hosts = () if "--allowed-host" in said_of(arguments) else ("--allowed-host", "*")
    # Nor does it matter that root runs them.
    hosts = (*hosts, "--allow-root")
    if not tls_bridge.FOLDER or said:
        return started(command("serve", *arguments, *where, *hosts), **options)
    if "threads" in arguments:
        pytest.skip("threads serve no TLS")
    words = (*arguments, *where, *hosts, *tls_bridge.options())
    return bridged(started(command("serve", *words), **options))


def said_of(arguments):
    """The options among the arguments, without their values."""
    return {str(argument).partition("=")[0] for argument in arguments}


@contextmanager
def bridged(starting):
    with starting as server:
        if server.out:  # it serves
            assert re.search("(https|tls)://", server.out)
            server.bridge = tls_bridge.Bridge(server.address)
        yield server


@contextmanager
def started(program, cwd=None, env=None, announced=True, traceback_expected=False, **options):
    """A server that this program is.

    When the block is over the server is stopped; a traceback on its stderr fails the test,
    and so does an exit code that is not 0, unless the test has ended it itself.
    """
    process = subprocess.Popen(
        program,
        cwd=cwd,
        env=environment(**(env or {})),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )
    server = ServerProcess(process, announced)
    try:
        yield server
        if process.poll() is None:
            code = server.stop()
            assert code == 0, f"exit code {code}: {server.err}"
    finally:
        server.release()
    if not traceback_expected:
        assert "Traceback" not in server.err, server.err


def read_to_end(sock):
    """The tutorial's loop: receive until the end, then join."""
    chunks = []
    while chunk := sock.recv(1024):
        chunks.append(chunk)
    return b"".join(chunks)


def exchange(address, data, half_close=False):
    """Send ``data`` on a new connection; everything that comes back until its end."""
    with socket.create_connection(address, timeout=PATIENCE_S) as sock:
        sock.sendall(data)
        if half_close:
            sock.shutdown(socket.SHUT_WR)
        return read_to_end(sock)


def exchange_tls(address, data, context):
    """`exchange` over TLS, with a client's context; raises ssl.SSLError if there is no TLS, or no
    signed end."""
    with (
        socket.create_connection(address, timeout=PATIENCE_S) as plain,
        context.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False) as sock,
    ):
        sock.sendall(data)
        return read_to_end(sock)


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


def needs(program):
    """Skip the test when a program is not installed; its path."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed")
    return path


def python_for_everybody():
    """An interpreter that others can read too, and that can import what is tested."""
    for program in (sys.executable, "/usr/bin/python3"):
        done = subprocess.run(
            [program, "-c", "import os; os.setgroups([]); os.setuid(65534); "
             "import ctypes, reactor.server.threads, ssl"],
            env=environment(), cwd="/", capture_output=True, timeout=PATIENCE_S,
        )  # fmt: skip
        if done.returncode == 0:
            return program
    pytest.skip("no interpreter here can be read by another user")


def open_descriptors():
    """The descriptors of this process, without those that only wait for the collector."""
    gc.collect()
    return sorted(os.listdir("/proc/self/fd"))


def given_back(before):
    """Wait until no more descriptors are open than ``before``; fail the test if they stay.

    For tests whose server runs in a thread of this process: it closes its end a moment later.
    """
    eventually(lambda: len(open_descriptors()) <= len(before), "all descriptors are given back")
