"""`serve`: every option by what it does, on a real server, in both models."""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from option_table import UNSEEN, Shown, check, missing, unknown
from other_option_rows import OTHERS
from processes import (
    MODELS,
    PATIENCE_S,
    command,
    environment,
    eventually,
    read_to_end,
    serving,
)
from processes import started as process
from websocket_looks import close_after_pings, deflates, echoed, first_frame, handshake

# Ten times what the rows' time-outs say, and less than the defaults that they replace.
SOON_S = 5.0
# Another group of this user, if there is one; root may take any.
OWN_GROUP = 12345 if os.geteuid() == 0 else os.getgid()
GROUP = 12345 if os.geteuid() == 0 else max([*os.getgroups(), os.getgid()])

APPS = """
import asyncio
import os
from reactor import Response, WebSocket

class Echo(WebSocket):
    def on_message(self, data):
        self.send(data)

def websocket(request):
    return request.websocket(Echo)

def app(request):
    return Response(200, {}, b"%d bytes" % len(request.body))

def variable(request):
    return Response(200, {}, os.environ.get("SEEN_BY_ROWS", "unset"))

def make():
    return app

def home(request):
    return Response(200, {}, os.environ["HOME"])

def failing(request):
    raise ValueError("an application that fails")

def either(*arguments):
    if len(arguments) == 1:
        return Response(200, {}, b"native")
    arguments[1]("200 OK", [])
    return [b"wsgi"]

def make():
    return app

def looped(request):
    try:
        return Response(200, {}, type(asyncio.get_running_loop()).__name__)
    except RuntimeError:
        return Response(200, {}, "none")

async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        scope["state"]["started"] = await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        return await send({"type": "lifespan.shutdown.complete"})
    said = f"{'started' in scope['state']:d} at {scope['path']!r}".encode()
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": said})
"""


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """What rows name: a folder to serve, another one, a port, a socket's path, an application."""
    root = tmp_path_factory.mktemp("options")
    folder, other = root / "folder", root / "other"
    (folder / "sub").mkdir(parents=True)
    other.mkdir()
    (folder / "index.html").write_text("the page")
    (folder / "note.txt").write_text("a note")
    (folder / "sub" / "note.txt").write_text("a note below")
    (folder / "big.bin").write_bytes(bytes(16 * 1024 * 1024))
    (other / "index.html").write_text("another page")
    (root / "seen.py").write_text(APPS)
    (other / "elsewhere.py").write_text("from seen import app")
    (root / "variables").write_text("SEEN_BY_ROWS=by file\n")
    (root / "reactor.toml").write_text("[serve]\nheader = 'X-A: by file'\n")
    return {"root": root, "folder": folder, "other": other, "socket": root / "s",
            **{name: f"seen:{name}" for name in (*("app", "failing", "variable", "either"),
                                                 *("looped", "asgi", "websocket"))},
            "pid": root / "pid", "variables": root / "variables",
            "settings": root / "reactor.toml"}  # fmt: skip


@contextlib.contextmanager
def started(words, places, **options):
    """A server of these words; of the folder, unless they name a target."""
    target = [] if words[:1] and not words[0].startswith("-") else [places["folder"]]
    env = {"PYTHONPATH": str(places["root"]), **options.pop("env", {})}
    with serving(*target, *words, cwd=places["root"], env=env, **options) as server:
        yield server


def seen(look, **options):
    """A look at a server that runs: ``look(server)``."""

    def see(words, places):
        with started(words, places, **options) as server:
            return look(server)

    see.__name__ = look.__name__
    return see


def request(server, target="/", *fields, body=b"", method="GET"):
    """The answer, head and body."""
    lines = [f"{method} {target} HTTP/1.1", "Host: a", "Connection: close", *fields, "", ""]
    with server.connect() as sock:
        sock.sendall("\r\n".join(lines).encode() + body)
        return read_to_end(sock).decode("latin-1")


