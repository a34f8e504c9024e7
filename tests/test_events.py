"""Server-sent events: what is sent, and what it is told of its client and of a stop."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading

import pytest
from processes import MODELS, PATIENCE_S, eventually, serving

from reactor import Request, Server, aio, events, last_event_id

TICKER = """
import queue, threading
from reactor import events, last_event_id

said = []

def source(first):
    n = first
    try:
        while True:
            yield {"id": str(n), "data": f"tick {n}"}
            n += 1
            yield None
            threading.Event().wait(0.02)
    finally:
        print("closed", flush=True)

def native(request):
    return events(source(int(last_event_id(request) or 0)), retry_s=0.5)

def wsgi(environ, start_response):
    response = events(source(int(environ.get("HTTP_LAST_EVENT_ID", 0))))
    start_response("200 OK", response.headers.items())
    return response.body
"""


def body(*items, **options):
    return b"".join(events(items, **options).body)


@pytest.mark.parametrize(
    ("item", "sent"),
    [
        ("a", b"data: a\n\n"),
        ("", b"data: \n\n"),
        ("a\nb\r\nc\rd", b"data: a\ndata: b\ndata: c\ndata: d\n\n"),
        ("a\x0bb\x85c\u2028d", "data: a\x0bb\x85c\u2028d\n\n".encode()),
        ({"data": "x", "event": "e", "id": 3}, b"event: e\nid: 3\ndata: x\n\n"),
        ({"id": ""}, b"id: \n\n"),
        ({"retry_s": 1.5}, b"retry: 1500\n\n"),
        (None, b":\n\n"),
    ],
)
def test_an_event(item, sent):
    assert body(item) == sent


@pytest.mark.parametrize(
    ("item", "error"),
    [
        ({"event": "a\nb"}, ValueError),
        ({"id": "a\rdata: evil"}, ValueError),
        ({"id": "a\0"}, ValueError),
        ({"date": "x"}, ValueError),
        ({"data": b"x"}, TypeError),
        (b"x", TypeError),
        (7, TypeError),
    ],
)
def test_what_is_no_event(item, error):
    with pytest.raises(error):
        body(item)


def test_the_response():
    response = events([], retry_s=2, headers={"X-A": "b"})
    assert response.headers["content-type"] == "text/event-stream"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-a"] == "b"
    assert b"".join(response.body) == b"retry: 2000\n\n"


def test_where_the_client_was():
    assert last_event_id(Request("GET", "/")) == ""
    sent = Request("GET", "/", {"Last-Event-ID": "\u00fc".encode()})
    assert last_event_id(sent) == "\u00fc"


class Reader:
    """An EventSource, as far as it is needed."""

    def __init__(self, port, fields=b""):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + fields + b"\r\n")
        self.got = b""

    def until(self, text):
        while text not in self.got and (data := self.sock.recv(65536)):
            self.got += data
        assert text in self.got, self.got

    def to_the_end(self):
        with self.sock:
            while data := self.sock.recv(65536):
                self.got += data
        return self.got


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("app", ["native", "wsgi"])
def test_a_client_comes_again_and_a_stop_ends_the_stream(tmp_path, model, app):
    (tmp_path / "ticker.py").write_text(TICKER)
    with serving(f"ticker:{app}", "--model", model, cwd=tmp_path) as server:
        first = Reader(server.port)
        first.until(b"data: tick 1\n\n")
        first.until(b":\n\n")
        first.sock.close()
        eventually(lambda: "closed" in server.out, "a generator whose client has gone is closed")
        again = Reader(server.port, b"Last-Event-ID: 41\r\n")
        again.until(b"id: 42\ndata: tick 42\n\n")
        assert b"tick 40" not in again.got
        server.process.send_signal(signal.SIGINT)  # which has the short grace
        assert again.to_the_end().endswith(b"0\r\n\r\n")
        assert server.process.wait(PATIENCE_S) == 0
        eventually(lambda: server.out.count("closed") == 2, "it is closed at a stop")


def run(app, talk):
    server = Server(app, port=0)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        reader = Reader(server.sockets[0].getsockname()[1])
        with reader.sock:
            talk(server, reader)
    finally:
        server.stop()
        thread.join()


def test_awaited_events_have_a_heartbeat_and_lose_nothing():
    said = asyncio.Event()
    ended = []

    async def source():
        try:
            yield "first"
            await said.wait()
            yield {"id": "2", "data": "second"}
        finally:
            ended.append(True)

    async def app(request):
        return aio.events(source(), heartbeat_s=0.01, retry_s=1)

    loops = []

    async def handler(request):
        loops.append(asyncio.get_running_loop())
        return await app(request)

    def talk(server, reader):
        reader.until(b"retry: 1000\n\n")
        reader.until(b"data: first\n\n")
        reader.until(b":\n\n")
        loops[0].call_soon_threadsafe(said.set)
        reader.until(b"id: 2\ndata: second\n\n")
        reader.until(b"0\r\n\r\n")
        assert reader.got.index(b"first") < reader.got.index(b":\n\n") < reader.got.index(b"second")

    run(handler, talk)
    assert ended == [True]


def test_an_awaited_source_is_told_of_a_stop(caplog):
    ended = []

    async def source():
        try:
            while True:
                yield "tick"
                await asyncio.sleep(1000)
        finally:
            ended.append(True)

    async def app(request):
        return aio.events(source(), heartbeat_s=1000)

    def talk(server, reader):
        reader.until(b"data: tick\n\n")
        server.stop(0)
        assert reader.to_the_end().endswith(b"0\r\n\r\n")

    run(app, talk)
    assert ended == [True]
    assert [line for line in caplog.messages if "exception" in line] == []


def test_an_awaited_source_that_fails_ends_the_stream():
    async def source():
        yield "one"
        raise ZeroDivisionError

    async def app(request):
        return aio.events(source())

    def talk(server, reader):
        reader.until(b"data: one\n\n")
        assert not reader.to_the_end().endswith(b"0\r\n\r\n")

    run(app, talk)
