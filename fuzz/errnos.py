"""What a server does when the kernel says no: each errno at each system call, once and always.

    python fuzz/errnos.py                        everything, about a quarter of an hour
    python fuzz/errnos.py --quick                one errno of each kind, as the tests do
    python fuzz/errnos.py accept4 sendto         only these calls

A server runs, strace (which must be there, and may attach) is attached to it with a fault, clients
ask for everything that a folder has, strace leaves, and the clients ask again. What has to
hold: the server lives; a fault that does not end costs less than 5 % of a CPU while nothing can be
done; descriptors come back; when the fault is over every answer is right again within seconds.

The errnos are those of the manual pages, and what Linux passes on besides. A call that strace
makes fail was not made: a `close` of these leaks its descriptor, which the kernel's own failures
do not (close(2)); so many are allowed for.
"""

from __future__ import annotations

import argparse
import http.client
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, suppress
from itertools import chain
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests")]

from processes import MODELS, command, environment, started  # noqa: E402

CPU_MAX = 0.05
WATCHED_S = 0.6
SETTLING_S = 0.4
PATIENCE_S = 10.0
MEANWHILE_S = 0.2  # for an answer while the fault lasts: how many there are is shown, not judged

ERRNOS = {
    # accept(2); with the pending errors of a connection that Linux passes on
    "accept4": "EAGAIN EBADF ECONNABORTED EFAULT EINTR EINVAL EMFILE ENFILE ENOBUFS ENOMEM "
    "ENOTSOCK EOPNOTSUPP EPERM EPROTO ENETDOWN ENOPROTOOPT EHOSTDOWN ENONET EHOSTUNREACH "
    "ENETUNREACH ENOSR ESOCKTNOSUPPORT EPROTONOSUPPORT ETIMEDOUT",
    # recv(2), tcp(7)
    "recvfrom": "EAGAIN EBADF ECONNREFUSED EFAULT EINTR EINVAL ENOMEM ENOTCONN ENOTSOCK ECONNRESET "
    "ETIMEDOUT EPIPE",
    # send(2), tcp(7)
    "sendto": "EACCES EAGAIN EALREADY EBADF ECONNRESET EDESTADDRREQ EFAULT EINTR EINVAL EISCONN "
    "EMSGSIZE ENOBUFS ENOMEM ENOTCONN ENOTSOCK EOPNOTSUPP EPIPE ETIMEDOUT",
    "sendfile": "EAGAIN EBADF EFAULT EINVAL EIO ENOMEM EOVERFLOW ESPIPE EPIPE ECONNRESET",
    "epoll_ctl": "EBADF EEXIST EINVAL ELOOP ENOENT ENOMEM ENOSPC EPERM",
    "epoll_wait": "EBADF EFAULT EINTR EINVAL",
    # open(2), openat2(2)
    "openat2": "E2BIG EAGAIN EINVAL EXDEV EACCES EBADF EBUSY EDQUOT EEXIST EFAULT EFBIG EINTR "
    "EISDIR ELOOP EMFILE ENAMETOOLONG ENFILE ENODEV ENOENT ENOMEM ENOSPC ENOTDIR ENXIO EOPNOTSUPP "
    "EOVERFLOW EPERM EROFS ETXTBSY",
    # stat(2); what os.stat and os.fstat call
    "newfstatat": "EACCES EBADF EFAULT EINVAL EIO ELOOP ENAMETOOLONG ENOENT ENOMEM ENOTDIR "
    "EOVERFLOW",
    "getdents64": "EBADF EFAULT EINVAL EIO ENOENT ENOTDIR",
    "close": "EBADF EINTR EIO ENOSPC EDQUOT",
    # of the descriptors by which a loop is woken: read(2), write(2), eventfd(2)
    "read": "EAGAIN EBADF EFAULT EINTR EINVAL EIO EISDIR",
    "write": "EAGAIN EBADF EDESTADDRREQ EDQUOT EFAULT EFBIG EINTR EINVAL EIO ENOSPC EPERM EPIPE",
}
# What a start asks for, by the call that it is; a start that fails is one sentence.
START = {
    "eventfd2": "EINVAL EMFILE ENFILE ENODEV ENOMEM",
    "epoll_create1": "EINVAL EMFILE ENFILE ENOMEM",
    "epoll_ctl": "ENOMEM ENOSPC EPERM",
}
QUICK = {
    "accept4": "EINVAL EMFILE EPERM",
    "recvfrom": "ECONNRESET",
    "sendto": "ENOBUFS",
    "sendfile": "EIO",
    "epoll_ctl": "ENOSPC",
    "epoll_wait": "EINVAL EINTR",
    "openat2": "EMFILE",
    "newfstatat": "EIO",
    "getdents64": "EIO",
    "close": "EIO",
    "read": "EIO",
    "write": "EIO",
}
# The threads model has no loop.
OF_THE_LOOP = {"epoll_ctl", "epoll_wait", "read", "write"}
# CPython asks a socket again by itself, until its time-out: so does the model that every socket
# tutorial documents. No kernel goes on like that.
ASKED_AGAIN_BY_PYTHON = {
    ("threads", "recvfrom", "EAGAIN"),
    ("threads", "recvfrom", "EINTR"),
    ("threads", "sendto", "EAGAIN"),
    ("threads", "sendto", "EINTR"),
    ("threads", "sendfile", "EAGAIN"),
    ("threads", "accept4", "EINTR"),
    ("reactor", "read", "EINTR"),
}
# Nothing can be served when nobody says what is ready: then the end is one sentence.
MAY_END = {("epoll_wait", error) for error in ("EBADF", "EFAULT", "EINVAL")}

