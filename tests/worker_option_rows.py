"""The rows of `serve`'s options about workers, for `test_options_workers.py`, on real servers."""

from __future__ import annotations

import time

from crew import ask, children, crew
from option_table import UNSEEN, Shown
from processes import eventually

# The supervisor looks once a second.
LOOKED_S = 2.5


def started(words, places, **options):
    return crew(places["root"], *words, **options)


def processes(words, places):
    """How many it has besides itself."""
    with started(words, places) as server:
        ask(server)
        return len(children(server.pid))


def imports(words, places):
    """How often the application was imported."""
    trace = places["root"] / "imports"
    trace.write_text("")
    with started(words, places, target="counted:app") as server:
        ask(server)
    return len(trace.read_text())


def gives_up(words, places):
    """The exit code of a server whose application takes for ever to import."""
    with started(words, places, target="endless:app", announced=False) as server:
        eventually(lambda: server.process.poll() is not None, "it gives up")
        return server.wait()


def shows_where(words, places):
    """Whether a worker that does not move is ended."""
    with started(words, places, traceback_expected=True) as server, server.connect() as sock:
        sock.sendall(b"GET /spin HTTP/1.1\r\nHost: a\r\n\r\n")
        eventually(lambda: "ended by SIGABRT" in server.err, "it was ended")
        return "spin_for_ever" in server.err


def replaced(words, places):
    """Whether a worker that has answered some requests is another one a little later."""
    with started(words, places) as server:
        first, _ = ask(server)
        for _ in range(10):
            ask(server)
        until = time.monotonic() + LOOKED_S
        while time.monotonic() < until and ask(server)[0] == first:
            time.sleep(0.05)
        return ask(server)[0] != first


WORKER_TABLE = [
    Shown("--workers", ["--workers", "2"], processes, 0, 3),
    Shown("--supervise", ["--supervise"], processes, 0, 2),
    Shown("--no-preload", ["--no-preload"], imports, 1, 2, ("--workers", "2")),
    Shown("--timeout", ["--timeout", "0.3"], shows_where, UNSEEN, True),
    Shown("--max-requests", ["--max-requests", "5"], replaced, UNSEEN, True),
    Shown("--max-requests-jitter", ["--max-requests-jitter", "900000000"], replaced, UNSEEN, False,
          ("--max-requests", "5")),
    # What it does takes half a minute: test_worker_watch has it.
    Shown("--max-worker-memory", ["--max-worker-memory", "900"], processes, 0, 2),
    Shown("--timeout-worker-start", ["--timeout-worker-start", "0.5"], gives_up, UNSEEN, 3,
          ("--supervise",)),
]  # fmt: skip
