"""`reactor.bench.peers`: each server that is installed answers rightly, constant and varied."""

import json
import re
import sys
from dataclasses import replace

import pytest
from processes import eventually

from reactor.bench.access_logs import ACCESS_LOGS
from reactor.bench.answers import VARIED, Right
from reactor.bench.comparison import Comparison, Contender
from reactor.bench.peers import NAMES, WEBSOCKET_NAMES, Peers
from reactor.bench.results import Plan
from reactor.bench.served.apps import BODY, MESSAGE, SMALL, content, make_site
from reactor.bench.servers import NotServed, Server, missing

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))
PLAN = Plan("varied", 2, None, 1, True, 2, 0.1, 0.05, 1, varied=50)
OF_FILES = ("static", "static-threads", "nginx+cache")
# One answer for all: that is what they are for.
CONSTANT_ONLY = ("floor", "native-reused", "static", "static-threads")
# Answers with the right body, and leaves out what else a varied application says.
LAZY = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args): pass
    def do_GET(self):
        body = f"{self.headers['X-Request-Id']} {self.path}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def peers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("peers")
    site = folder / "site"
    site.mkdir()
    make_site(site)
    return Peers(folder, site)


@pytest.fixture(params=NAMES)
def name(request, peers):
    if request.param in peers.unusable:
        pytest.skip(f"{request.param}: {peers.unusable[request.param]}")
    return request.param


def test_it_answers_with_the_page(peers, name):
    path, body = (SMALL[0], content(SMALL[1])) if name in OF_FILES else ("", BODY)
    with peers.server(name, f"/{path}") as server:
        server.fetch(Right(body))


def test_it_answers_each_request_with_its_own(peers, name):
    with peers.server(name, varied=True) as server:
        if name in CONSTANT_ONLY:
            with pytest.raises(NotServed, match=r"bytes and not|status is not 200"):
                server.fetch(VARIED)
        else:
            server.fetch(VARIED)


@pytest.mark.parametrize("name", sorted({*ACCESS_LOGS} - {"native-json"}))
def test_it_writes_a_line_a_request_into_a_file_that_ends_with_it(peers, name):
    if name in peers.unusable:
        pytest.skip(f"{name}: {peers.unusable[name]}")
    path, body = (SMALL[0], content(SMALL[1])) if name in OF_FILES else ("", BODY)
    with peers.server(name, f"/{path}", access_log=True) as server:
        log = server.log
        for count in (1, 2):
            server.fetch(Right(body))
            lines = eventually(
                lambda wanted=count: len(found := logged(log, path)) == wanted and found, "a line"
            )
        server.check_log()
    assert re.match(r"127\.0\.0\.1\S* - - \[", lines[0][lines[0].index("127.") :])
    assert not log.exists()


def test_ours_can_write_its_log_as_json(peers):
    with peers.server("native-json", access_log=True) as server:
        server.fetch(Right(BODY))
        [line] = eventually(lambda: server.log.read_text().splitlines(), "a line")
        server.check_log()
    assert json.loads(line)["http.response.status_code"] == 200


def logged(log, path):
    """The lines of that request."""
    text = log.read_text() if log.exists() else ""
    return [line for line in text.splitlines() if f'"GET /{path} ' in line and '" 200 ' in line]


def test_who_writes_no_access_log_though_told_to_is_not_measured(peers, tmp_path):
    def make():
        return Server("silent", peers.command("reactor"), log=tmp_path / "log", log_is_stdout=True)

    plan = replace(PLAN, varied=0, access_log=True)
    results = Comparison(plan, [Contender("silent", make)], right=Right(BODY)).run([2])
    assert [one.sentence for one in results.failures] == ["silent writes no access log"]


@pytest.mark.parametrize("name", WEBSOCKET_NAMES)
def test_it_sends_a_message_back(peers, name):
    if name in peers.unusable:
        pytest.skip(f"{name}: {peers.unusable[name]}")
    with peers.server(name, websocket=True) as server:
        server.fetch(Right(MESSAGE, websocket=True))


def test_who_opens_no_websocket_is_not_measured(peers):
    with (
        peers.server("reactor") as server,
        pytest.raises(NotServed, match="it opens no WebSocket: "),
    ):
        server.fetch(Right(MESSAGE, websocket=True))


@pytest.mark.parametrize("app", ["asgi_stream", "asgi_starlette"])
def test_asgi_servers_have_other_applications(peers, app):
    if app == "asgi_starlette":
        pytest.importorskip("starlette")
    with peers.server("asgi", asgi=app) as server:
        server.fetch(Right(BODY))


def test_who_leaves_out_a_varied_field_is_not_measured():
    with (
        Server("lazy", lambda port: [sys.executable, "-c", LAZY, str(port)]) as server,
        pytest.raises(NotServed, match=r"the head has no b'.*x-request-id: "),
    ):
        server.fetch(VARIED)


def test_varied_requests_are_compared_with_one_constant_request(peers):
    """The same server under two loads: each its own answers, each its own plan."""
    constant = Contender(
        "constant",
        lambda: peers.server("reactor"),
        right=Right(BODY),
        differs={"varied": 0, "connections": 3},
    )
    varied = Contender("varied", lambda: peers.server("reactor", varied=True))
    results = Comparison(PLAN, [varied, constant], right=VARIED).run([2])
    assert not results.failures
    assert [(row.server, row.connections) for row in results.rows] == [
        ("varied", 2),
        ("constant", 3),
    ]
    assert all(slot.requests > 0 for row in results.rows for slot in row.slots)


def test_a_server_whose_answers_do_not_vary_is_named(peers):
    contenders = [Contender("varied", lambda: peers.server("reactor", varied=True))]
    contenders.append(Contender("constant", lambda: peers.server("reactor")))
    results = Comparison(PLAN, contenders, right=VARIED).run([2])
    assert [failure.server for failure in results.failures] == ["constant"]
    assert "bytes and not" in results.failures[0].sentence
