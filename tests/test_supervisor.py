"""A supervisor at work: reloads, workers that are stuck or hold too much, imports that fail."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
from functools import partial

import pytest
from crew import (
    answering,
    ask,
    children,
    crew,
    crewed_folder,  # noqa: F401 - a fixture
    save,
    state,
    write_app,
)
from processes import command, environment, eventually


def comes_to(server, version):
    """Wait until only this one answers: a worker that leaves may take a client or two more."""
    eventually(lambda: {ask(server)[1] for _ in range(20)} == {version}, f"all answer by {version}")


def has_reloaded(server, times):
    return server.err.count("reloaded: 2") == times


def has_children(server, count):
    return len(children(server.pid)) == count


# --- reload ---------------------------------------------------------------------------------------


def test_sighup_serves_what_the_source_says_now(folder):
    with crew(folder, "--workers", "2") as server:
        before = answering(server, 2)
        write_app(folder, "two")
        server.signal(signal.SIGHUP)
        after = answering(server, 2, without=before)
        assert not before & after
        comes_to(server, "two")
        eventually(lambda: len(children(server.pid)) == 3, "the old ones and their mold are gone")
        assert "reloaded: 2 workers ready" in server.err


@pytest.mark.parametrize("words", [("--no-preload",), ("--workers", "1", "--supervise")])
def test_sighup_without_a_mold_or_with_one_worker(folder, words):
    with crew(folder, "--workers", "2", *words) as server:
        count = 1 if "1" in words else 2
        before = answering(server, count)
        write_app(folder, "two")
        server.signal(signal.SIGHUP)
        answering(server, count, without=before)
        comes_to(server, "two")


def test_a_reload_of_what_cannot_be_imported_keeps_those_who_serve(folder):
    with crew(folder, "--workers", "2", traceback_expected=True) as server:
        before = answering(server, 2)
        source = (folder / "crewed.py").read_text()
        (folder / "crewed.py").write_text(source + "\ndef broken(:\n")
        server.signal(signal.SIGHUP)
        eventually(lambda: "the reload has failed" in server.err, "it says so")
        assert re.search(r"crewed\.py\", line \d+", server.err)
        assert server.err.count("SyntaxError") <= 2  # the traceback, and our sentence
        assert answering(server, 2) == before
        # And the next one, of what is right again, works.
        write_app(folder, "three")
        server.signal(signal.SIGHUP)
        answering(server, 2, without=before)
        comes_to(server, "three")


FAILS_LATER = """
async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        kind = "failed" if b"two" in VERSION else "complete"
        await send({"type": f"lifespan.startup.{kind}"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
    else:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"%d %s" % (os.getpid(), VERSION)})
"""


def test_a_reload_whose_workers_do_not_start_keeps_those_who_serve(folder):
    write_app(folder, more=FAILS_LATER)
    with crew(folder, "--workers", "2", target="crewed:asgi") as server:
        before = answering(server, 2)
        write_app(folder, "two", more=FAILS_LATER)
        server.signal(signal.SIGHUP)
        eventually(lambda: "the reload has failed" in server.err, "it says so")
        assert answering(server, 2) == before
        eventually(lambda: len(children(server.pid)) == 3, "the new mold is gone")


def test_a_sighup_during_a_reload_is_remembered(folder):
    with crew(folder, "--workers", "2") as server:
        before = answering(server, 2)
        save(folder, "import time\ntime.sleep(0.5)\n" + (folder / "crewed.py").read_text())
        server.signal(signal.SIGHUP)
        eventually(lambda: "reloading" in server.err, "it reloads")
        write_app(folder, "two")
        server.signal(signal.SIGHUP)
        eventually(lambda: server.err.count("reloaded: 2") == 2, "it has reloaded twice")
        comes_to(server, "two")
        answering(server, 2, without=before)


EVENTS = """
from reactor import Response
def events(request):
    def forever():
        while True:
            yield b"data: x\\n\\n"
            time.sleep(0.02)
    if request.path == "/events":
        return Response(200, {"Content-Type": "text/event-stream"}, forever())
    return app(request)
