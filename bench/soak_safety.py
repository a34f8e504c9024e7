"""The parts of `soak.py` that attack a server with default settings, and say what it cost.

Each part is a generator of (figures, right): one line of the report each. What a server
keeps open is asked of the kernel (/proc/PID/fd): a connection is known by its socket's number.
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

from clients import check_health, read_answer, reset
from processes import eventually, exchange, needs, read_to_end, serving

from reactor.limits import DEFAULT_LIMITS

APP = '''
import time
from reactor import Response

LARGE = bytes(1 << 20)
closed = 0

class Pieces:
    """Ten gigabytes, a piece at a time."""
    def __init__(self):
        self.left = 10_000_000_000 >> 16
    def __iter__(self):
        return self
    def __next__(self):
        self.left -= 1
        if self.left < 0:
            raise StopIteration
        return bytes(1 << 16)
    def close(self):
        global closed
        closed += 1

def app(request):
    if request.path == "/large":
        return Response(200, [], LARGE)
    if request.path == "/pieces":
        return Response(200, [], Pieces())
    if request.path == "/closed":
        return Response(200, [], str(closed))
    if request.path == "/slow":
        until = time.perf_counter() + 0.0001
        while time.perf_counter() < until:
            pass
        return Response(200, [], request.query)
    return Response(200, [], "a note\\n")
'''
SLOW_CLIENTS = 1_000
SLOW = {
    # The option of slowhttptest: its others, the path, the deadline of such a connection.
    "-H": (["-i", "2", "-l", "20"], "/", DEFAULT_LIMITS.header_timeout_s),
    # The bytes that do come earn time, at 500 a second: here a third of a second in all.
    "-B": (["-i", "2", "-l", "45", "-s", "1000000", "-x", "3"], "/", DEFAULT_LIMITS.body_timeout_s),
    "-X": (
        ["-n", "1", "-z", "16", "-w", "512", "-y", "1024", "-l", "45"],
        "/large",
        DEFAULT_LIMITS.write_timeout_s,
    ),
}
CREDIT_S = 1.0  # what "within its deadline plus 1 s" allows


@contextmanager
def attacked(site, **options):
    """A server of APP with default settings."""
    Path(site, "attacked.py").write_text(APP)
    # Refusals are not what is measured; their lines would only fill this process.
    with serving(
        "attacked:app", "--no-access-log", "--log-level", "error", cwd=site, **options
    ) as server:
        check_health(server.address, 20)
        yield server


def get(path, close=True):
    last = b"Connection: close\r\n" if close else b""
    return b"GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n" % (path.encode(), last)


class Watcher(threading.Thread):
    """Asks for a page all the time, and notes how long each connection of the server lives."""

    def __init__(self, server):
        super().__init__()
        self._server = server
        self._over = threading.Event()
        self._born, self.alive_s = {}, {}
        self.latencies, self.wrong = [], 0

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc_info):
        self._over.set()
        self.join()

    def run(self):
        look_at = 0.0
        while not self._over.wait(0.01):
            begun = time.monotonic()
            try:
                right = exchange(self._server.address, get("/")).endswith(b"\r\n\r\na note\n")
            except OSError:
                right = False
            self.latencies.append(time.monotonic() - begun)
            self.wrong += not right
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + 0.1
                self._look()

    def _look(self):
        now = time.monotonic()
        for name in self._server.sockets():
            self.alive_s[name] = now - self._born.setdefault(name, now)

    def p99_ms(self):
        return sorted(self.latencies)[int(len(self.latencies) * 0.99)] * 1000


def slow(site, options):
    """slowhttptest, three ways."""
    program = needs("slowhttptest")
    for kind, (extra, path, deadline) in SLOW.items():
        with attacked(site) as server:
            listening = set(server.sockets())
            url = f"http://127.0.0.1:{server.port}{path}"
            rate = ["-c", str(SLOW_CLIENTS), "-r", "500", "-p", "5", "-u", url]
            with Watcher(server) as watcher:
                done = subprocess.run(
                    [program, kind, *extra, *rate], stdout=subprocess.DEVNULL, check=False
                )
            lives = sorted(s for name, s in watcher.alive_s.items() if name not in listening)
        held = sum(life > 1 for life in lives)
        yield (
            f"slowhttptest {kind} -c {SLOW_CLIENTS:,}: exit code {done.returncode}; "
            f"{len(watcher.latencies):,} normal requests, {watcher.wrong} wrong, p99 "
            f"{watcher.p99_ms():.1f} ms; {held:,} slow connections, the longest lived "
            f"{lives[-1]:.1f} s (deadline {deadline:.0f} s)",
            watcher.wrong == 0
            and watcher.p99_ms() < 100
            and held > SLOW_CLIENTS // 2
            and lives[-1] <= deadline + CREDIT_S,
        )


def unread(site, options):
    """A client that never reads 10 GB, and one that pipelines 100,000 requests."""
    with attacked(site) as server, server.connect() as sock:
        before = server.status("VmRSS")
        begun = time.monotonic()
        sock.sendall(get("/pieces"))
        closed = get("/closed")
        eventually(
            lambda: exchange(server.address, closed).endswith(b"\r\n\r\n1"),
            "the body is closed",
            DEFAULT_LIMITS.write_timeout_s + 10,
        )
        seconds = time.monotonic() - begun
        grown = server.status("VmHWM") - before
    yield (
        f"10 GB that nobody reads: peak memory {grown:+,} KiB, given up after {seconds:.0f} s",
        grown < 1000,
    )
    with attacked(site) as server, server.connect() as sock:
        before = server.status("VmRSS")
        count = options.pipelined
        begun = time.monotonic()
        sender = threading.Thread(target=_send_pipelined, args=(sock, count))
        sender.start()
        answers = read_to_end(sock)
        sender.join()
        seconds = time.monotonic() - begun
        grown = server.status("VmHWM") - before
        numbers = [int(part[:6]) for part in answers.split(b"\r\n\r\n")[1:]]
        ordered = numbers == list(range(count))
    yield (
        f"{count:,} pipelined requests to a handler of 0.1 ms: {len(numbers):,} answers, "
        f"{'in' if ordered else 'NOT IN'} order, peak memory {grown:+,} KiB ({seconds:.0f} s)",
        ordered and grown < 2000,
    )


def _send_pipelined(sock, count):
    for number in range(count):
        sock.sendall(get(f"/slow?{number:06}", close=number == count - 1))


def resets(site, options):
    """Downloads that are reset at random offsets."""
    chance = random.Random(10_000)
    with attacked(site) as server:
        baseline = server.descriptors()
        begun = time.monotonic()
        for _ in range(options.resets):
            sock = server.connect()
            sock.sendall(get("/pieces"))
            left = chance.choice([1, 100, 10_000, 100_000])
            while left > 0:
                left -= len(sock.recv(min(left, 65536)))
            reset(sock)
        seconds = time.monotonic() - begun
        after = server.descriptors()
        closed = int(exchange(server.address, get("/closed")).rpartition(b"\r\n")[2])
    yield (
        f"{options.resets:,} downloads reset: descriptors {baseline} -> {after}, close() called "
        f"{closed:,} times, tracebacks {server.err.count('Traceback')} ({seconds:.0f} s)",
        baseline == after and closed == options.resets,
    )


def descriptors(site, options):
    """500 clients and 64 descriptors: from the start, and taken from a running server."""

    def few(pid=0):
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (64, 64))

    for when in ("from the start", "of a running server"):
        at_start = when == "from the start"
        with attacked(site, preexec_fn=few if at_start else None) as server, ExitStack() as stack:
            if not at_start:
                few(server.pid)
            for _ in range(500):
                # Half a request each: nobody is idle, nobody can be answered.
                sock = stack.enter_context(server.connect())
                sock.sendall(get("/")[:20])
            time.sleep(0.5)
            cpu, begun = _cpu_s(server), time.monotonic()
            time.sleep(5)
            load = (_cpu_s(server) - cpu) / (time.monotonic() - begun)
            held = len(server.sockets()) - 1
            stack.close()
            begun = time.monotonic()
            with server.connect() as sock:
                sock.sendall(get("/", close=False))
                right = read_answer(sock) == b"a note\n"
            seconds = time.monotonic() - begun
        yield (
            f"64 descriptors {when}, 500 clients: {held} connections, CPU {load:.1%}, "
            f"{'served' if right else 'NOT SERVED'} {seconds * 1000:.0f} ms after they left",
            right and load < 0.05 and seconds < 1,
        )


def _cpu_s(server):
    return time.clock_gettime(~server.pid << 3 | 2)  # its CPU-time clock: clock_getcpuclockid(3)


def idle(site, options):
    """How often a server that has nothing to do wakes up."""
    with attacked(site) as server, ExitStack() as stack:
        for _ in range(100):
            sock = stack.enter_context(server.connect())
            sock.sendall(get("/", close=False))
            read_answer(sock)
        stack.close()
        eventually(lambda: len(server.sockets()) == 1, "its connections are closed")
        time.sleep(1)
        before, cpu = server.status("voluntary_ctxt_switches"), _cpu_s(server)
        time.sleep(options.idle_s)
        wakes = server.status("voluntary_ctxt_switches") - before
        cpu = _cpu_s(server) - cpu
    yield (
        f"idle for {options.idle_s} s: {wakes} wake-ups, {wakes / options.idle_s:.2f} a second, "
        f"{cpu * 1000:.1f} ms of CPU",
        wakes <= 2 * options.idle_s,
    )


def forms(site, options):
    """How many forms of attack the tests go through; they are run here."""
    from test_index import hostile_names
    from test_path_resolution import traversals
    from test_static import EVIL_FORMS
    from wsgi_faults import FAULTS

    needs("strace")
    rows = {
        f"{len(set(traversals())):,} traversal forms, strace as the oracle": (
            "test_static_oracle.py::test_the_kernel_saw_no_file_opened_outside",
        ),
        f"{len(set(EVIL_FORMS))} open-redirect forms": (
            "test_static.py::test_no_redirect_leads_to_another_host",
        ),
        f"{len(hostile_names())} hostile names, of files and of folders": (
            "test_index.py::test_200_hostile_names_stay_text_and_lead_to_their_files",
            "test_index.py::test_200_hostile_folder_names_stay_text_in_title_and_breadcrumbs",
        ),
        f"{len(FAULTS)} faults of applications": ("test_wsgi_faults.py",),
    }
    for what, tests in rows.items():
        paths = [f"tests/{test}" for test in tests]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *paths],
            cwd=Path(__file__).resolve().parent.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        last = done.stdout.strip().rpartition("\n")[2].strip("= ")
        yield f"{what}: {last}", done.returncode == 0 and "skipped" not in last


PARTS = {
    "slow": slow,
    "unread": unread,
    "resets": resets,
    "descriptors": descriptors,
    "idle": idle,
    "forms": forms,
}
