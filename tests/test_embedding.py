"""`reactor.Server` in a program: in a thread, as a context manager, 200 times over, and misused."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest
from processes import MODELS, PATIENCE_S, eventually, exchange, given_back, open_descriptors

import reactor
from reactor import Inet, Limits, Response, Server, Unix
from reactor.apps.echo import Echo
from reactor.errors import ConfigurationError, StartupError
from reactor.server import background

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
KEPT = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def hello(request):
    return Response(200, {}, b"hello")


def wsgi(environ, start_response):
    start_response("200 OK", [])
    return [b"hello"]


async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"hello"})


def address(server):
    return server.sockets[0].getsockname()


KINDS = [("native", hello), ("wsgi", wsgi), ("asgi", asgi), ("folder", None), ("tcp", Echo)]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("name", "target"), KINDS, ids=[name for name, _ in KINDS])
def test_200_starts_and_stops_leave_nothing(name, target, model, tmp_path):
    if name == "asgi" and model == "threads":
        pytest.skip("it runs in asyncio's one thread")
    (tmp_path / "index.html").write_text("hello")
    target = tmp_path if target is None else target
    sent = b"hello" if name == "tcp" else GET

    def once():
        with Server(target, port=0, model=model) as server:
            assert exchange(address(server), sent, half_close=True).endswith(b"hello")

    once()
    before, threads = open_descriptors(), threading.active_count()
    began = time.perf_counter()
    for _ in range(200):
        once()
    took_s = time.perf_counter() - began
    # A thread that has just closed its connection is there for a moment more.
    given_back(before)
    eventually(lambda: threading.active_count() <= threads, "all threads have ended")
    # 20 ms each on a quiet machine.
    assert took_s < 200 * 0.2


@pytest.mark.parametrize("model", MODELS)
def test_it_is_stopped_while_clients_keep_their_connections(model):
    server = Server(hello, port=0, model=model).start()
    with socket.create_connection(address(server), timeout=PATIENCE_S) as idle:
        idle.sendall(KEPT)
        assert idle.recv(4096).endswith(b"hello")
        server.stop(grace=0)
        assert idle.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address_of(server))


def address_of(server):
    host, _, port = server.urls[0].removeprefix("http://").rstrip("/").rpartition(":")
    return host, int(port)


@pytest.mark.parametrize("model", MODELS)
def test_what_is_under_way_is_finished(model):
    asked, go_on = threading.Event(), threading.Event()

    def slow(request):
        asked.set()
        go_on.wait(PATIENCE_S)
        return Response(200, {}, b"whole")

    answers = []
    with Server(slow, port=0, model=model) as server:
        client = threading.Thread(target=lambda: answers.append(exchange(address(server), GET)))
        client.start()
        asked.wait(PATIENCE_S)
        threading.Timer(0.05, go_on.set).start()
    client.join(PATIENCE_S)
    assert answers[0].endswith(b"whole")


def test_an_application_stops_its_own_server():
    def stopping(request):
        server.stop(grace=0)
        return Response(200, {}, b"bye")

    server = Server(stopping, port=0).start()
    assert exchange(address(server), GET).endswith(b"bye")
    server.stop()


def test_after_an_exception_nobody_is_waited_for():
    with (
        pytest.raises(KeyError),
        Server(Echo, port=0, limits=Limits(graceful_timeout_s=3600)) as server,
        socket.create_connection(address(server), timeout=PATIENCE_S) as sock,
    ):
        sock.sendall(b"x")
        assert sock.recv(1) == b"x"
        raise KeyError


def test_signals_stay_the_program_s():
    import signal

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with Server(hello, port=0):
        assert {number: signal.getsignal(number) for number in before} == before


def test_it_runs_once():
    server = Server(hello, port=0)
    with server:
        pass
    for again in (server.start, server.run, server.__enter__):
        with pytest.raises(RuntimeError, match="runs once"):
            again()
    server.stop()


def test_a_server_that_was_stopped_in_its_block_has_ended():
    with Server(hello, port=0) as server:
        server.stop(grace=0)
    server.close()


def test_what_keeps_it_from_starting_is_raised():
    async def broken(scope, receive, send):
        await receive()
        raise ValueError("no database")

    server = Server(broken, port=0, lifespan="on")
    before = threading.active_count()
    with pytest.raises(StartupError, match="no database"):
        server.start()
    assert threading.active_count() <= before


def test_an_application_that_never_returns_is_named(monkeypatch):
    monkeypatch.setattr(background, "_LATE_S", 0.2)
    go_on, asked = threading.Event(), threading.Event()

    def endless(request):
        asked.set()
        go_on.wait(PATIENCE_S)
        return Response(200, {}, b"")

    server = Server(endless, port=0, limits=Limits(graceful_timeout_s=0.1)).start()
    with socket.create_connection(address(server)) as sock:
        sock.sendall(GET)
        assert asked.wait(PATIENCE_S)
        with pytest.raises(TimeoutError, match=r"it is in .*:\d+ \("):
            server.stop(grace=0)
        go_on.set()
        server.stop()


def test_it_works_beside_a_running_asyncio_loop():
    async def main():
        with Server(hello, port=0) as server:
            reader, writer = await asyncio.open_connection(*address(server))
            writer.write(GET)
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
            return answer

    assert asyncio.run(main()).endswith(b"hello")


# --- targets and places ---------------------------------------------------------------------------


def test_a_path_is_a_folder(tmp_path):
    (tmp_path / "index.html").write_text("the page")
    with Server(tmp_path, port=0) as server:
        assert exchange(address(server), GET).endswith(b"the page")
    with pytest.raises(ConfigurationError, match="none"):
        Server(tmp_path / "none", port=0)


def test_folders_stand_before_an_application(tmp_path):
    (tmp_path / "x.txt").write_text("a file")
    with Server(wsgi, port=0, static={"/static": tmp_path}) as server:
        file = exchange(address(server), GET.replace(b" / ", b" /static/x.txt "))
        assert file.endswith(b"a file")
        assert exchange(address(server), GET).endswith(b"hello")


def test_binds_are_texts_addresses_and_sockets(tmp_path):
    path = tmp_path / "s"
    with Server(hello, bind=["127.0.0.1:0", f"unix:{path}", Inet("127.0.0.2", 0)]) as server:
        assert [url.partition(":")[0] for url in server.urls] == ["http", "unix", "http"]
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(path))
            sock.sendall(GET)
            assert sock.recv(4096).startswith(b"HTTP/1.1 200")
    assert not path.exists()
    for one in ("127.0.0.1:0", Inet("127.0.0.1", 0), Unix(str(path)),
                socket.create_server(("127.0.0.1", 0))):  # fmt: skip
        with Server(hello, bind=one) as server:
            assert len(server.urls) == 1


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"bind": 8000}, TypeError, "8000 is nowhere to listen: write '127.0.0.1:80'"),
        ({"bind": [8000]}, TypeError, "8000 is no address: write 'HOST:PORT'"),
        ({"bind": "localhost"}, ConfigurationError, "cannot bind to 'localhost': write HOST:PORT"),
        ({"port": "80"}, ConfigurationError, "'80' is no port"),
        ({"host": 1}, ConfigurationError, "1 is no host"),
        ({"model": "processes"}, ConfigurationError, "there is no model 'processes'"),
        ({"loop": "uvloop"}, ConfigurationError, "there is no loop 'uvloop'"),
        ({"limits": 5}, TypeError, "5 are no limits: write Limits(...)"),
        ({"access_log": "log"}, TypeError, "'log' is not called with lines"),
        ({"static": "public"}, TypeError, "'public' is no mapping: write {'/static': 'public'}"),
    ],
)
def test_a_wrong_value_is_a_sentence(options, error, says):
    before = open_descriptors()
    with pytest.raises(error) as raised:
        Server(hello, **{"port": 0, **options})
    assert says in str(raised.value)
    raised = None
    assert open_descriptors() == before


def test_serve_takes_a_path(tmp_path):
    (tmp_path / "index.html").write_text("the page")
    seen = []

    def look(sockets):
        seen.append(sockets[0].getsockname())
        threading.Thread(target=lambda: seen.append(exchange(seen[0], GET))).start()
        threading.Timer(0.3, servers[0].stop, [0]).start()

    servers = []

    class Kept(reactor.server.Server):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            servers.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reactor.server, "Server", Kept)
        reactor.serve(tmp_path, bind="127.0.0.1:0", on_listening=look)
    assert seen[1].endswith(b"the page")