"""


def test_a_stream_holds_no_reload_up_nor_the_repair_of_a_crash(folder):
    write_app(folder, more=EVENTS)
    with crew(folder, "--workers", "2", target="crewed:events") as server:
        before = answering(server, 2)
        with server.connect() as sock:
            sock.sendall(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
            assert sock.recv(1)
            server.signal(signal.SIGHUP)
            after = answering(server, 2, without=before)
            eventually(lambda: "reloaded: 2" in server.err, "both slots are replaced")
            os.kill(min(after), signal.SIGKILL)
            answering(server, 2, without={*before, min(after)})
        eventually(lambda: not any(state(pid) for pid in before), "the old ones have ended")


def test_reloads_leave_nothing_behind(folder):
    with crew(folder, "--workers", "2") as server:
        answering(server, 2)
        open_before = len(server.open_descriptors())
        for count in range(1, 7):
            server.signal(signal.SIGHUP)
            eventually(partial(has_reloaded, server, count), "it has reloaded")
            eventually(lambda: len(children(server.pid)) == 3, "the old ones are gone")
            eventually(
                lambda: len(server.open_descriptors()) == open_before, "so are their descriptors"
            )
        assert server.status("Threads") == 1


# --- those who do not move ------------------------------------------------------------------------

STUCK = """
import re
lock = threading.Lock()

def stuck(request):
    if request.path == "/regex":
        return backtracking()
    if request.path == "/lock":
        return deadlock()
    return app(request)

def backtracking():
    re.match(r"(a+)+$", "a" * 60 + "b")

def deadlock():
    with lock, lock:
        pass

async def stuck_asgi(scope, receive, send):
    if scope["path"] == "/spin":
        spin_for_ever()
    if scope["path"] == "/lock":
        deadlock()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d x" % os.getpid()})
"""


@pytest.mark.parametrize(
    ("target", "path", "named"),
    [
        ("crewed:stuck", "/spin", "spin_for_ever"),
        pytest.param("crewed:stuck", "/regex", "backtracking", marks=pytest.mark.long),
        pytest.param("crewed:stuck", "/lock", "deadlock", marks=pytest.mark.long),
        pytest.param("crewed:stuck_asgi", "/spin", "spin_for_ever", marks=pytest.mark.long),
        pytest.param("crewed:stuck_asgi", "/lock", "deadlock", marks=pytest.mark.long),
    ],
)
def test_a_worker_that_does_not_move_shows_where_and_is_replaced(folder, target, path, named):
    write_app(folder, more=STUCK)
    words = ("--workers", "2", "--timeout", "0.5", "--lifespan", "off")
    with crew(folder, *words, target=target, traceback_expected=True) as server:
        before = answering(server, 2)
        with server.connect() as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            # Meanwhile the other one serves.
            eventually(lambda: "--timeout" in server.err, "it is noticed")
            ask(server)
            eventually(lambda: len(before & set(children(server.pid))) == 1, "it was ended")
        eventually(lambda: "ended by SIGABRT" in server.err, "it is said")
        assert f" in {named}" in server.err
        answering(server, 2)


@pytest.mark.long
def test_an_import_that_takes_its_time_is_not_stuck(folder):
    """And is not killed by the time that a turn may take."""
    slow = "import time\nuntil = time.monotonic() + 2.5\nwhile time.monotonic() < until: pass\n"
    (folder / "slow.py").write_text(slow + "from crewed import app\n")
    with crew(folder, "--workers", "2", "--timeout", "0.5", target="slow:app") as server:
        answering(server, 2)
        assert "ended" not in server.err


def test_sigquit_shows_stacks_and_ends_nothing(folder):
    with crew(folder, "--workers", "2", traceback_expected=True) as server:
        pids = answering(server, 2)
        os.kill(min(pids), signal.SIGQUIT)
        eventually(lambda: "most recent call first" in server.err, "a stack is shown")
        server.signal(signal.SIGQUIT)
        eventually(lambda: server.err.count("most recent call first") == 2, "another one")
        assert answering(server, 2) == pids


LEAKING = """
held = []

