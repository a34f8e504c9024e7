"""`--reload`: what is saved serves soon, and nothing that is open, or broken, holds it up."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest
from crew import ask, state, write_app
from processes import eventually, read_to_end, run_reactor, serving
from websocket_handshakes import opening

# Ten times what it takes on a machine that has time.
SOON_S, OPEN_SOON_S = 5.0, 15.0
#: As `uvicorn` users have them: an event stream, a WebSocket, a page.
TAB = """
import asyncio

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (event := (await receive())["type"]):
            await send({"type": f"{event}.complete"})
            if event == "lifespan.shutdown":
                return
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        return
    events = scope["path"] == "/events"
    kind = b"text/event-stream" if events else b"text/plain"
    start = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]}
    await send(start)
    while events:
        await send({"type": "http.response.body", "body": b"data: x\\n\\n", "more_body": True})
        await asyncio.sleep(0.05)
    await send({"type": "http.response.body", "body": b"0 VERSION"})
"""
EVENTS = """
import time
from reactor import Response

def app(request):
    if request.path == "/events":
        return Response(200, {"Content-Type": "text/event-stream"}, ticks())
    return Response(200, {}, b"0 VERSION")

def ticks():
    while True:
        yield b"data: x\\n\\n"
        time.sleep(0.01)
"""
WSGI = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"0 VERSION"]
"""
TCP = """
class app:
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(b"VERSION")
        self.transport.close()
"""
saves = iter(range(1, 1_000_000))


def save(folder, text, version, name="site_of_tests.py"):
    """As an editor does: into another file first. No two have the same size."""
    path = Path(folder) / name
    path.with_suffix(".new").write_text(text.replace("VERSION", version) + "#" * next(saves))
    path.with_suffix(".new").replace(path)


def reloading(folder, *words, target="site_of_tests:app", **options):
    env = {"PYTHONPATH": "", **options.pop("env", {})}
    return serving(target, "--reload", *words, cwd=folder, env=env, **options)


def tab(server):
    """A WebSocket that is open."""
    sock = server.connect()
    sock.sendall(opening(Host=f"127.0.0.1:{server.port}"))
    assert sock.recv(4096).startswith(b"HTTP/1.1 101 ")
    return sock


def serves(server, version, within_s=SOON_S):
    """Wait for it; how long it took."""
    began = time.monotonic()
    eventually(lambda: ask(server)[1] == version, f"{version} serves", within_s)
    return time.monotonic() - began


@pytest.mark.parametrize(
    ("text", "model"),
    [
        pytest.param(EVENTS, "reactor", id="native"),
        pytest.param(WSGI, "threads", marks=pytest.mark.long, id="WSGI"),
    ],
)
def test_what_is_saved_serves_soon(tmp_path, text, model):
    save(tmp_path, text, "one")
    with reloading(tmp_path, "--model", model) as server:
        assert ask(server)[1] == "one"
        save(tmp_path, text, "two")
        serves(server, "two")
        server.stop()
        assert server.err.count("changed: site_of_tests.py") == 1
        assert server.out.count("Serving") == 1


@pytest.mark.long
def test_a_tcp_protocol_too(tmp_path):
    save(tmp_path, TCP, "one")
    with reloading(tmp_path) as server:

        def answer():
            with server.connect() as sock:
                sock.sendall(b"x")
                return read_to_end(sock)

        assert answer() == b"one"
        save(tmp_path, TCP, "two")
        eventually(lambda: answer() == b"two", "the new one serves", SOON_S)


