"""Servers as processes: start one on its core, ask the kernel what it uses, end it.

    with Server("reactor", ours("apps:hello")) as server:
        before = server.cpu_seconds()
        ...
        print(server.cpu_seconds() - before, server.memory().rss_bytes)

A server is a command line and the port that it was told to listen on. All figures are of its
process tree, so that a master with a worker has no advantage over one process. CPU time is the
kernel's own sum of nanoseconds, user and system, threads that ended included. Linux only.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from reactor.bench.answers import Right, body_of, request_bytes
from reactor.bench.listening import listening, sockets_of
from reactor.load.children import uninterrupted

SERVED = Path(__file__).resolve().parent / "served"
# A server that takes longer on a loaded machine is given up, and the run says so.
START_S = 15.0
ANSWER_S = 5.0
END_S = 5.0
LOG_LOOKED_AT_BYTES = 64 * 1024  # behind what a server says when it starts

Command = Callable[[int], Sequence[str]]  # of the port to listen on


class NotServed(Exception):
    """A server did not start, or does not answer as it must."""


def missing() -> str | None:
    """Why nothing can be measured on this machine, or None."""
    if not Path("/proc/self/task").is_dir() or shutil.which("taskset") is None:
        return "measuring a server needs Linux and taskset (util-linux)"
    if len(os.sched_getaffinity(0)) < 2:
        return "measuring a server needs two cores: one for it, one for the load"
    return None


def cores() -> tuple[int, int]:
    """The server's core and the load client's."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


def on_core(core: int, command: Sequence[str]) -> list[str]:
    return ["taskset", "--cpu-list", str(core), *command]


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def ours(target: str, *options: str) -> Command:
    """``python -m reactor serve`` of this interpreter."""
    return lambda port: [
        *(sys.executable, "-m", "reactor", "serve", target, "--no-access-log"),
        *("--log-level", "error", "--port", str(port), *options),
    ]


@dataclass(frozen=True)
class Memory:
    rss_bytes: int
    threads: int
    descriptors: int
    context_switches: int  # of the threads that live