def leaking(request):
    held.append(bytearray(b"x") * 80_000_000)
    return app(request)
"""


@pytest.mark.long
def test_a_worker_that_holds_too_much_is_replaced(folder):
    write_app(folder, more=LEAKING)
    words = ("--supervise", "--max-worker-memory", "60")
    with crew(folder, *words, target="crewed:leaking") as server:
        first, _ = ask(server)
        eventually(lambda: "(--max-worker-memory)" in server.err, "it is noticed", 60)
        eventually(lambda: not state(first), "it has ended, in order")
        assert "ended by" not in server.err
        assert ask(server)[0] != first


# --- more and fewer -------------------------------------------------------------------------------


def test_ttin_and_ttou(folder):
    with crew(folder, "--workers", "2") as server:
        answering(server, 2)
        server.signal(signal.SIGTTIN)
        answering(server, 3)
        for left in (2, 1):
            server.signal(signal.SIGTTOU)
            eventually(partial(has_children, server, left + 1), f"{left} are left")
        server.signal(signal.SIGTTOU)
        eventually(lambda: server.err.count("SIGTTOU: 1 worker\n") == 2, "the last one stays")
        ask(server)


# --- molds ----------------------------------------------------------------------------------------

THREADED = """
from crewed import app
import threading, time
threading.Thread(target=time.sleep, args=(1000,), daemon=True, name="the logger's").start()
"""


def test_an_import_that_starts_threads_is_done_by_each_worker(folder):
    (folder / "threaded.py").write_text(THREADED)
    with crew(folder, "--workers", "2", target="threaded:app") as server:
        pids = answering(server, 2)
        assert "the import has started threads" in server.err
        assert "the logger's" in server.err
        assert [len(os.listdir(f"/proc/{pid}/task")) for pid in pids] == [2, 2]


def test_a_mold_that_was_killed_is_made_anew(folder):
    with crew(folder, "--workers", "2") as server:
        before = answering(server, 2)
        [mold] = set(children(server.pid)) - before
        os.kill(mold, signal.SIGKILL)
        eventually(lambda: len(children(server.pid)) == 3, "there is another one")
        # Those who serve are no older than it.
        assert answering(server, 2) == before
        os.kill(min(before), signal.SIGKILL)
        answering(server, 2, without={min(before)})


def test_memory_is_shared_with_the_mold(folder):
    (folder / "large.py").write_text(
        "from crewed import app\nheld = [object() for _ in range(500_000)]\n"
    )
    with crew(folder, "--workers", "2", target="large:app") as server:
        from reactor.server.workers.worker_watch import private_bytes

        for pid in answering(server, 2):
            for _ in range(50):
                ask(server)
            assert private_bytes(pid) < 10 * 2**20  # of 16 MB and more


def test_each_worker_draws_other_numbers(folder):
    (folder / "drawn.py").write_text(
        "import os, random\nfrom reactor import Response\n"
        "def app(request):\n"
        "    return Response(200, {}, b'%d %r' % (os.getpid(), random.random()))\n"
    )
    with crew(folder, "--workers", "3", target="drawn:app") as server:
        first = {}
        while len(first) < 3:
            pid, number = ask(server)
            first.setdefault(pid, number)
        assert len(set(first.values())) == 3


# --- pid 1, and the service manager ---------------------------------------------------------------


@pytest.mark.long
def test_strangers_that_are_left_to_it_are_reaped_and_decide_nothing(folder):
    """As pid 1 of a container has them: whoever's parent has ended."""
    with crew(folder, "--workers", "2") as server:
        pids = answering(server, 2)
        # A worker's child that outlives its parent becomes the supervisor's.
        source = "import os, time\nif os.fork():\n os._exit(0)\ntime.sleep(0.3)\nos._exit(3)\n"
        write_app(
            folder,
            "two",
            more=f"""
def orphans(request):
    import subprocess
    subprocess.run([sys.executable, "-c", {source!r}])
    return app(request)
""",
        )
    with crew(folder, "--workers", "2", target="crewed:orphans") as server:
        pids = answering(server, 2)
        ask(server)
        eventually(lambda: len(children(server.pid)) > 3, "an orphan was adopted")
        eventually(lambda: len(children(server.pid)) == 3, "it was reaped")
        assert answering(server, 2) == pids


