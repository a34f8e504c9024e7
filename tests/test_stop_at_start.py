"""A signal that comes while a server starts: it ends in order, whatever its application does."""

from __future__ import annotations

import signal
import sys

import pytest
from processes import eventually, serving, started

WAYS = {
    "reactor": ("--model", "reactor"),
    "threads": ("--model", "threads"),
    "workers": ("--workers", "2"),
    "each worker imports": ("--workers", "2", "--no-preload"),
}
BEGINS = "import os, time\nopen('begun', 'w').close()\n"
WAITS = "while not os.path.exists('go'): time.sleep(0.01)\n"
# What an application may do where it is imported.
IMPORTS = {
    "in C": "sum(range(10**13))\n",
    "swallows": "while True:\n    try:\n        time.sleep(0.01)\n    except BaseException:\n"
    "        pass\n",
    "swallows once": f"try:\n    {WAITS.strip()}\nexcept BaseException:\n    pass\n"
    "def app(request): pass\n",
    "makes another one of it": f"try:\n    {WAITS.strip()}\nexcept BaseException:\n    1 / 0\n",
    "has a thread": "import threading\nthreading.Thread(target=time.sleep, args=(600,)).start()\n"
    + WAITS,
    "cleans up": f"try:\n    {WAITS.strip()}\nfinally:\n    open('clean', 'w').close()\n",
}
CODES = {signal.SIGTERM: 0, signal.SIGINT: 130}


def starts(folder, text, *words, **options):
    (folder / "starts.py").write_text(BEGINS + text)
    return serving("starts:app", *words, cwd=folder, announced=False, **options)


def begins(folder):
    eventually((folder / "begun").exists, "the import has begun")


@pytest.mark.parametrize("number", CODES)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_it_ends_in_order(way, number, tmp_path):
    with starts(tmp_path, WAITS, *way) as server:
        begins(tmp_path)
        server.signal(number)
        assert server.wait() == CODES[number]
        assert server.out == ""
        assert "cannot import" not in server.err


@pytest.mark.parametrize(
    ("text", "number"),
    [*((IMPORTS[name], signal.SIGTERM) for name in IMPORTS), (IMPORTS["in C"], signal.SIGINT)],
    ids=[*IMPORTS, "in C, SIGINT"],
)
def test_whatever_the_import_does(text, number, tmp_path):
    with starts(tmp_path, text, traceback_expected=True) as server:
        begins(tmp_path)
        server.signal(number)
        assert server.wait() == CODES[number]
        assert server.out == ""
    assert (tmp_path / "clean").exists() == ("'clean'" in text)


def test_the_second_one_does_not_wait(tmp_path):
    text = "import atexit\natexit.register(time.sleep, 600)\n" + IMPORTS["swallows"]
    with starts(tmp_path, text) as server:
        begins(tmp_path)
        server.signal(signal.SIGTERM)
        while server.process.poll() is None:  # whenever it has heard the first one
            server.signal(signal.SIGINT)
        assert server.wait() == 130


def test_what_was_made_is_removed(tmp_path):
    with starts(tmp_path, WAITS, "--pid", "pid") as server:
        begins(tmp_path)
        assert (tmp_path / "pid").read_text().strip() == str(server.pid)
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
    assert not (tmp_path / "pid").exists()


def test_what_the_application_forks_ends_by_the_signal(tmp_path):
    text = """
import signal
pid = os.fork()
if not pid:
    open("forked", "w").close()
    while True: time.sleep(1)
while not os.path.exists("forked"): time.sleep(0.01)
os.kill(pid, signal.SIGTERM)
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
def app(request): pass
print("the child ended by", code, flush=True)
"""
    with starts(tmp_path, text) as server:
        eventually(lambda: "http://" in server.out, "it serves")
        assert "the child ended by -15" in server.out
        assert server.stop() == 0


def test_a_handler_of_the_application_is_its_own(tmp_path):
    text = (
        "import signal\nsignal.signal(signal.SIGTERM, lambda *_: os._exit(7))\n"
        "open('handled', 'w').close()\n"
    )
    with starts(tmp_path, text + WAITS) as server:
        eventually((tmp_path / "handled").exists, "its handler is there")
        server.signal(signal.SIGTERM)
        assert server.wait() == 7


def test_one_that_is_ignored_stays_so(tmp_path):
    (tmp_path / "starts.py").write_text(BEGINS + WAITS + "def app(request): pass\n")
    words = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); os.execv"
    code = f"{words}(sys.executable, [sys.executable, *sys.argv[1:]])"
    program = [sys.executable, "-c", code, "-m", "reactor", "serve", "starts:app", "--port", "0"]
    with started([*program, "--allow-root"], cwd=tmp_path, announced=False) as server:
        begins(tmp_path)
        server.signal(signal.SIGINT)
        (tmp_path / "go").touch()
        eventually(lambda: "http://" in server.out, "it serves")
        assert server.stop() == 0
