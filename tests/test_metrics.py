"""``--metrics``: what is counted on real sockets, and the listener that says it."""

from __future__ import annotations

import json
import signal
import socket
import time

import pytest
from observed import ask, counted, leave, observed, scrape, status_of, where
from pem_files import pems  # noqa: F401 - a fixture
from processes import PATIENCE_S, eventually, exchange, exchange_tls, run_reactor, serving

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
SLOW_S = 0.25
APPS = f"""
import asyncio, time
from reactor import Response, WebSocket

def native(request):
    if request.path.startswith("/slow"):
        time.sleep({SLOW_S})
    if request.path == "/fails":
        raise ValueError("broken")
    if request.path == "/endless":
        return Response(200, {{}}, iter(lambda: b"x" * 65536, None))
    return Response(200, {{}}, b"fine")

def later(request):
    return request.exchange

def wsgi(environ, start_response):
    if environ["PATH_INFO"].startswith("/slow"):
        time.sleep({SLOW_S})
    start_response("200 OK", [("Content-Length", "4")])
    return [b"fine"]

async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    if scope["path"].startswith("/slow"):
        await asyncio.sleep({SLOW_S})
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    await send({{"type": "http.response.body", "body": b"fine"}})

class Echo(WebSocket):
    def on_message(self, data):
        self.send(data)

def socket(request):
    return request.websocket(Echo)

class Tcp(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
    def data_received(self, data):
        self.transport.write(data)
        self.transport.close()
"""
DURATION = "http_server_request_duration_seconds"
OK = 'http_response_status_code="2xx"'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "seen.py").write_text(APPS)
    (tmp_path / "page.html").write_text("hello")
    return tmp_path


def code(status):
    return f'reactor_responses_total{{http_response_status_code="{status}"}}'


# --- what is counted ---------------------------------------------------------------------------


@pytest.mark.parametrize("app", ["native", "wsgi", "asgi"])
def test_requests_of_an_application_and_bytes_and_connections(app, folder):
    with observed(f"seen:{app}", cwd=folder) as server:
        answered = exchange(server.address, 2 * GET + LAST)
        got = counted(server, code(200), 3)
        assert got['reactor_requests_total{http_request_method="GET"}'] == 3
        assert got["reactor_received_bytes_total"] == len(2 * GET + LAST)
        assert got["reactor_sent_bytes_total"] == len(answered)
        assert got["reactor_connections_accepted_total"] == 1
        assert got["reactor_requests_active"] == 0
        assert got[f"{DURATION}_count{{{OK}}}"] == 3
        assert got["reactor_loop_busy_seconds_total"] > 0
        assert got['reactor_workers{state="ready"}'] == 1


def test_files_of_a_folder_and_errors(folder):
    with observed(folder) as server:
        exchange(server.address, LAST.replace(b"GET /", b"HEAD /page.html"))
        exchange(server.address, LAST.replace(b"GET /", b"GET /none"))
        exchange(server.address, LAST.replace(b"GET /", b"BREW /page.html"))
        got = counted(server, 'reactor_requests_total{http_request_method="_OTHER"}', 1)
        assert got['reactor_requests_total{http_request_method="HEAD"}'] == 1
        assert (got[code(200)], got[code(404)]) == (1, 1)


@pytest.mark.parametrize("app", ["native", "wsgi", "asgi"])
@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_an_application_that_sleeps_is_in_the_bucket_of_its_sleep(app, version, folder):
    slow = LAST.replace(b"GET /", b"GET /slow").replace(b"/1.1", b"/" + version)
    with observed(f"seen:{app}", cwd=folder) as server:
        exchange(server.address, slow)
        got = counted(server, code(200), 1)
        assert SLOW_S <= got[f"{DURATION}_sum{{{OK}}}"] < 10 * SLOW_S
        assert got[f'{DURATION}_bucket{{{OK},le="0.1"}}'] == 0


@pytest.mark.parametrize("app", ["native", "wsgi", "asgi"])
def test_so_is_the_second_of_three_pipelined(app, folder):
    slow = GET.replace(b"GET /", b"GET /slow")
    with observed(f"seen:{app}", cwd=folder) as server:
        exchange(server.address, GET + slow + LAST)
        got = counted(server, code(200), 3)
        assert SLOW_S <= got[f"{DURATION}_sum{{{OK}}}"] < 10 * SLOW_S
        # The one before may leave together with it. The one behind has not begun before its turn.
        assert got[f'{DURATION}_bucket{{{OK},le="0.1"}}'] in (1, 2)


