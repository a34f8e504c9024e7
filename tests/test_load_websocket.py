"""Load on WebSockets: each request is a message, and the right answer the same message."""

import pytest
from processes import serving

from reactor.errors import LoadError
from reactor.load import Expect, Generator, Plan

APP = """
from reactor import Response, WebSocket

class Echo(WebSocket):
    def on_message(self, data):
        self.send(data)

class Wrong(WebSocket):
    asked = 0

    def on_message(self, data):
        Wrong.asked += 1
        self.send(data[:-1] + "?" if Wrong.asked > 50 else data)

class Twice(WebSocket):
    asked = 0

    def on_message(self, data):
        Twice.asked += 1
        for _ in range(1 + (Twice.asked > 50)):
            self.send(data)

class Leaves(WebSocket):
    asked = 0

    def on_message(self, data):
        Leaves.asked += 1
        if Leaves.asked % 50 == 0:
            self.close(1001)
        else:
            self.send(data)

KINDS = {"/": Echo, "/wrong": Wrong, "/twice": Twice, "/leaves": Leaves}

def app(request):
    if request.path in KINDS:
        return request.websocket(KINDS[request.path])
    return Response(200, {}, "no WebSocket")
"""
MESSAGE = b"a message".ljust(64, b".")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    (folder / "echoes.py").write_text(APP)
    with serving("echoes:app", "--no-access-log", cwd=folder) as server:
        yield server


def loading(server, path="", **plan):
    chosen = {"connections": 3, "body": MESSAGE, "websocket": True, **plan}
    return Generator(Plan((server.url + path,), **chosen))


@pytest.mark.parametrize("pipeline", [1, 5])
@pytest.mark.parametrize("message", [MESSAGE, b"", b"x" * 200, b"x" * 70_000])
def test_each_message_comes_back(server, pipeline, message):
    with loading(server, pipeline=pipeline, body=message) as generator:
        result = generator.run(requests=200)
    assert (result.requests, result.errors) == (200, {})


def test_at_a_rate(server):
    with loading(server, rate=1000) as generator:
        result = generator.run(0.1)
    assert (result.requests, result.errors) == (100, {})


def test_another_message_is_wrong(server):
    with loading(server, "wrong") as generator:
        result = generator.run(requests=100)
    assert result.errors["wrong"]
    assert "the body has other bytes than it must" in result.first_error


def test_a_message_that_nobody_asked_for_is_wrong(server):
    with loading(server, "twice") as generator:
        result = generator.run(requests=100)
    assert result.errors["wrong"]
    assert "nobody asked for" in result.first_error


def test_a_connection_that_ends_is_opened_anew(server):
    """A Close is no answer; the next message comes back on another connection."""
    with loading(server, "leaves", connections=1) as generator:
        result = generator.run(requests=200)
    assert result.requests >= 190
    assert 3 <= result.errors["wrong"] <= 5
    assert result.requests + result.errors["wrong"] == 200


def test_who_opens_none_is_no_server(server):
    with (
        pytest.raises(LoadError, match=r"the server opens no WebSocket: b'HTTP/1\.1 200 OK"),
        loading(server, "page"),
    ):
        pass


@pytest.mark.parametrize(
    "differs",
    [
        {"varied": 2},
        {"keep_alive": False},
        {"method": "POST"},
        {"expect": (Expect(length=3),)},
        {"body": "é".encode()},
    ],
)
def test_a_plan_that_is_none(differs):
    with pytest.raises(LoadError, match="WebSocket"):
        Plan(("http://127.0.0.1:1/",), **{"body": MESSAGE, "websocket": True, **differs})
