"""Molds that do not answer, and what becomes of those who wait for a worker of theirs."""

from __future__ import annotations

import os
import signal
import socket
from importlib.util import find_spec

from crew import (
    answering,
    ask,
    children,
    crew,
    crewed_folder,  # noqa: F401 - a fixture
    state,
    write_app,
)
from processes import eventually

from reactor.process._page import Page
from reactor.server.workers.worker import RETIRE, Channel


def stopped_mold(server, workers):
    """The number of the mold, which a signal has stopped."""
    [mold] = set(children(server.pid)) - workers
    os.kill(mold, signal.SIGSTOP)
    eventually(lambda: state(mold) == "T", "it stands still")
    return mold


def test_a_mold_that_forks_nobody_is_ended_and_made_anew(folder):
    with crew(folder, "--workers", "2", "--timeout-worker-start", "1") as server:
        workers = answering(server, 2)
        mold = stopped_mold(server, workers)
        victim = workers.pop()
        os.kill(victim, signal.SIGKILL)
        answering(server, 2, without={victim})
        assert f"the mold {mold} is ended: it has forked no worker for 1 s" in server.err
        assert "no worker could be forked" in server.err
        assert len(children(server.pid)) == 3


def test_a_mold_that_stands_still_is_gone_some_time_after_a_reload(folder):
    with crew(folder, "--workers", "2", "--timeout-worker-start", "1") as server:
        workers = answering(server, 2)
        mold = stopped_mold(server, workers)
        server.signal(signal.SIGHUP)
        answering(server, 2, without=workers)
        eventually(lambda: state(mold) == "", "it was ended")


def test_a_second_signal_ends_a_server_whose_mold_stands_still(folder):
    with crew(folder, "--workers", "2", "--timeout-worker-start", "60") as server:
        workers = answering(server, 2)
        mold = stopped_mold(server, workers)
        server.signal(signal.SIGTTIN)
        eventually(lambda: "SIGTTIN: 3 workers" in server.err, "one more was asked for")
        server.signal(signal.SIGTERM)
        eventually(lambda: children(server.pid) == [mold], "those who serve have ended")
        server.signal(signal.SIGTERM)
        assert server.wait() == 128 + signal.SIGTERM


STOPS_AT_A_FORK = """
mold = os.getpid()

def forked():
    if os.getpid() == mold and os.path.exists("stop"):
        os.kill(mold, signal.SIGSTOP)

os.register_at_fork(after_in_parent=forked)
"""


def test_a_worker_whose_mold_died_before_it_named_it_leaves_the_sockets_to_others(tmp_path):
    write_app(tmp_path, more=STOPS_AT_A_FORK)
    with crew(tmp_path, "--workers", "2") as server:
        answering(server, 2)
        before = set(children(server.pid))
        (tmp_path / "stop").touch()
        server.signal(signal.SIGTTIN)
        [unknown] = eventually(lambda: set(children(server.pid)) - before, "one more is forked")
        (tmp_path / "stop").unlink()
        [mold] = [one for one in before if state(one) == "T"]
        os.kill(mold, signal.SIGKILL)
        eventually(lambda: state(unknown) == "", "nobody knows it, and it has ended")
        # New connections: it has not told the kernel to refuse them.
        answering(server, 3)


NO_CHILD = """
os.register_at_fork(after_in_child=lambda: os._exit(0))
"""


def test_a_reload_whose_mold_can_fork_nobody_says_so(folder):
    with crew(folder, "--workers", "2") as server:
        workers = answering(server, 2)
        write_app(folder, more=NO_CHILD)
        server.signal(signal.SIGHUP)
        eventually(lambda: "those who serve go on: no worker could be forked" in server.err, "why")
        assert answering(server, 2) == workers


HANGS_IN_A_CHILD = """
os.register_at_fork(after_in_child=lambda: os.path.exists("hang") and time.sleep(1000))
"""


def test_what_hangs_in_a_hook_of_a_fork_ends_with_its_mold(tmp_path):
    write_app(tmp_path, more=HANGS_IN_A_CHILD)
    with crew(tmp_path, "--workers", "2", "--timeout-worker-start", "1") as server:
        [mold] = set(children(server.pid)) - answering(server, 2)
        (tmp_path / "hang").touch()
        server.signal(signal.SIGTTIN)
        [hanging] = eventually(lambda: children(mold), "one is forked, and hangs")
        eventually(lambda: state(hanging) == "", "it was ended")
        (tmp_path / "hang").unlink()
        answering(server, 3)


class Listened:
    """A socket that a worker listens on, and the server that does."""

    shared = False
    stopped = False

    def share(self):
        self.shared = True

    def stop(self, grace_s=None, final=True):
        self.stopped = True


def test_the_last_word_counts_though_something_was_left_unread():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    channel = Channel(theirs.detach(), Page(1).slot(0), 1)
    listened = Listened()
    channel.attach(listened, [listened])
    channel.ready("nobody reads this")
    ours.send(RETIRE)
    ours.close()
    channel.on_readable()
    channel.close()
    assert (listened.shared, listened.stopped) == (True, True)


FAILING_END = """
async def app(scope, receive, send):
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.failed", "message": "no"})
"""


def test_a_lifespan_that_cannot_end_is_in_the_exit_code(tmp_path):
    (tmp_path / "ending.py").write_text(FAILING_END)
    with crew(tmp_path, "--workers", "2", target="ending:app") as server:
        assert server.stop() == 1


AT_IMPORT = """
import gc, os, sys
loaded = set(sys.modules)
looked_at = any(one is vars(sys.modules["{module}"]) for one in gc.get_objects())

from reactor import Response

def app(request):
    return Response(200, {{}}, f"{{os.getpid()}} {{looked_at}} {{sorted(loaded & {unneeded})}}")
"""
# Half a MiB each, or more, with what they import.
UNNEEDED = {"reactor.apps.static", "inspect", "dataclasses", "hashlib", "html", "asyncio", "ssl"}


def test_a_supervisor_holds_no_memory_for_what_only_workers_do(folder):
    """An application that is imported finds what its supervisor has, and nothing else."""
    module = "reactor.server.workers.mold"
    # A name that is no module's would never be found, and this would hold for ever.
    assert not [name for name in (*UNNEEDED, module) if find_spec(name) is None]
    (folder / "imported.py").write_text(AT_IMPORT.format(module=module, unneeded=UNNEEDED))
    with crew(folder, "--workers", "2", target="imported:app") as server:
        looked_at, _, loaded = ask(server)[1].partition(" ")
        assert loaded == "[]"
        # By the collector, which would write to it: a page that is written to is shared no more.
        assert looked_at == "False"