def test_refusals_by_reason(folder):
    with observed("seen:native", cwd=folder) as server:
        exchange(server.address, b"GET / HTTP/1.1\r\n\r\n")
        exchange(server.address, b"\x16\x03\x01\x02\x00\x01\x00")
        got = counted(server, 'reactor_refused_total{reason="not-http"}', 1)
        assert got['reactor_refused_total{reason="host-missing"}'] == 1
        assert got[code(400)] == 2
        assert got["reactor_requests_active"] == 0


def open_websocket(client):
    client.sendall(
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    assert client.recv(1000).startswith(b"HTTP/1.1 101 ")


def test_a_websocket_that_breaks_its_rules_is_a_refusal(folder):
    with observed("seen:socket", cwd=folder) as server, server.connect() as client:
        open_websocket(client)
        client.sendall(b"\x81\x01x")  # RFC 6455 5.1: a client masks
        counted(server, 'reactor_refused_total{reason="ws-mask"}', 1)


def test_a_failing_application_is_a_500(folder):
    with observed("seen:native", cwd=folder, traceback_expected=True) as server:
        exchange(server.address, LAST.replace(b"GET /", b"GET /fails"))
        counted(server, code(500), 1)


def test_who_leaves_before_the_answer_is_active_no_more(folder):
    with observed("seen:later", cwd=folder) as server:
        client = server.connect()
        client.sendall(GET)
        got = counted(server, "reactor_requests_active", 1)
        assert got['reactor_connections{state="active"}'] == 1
        leave(client)
        got = counted(server, "reactor_requests_active", 0)
        assert got['reactor_connections{state="active"}'] == 0


def test_an_answer_that_nobody_takes_is_being_written(folder):
    with observed("seen:native", cwd=folder) as server:
        with socket.create_connection(server.address, timeout=PATIENCE_S) as client:
            client.sendall(LAST.replace(b"GET /", b"GET /endless"))
            counted(server, 'reactor_connections{state="writing"}', 1)
        counted(server, 'reactor_connections{state="writing"}', 0)
        got = counted(server, "reactor_requests_active", 0)
        assert got[code(200)] == 1  # as far as it came


def test_an_idle_connection_is_idle(folder):
    with observed("seen:native", cwd=folder) as server:
        with socket.create_connection(server.address, timeout=PATIENCE_S) as client:
            client.sendall(GET)
            client.recv(1000)
            counted(server, 'reactor_connections{state="idle"}', 1)
        counted(server, 'reactor_connections{state="idle"}', 0)


def test_an_upgrade_is_a_101_and_no_longer_active(folder):
    with observed("seen:socket", cwd=folder) as server, server.connect() as client:
        open_websocket(client)
        got = counted(server, code(101), 1)
        assert got["reactor_requests_active"] == 0
        assert got['reactor_connections{state="writing"}'] == 0


def test_a_tcp_protocol_has_connections_and_bytes(folder):
    with observed("seen:Tcp", cwd=folder) as server:
        assert exchange(server.address, b"hello") == b"hello"
        got = counted(server, "reactor_sent_bytes_total", 5)
        assert got["reactor_received_bytes_total"] == 5
        assert got["reactor_connections_accepted_total"] == 1


def test_handshakes_and_the_end_of_a_certificate(folder, pems):  # noqa: F811
    certificate, key = pems.pair(days=61)
    tls = ("--ssl-certfile", certificate, "--ssl-keyfile", key)
    with observed("seen:native", *tls, cwd=folder) as server:
        context = pems.trusting()
        exchange_tls(server.address, LAST.replace(b"x", b"localhost"), context)
        with socket.create_connection(server.address, timeout=PATIENCE_S) as client:
            client.sendall(b"\x16\x03\x01\x00\x05hello")
            client.recv(1000)
        got = counted(server, 'reactor_tls_handshakes_total{result="failed"}', 1)
        assert got['reactor_tls_handshakes_total{result="full"}'] == 1
        assert got[code(200)] == 1
        ends = got['reactor_tls_certificate_not_after_seconds{names="localhost"}']
        assert 60 * 86400 < ends - time.time() < 62 * 86400
        assert got["reactor_config_last_reload_successful"] == 1


def test_a_certificate_that_cannot_be_used_is_a_failed_reload(folder, pems):  # noqa: F811
    certificate, key = pems.pair()
    tls = ("--ssl-certfile", certificate, "--ssl-keyfile", key)
    with observed("seen:native", *tls, cwd=folder) as server:
        before = scrape(server)["reactor_config_last_reload_success_timestamp_seconds"]
        with open(key, "a") as file:
            file.truncate(0)
        server.signal(signal.SIGHUP)
        got = counted(server, "reactor_config_last_reload_successful", 0)
        assert got["reactor_config_last_reload_success_timestamp_seconds"] == before


def test_a_queue_that_nobody_accepts_from(folder):
    """The one place is taken by an answer, and two clients wait in the kernel."""
    with observed("seen:later", "--limit-concurrency", "1", cwd=folder) as server:
        clients = [server.connect() for _ in range(3)]
        clients[0].sendall(GET)
        name = f'reactor_accept_queue_length{{address="127.0.0.1:{server.port}"}}'
        got = counted(server, name, 2)
        assert got[name.replace("length", "limit")] == 2048
        assert got["reactor_connections_limit"] == 1
        leave(*clients)


# --- the status --------------------------------------------------------------------------------


def test_the_slowest_requests_are_shown_without_their_query(folder):
    with observed("seen:native", cwd=folder) as server:
        exchange(server.address, LAST.replace(b"GET /", b"GET /slow/%C3%A9?password=secret"))
        counted(server, code(200), 1)
        status = status_of(server)
        [slow] = status["slowest"]
        assert slow["path"].startswith("/slow/") and "secret" not in json.dumps(status)
        assert (slow["method"], slow["status"]) == ("GET", 200)
        assert slow["seconds"] >= SLOW_S


def test_a_function_that_holds_the_loop_up_is_named(folder):
    (folder / "holds.py").write_text(
        "import time\nfrom reactor import Response\n"
        "def app(request):\n    end = time.monotonic() + 1.2\n"
        "    while time.monotonic() < end: pass\n    return Response(200)\n"
    )
    with observed("holds:app", cwd=folder) as server:
        exchange(server.address, LAST)
        counted(server, "reactor_loop_stalls_total", 1)
        [stall] = status_of(server)["stalls"]
        assert "holds.py:" in stall["where"] and "(app)" in stall["where"]


def test_status_is_json_for_who_asks_for_it_and_a_page_for_others(folder):
    with observed("seen:native", cwd=folder) as server:
        address = where(server)
        for path, accept, kind in (
            ("/status", "text/html,*/*;q=0.8", "text/html; charset=utf-8"),
            ("/status", "*/*", "text/html; charset=utf-8"),
            ("/status", "application/json", "application/json"),
            ("/status?json", "text/html", "application/json"),
        ):
            status, fields, body = ask(address, path, Accept=accept)
            assert (status, fields["Content-Type"]) == (200, kind)
            assert fields["Cache-Control"] == "no-store"
        assert b"seen:native" in ask(address, "/status")[2]
        assert ask(address, "/", "GET")[0] == 307


def test_events_bring_what_has_changed(folder):
    with (
        observed("seen:native", cwd=folder) as server,
        socket.create_connection(where(server), timeout=PATIENCE_S) as viewer,
        viewer.makefile("rb") as stream,
    ):
        viewer.sendall(b"GET /status/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        parts = next_event(stream)
        assert {"state", "tiles", "workers", "limits"} <= parts.keys()
        exchange(server.address, LAST)
        later = next_event(stream)
        while "1 in all" not in later.get("tiles", ""):
            later = next_event(stream)
        assert "limits" not in later  # they have not changed


def next_event(stream):
    for line in stream:
        if line.startswith(b"data: "):
            return json.loads(line[6:])
    pytest.fail("the stream has ended")


# --- the listener ------------------------------------------------------------------------------


def test_readiness_before_while_and_at_the_end(folder):
    with observed("seen:later", "--graceful-timeout", "60", cwd=folder) as server:
        address = where(server)
        assert ask(address, "/readyz")[::2] == (200, b"ready\n")
        assert ask(address, "/healthz")[::2] == (200, b"ok\n")
        client = server.connect()
        client.sendall(GET)
        counted(server, "reactor_requests_active", 1)
        server.signal(signal.SIGTERM)
        eventually(lambda: ask(address, "/readyz")[0] == 503, "it drains")
        assert ask(address, "/readyz")[2] == b"draining\n"
        assert ask(address, "/healthz")[0] == 200
        leave(client)
        assert server.wait() == 0


def test_it_is_not_ready_while_an_asgi_application_starts(folder):
    (folder / "starts.py").write_text(
        "import asyncio, os\n"
        "async def app(scope, receive, send):\n"
        "    await receive()\n"
        "    while not os.path.exists('go'): await asyncio.sleep(0.01)\n"
        "    await send({'type': 'lifespan.startup.complete'})\n"
        "    await receive()\n"
        "    await send({'type': 'lifespan.shutdown.complete'})\n"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = free.getsockname()
    arguments = ("starts:app", "--metrics", f"127.0.0.1:{address[1]}")
    with serving(*arguments, cwd=folder, announced=False) as server:

        def answered():
            try:
                return ask(address, "/readyz")
            except OSError:
                return None

        assert eventually(answered, "it answers")[::2] == (503, b"starting\n")
        (folder / "go").write_text("")
        eventually(lambda: ask(address, "/readyz")[0] == 200, "it is ready")
        assert server.stop() == 0


def test_nothing_can_be_changed_there(folder):
    with observed("seen:native", cwd=folder) as server:
        address = where(server)
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "BREW"):
            status, fields, _ = ask(address, "/metrics", method)
            assert (status, fields["Allow"]) == (405, "GET, HEAD")
        status, fields, body = ask(address, "/metrics", "HEAD")
        assert (status, body) == (200, b"") and int(fields["Content-Length"]) > 1000
        assert ask(address, "/../etc/passwd")[0] == 404


def test_another_sites_page_cannot_read_it(folder):
    """DNS rebinding: the browser asks this address for evil.example."""
    arguments = ("seen:native", "--allowed-host", "shop.example")
    with observed(*arguments, cwd=folder) as server:
        for path in ("/metrics", "/status", "/status/events", "/healthz"):
            assert ask(where(server), path, Host="evil.example")[0] == 421
        assert ask(where(server), "/metrics", Host="shop.example")[0] == 200
        assert ask(where(server), "/metrics", Host="localhost:9464")[0] == 200


def test_it_answers_when_the_server_is_full_and_is_not_counted(folder):
    with observed("seen:later", "--limit-concurrency", "2", cwd=folder) as server:
        clients = [server.connect() for _ in range(4)]
        for client in clients:
            client.sendall(GET)
        got = counted(server, "reactor_requests_active", 2)
        assert got["reactor_connections_accepted_total"] == 2
        for _ in range(20):
            got = scrape(server)
        assert got["reactor_connections_accepted_total"] == 2
        assert sum(n for name, n in got.items() if name.startswith("reactor_connections{")) == 2
        assert not any(name.startswith("reactor_responses_total") for name in got)
        leave(*clients)


def test_its_own_bound_leaves_the_server_alone(folder):
    with observed("seen:native", cwd=folder) as server:
        lookers = []
        for _ in range(40):
            looker = socket.create_connection(where(server), timeout=PATIENCE_S)
            looker.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            lookers.append(looker)
        exchange(server.address, LAST)
        counted(server, code(200), 1)
        for looker in lookers:
            looker.close()


def test_many_viewers_leave_room_for_a_scrape(folder):
    with observed("seen:native", cwd=folder) as server:
        answers = []
        for _ in range(12):
            viewer = socket.create_connection(where(server), timeout=PATIENCE_S)
            viewer.sendall(b"GET /status/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answers.append(viewer)
        heads = [viewer.recv(12) for viewer in answers]
        assert heads.count(b"HTTP/1.1 200") == 8
        assert heads.count(b"HTTP/1.1 503") == 4
        assert scrape(server)
        for viewer in answers:
            viewer.close()


def test_openmetrics_for_who_accepts_it(folder):
    prometheus = (
        "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
    )
    with observed("seen:native", cwd=folder) as server:
        _, fields, body = ask(where(server), Accept=prometheus)
        assert fields["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
        assert body.endswith(b"# EOF\n")
        _, fields, body = ask(where(server), Accept="*/*")
        assert fields["Content-Type"].startswith("text/plain; version=0.0.4")


# --- how it is asked for -----------------------------------------------------------------------


def test_a_port_that_is_taken_is_one_sentence(folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run_reactor(
            "serve", "seen:native", "--port", "0", "--metrics", f"127.0.0.1:{port}",
            "--allow-root", cwd=folder,
        )  # fmt: skip
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert f"127.0.0.1:{port}" in done.stderr and "--metrics" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--metrics", "seen:native"], "TARGET stands before --metrics"),
        (["seen:native", "--metrics", "127.0.0.1:0,tls"], "plain HTTP/1.1"),
        (["seen:native", "--metrics", "--model", "threads"], "leave out --model threads"),
    ],
)
def test_what_cannot_be_is_a_sentence(words, said, folder):
    done = run_reactor("serve", *words, "--port", "0", "--allow-root", cwd=folder)
    assert done.returncode == 2
    assert said in done.stderr


def test_beyond_loopback_it_is_said_loudly(folder):
    with serving("seen:native", "--metrics", "0.0.0.0:0", cwd=folder) as server:
        eventually(lambda: "can be read by everyone" in server.err, "a warning")


def test_it_goes_on_a_unix_socket(folder):
    path = folder / "metrics.sock"
    with serving("seen:native", "--metrics", f"unix:{path}", cwd=folder) as server:
        eventually(path.exists, "the socket is there")
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE_S)
            client.connect(str(path))
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
        assert server.stop() == 0
    assert not path.exists()
