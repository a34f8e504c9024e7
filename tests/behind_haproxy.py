"""HAProxy in front of two hosts, as docs/deploy.md has it, and one host replaced after the other.

For `test_two_hosts.py`, which is short, and for `bench/soak_hosts.py`, which is not.
"""

from __future__ import annotations

import socket
import subprocess
from contextlib import ExitStack, contextmanager
from pathlib import Path

from processes import PATIENCE_S, eventually, needs, read_to_end, serving
from reloading import LastingLoad

CONFIG = """
global
  stats socket {admin} level admin
defaults
  mode http
  timeout connect 500ms
  timeout check 5s
  timeout client 30s
  timeout server 30s
  retries 3
  option redispatch 1
frontend front
  bind 127.0.0.1:{port}
  default_backend hosts
backend hosts
  balance leastconn
  option httpchk GET /readyz
  http-check expect status 200
  default-server check inter 100ms fall 1 rise 1 send-proxy-v2
  server a 127.0.0.1:{a} port {checked_a}
  server b 127.0.0.1:{b} port {checked_b}
"""
#: What a client of HAProxy may never see.
LOSSES = (*LastingLoad.LOSSES, "refused", "reset while idle")


def free_ports(count):
    with ExitStack() as stack:
        socks = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [sock.getsockname()[1] for sock in socks]


class TwoHosts:
    """HAProxy on ``port``; behind it the hosts "a" and "b", which are servers of their own."""

    def __init__(self, folder, words=()):
        self.folder = Path(folder)
        self.words = words
        self.port, a, b, checked_a, checked_b = free_ports(5)
        self.ports = {"a": a, "b": b}
        self._checked = {"a": checked_a, "b": checked_b}
        self._hosts = {}
        self._admin = str(self.folder / "admin")

    def __enter__(self):
        self._stack = ExitStack()
        with self._stack:
            for name in self.ports:
                self.start(name)
            config = self.folder / "haproxy.cfg"
            ports = {**self.ports, **{f"checked_{name}": n for name, n in self._checked.items()}}
            config.write_text(CONFIG.format(admin=self._admin, port=self.port, **ports))
            program = [needs("haproxy"), "-db", "-f", str(config)]
            self._stack.enter_context(ended(program))
            for name in self.ports:
                eventually(lambda name=name: self.is_up(name), f"{name} is up")
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *how):
        for name in [*self._hosts]:
            self.end(name)
        self._stack.__exit__(*how)

    def start(self, name):
        where = f"127.0.0.1:{self.ports[name]},proxy=v2"
        quiet = "--no-access-log", "--log-level", "error"
        stack = ExitStack()
        words = ["--bind", where, "--trusted-proxy", "127.0.0.1", "--workers", "2"]
        words += ["--metrics", f"127.0.0.1:{self._checked[name]}", *quiet, *self.words]
        self._hosts[name] = stack, stack.enter_context(serving(*words, cwd=self.folder))

    def end(self, name):
        """SIGTERM, and until it has gone; what it has said is looked at."""
        self._hosts.pop(name)[0].close()

    def stopping(self, name):
        """SIGTERM; the process."""
        server = self._hosts[name][1]
        server.process.terminate()
        return server.process

    def ask(self, words):
        """What HAProxy's runtime API answers."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE_S)
            sock.connect(self._admin)
            sock.sendall(words.encode() + b"\n")
            return read_to_end(sock).decode()

    def is_up(self, name):
        """Whether HAProxy sends requests there."""
        try:
            lines = self.ask("show stat").splitlines()
        except OSError:  # HAProxy itself is not there yet
            return False
        columns = lines[0].lstrip("# ").split(",")
        rows = [dict(zip(columns, line.split(","), strict=False)) for line in lines[1:] if line]
        [status] = [
            row["status"] for row in rows if (row["pxname"], row["svname"]) == ("hosts", name)
        ]
        return status == "UP"

    def set_state(self, name, state):
        assert self.ask(f"set server hosts/{name} state {state}").strip() == ""


@contextmanager
def ended(program):
    """A program in the foreground, until the block is over."""
    with subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()


def replace_under_load(hosts, times, drain, kept=32, new_per_s=200):
    """Each host in turn, so often: what was counted, and what of it was lost.

    ``drain``: HAProxy is told before, so that it sends nothing more there; else it finds out.
    """
    load = LastingLoad(("127.0.0.1", hosts.port), kept, 0.002, new_per_s)
    load.run(0.5)
    for number in range(times):
        name = "ab"[number % 2]
        if drain:
            hosts.set_state(name, "drain")
            load.run(0.2)
        process = hosts.stopping(name)
        while process.poll() is None:
            load.run(0.05)
        hosts.end(name)
        _start(hosts, name, load)
        if drain:
            hosts.set_state(name, "ready")
        for _ in range(int(PATIENCE_S / 0.05)):
            if hosts.is_up(name):
                break
            load.run(0.05)
        else:
            raise AssertionError(f"{name} did not come back")
        load.run(0.3)
    load.finish()
    return load.counts, {how: load.counts[how] for how in LOSSES if load.counts[how]}


def _start(hosts, name, load):
    """It takes a while, and clients do not wait for it."""
    import threading

    starting = threading.Thread(target=hosts.start, args=(name,))
    starting.start()
    while starting.is_alive():
        load.run(0.02)
    starting.join()
