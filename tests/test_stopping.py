"""How a server stops, state by state: the table of docs/stop.md, in both models.

The servers are processes; who is served when is decided by files that the tests make.
"""

from __future__ import annotations

import signal
import socket
import time
from contextlib import suppress

import pytest
from clients import NOTE, SMALL, read_answer, stop_under_load
from processes import MODELS, PATIENCE_S, eventually, needs, read_to_end

from reactor.loop._insist import insist, relent

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
LATE = b"GET /late HTTP/1.1\r\nHost: a\r\n\r\n"

# Applications whose answers are under way until the test has the file "go" made.
APPS = """
import os, sys, time
from reactor import Response

def wait_for(name):
    while not os.path.exists(name):
        time.sleep(0.005)

def slow(request):
    if request.target == "/late":
        return Response(200, [], b"late")
    open("begun", "w").close()
    wait_for("go")
    return Response(200, [], b"whole")

def events(request):
    def pieces():
        try:
            while True:
                yield b"data: x\\n\\n" * 1000
                time.sleep(0.002)
        finally:
            open("closed", "w").close()
    return Response(200, [("Content-Type", "Text/Event-Stream; charset=utf-8")], pieces())

def told(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/x-ndjson")])
    def pieces():
        while not environ["reactor.draining"]():
            yield b"{}\\n" * 1000
            time.sleep(0.002)
        yield b"bye"
    return pieces()

def sleeps(request):
    open("begun", "w").close()
    time.sleep(600)

def loops(request):
    open("begun", "w").close()
    while True:
        pass

def swallows(request):
    open("begun", "w").close()
    while True:
        try:
            time.sleep(0.001)
        except BaseException:
            pass

def never_returns_from_c(request):
    open("begun", "w").close()
    return sum(range(10**13))

class Greedy:
    def connection_made(self, transport):
        self.transport = transport
    def data_received(self, data):
        self.transport.write(data)
    def connection_lost(self, exc):
        open("lost", "w").close()
"""


@pytest.fixture
def apps(tmp_path):
    (tmp_path / "apps.py").write_text(APPS)
    return tmp_path


def refuses(address):
    """Whether nobody listens; a client that comes while the listener ends is let in or waits."""
    try:
        socket.create_connection(address, timeout=PATIENCE_S).close()
    except (ConnectionRefusedError, ConnectionResetError):
        return True
    return False


def ask_to_stop(server, model, number):
    """Signal the server, and return when it has heard that, though an application runs."""
    server.signal(number)
    if model == "threads":  # in the reactor the signal interrupts the application
        eventually(lambda: refuses(server.address), "no new connection is taken")


def head_and_body(sock):
    head, _, body = read_to_end(sock).partition(b"\r\n\r\n")
    return head, body


# --- who is idle ---------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_an_idle_connection_is_answered_once_more_after_sigterm(serve, site, model):
    server = serve(site, "--model", model)
    with server.connect() as idle, server.connect() as silent:
        idle.sendall(SMALL)
        assert read_answer(idle) == NOTE
        server.signal(signal.SIGTERM)
        eventually(lambda: refuses(server.address), "no new connection is taken")
        for sock in (idle, silent):
            sock.sendall(SMALL)
            head, body = head_and_body(sock)
            assert body == NOTE
            assert b"\r\nConnection: close" in head
    assert server.wait() == 0


@pytest.mark.parametrize("model", MODELS)
def test_an_idle_connection_is_closed_when_the_grace_is_over(serve, site, model):
    server = serve(site, "--model", model, "--timeout-keep-alive", "0.2")
    with server.connect() as idle, server.connect() as silent:
        idle.sendall(SMALL)
        assert read_answer(idle) == NOTE
        assert server.stop() == 0  # neither client has ended its side
        assert idle.recv(1) == silent.recv(1) == b""