def status(*arguments, **options):
    return seen(lambda server: int(request(server, *arguments, **options).split(" ", 2)[1]))


def content(target="/"):
    return seen(lambda server: request(server, target).partition("\r\n\r\n")[2])


def field(name):
    def look(server):
        lines = request(server).partition("\r\n\r\n")[0].split("\r\n")
        return [line.partition(": ")[2] for line in lines if line.lower().startswith(f"{name}:")]

    return seen(look)


@seen
def threads_for_five(server):
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            sock = stack.enter_context(server.connect())
            sock.sendall(b"GET /note.txt HTTP/1.1\r\nHost: a\r\n\r\n")
            assert sock.recv(4096)
        return server.status("Threads")


def queued(words, places):
    """How many of five clients a server that has stopped lets wait in its backlog."""
    path = str(places["socket"])
    with started(["--bind", f"unix:{path}", *words], places) as server:
        server.signal(signal.SIGSTOP)
        stat = Path(f"/proc/{server.pid}/stat")
        eventually(lambda: stat.read_text().split()[2] == "T", "it stands")
        with contextlib.ExitStack() as stack:
            codes = []
            for _ in range(5):
                sock = stack.enter_context(socket.socket(socket.AF_UNIX))
                sock.setblocking(False)
                codes.append(sock.connect_ex(path))
            server.signal(signal.SIGCONT)
        assert set(codes) <= {0, errno.EAGAIN}
        return codes.count(0)


def answer_within(seconds, data):
    """The beginning of all that comes until the end of the connection; None if that is late."""

    def look(server):
        with server.connect() as sock:
            sock.sendall(data)
            began = time.monotonic()
            received = read_to_end(sock)
            return received[:12] if time.monotonic() - began < seconds else None

    return seen(look)


@seen
def lets_go_of_who_takes_nothing(server):
    """Seconds do not matter here: the default is longer than a test waits."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(PATIENCE_S)
        sock.connect(server.address)
        sock.sendall(b"GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n")
        assert sock.recv(1)  # it is being served
        eventually(lambda: len(server.sockets()) == 1, "it has been let go")
        return True


@seen
def third_of_three_that_are_busy(server):
    """Two are in the middle of a request; does the third one get an answer now, or later?"""
    with contextlib.ExitStack() as stack:
        first, second, third = (stack.enter_context(server.connect()) for _ in range(3))
        for sock in (first, second):
            sock.sendall(b"GET /note.txt HT")
        eventually(lambda: len(server.sockets()) >= 3, "both are connected")
        third.sendall(b"GET /note.txt HTTP/1.1\r\nHost: a\r\n\r\n")
        third.setblocking(False)

        def answered():
            with contextlib.suppress(BlockingIOError):
                return third.recv(4096)

        eventually(lambda: answered() or "are the limit" in server.err, "answered, or told to wait")
        waits = "are the limit" in server.err
        if waits:
            first.close()
            eventually(answered, "it is answered when another one has gone")
        return "later" if waits else "now"


def ends_while_an_answer_is_under_way(words, places):
    with started(words, places) as server, socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(server.address)
        sock.sendall(b"GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n")
        assert sock.recv(1)
        server.signal(signal.SIGTERM)
        began = time.monotonic()
        server.wait()
        return time.monotonic() - began < SOON_S


def serves_after_sigterm(words, places):
    with started(words, places) as server:
        server.signal(signal.SIGTERM)
        ends = server.process.poll
        eventually(lambda: ends() is not None or "draining: " in server.err, "it ends, or not")
        serves = ends() is None and " 200 OK" in request(server)
        server.signal(signal.SIGINT)
        server.wait()
        return serves


def is_in_the_other_folder(words, places):
    """Is that where a large body is that goes on coming?"""
    with started(words, places) as server, server.connect() as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 700000\r\n\r\nx")
        [path] = eventually(
            lambda: [name for name in server.open_descriptors() if name.endswith("(deleted)")],
            "it is in a file",
        )
        return path.startswith(f"{places['other']}/")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def printed(words, places):
    done = subprocess.run(
        command("serve", *words), env=environment(), capture_output=True, text=True, timeout=20
    )
    return (done.returncode, done.stdout.split(" ")[0])


def host(words, places):
    with started(words, places) as server:
        return server.url.partition("://")[2].rpartition(":")[0]


def listens_on_the_port(words, places):
    with started(words, places) as server:
        return str(server.port) == words[words.index("--port") + 1]


def root_page(words, places):
    """With no folder but the one that the words name."""
    target = [] if words[:1] == ["--chdir"] else [places["folder"]]
    with serving(*target, *words, cwd=places["root"]) as server:
        return request(server).partition("\r\n\r\n")[2]


def starts(words, places):
    """The exit code of a server that cannot, 0 of one that answers."""
    with started(words, places, announced=False) as server:
        eventually(lambda: server.out or server.process.poll() is not None, "it runs, or not")
        return server.process.poll() or 0


def number_in_its_file(words, places):
    with started(words, places) as server:
        return places["pid"].exists() and int(places["pid"].read_text()) == server.pid


@seen
def scheme(server):
    return server.url.partition(":")[0]


def from_the_descriptor(words, places):
    """Whether a client of the socket that the server was handed gets its answer."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        words = [word.replace("FD", str(sock.fileno())) for word in words]
        with started(words, places, pass_fds=[sock.fileno()]) as server:
            return server.port == sock.getsockname()[1] and status_of(server) == 200