def test_what_starts_a_second_server_elsewhere_does_nothing_but_says_so(folder):
    with crew(folder, "--workers", "2") as server:
        pids = answering(server, 2)
        server.signal(signal.SIGUSR2)
        eventually(lambda: "SIGUSR2 does nothing here" in server.err, "it says so")
        assert answering(server, 2) == pids


class Manager:
    """A service manager's end of NOTIFY_SOCKET."""

    def __init__(self, path):
        self.path = str(path)
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sock.bind(self.path)
        self._sock.settimeout(20)
        self.heard = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            try:
                self.heard.append(self._sock.recv(4096).decode().splitlines())
            except OSError:
                self._sock.close()
                return

    def words(self, *without):
        """The first of each message."""
        return [lines[0] for lines in list(self.heard) if lines[0] not in without]


def test_the_manager_hears_of_the_supervisor_only(folder):
    manager = Manager(folder / "notify")
    env = {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "200000"}
    with crew(folder, "--workers", "2", env=env) as server:
        answering(server, 2)
        eventually(lambda: "WATCHDOG=1" in manager.words(), "it is alive")
        eventually(lambda: manager.words("WATCHDOG=1") == ["READY=1"], "it is ready")
        [ready] = [lines for lines in manager.heard if lines[0] == "READY=1"]
        assert f"MAINPID={server.pid}" in ready
        server.signal(signal.SIGHUP)
        eventually(lambda: len(manager.words("WATCHDOG=1")) == 3, "it has reloaded")
        server.stop()
    eventually(lambda: len(manager.words("WATCHDOG=1")) == 4, "it has stopped")
    assert manager.words("WATCHDOG=1") == ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]


def test_as_pid_1_of_a_namespace(folder):
    """As in a container, where nobody else is there to reap."""
    if os.geteuid() != 0:
        pytest.skip("only root makes a namespace")
    program = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    done = subprocess.run([*program, "true"], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("no namespaces here")
    words = command("serve", "crewed:app", "--workers", "2", "--port", "0", "--allow-root")
    with subprocess.Popen(
        [*program, *words],
        cwd=folder,
        env=environment(PYTHONPATH=str(folder) + os.pathsep + environment()["PYTHONPATH"]),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        line = process.stdout.readline()
        assert line.startswith("Serving")
        [first] = children(process.pid)
        eventually(lambda: len(children(first)) == 3, "all are there")
        os.kill(first, signal.SIGTERM)
        assert process.wait(20) == 0


# --- a worker that dies again and again -----------------------------------------------------------


DYING = """
import os, signal
from crewed import app

def die_soon():
    signal.signal(signal.SIGALRM, lambda *frame: os._exit(1))
    signal.setitimer(signal.ITIMER_REAL, 1)

os.register_at_fork(after_in_child=die_soon)
"""


@pytest.mark.long
def test_pauses_grow_while_a_slot_dies_and_others_serve(folder):
    """The exact times are in test_policy."""
    (folder / "dying.py").write_text(DYING)
    with crew(folder, "--supervise", target="dying:app") as server:
        eventually(lambda: server.err.count("ended with code 1") >= 4, "it has died", 30)
        pauses = [float(text) for text in re.findall(r"starts in ([\d.]+) s", server.err)]
        assert sorted(pauses) == pauses
        assert 2.0 < pauses[-1] < 9.0
        assert server.process.poll() is None