def test_a_syntax_error_keeps_the_old_one_and_is_told_once(tmp_path):
    save(tmp_path, WSGI, "one")
    with reloading(tmp_path, traceback_expected=True) as server:
        save(tmp_path, "def broken(:\n", "")
        eventually(lambda: "those who serve go on" in server.err, "it was tried", SOON_S)
        assert ask(server)[1] == "one"
        save(tmp_path, WSGI, "two")
        serves(server, "two")
        server.stop()
        assert server.err.count("SyntaxError") == 2  # at the end of the traceback, and behind it
        assert server.err.count("def broken(:") == 1


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param("def broken(:\n", id="syntax"),
        pytest.param("1 / 0\n", id="import", marks=pytest.mark.long),
        pytest.param("import nothing_of_that_name\n", id="missing", marks=pytest.mark.long),
        pytest.param("raise SystemExit(1)\n", id="exit", marks=pytest.mark.long),
        pytest.param(TAB.replace(".complete", ".failed"), id="startup", marks=pytest.mark.long),
    ],
)
def test_a_first_start_that_fails_waits_for_the_next_save(tmp_path, broken):
    save(tmp_path, broken, "")
    with reloading(tmp_path, announced=False, traceback_expected=True) as server:
        eventually(lambda: "it is started again when" in server.err, "it was tried", SOON_S)
        assert server.process.poll() is None
        save(tmp_path, broken + "# still\n", "")
        eventually(lambda: server.err.count("it is started again when") == 2, "again", SOON_S)
        save(tmp_path, WSGI, "one")
        eventually(lambda: "Serving" in server.out, "it serves", SOON_S)
        assert ask(server)[1] == "one"
        assert server.stop() == 0


@pytest.mark.long
def test_a_module_that_comes_later_is_waited_for(tmp_path):
    with reloading(tmp_path, announced=False) as server:
        eventually(lambda: "it is started again when" in server.err, "it was tried", SOON_S)
        save(tmp_path, WSGI, "one")
        eventually(lambda: "Serving" in server.out, "it serves", SOON_S)


@pytest.mark.long
def test_a_broken_start_ends_in_order(tmp_path):
    save(tmp_path, "1 / 0\n", "")
    with reloading(tmp_path, announced=False, traceback_expected=True) as server:
        eventually(lambda: "it is started again when" in server.err, "it was tried", SOON_S)
        assert server.stop() == 0


@pytest.mark.long
def test_an_application_that_does_not_start_up_keeps_the_old_one(tmp_path):
    save(tmp_path, TAB, "one")
    with reloading(tmp_path, traceback_expected=True) as server:
        failing = TAB.replace(".complete", ".failed")
        save(tmp_path, failing, "two")
        eventually(lambda: "those who serve go on" in server.err, "it was tried", SOON_S)
        assert ask(server)[1] == "one"
        save(tmp_path, TAB, "three")
        serves(server, "three")