@pytest.mark.parametrize("model", MODELS)
def test_ctrl_c_closes_idle_connections_at_once(serve, site, model):
    server = serve(site, "--model", model)
    with server.connect() as idle, server.connect() as silent:
        idle.sendall(SMALL)
        assert read_answer(idle) == NOTE
        before = time.monotonic()
        server.signal(signal.SIGINT)
        assert server.wait() == 0
        assert time.monotonic() - before < 2.0  # and not 5 or 15
        assert idle.recv(1) == silent.recv(1) == b""
    assert server.err == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("model", MODELS)
def test_what_has_come_is_answered(serve, site, model, number):
    """A request that lies unread in a socket, one that is in the queue of the listener."""
    server = serve(site, "--model", model)
    with server.connect() as idle:
        idle.sendall(SMALL)
        assert read_answer(idle) == NOTE
        server.signal(signal.SIGSTOP)
        idle.sendall(SMALL)
        with server.connect() as queued:
            queued.sendall(SMALL)
            server.signal(number)
            server.signal(signal.SIGCONT)
            # The request may be seen before the signal: then its answer says keep-alive.
            assert read_answer(idle) == read_answer(queued) == NOTE
    assert server.wait() == 0


@pytest.mark.parametrize("model", MODELS)
def test_the_queue_of_a_unix_socket_is_answered(serve, site, tmp_path, model):
    path = str(tmp_path / "s.sock")
    server = serve(site, "--model", model, "--bind", f"unix:{path}")
    server.signal(signal.SIGSTOP)
    clients = []
    for _ in range(20):
        clients.append(socket.socket(socket.AF_UNIX))
        clients[-1].settimeout(PATIENCE_S)
        clients[-1].connect(path)
        clients[-1].sendall(SMALL)
    server.signal(signal.SIGTERM)
    server.signal(signal.SIGCONT)
    for sock in clients:
        with sock:
            assert head_and_body(sock)[1] == NOTE
    assert server.wait() == 0


def test_the_queue_waits_for_places(serve, apps):
    """At the limit of connections those in the queue come when others have ended."""
    server = serve("apps:slow", "--limit-concurrency", "1", cwd=apps)
    with server.connect() as first, server.connect() as second:
        first.sendall(GET)
        eventually((apps / "begun").exists, "the handler is called")
        second.sendall(LATE)
        server.signal(signal.SIGTERM)
        (apps / "go").touch()
        assert head_and_body(first)[1] == b"whole"
        first.close()
        assert head_and_body(second)[1] == b"late"
    assert server.wait() == 0


# --- what is under way ---------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("model", MODELS)
def test_an_answer_that_has_not_begun_says_close(serve, apps, model, number):
    server = serve("apps:slow", "--model", model, cwd=apps)
    with server.connect() as sock:
        sock.sendall(GET)
        eventually((apps / "begun").exists, "the handler is called")
        ask_to_stop(server, model, number)
        (apps / "go").touch()
        head, body = head_and_body(sock)
        assert body == b"whole"
        assert b"\r\nConnection: close" in head
    assert server.wait() == 0


@pytest.mark.parametrize("model", MODELS)
def test_an_answer_whose_head_said_keep_alive_is_followed_by_one_more(serve, site, model):
    server = serve(site, "--model", model)
    with server.connect() as sock:
        sock.sendall(b"GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n")
        received = sock.recv(65536)
        server.signal(signal.SIGTERM)
        eventually(lambda: refuses(server.address), "no new connection is taken")
        size = len((site / "big.bin").read_bytes())
        while len(received.partition(b"\r\n\r\n")[2]) < size:
            received += sock.recv(1 << 20)
        assert b"Connection: close" not in received.partition(b"\r\n\r\n")[0]
        sock.sendall(SMALL)
        head, body = head_and_body(sock)
        assert body == NOTE
        assert b"\r\nConnection: close" in head
    assert server.wait() == 0


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("model", MODELS)
def test_pipelined_requests_are_all_answered(serve, apps, model, at_once):
    server = serve("apps:slow", "--model", model, cwd=apps)
    with server.connect() as sock:
        sock.sendall(GET + LATE * 9 if at_once else GET)
        eventually((apps / "begun").exists, "the handler is called")
        if not at_once:
            sock.sendall(LATE * 9)
        ask_to_stop(server, model, signal.SIGTERM)
        (apps / "go").touch()
        received = read_to_end(sock)
    assert received.count(b"HTTP/1.1 200 ") == 10
    assert received.count(b"Connection: close") == 1
    assert b"Connection: close" in received.rpartition(b"HTTP/1.1 200 ")[2]
    assert server.wait() == 0