# A loop that another thread wakes all the time: its eventfd is written and read.
WOKEN = """
import signal, sys, threading, time
from reactor import Inet, Limits, Reactor
from reactor.apps.static import StaticFolder
from reactor.server import protocol_factory

reactor = Reactor()
factory = protocol_factory(StaticFolder(sys.argv[1]), Limits(), None)
listener = reactor.listen(Inet("127.0.0.1", 0), factory)
print(f"Serving on http://{listener.addresses[0]}/", flush=True)

def wake():
    while True:
        time.sleep(0.02)
        try:
            reactor.call_soon_threadsafe(int)
        except OSError:
            pass

threading.Thread(target=wake, daemon=True).start()
reactor.on_signal(signal.SIGTERM, reactor.stop)
reactor.run()
"""


class Site:
    """A folder with a file of each kind, and who asks for all of it."""

    def __init__(self, folder):
        self.folder = folder
        Path(folder, "note.txt").write_bytes(b"a note\n")
        Path(folder, "large.bin").write_bytes(bytes(range(256)) * 4000)
        Path(folder, "sub").mkdir()
        Path(folder, "sub", "a").write_bytes(b"a")

    def ask(self, port, patience_s):
        """How many of its answers are right, of how many."""
        wanted = {
            "/note.txt": (200, b"a note\n"),
            "/large.bin": (200, bytes(range(256)) * 4000),
            "/sub/": (200, None),
            "/missing": (404, None),
        }
        right = 0
        for path, (status, body) in wanted.items():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=patience_s)
            with suppress(OSError, http.client.HTTPException):
                connection.request("GET", path)
                answer = connection.getresponse()
                content = answer.read()
                right += answer.status == status and body in (None, content)
            connection.close()
        return right, len(wanted)


def strace(call, error, when, log):
    inject = f"inject={call}:error={error}:when={when}"
    return ["strace", "-f", "-o", str(log), "-e", f"trace={call}", "-e", inject]


class Fault:
    """strace, attached to a server, with a fault."""

    def __init__(self, server, call, error, always, log):
        self._log = log
        when = "1+" if always else "1"
        self._process = subprocess.Popen(
            [*strace(call, error, when, log), "-p", str(server.pid)],
            stderr=subprocess.PIPE,
            text=True,
        )
        said = self._process.stderr.readline()
        if "attached" not in said:
            self._process.wait()
            raise PermissionError(said.strip() or "strace may not attach")

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self._process.send_signal(signal.SIGINT)
        self._process.communicate()

    def injected(self):
        return self._log.read_text(errors="replace").count("(INJECTED)")


def cpu_s(server):
    return time.clock_gettime(~server.pid << 3 | 2)  # see clock_getcpuclockid(3)


def state_of(server):
    """As /proc has it: its state, who traces it, and where in the kernel it waits."""
    folder = Path(f"/proc/{server.pid}")
    with suppress(OSError):
        lines = (folder / "status").read_text().splitlines()
        state = [line for line in lines if line.startswith(("State:", "TracerPid:"))]
        return " ".join([*state, (folder / "wchan").read_text()]).replace("\t", " ")
    return "gone"


def until(condition, patience_s=PATIENCE_S):
    end = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def sentences_of(err: str) -> list[str]:
    """What a server said, without the warning that it is root's."""
    lines = err.splitlines()
    return [line for line in lines if not line.startswith("reactor: WARNING: this server is root")]


def ended_well(server):
    """Whether a server that has ended did so with one sentence, and nothing of Python's."""
    code = server.wait()
    sentences = [line for line in sentences_of(server.err) if line.startswith("reactor: ")]
    return code not in (0, None) and len(sentences) == 1 and "Traceback" not in server.err