@pytest.mark.parametrize(
    ("what", "saves"),
    [
        ("asgi", 1),
        pytest.param("asgi", 20, marks=pytest.mark.long),
        pytest.param("native", 20, marks=pytest.mark.long),
    ],
)
def test_an_open_tab_holds_nothing_up(tmp_path, what, saves):
    """A page with an event stream and a WebSocket, saves one after the other."""
    text = TAB if what == "asgi" else EVENTS
    save(tmp_path, text, "v0")
    slowest = 0.0
    with reloading(tmp_path) as server:
        for number in range(1, saves + 1):
            with server.connect() as events:
                events.sendall(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
                assert events.recv(4096).startswith(b"HTTP/1.1 200 ")
                websocket = tab(server) if what == "asgi" else None
                save(tmp_path, text, f"v{number}")
                slowest = max(slowest, serves(server, f"v{number}", OPEN_SOON_S))
                # The old one lets go of it: a browser comes again by itself.
                assert read_to_end(events).endswith(b"\r\n0\r\n\r\n")
                if websocket is not None:
                    with websocket:
                        assert websocket.recv(4)[2:] == (1012).to_bytes(2, "big")
    print(f"slowest of {number}: {slowest:.2f} s")


@pytest.mark.long
def test_modules_that_are_loaded_and_those_beside_them(tmp_path):
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    part = "page = b'0 VERSION'\n"
    save(tmp_path, "from package.part import page\n" + WSGI.replace('b"0 VERSION"', "page"), "")
    save(package, part, "one", "part.py")
    with reloading(tmp_path) as server:
        assert ask(server)[1] == "one"
        save(package, part, "two", "part.py")
        serves(server, "two")
        save(package, "", "", "fresh.py")
        eventually(lambda: "changed: package/fresh.py" in server.err, "it counts", SOON_S)


LAZY = """
def app(environ, start_response):
    from lazy.part import page
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [page]
"""


@pytest.mark.parametrize("model", ["reactor", pytest.param("threads", marks=pytest.mark.long)])
def test_modules_that_a_request_imports(tmp_path, model):
    """As Django imports views: long after the application was loaded."""
    (tmp_path / "lazy").mkdir()
    part = "page = b'0 VERSION'\n"
    save(tmp_path, LAZY, "")
    save(tmp_path / "lazy", part, "one", "part.py")
    with reloading(tmp_path, "--model", model) as server:
        assert ask(server)[1] == "one"
        save(tmp_path / "lazy", part, "two", "part.py")
        serves(server, "two")


@pytest.mark.long
def test_other_files_if_they_are_asked_for(tmp_path):
    read = "with open('page.html', 'rb') as file:\n    page = file.read()\n"
    save(tmp_path, read + WSGI.replace('b"0 VERSION"', "page"), "")
    save(tmp_path, "0 VERSION ", "one", "page.html")
    with reloading(tmp_path, "--reload-include", "*.html", "--reload-exclude", "left") as server:
        first = ask(server)[1]
        (tmp_path / "left").mkdir()
        save(tmp_path / "left", "", "", "other.html")
        save(tmp_path, "0 VERSION ", "two", "page.html")
        eventually(lambda: ask(server)[1] != first, "it was read anew", SOON_S)
        server.stop()
        assert "other.html" not in server.err


THREADED = """
import threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
"""


@pytest.mark.long
@pytest.mark.parametrize("how", ["--no-preload", "a thread"])
def test_where_each_worker_imports_for_itself(tmp_path, how):
    words, more = (["--no-preload"], "") if how == "--no-preload" else ([], THREADED)
    save(tmp_path, more + WSGI, "one")
    with reloading(tmp_path, *words, traceback_expected=True) as server:
        assert ask(server)[1] == "one"
        save(tmp_path, "def broken(:\n", "")
        eventually(lambda: "those who serve go on" in server.err, "it was tried", SOON_S)
        assert ask(server)[1] == "one"
        save(tmp_path, more + WSGI, "two")
        serves(server, "two")


@pytest.mark.long
def test_only_below_the_folder_that_is_named(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "lib.py").write_text("")
    save(tmp_path, "import src.lib\n" + WSGI, "one")
    with reloading(tmp_path, "--reload-dir", "src") as server:
        save(tmp_path, WSGI, "two")
        save(tmp_path / "src", "", "", "lib.py")
        serves(server, "two")
        assert "changed: src/lib.py\n" in server.err


@pytest.mark.long
def test_two_saves_in_a_second_of_the_same_size(tmp_path):
    """Python tells what it has compiled from what is there by the second and the size."""
    path = tmp_path / "site_of_tests.py"
    path.write_text(WSGI.replace("VERSION", "v0"))
    with reloading(tmp_path) as server:
        second = int(time.time()) - 100
        for number in range(1, 4):
            path.write_text(WSGI.replace("VERSION", f"v{number}"))
            os.utime(path, ns=(second * 10**9 + number, second * 10**9 + number))
            serves(server, f"v{number}")


def test_a_folder_needs_none(tmp_path):
    (tmp_path / "page.html").write_text("one")
    with serving(tmp_path, "--reload") as server:
        assert server.stop() == 0
        assert Path(f"/proc/{server.pid}").exists() is False
        assert "reload" not in server.err


def test_what_cannot_be_looked_at(tmp_path):
    write_app(tmp_path)
    words = ["crewed:app", "--port", "0", "--reload", "--reload-dir", "none"]
    done = run_reactor("serve", *words, cwd=tmp_path)
    assert done.returncode == 3
    assert done.stderr == "reactor: --reload-dir none: there is no such folder\n"


def test_nothing_is_left_behind(tmp_path):
    save(tmp_path, WSGI, "one")
    with reloading(tmp_path) as server:
        save(tmp_path, WSGI, "two")
        serves(server, "two")
        group = Path(f"/proc/{server.pid}/task/{server.pid}/children")
        pids = group.read_text().split()
        assert server.stop() == 0
    eventually(lambda: {state(int(pid)) for pid in pids} <= {"", "Z"}, "all have ended")
    with socket.socket() as sock:
        assert sock.connect_ex(server.address) != 0