@pytest.mark.parametrize("model", MODELS)
def test_an_upload_under_way_is_read_and_answered(serve, apps, model):
    (apps / "go").touch()
    server = serve("apps:slow", "--model", model, cwd=apps)
    with server.connect() as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc")
        # Known to be read: the next connection, whose request came later, is answered.
        with server.connect() as other:
            other.sendall(GET)
            assert read_answer(other) == b"whole"
        server.signal(signal.SIGINT)
        eventually(lambda: refuses(server.address), "no new connection is taken")
        sock.sendall(b"def")
        head, body = head_and_body(sock)
        assert body == b"whole"
        assert b"\r\nConnection: close" in head
    assert server.wait() == 0


@pytest.mark.parametrize("model", MODELS)
def test_an_event_stream_ends_by_its_last_chunk(serve, apps, model):
    server = serve("apps:events", "--model", model, "--timeout-keep-alive", "0.2", cwd=apps)
    with server.connect() as sock:
        sock.sendall(GET)
        assert sock.recv(10)
        server.signal(signal.SIGTERM)
        assert read_to_end(sock).endswith(b"data: x\n\n\r\n0\r\n\r\n")
    assert server.wait() == 0
    assert (apps / "closed").exists()


@pytest.mark.parametrize("model", MODELS)
def test_an_application_is_told_and_can_end_its_answer(serve, apps, model):
    server = serve("apps:told", "--model", model, cwd=apps)
    with server.connect() as sock:
        sock.sendall(GET)
        assert sock.recv(10)
        server.signal(signal.SIGINT)
        assert read_to_end(sock).endswith(b"3\r\nbye\r\n0\r\n\r\n")
    assert server.wait() == 0


@pytest.mark.parametrize("model", MODELS)
def test_what_is_under_way_at_the_end_is_cut_by_reset(serve, site, model):
    server = serve(site, "--model", model, "--timeout-graceful-shutdown", "0.2")
    with server.connect() as sock:
        sock.sendall(b"GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n")
        assert sock.recv(1)
        assert server.stop() == 0
        with pytest.raises(ConnectionResetError):
            read_to_end(sock)
    assert "stopped after 0.2 s: 1 response was cut off" in server.err


@pytest.mark.parametrize("model", MODELS)
def test_a_raw_protocol_gets_what_has_come_and_the_grace(serve, apps, model):
    server = serve("apps:Greedy", "--model", model, cwd=apps)
    with server.connect() as sock:
        sock.sendall(b"one")
        assert sock.recv(9) == b"one"
        server.signal(signal.SIGTERM)
        eventually(lambda: refuses(server.address), "no new connection is taken")
        sock.sendall(b"two")
        assert sock.recv(9) == b"two"
    assert server.wait() == 0
    assert (apps / "lost").exists()


@pytest.mark.parametrize("model", MODELS)
def test_ctrl_c_ends_a_raw_protocol(serve, apps, model):
    server = serve("apps:Greedy", "--model", model, cwd=apps)
    with server.connect() as sock:
        sock.sendall(b"one")
        assert sock.recv(9) == b"one"
        server.signal(signal.SIGINT)
        assert sock.recv(9) == b""
    assert server.wait() == 0