def file_of(words, places):
    """Mode and group of the socket's file."""
    with started(words, places):
        found = places["socket"].stat()
        return oct(found.st_mode & 0o777), found.st_gid


def status_of(server):
    return int(request(server).split(" ", 2)[1])


def logged_client(name, before=""):
    """Who has asked, as the access log has it, when a field says that it was 1.2.3.4."""

    def look(server):
        request(server, "/", f"{name}: {before}1.2.3.4")
        server.stop()
        return server.access_log[0].split()[0]

    return seen(look)


def home(words, places):
    """What applications see as HOME."""
    with started(["seen:home", *words], places, env={"HOME": "/none"}) as server:
        return request(server).partition("\r\n\r\n")[2]


@seen
def group(server):
    return server.status("Gid")


def warned_of_root(words, places):
    program = command("serve", places["folder"], "--port", "0", *words)
    with process(program) as server:
        request(server)
        server.stop()
        return "this server is root" in server.err


LONG = "/?" + 100 * "x"
UPLOAD = {"method": "POST", "body": 100 * b"x"}
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx"
GET = b"GET /note.txt HTTP/1.1\r\nHost: a\r\n\r\n"

TABLE = [
    Shown("target", ["{other}"], content(), "the page", "another page"),
    Shown("--host", ["--host", "127.0.0.2"], host, "127.0.0.1", "127.0.0.2"),
    Shown("--port", ["--port", "{port}"], listens_on_the_port, UNSEEN, True),
    Shown("--bind", ["--bind", "unix:{socket}"], scheme, "http", "unix"),
    Shown("--uds", ["--uds", "{socket}"], scheme, "http", "unix"),
    Shown("--fd", ["--fd", "FD"], from_the_descriptor, UNSEEN, True),
    Shown("--uds-mode", ["--uds-mode", "640"], file_of, ("0o600", os.getgid()),
          ("0o640", os.getgid()), ("--uds", "{socket}")),
    Shown("--uds-group", ["--uds-group", str(GROUP)], file_of, ("0o660", os.getgid()),
          ("0o660", GROUP), ("--uds", "{socket}", "--uds-mode", "660")),
    Shown("--backlog", ["--backlog", "1"], queued, 5, 2),
    Shown("--model", ["--model", "threads"], threads_for_five, 1, 6),
    Shown("--version", ["--version"], printed, UNSEEN, (0, "reactor")),
    Shown("--factory", ["--factory"], starts, 3, 0, ("seen:make",)),
    Shown("--config", ["-c", "{settings}"], field("x-a"), [], ["by file"]),
    Shown("--check-config", ["--check-config"], printed, UNSEEN, (0, "."), ("--chdir", "{other}")),
    Shown("--print-config", ["--print-config"], printed, UNSEEN, (0, "[serve]\n#")),
    Shown("--pid", ["--pid", "{pid}"], number_in_its_file, False, True),
    # The process.
    Shown("--app-dir", ["--app-dir", "{other}"], starts, 3, 0, ("elsewhere:app",)),
    Shown("--chdir", ["--chdir", "{other}"], starts, 3, 0, ("elsewhere:app",)),
    Shown("--env-file", ["--env-file", "{variables}"], content(), "unset", "by file",
          ("{variable}",)),
    Shown("--env", ["-e", "SEEN_BY_ROWS=by hand"], content(), "unset", "by hand",
          ("{variable}",)),
    Shown("--preload", ["--preload"], content(), "the page", "the page"),
    # WebSockets.
    Shown("--ws-max-size", ["--ws-max-size=99"], seen(echoed(2, b"x" * 100)), 2, 1009,
          ("{websocket}",)),
    Shown("--ws-ping-interval", ["--ws-ping-interval=0.4"], seen(first_frame), UNSEEN, 9,
          ("{websocket}",)),
    Shown("--ws-ping-timeout", ["--ws-ping-timeout=0.4"], seen(close_after_pings), UNSEEN, 1011,
          ("{websocket}", "--ws-ping-interval=0.4")),
    Shown("--ws-origin", ["--ws-origin=https://good.example"],
          seen(lambda server: handshake(server, Origin="https://good.example")[0]), 403, 101,
          ("{websocket}",)),
    Shown("--no-ws-deflate", ["--no-ws-deflate"], seen(deflates), True, False, ("{websocket}",)),
    Shown("--ws-deflate", ["--ws-deflate"], seen(deflates), False, True,
          ("{websocket}", "--no-ws-deflate")),
    # Applications.
    Shown("--interface", ["--interface", "native"], content(), "wsgi", "native", ("{either}",)),
    Shown("--loop", ["--loop", "asyncio"], content(), "none", "_UnixSelectorEventLoop",
          ("{looped}",)),
    Shown("--lifespan", ["--lifespan=off"], content("/"), "1 at '/'", "0 at '/'", ("{asgi}",)),
    Shown("--root-path", ["--root-path", "/a"], content("/"), "1 at '/'", "1 at '/a/'",
          ("{asgi}",)),
    # Folders.
    Shown("--static", ["--static", "/s={other}"], content("/s/"), "unset", "another page",
          ("{variable}",)),
    Shown("--directory", ["--chdir", "{other}", "-d", "."], root_page, "the page", "another page"),
    Shown("--index", ["--index", "note.txt"], content(), "the page", "a note"),
    Shown("--no-listing", ["--no-listing"], status("/sub/"), 200, 404),
    Shown("--listing", ["--listing"], status("/sub/"), 404, 200, ("--no-listing",)),
    Shown("--spa", ["--spa"], status("/deep/link"), 404, 200),
    Shown("--cors", ["--cors"], field("access-control-allow-origin"), [], ["*"]),
    Shown("--header", ["--header", "X-A: b"], field("x-a"), [], ["b"]),
    # The process: in full in tests/test_privileges.py.
    Shown("--user", ["--user", str(os.getuid())], home, "/none", pwd.getpwuid(os.getuid()).pw_dir),
    Shown("--group", ["--group", str(OWN_GROUP)], group, os.getgid(), OWN_GROUP),
    Shown("--allow-root", ["--allow-root"], warned_of_root, os.geteuid() == 0, False),
    # Behind a proxy, and hosts.
    Shown("--trusted-proxy", ["--trusted-proxy", "127.0.0.1"], logged_client("X-Forwarded-For"),
          "127.0.0.1", "1.2.3.4"),
    Shown("--forwarded", ["--forwarded", "forwarded"], logged_client("Forwarded", "for="),
          "127.0.0.1", "1.2.3.4", ("--trusted-proxy", "127.0.0.1")),
    Shown("--allowed-host", ["--allowed-host", "b"], status("/"), 200, 421),
    # Limits.
    Shown("--limit-request-line", ["--limit-request-line=80"], status(LONG), 200, 414),
    Shown("--limit-request-fields", ["--limit-request-fields=3"], status("/", "A: 1", "B: 2"),
          200, 431),
    Shown("--limit-request-field-size", ["--limit-request-field-size=50"],
          status("/", "A: " + 50 * "x"), 200, 431),
    Shown("--limit-request-body", ["--limit-request-body=50"],
          status("/", "Content-Length: 100", **UPLOAD), 200, 413, ("{app}",)),
    # What happens when several are over it together is in test_collecting.py.
    Shown("--limit-body-memory", ["--limit-body-memory=50000"],
          status("/", "Content-Length: 100000", method="POST", body=100_000 * b"x"), 200, 413,
          ("{app}", "--limit-body-files=0")),
    Shown("--limit-body-files", ["--limit-body-files=600000"],
          status("/", "Content-Length: 700000", method="POST", body=700_000 * b"x"), 200, 413,
          ("{app}",)),
    Shown("--limit-body-files", ["--limit-body-files=1"],
          status("/", "Content-Length: 700000", method="POST", body=700_000 * b"x"), 200, 413,
          ("{app}",)),
    Shown("--body-dir", ["--body-dir", "{other}"], is_in_the_other_folder, False, True, ("{app}",)),
    Shown("--limit-concurrency", ["--limit-concurrency=2"], third_of_three_that_are_busy,
          "now", "later"),
    # Time-outs: the defaults are longer than SOON_S, or than a test waits.
    Shown("--timeout-header", ["--timeout-header=0.4"], answer_within(SOON_S, b"GET / HT"),
          UNSEEN, b"HTTP/1.1 408"),
    Shown("--timeout-body", ["--timeout-body=0.4"], answer_within(SOON_S, POST), UNSEEN,
          b"HTTP/1.1 408", ("{app}",)),
    Shown("--timeout-write", ["--timeout-write=0.4"], lets_go_of_who_takes_nothing, UNSEEN, True),
    Shown("--timeout-keep-alive", ["--timeout-keep-alive=0.4"], answer_within(SOON_S, GET),
          UNSEEN, b"HTTP/1.1 200"),
    Shown("--timeout-graceful-shutdown", ["--timeout-graceful-shutdown=0.4"],
          ends_while_an_answer_is_under_way, UNSEEN, True),
    Shown("--drain-delay", ["--drain-delay=600"], serves_after_sigterm, False, True),
]  # fmt: skip


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.option)
def test_an_option_does_what_it_says(row, model, places):
    if row.option == "--model" and model == "threads":
        pytest.skip("it is given already")
    if row.option in {"--loop", "--lifespan", "--root-path"} and model == "threads":
        pytest.skip("what is asynchronous runs in one thread")
    if "ws-" in row.option and model == "threads":
        pytest.skip("a WebSocket needs the loop (test_websocket_opening)")
    check(row, {**places, "port": free_port()}, ("--model", model) if model != "reactor" else ())


def test_every_option_has_a_row():
    assert missing("serve", [*TABLE, *OTHERS]) == set()
    assert unknown("serve", [*TABLE, *OTHERS]) == set()


def test_an_option_without_a_row_is_named():
    kept = [row for row in TABLE if row.option not in {"--bind", "--no-listing", "target"}]
    assert missing("serve", [*kept, *OTHERS]) == {
        "--bind",
        "--no-listing",
        "target",
    }
    assert unknown("serve", [*TABLE, TABLE[0]._replace(option="--hurry")]) == {"--hurry"}
