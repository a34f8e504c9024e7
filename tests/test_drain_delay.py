"""`--drain-delay`: a stop that goes on serving until those in front know of it (docs/stop.md)."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
from clients import read_answer
from crew import answering, children, crew, state
from observed import ask, observed, where
from processes import MODELS, eventually, read_to_end, run_reactor, serving
from test_notify import heard, manager, told_to, usec  # noqa: F401
from websocket_clients import Client

import reactor
from reactor import Limits
from reactor.server.workers.policy import longest_drain_s, longest_stop_s

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
# No test waits for its end.
LONG = ("--drain-delay", "3600")
WAYS = {
    "reactor": ("--model", "reactor"),
    "threads": ("--model", "threads"),
    "workers": ("--workers", "2"),
    "workers with threads": ("--workers", "2", "--model", "threads"),
}
APPS = """
from reactor import Response, WebSocket

def wsgi(environ, start_response):
    start_response("200 OK", [])
    return [b"%r" % environ["reactor.draining"]()]

async def asgi(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    draining = scope["extensions"]["reactor"]["draining"]()
    await send({"type": "http.response.body", "body": b"%r" % draining})

def native(request):
    return Response(200, {}, b"%r" % request.exchange.draining)

class Echo(WebSocket):
    def on_message(self, data):
        self.send(data)

def sockets(request):
    return request.websocket(Echo)
"""


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def way(request):
    return request.param


@pytest.fixture
def apps(tmp_path):
    (tmp_path / "delayed.py").write_text(APPS)
    return tmp_path


def begins_to_drain(server):
    server.signal(signal.SIGTERM)
    eventually(lambda: "draining: clients are still served, for" in server.err, "it says so")


def answered_and_closed(server):
    """The head and the body that somebody gets who comes now, and then the end."""
    with server.connect() as sock:
        sock.sendall(GET)
        head, _, body = read_to_end(sock).partition(b"\r\n\r\n")
    assert b"\r\nConnection: close" in head
    return body


def test_clients_are_served_and_told_to_close(way, apps):
    with serving("delayed:wsgi", *LONG, *way, cwd=apps) as server:
        with server.connect() as kept, server.connect() as silent:
            kept.sendall(GET)
            assert read_answer(kept) == b"False"
            begins_to_drain(server)
            for _ in range(10):
                assert answered_and_closed(server) == b"True"
            for sock in (kept, silent):
                sock.sendall(GET)
                head, _, body = read_to_end(sock).partition(b"\r\n\r\n")
                assert body == b"True" and b"\r\nConnection: close" in head
        assert server.err.count("draining: ") == 1  # of all processes
        server.signal(signal.SIGTERM)
        assert server.wait() == 143


@pytest.mark.parametrize("app", ["native", "asgi"])
def test_every_kind_of_application_is_told(app, apps):
    with serving(f"delayed:{app}", *LONG, "--lifespan", "off", cwd=apps) as server:
        with server.connect() as sock:
            sock.sendall(GET)
            assert read_answer(sock) == b"False"
        begins_to_drain(server)
        assert answered_and_closed(server) == b"True"
        server.signal(signal.SIGTERM)
        assert server.wait() == 143


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_what_is_under_way_when_the_delay_is_over_has_its_time(kind, apps):
    """The grace of a stop begins behind the delay, for a loop of asyncio too."""
    words = ("--drain-delay", "0.4", "--timeout-graceful-shutdown", "60", "--lifespan", "off")
    with serving(f"delayed:{kind}", *words, cwd=apps) as server:
        with server.connect() as sock:
            sock.sendall(GET[:-1])
            server.signal(signal.SIGTERM)
            eventually(lambda: "stopping: waiting for" in server.err, "the delay is over")
            sock.sendall(GET[-1:])
            assert read_to_end(sock).endswith(b"True")
        assert server.wait() == 0


@pytest.mark.parametrize("kind", ["reactor", "workers"])
def test_ctrl_c_is_a_second_signal_too(kind, apps):
    with serving("delayed:wsgi", *LONG, *WAYS[kind], cwd=apps) as server:
        begins_to_drain(server)
        server.signal(signal.SIGINT)
        assert server.wait() == 130


def test_the_stop_goes_on_when_the_delay_is_over(way, apps):
    with serving("delayed:wsgi", "--drain-delay", "0.4", *way, cwd=apps) as server:
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began >= 0.4


def test_a_kept_connection_has_its_grace_behind_the_delay(apps):
    """Its last answer said keep-alive, so it may count on one more."""
    words = ("--drain-delay", "0.2", "--timeout-keep-alive", "60")
    with serving("delayed:wsgi", *words, cwd=apps) as server:
        with server.connect() as sock:
            sock.sendall(GET)
            assert read_answer(sock) == b"False"
            server.signal(signal.SIGTERM)
            eventually(lambda: "stopping: waiting for" in server.err, "the delay is over")
            sock.sendall(GET)
            assert b"\r\nConnection: close" in read_to_end(sock)
        assert server.wait() == 0


def test_ctrl_c_knows_no_delay(way, apps):
    with serving("delayed:wsgi", *LONG, *way, cwd=apps) as server:
        server.signal(signal.SIGINT)
        assert server.wait() == 0
        assert "draining" not in server.err


def test_the_limit_of_connections_holds_nobody_up(apps):
    """Who is accepted last waits for a place; the delay ends all the same."""
    words = ("--drain-delay", "0.4", "--limit-concurrency", "1", "--model", "threads")
    with serving("delayed:wsgi", *words, cwd=apps) as server:
        with server.connect() as first:
            first.sendall(GET[:-1])
            with server.connect() as second:
                second.sendall(GET)
                server.signal(signal.SIGTERM)
                assert read_to_end(second).endswith(b"True")
            first.sendall(GET[-1:])
            assert read_to_end(first).endswith(b"True")
        assert server.wait() == 0


@pytest.mark.parametrize("model", MODELS)
def test_a_server_of_two_addresses_accepts_at_both_and_ends(model, apps):
    words = ("--bind", "127.0.0.1:0", "--bind", "unix:s.sock", "--bind", "unix:t.sock")
    delay = ("--drain-delay", "0.4")
    with serving("delayed:wsgi", *words, *delay, "--model", model, cwd=apps) as server:
        assert server.stop() == 0
    assert not (apps / "s.sock").exists()


@pytest.mark.parametrize("model", MODELS)
def test_a_hangup_meanwhile_ends_nothing(model, apps):
    with serving("delayed:wsgi", *LONG, "--model", model, cwd=apps) as server:
        begins_to_drain(server)
        server.signal(signal.SIGHUP)
        eventually(lambda: "a restart does that" in server.err, "it is heard")
        assert answered_and_closed(server) == b"True"
        server.signal(signal.SIGTERM)
        assert server.wait() == 143


def test_a_hangup_meanwhile_reloads_nothing(apps):
    with crew(apps, *LONG, "--workers", "2", target="delayed:wsgi") as server:
        begins_to_drain(server)
        server.signal(signal.SIGHUP)
        for _ in range(20):
            assert answered_and_closed(server) == b"True"
        assert "reload" not in server.err
        server.signal(signal.SIGTERM)
        assert server.wait() == 143


def test_a_worker_that_is_replaced_knows_no_delay(tmp_path):
    (tmp_path / "crewed.py").write_text(
        "import os\nfrom reactor import Response\n"
        "def app(request):\n    return Response(200, {}, b'%d 1' % os.getpid())\n"
    )
    with crew(tmp_path, *LONG, "--workers", "2") as server:
        before = answering(server, 2)
        server.signal(signal.SIGHUP)
        answering(server, 2, without=before)
        eventually(lambda: not any(state(pid) for pid in before), "they have ended")
        server.signal(signal.SIGINT)
        assert server.wait() == 0


def test_workers_whose_supervisor_has_gone_know_no_delay(apps):
    with crew(apps, *LONG, "--workers", "2", target="delayed:wsgi") as server:
        eventually(lambda: len(children(server.pid)) == 3, "a mold and two workers")
        theirs = children(server.pid)
        server.signal(signal.SIGKILL)
        eventually(lambda: not any(state(pid) not in {"", "Z"} for pid in theirs), "all end")


@pytest.mark.parametrize("words", [(), ("--workers", "2")], ids=["one process", "workers"])
def test_it_is_not_ready_any_more_but_alive(words, apps):
    with observed("delayed:wsgi", *LONG, *words, cwd=apps) as server:
        address = where(server)
        assert ask(address, "/readyz")[0] == 200
        begins_to_drain(server)
        assert ask(address, "/readyz")[::2] == (503, b"draining\n")
        assert ask(address, "/healthz")[0] == 200
        server.signal(signal.SIGTERM)
        assert server.wait() == 143


def test_the_service_manager_hears_of_it_at_once(way, manager, apps):  # noqa: F811
    env = told_to(manager)
    with serving("delayed:wsgi", *LONG, *way, cwd=apps, env=env) as server:
        assert heard(manager)[0][0] == "READY=1"
        server.signal(signal.SIGTERM)
        lines, _ = heard(manager)
        assert lines[0] == "STOPPING=1"
        assert usec(lines[1]) > 3630_000_000
        server.signal(signal.SIGTERM)
        assert server.wait() == 143


def test_a_websocket_is_closed_when_the_delay_is_over(apps):
    """Not before: its client would come again at once, and to this server."""
    with serving("delayed:sockets", "--drain-delay", "0.5", cwd=apps) as server:
        with Client(server.port) as client:
            client.send("one")
            assert client.text() == "one"
            began = time.monotonic()
            server.signal(signal.SIGTERM)
            assert client.closed() == (1012, "the server stops")
            assert time.monotonic() - began >= 0.5
        assert server.wait() == 0


def test_a_websocket_is_opened_meanwhile(apps):
    with serving("delayed:sockets", *LONG, cwd=apps) as server:
        with Client(server.port) as client:
            begins_to_drain(server)
            client.send("one")
            assert client.text() == "one"
        with Client(server.port) as client:
            client.send("two")
            assert client.text() == "two"
        server.signal(signal.SIGTERM)
        assert server.wait() == 143


@pytest.mark.parametrize("model", MODELS)
def test_the_log_says_why_connections_ended(model, apps):
    look = ("--access-log-format", "%s %X")
    with serving("delayed:wsgi", *LONG, *look, "--model", model, cwd=apps) as server:
        begins_to_drain(server)
        answered_and_closed(server)
        eventually(lambda: server.access_log == ["200 drain"], "its line is there")
        server.signal(signal.SIGTERM)
        assert server.wait() == 143


@pytest.mark.parametrize("model", MODELS)
def test_from_a_program(model):
    """`stop` is as SIGTERM; who says a grace is as Ctrl-C."""

    def app(request):
        return reactor.Response(200, {}, b"")

    limits = Limits(drain_delay_s=0.3)
    server = reactor.Server(app, port=0, model=model, limits=limits).start()
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began >= 0.3
    with reactor.Server(app, port=0, model=model, limits=Limits(drain_delay_s=3600)):
        pass
    server = reactor.Server(app, port=0, model=model, limits=Limits(drain_delay_s=3600)).start()
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    server.stop(0.0)  # whichever is the second
    stopping.join()


def test_a_supervisor_waits_longer_before_it_kills():
    limits = Limits(drain_delay_s=100)
    assert longest_stop_s(limits) == 100 + longest_drain_s(limits)


@pytest.mark.parametrize("text", ["-1", "x", "nan", "inf", "", "86401"])
def test_what_is_no_delay_is_refused(text, tmp_path):
    done = run_reactor("serve", tmp_path, f"--drain-delay={text}")
    assert done.returncode == 2
    assert "--drain-delay" in done.stderr
    assert os.linesep not in done.stderr.strip()