# --- what is said --------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_a_stop_says_what_it_waits_for(serve, site, model):
    server = serve(site, "--model", model)
    with server.connect() as busy, server.connect() as idle:
        busy.sendall(b"GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n")
        assert busy.recv(1)
        idle.sendall(SMALL)
        assert read_answer(idle) == NOTE
        server.signal(signal.SIGTERM)
        eventually(lambda: "stopping: waiting for" in server.err, "it says what it waits for")
        assert "1 response under way (30 s at most) and 1 idle or closing connection" in server.err
        server.signal(signal.SIGINT)
        assert server.wait() == 130


def test_a_stop_says_which_function_it_waits_for(serve, apps):
    server = serve("apps:sleeps", cwd=apps)
    with server.connect() as sock:
        sock.sendall(GET)
        eventually(lambda: "loop blocked" in server.err, "the watch has seen it")
        server.signal(signal.SIGINT)
        eventually(lambda: " (sleeps); the next" in server.err, "it says what")
        server.signal(signal.SIGINT)
        assert server.wait() == 130


# --- the second signal ---------------------------------------------------------------------------

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


def second_signal(server, first, second):
    """The exit code, and the seconds it took."""
    server.signal(first)
    with suppress(Exception):
        eventually(lambda: refuses(server.address), "", patience_s=0.3)
    assert server.process.poll() is None
    before = time.monotonic()
    server.signal(second)
    return server.wait(), time.monotonic() - before


@pytest.mark.parametrize("second", CODES)
@pytest.mark.parametrize("model", MODELS)
def test_the_second_signal_ends_at_once(serve, site, model, second):
    server = serve(site, "--model", model, "--log-level", "warning")
    with server.connect() as sock:
        # The answer cannot end: nobody reads it.
        sock.sendall(b"GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n")
        sock.recv(1)
        code, seconds = second_signal(server, signal.SIGINT, second)
    assert code == CODES[second]
    assert seconds < 2.0
    assert server.err == ""


@pytest.mark.parametrize("app", ["sleeps", "loops", "swallows", "never_returns_from_c"])
@pytest.mark.parametrize("model", MODELS)
def test_the_second_signal_ends_whatever_the_application_does(serve, apps, model, app):
    server = serve(f"apps:{app}", "--model", model, cwd=apps)
    with server.connect() as sock:
        sock.sendall(GET)
        eventually((apps / "begun").exists, "the handler is called")
        server.signal(signal.SIGTERM)
        time.sleep(0.05)  # two signals of one kind at the same moment are one to the kernel
        before = time.monotonic()
        server.signal(signal.SIGTERM)
        assert server.wait() == 143
        assert time.monotonic() - before < 2.0
    assert "Traceback" not in server.err


def test_a_hangup_ends_nothing(serve, site):
    server = serve(site)
    server.signal(signal.SIGHUP)
    with server.connect() as sock:
        sock.sendall(SMALL)
        assert read_answer(sock) == NOTE
    assert server.stop() == 0


def test_children_do_not_inherit_that_a_hangup_is_ignored(serve, apps):
    needs("sh")
    (apps / "child.py").write_text(
        "import subprocess\nfrom reactor import Response\n"
        "def app(request):\n"
        "    run = subprocess.run(['sh', '-c', 'kill -HUP $$; echo alive'], capture_output=True)\n"
        "    return Response(200, [], str(run.returncode).encode())\n"
    )
    server = serve("child:app", cwd=apps)
    with server.connect() as sock:
        sock.sendall(GET)
        assert read_answer(sock) == b"-1"


# --- under load: the short form of bench/soak_stop.py -------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_no_request_is_lost_at_a_stop_under_load(serve, site, model):
    server = serve(site, "--model", model, "--no-access-log")
    whole, broken, code = stop_under_load(server, 32, 500)
    assert whole >= 500
    assert broken == []
    assert code == 0


def test_what_is_no_signal_is_refused():
    for number in (0, -1, 32, 10**6, signal.SIGKILL):
        with pytest.raises((ValueError, OverflowError)):
            insist([number], 0.1)
    relent()
    relent()