def case(server, site, model, call, error, always, log):
    """One row: (what was seen, whether that is right)."""
    before = len(server.open_descriptors())
    load = 0.0
    with Fault(server, call, error, always, log) as fault, ExitStack() as stack:
        under, of = site.ask(server.port, MEANWHILE_S)
        time.sleep(0.1)  # a loop that is woken by itself is, meanwhile
        if always and server.process.poll() is None:
            for _ in range(3):  # who waits meanwhile
                with suppress(OSError):
                    sock = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
                    sock.sendall(b"GET /note.txt HTTP/1.1\r\nHost: localhost\r\n\r\n")
            time.sleep(SETTLING_S)
            with suppress(OSError):
                used, begun = cpu_s(server), time.monotonic()
                time.sleep(WATCHED_S)
                load = (cpu_s(server) - used) / (time.monotonic() - begun)
    injected = fault.injected()
    seen = f"{injected:5} times, {under}/{of} right meanwhile, CPU {load:4.0%}"
    if server.process.poll() is not None:
        said = ended_well(server)
        return f"{seen}; ended, {'with' if said else 'WITHOUT'} a sentence", said and (
            always and (call, error) in MAY_END
        )
    again = until(lambda: site.ask(server.port, 2.0) == (of, of))
    leaked = injected if call == "close" else 0
    back = until(lambda: len(server.open_descriptors()) <= before + leaked)
    quiet = load < CPU_MAX or (model, call, error) in ASKED_AGAIN_BY_PYTHON
    # In a stop that strace has left it, or in a wait: who looks for the cause wants to know.
    again_not = f"NOT SERVED AGAIN, {state_of(server)}"
    for right, what in ((again, again_not), (back, "DESCRIPTORS LOST"), (quiet, "SPINS")):
        seen += "" if right else f"; {what}"
    return seen, again and back and quiet and injected > 0


def serving(site, model, call):
    if call in ("read", "write"):
        return started([sys.executable, "-c", WOKEN, site.folder], traceback_expected=True)
    arguments = ["serve", site.folder, "--port", "0", "--model", model, "--no-access-log"]
    return started(command(*arguments), traceback_expected=True)


def rows(table, models, site):
    """(model, call, errno, when, what was seen, whether it is right)."""
    log = Path(tempfile.mkdtemp(), "trace")
    for model in models:
        for call, errors in table.items():
            if model == "threads" and call in OF_THE_LOOP:
                continue
            stack = ExitStack()
            server = None
            with stack:
                for error in errors.split():
                    for always in (False, True):
                        if server is None or server.process.poll() is not None:
                            stack.close()
                            server = stack.enter_context(serving(site, model, call))
                            site.ask(server.port, PATIENCE_S)
                        seen, right = case(server, site, model, call, error, always, log)
                        yield model, call, error, "always" if always else "once", seen, right
                        if not right and server.process.poll() is None:
                            server.process.kill()
                            server.process.wait()
    shutil.rmtree(log.parent)


def starts(table, site):
    """As `rows`, of a server that cannot start."""
    for call, errors in table.items():
        for error in errors.split():
            done = subprocess.run(
                [
                    *strace(call, error, "1+", "/dev/null"),
                    *command("serve", site.folder, "--port", "0"),
                ],
                env=environment(),
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            sentences = sentences_of(done.stderr)
            right = done.returncode not in (0, None) and len(sentences) == 1
            right = right and sentences[0].startswith("reactor: ")
            yield (
                "reactor",
                call,
                error,
                "start",
                f"{done.returncode}: {done.stderr.strip()}",
                right,
            )


def why_not():
    """Why none of this can be done here; None if it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        try:
            done = subprocess.run(
                ["timeout", "-s", "INT", "0.5", "strace", "-p", str(sleeper.pid)],
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            sleeper.kill()
    return None if "attached" in done.stderr else "strace may not attach here"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("calls", nargs="*", metavar="|".join([*ERRNOS, *START]), default=[])
    parser.add_argument("--model", choices=MODELS, action="append")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if reason := why_not():
        print(f"skipped: {reason}")
        return 77
    table = QUICK if options.quick else ERRNOS
    if options.calls:
        table = {call: table[call] for call in options.calls if call in table}
    wrong = Counter()
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        site = Site(folder)
        start = {call: START[call] for call in options.calls or START if call in START}
        for *names, seen, right in chain(
            starts(start, site), rows(table, options.model or MODELS, site)
        ):
            count += 1
            wrong[right] += 1
            model, call, error, when = names
            print(
                f"{'ok  ' if right else 'FAIL'} {model:8}{call:14}{error:16}{when:7} {seen}",
                flush=True,
            )
    print(f"{count} faults, {wrong[False]} not borne")
    return 1 if wrong[False] else 0


if __name__ == "__main__":
    sys.exit(main())