class Server:
    """A server process on a core of its own; entering waits until it listens.

    ``log`` is the file of its access log, if it writes one, and ends with it.

    Raises:
        NotServed: it ended before it listened, or listens not within 15 s.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        name: str,
        command: Command,
        path: str = "/",
        *,
        log: Path | None = None,
        log_is_stdout: bool = False,
    ) -> None:
        self.name = name
        self.log = log
        self._log_is_stdout = log_is_stdout
        self.port = free_port()
        self.url = self._url(path)
        self.command = list(command(self.port))
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the server

    def __enter__(self) -> Self:
        try:
            with uninterrupted(), ExitStack() as stack:
                self._process = subprocess.Popen(
                    on_core(cores()[0], self.command),
                    env={
                        **os.environ,
                        "PYTHONPATH": os.pathsep.join([str(SERVED), *_python_path()]),
                    },
                    stdout=stack.enter_context(self._stdout()),
                    stderr=self._output,
                    stdin=subprocess.DEVNULL,
                    # Ctrl-C is for the benchmark, which then ends its servers.
                    start_new_session=True,
                )
            self._wait_until_it_listens()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        tree = self.pids()
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(END_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for pid in tree[1:]:
            _kill(pid, self._process.pid)
        self._output.close()
        if self.log is not None:
            self.log.unlink(missing_ok=True)  # they are of a gigabyte together

    def _stdout(self) -> AbstractContextManager[IO[bytes]]:
        if self.log is None or not self._log_is_stdout:
            return nullcontext(self._output)
        return self.log.open("ab")

    def check_log(self) -> None:
        """Raise NotServed if it has answered many requests, and its access log has none."""
        if self.log is None:
            return
        written = b""
        if self.log.exists():
            with self.log.open("rb") as file:
                written = file.read(LOG_LOOKED_AT_BYTES)
        # Combined and JSON: `" 200 13`, `:200,`.
        if re.search(rb"[ :]200[ ,]", written) is None:
            raise NotServed(f"{self.name} writes no access log")

    def _url(self, path: str) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}{path}"

    def _wait_until_it_listens(self) -> None:
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise NotServed(f"{self.name} did not start: {self._last_words()}")
            try:
                socket.create_connection((self.host, self.port), 1).close()
                if self._is_its_port():
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise NotServed(f"{self.name} does not listen: {self._last_words()}")

    def _is_its_port(self) -> bool:
        """Another process may have taken the port since `free_port`: it would be measured."""
        sockets = listening(self.host, self.port)
        return any(sockets & sockets_of(pid) for pid in self.pids())

    def _last_words(self) -> str:
        self._output.seek(0)
        lines = self._output.read().decode(errors="replace").split("\n")
        return " / ".join(line.strip() for line in lines if line.strip())[-300:]

    def fetch(self, right: Right) -> None:
        """One request; NotServed if the answer is not 200, or not the right one."""
        self._ask([(one.request, one.check) for one in right.exchanges(self.url)])

    def learn(self) -> bytes:
        """The body that it answers with, to compare all others with; NotServed without one."""
        request = request_bytes(self.url, "close")
        return body_of(self._ask([(request, lambda answer: body_of(answer) is not None)])) or b""

    def _ask(self, exchanges: Sequence[tuple[bytes, Callable[[bytes], bool]]]) -> bytes:
        """The last answer."""
        try:
            with socket.create_connection((self.host, self.port), ANSWER_S) as sock:
                answer = b""
                for request, enough in exchanges:
                    sock.sendall(request)
                    answer = receive(sock, enough)
                return answer
        except TimeoutError as error:
            raise NotServed(f"{self.name}: no whole answer within {ANSWER_S:g} s") from error
        except (OSError, ValueError) as error:
            raise NotServed(f"{self.name}: {error}") from error

    # --- what it uses ----------------------------------------------------------------------

    def pids(self) -> list[int]:
        """The process and all that it started, itself first."""
        found = [self._root()]
        for pid in found:
            found += _children(pid)
        return found

    def _root(self) -> int:
        return self._process.pid

    def cpu_seconds(self) -> float:
        return sum(_cpu_seconds(pid) for pid in self.pids())

    def memory(self) -> Memory:
        pids = self.pids()
        status = [_status(pid) for pid in pids]
        return Memory(
            rss_bytes=sum(int(one["VmRSS"].split()[0]) * 1024 for one in status),
            threads=sum(int(one["Threads"]) for one in status),
            descriptors=sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids),
            context_switches=sum(map(_context_switches, pids)),
        )

    def died(self) -> str | None:
        """What it said at last, if it has ended."""
        return None if self._process.poll() is None else self._last_words()


def receive(sock: socket.socket, enough: Callable[[bytes], bool]) -> bytes:
    response = b""
    while not enough(response):
        data = sock.recv(65536)
        if not data:
            raise ValueError(f"the connection ended after {response!r:.200}")
        response += data
    return response


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    except (FileNotFoundError, ProcessLookupError):
        pass  # it ended meanwhile
    return found


def _cpu_seconds(pid: int) -> float:
    # The clock of a process, as clock_getcpuclockid(3) makes its number: exact where the ticks
    # of /proc/PID/stat are 10 ms, and an ended thread's time stays in it.
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return 0.0


def _context_switches(pid: int) -> int:
    """Of each thread: the kernel has no sum of them for a process."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            status = _status(f"{pid}/task/{task}")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        total += int(status["voluntary_ctxt_switches"])
        total += int(status["nonvoluntary_ctxt_switches"])
    return total


def _python_path() -> list[str]:
    return [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]


def _status(pid: int | str) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _kill(pid: int, session: int) -> None:
    """End what a server left behind, unless the number is another's by now."""
    try:
        if os.getsid(pid) == session:
            os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def end_servers_on_signals() -> None:
    """As on Ctrl-C: servers have sessions of their own, and would outlive the benchmark.

    SIGHUP comes when the terminal is closed; under nohup it stays ignored.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def raise_descriptor_limit() -> int:
    """To the hard limit, for this process and the servers it starts."""
    import resource

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
