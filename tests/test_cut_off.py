"""What a stop cuts off has its line in the access log, in both models (docs/observe.md)."""

from __future__ import annotations

import signal
import socket
from functools import partial

import pytest
from driven import GET, Driven
from processes import MODELS, eventually, serving

from reactor import Response

SIZE = 30_000_000
APPS = f"""
import time
from reactor import Response

def begun():
    open("begun", "w").close()

def whole(request):
    return Response(200, {{}}, bytes({SIZE}))

def pieces(request):
    return Response(200, {{}}, (bytes(50_000) for _ in range({SIZE} // 50_000)))

def wsgi(environ, start_response):
    start_response("200 OK", [])
    return [bytes({SIZE})]

def sleeps(request):
    begun()
    while True:
        time.sleep(0.01)

def sleeps_between(request):
    def pieces():
        yield b"x" * 1000
        begun()
        while True:
            time.sleep(0.01)
    return Response(200, {{}}, pieces())

def drips(request):
    def pieces():
        while True:
            yield b"x" * 1000
            begun()
            time.sleep(0.01)
    return Response(200, {{}}, pieces())
"""
WAYS = {**{model: ("--model", model) for model in MODELS}, "workers": ("--workers", "2")}
# A second signal leaves 0.1 s for the line, and a busy machine may take that for itself.
TRIES = 5
LOOK = ("--access-log-format", "%m %U %s %B %X")
ENDLESS = ("--timeout-graceful-shutdown", "60")
SHORT = ("--timeout-graceful-shutdown", "0.3")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "apps.py").write_text(APPS)
    with (tmp_path / "large").open("wb") as file:
        file.truncate(SIZE)
    return tmp_path


def end_of_the_grace(server):
    return server.stop()


def second_signal(server):
    server.signal(signal.SIGTERM)
    eventually(lambda: "stopping: waiting for" in server.err, "it waits")
    server.signal(signal.SIGTERM)
    return server.wait()


def cut_by(ends, request, start, begun=None):
    """The exit code, and what the line says: (method, path, status, reason), bytes of the body."""
    for _ in range(TRIES):
        with start() as server:
            code = cut(server, request, ends, begun)
            if server.access_log or ends is end_of_the_grace:
                break
    [line] = server.access_log
    method, path, status, size, reason = line.split()
    return code, (method, path, int(status), reason), int(size)


def cut(server, request, ends, begun):
    """End it while a request is under way of whose answer the client takes a little."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(20)
        sock.connect(server.address)
        sock.sendall(request)
        if begun is None:
            assert sock.recv(1000)
        else:
            eventually(begun.exists, "the application is called")
            begun.unlink()
        return ends(server)


@pytest.mark.parametrize(
    ("words", "ends", "code"), [(SHORT, end_of_the_grace, 0), (ENDLESS, second_signal, 143)],
    ids=["the grace is over", "a second signal"],
)  # fmt: skip
@pytest.mark.parametrize("target", [".", "apps:whole", "apps:pieces", "apps:wsgi"])
@pytest.mark.parametrize("model", MODELS)
def test_a_client_that_takes_its_time(model, target, words, ends, code, folder):
    request = GET.replace(b"GET / ", b"GET /large ")
    start = partial(serving, target, "--model", model, *LOOK, *words, cwd=folder)
    found, said, size = cut_by(ends, request, start)
    assert (found, said) == (code, ("GET", "/large", 200, "force"))
    assert 0 < size < SIZE


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
@pytest.mark.parametrize("model", MODELS)
def test_an_answer_that_never_ends(model, version, folder):
    request = GET.replace(b"1.1", version)
    start = partial(serving, "apps:drips", "--model", model, *LOOK, *SHORT, cwd=folder)
    code, said, size = cut_by(end_of_the_grace, request, start, folder / "begun")
    assert (code, said) == (0, ("GET", "/", 200, "force"))
    assert size >= 1000


@pytest.mark.parametrize(("app", "status"), [("sleeps", 0), ("sleeps_between", 200)])
@pytest.mark.parametrize("way", WAYS)
def test_an_application_that_does_not_return(way, app, status, folder):
    def twice(server):
        if way == "threads":
            return second_signal(server)
        server.signal(signal.SIGTERM)
        eventually(lambda: "loop blocked" in server.err, "it is held up")
        server.signal(signal.SIGTERM)
        return server.wait()

    start = partial(serving, f"apps:{app}", *WAYS[way], *LOOK, *ENDLESS, cwd=folder)
    code, said, size = cut_by(twice, GET, start, folder / "begun")
    assert (code, said) == (143, ("GET", "/", status, "force"))
    assert (size > 0) == (status == 200)


@pytest.mark.parametrize("model", MODELS)
def test_a_body_that_does_not_come(model, folder):
    request = b"POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"
    with serving("apps:whole", "--model", model, *LOOK, *SHORT, cwd=folder) as server:
        with server.connect() as sock, server.connect() as other:
            sock.sendall(request)
            other.sendall(GET.replace(b"Host", b"Connection: close\r\nHost"))
            while other.recv(1 << 20):
                pass
            server.stop()
        assert server.access_log[1:] == ["POST /up 000 0 force"]


@pytest.mark.parametrize("model", MODELS)
def test_who_is_idle_has_no_line(model, folder):
    with serving(".", "--model", model, *LOOK, *SHORT, cwd=folder) as server:
        with server.connect() as silent, server.connect() as partial:
            partial.sendall(b"GET / HT")
            silent.sendall(b"")
            server.stop()
        assert server.access_log == []


class TestByBytes:
    def test_what_comes_after_it_is_not_logged(self):
        d = Driven(lambda request: request.exchange)
        d.feed(GET)
        d.machine.cut_off()
        [record] = d.journal.records
        assert (record.status, record.close, record.body_bytes) == (0, "force", 0)
        d.machine.open_exchange().respond(Response(200, {}, b"late"))
        d.feed(GET)
        d.machine.cut_off()
        d.machine.connection_lost(None)
        assert d.journal.records == [record]

    def test_an_answer_that_was_taken_keeps_its_line(self):
        d = Driven()
        d.feed(GET)
        d.machine.cut_off()
        assert [record.close for record in d.journal.records] == ["keep"]

    def test_where_nothing_came_nothing_is_said(self):
        d = Driven()
        d.machine.cut_off()
        assert d.journal.records == []

    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            (ConnectionResetError(104, "reset"), "client-abort"),
            (TimeoutError(110, "stalled"), "write-timeout"),
            (None, "force"),
        ],
    )
    def test_a_part_that_was_taken_is_no_whole_answer(self, error, reason):
        d = Driven(lambda request: request.exchange)
        d.feed(GET)
        exchange = d.machine.open_exchange()
        exchange.begin(Response(200, {}, None), b"a part")
        d.transport.take()
        d.machine.connection_lost(error)
        assert [record.close for record in d.journal.records] == [reason]
