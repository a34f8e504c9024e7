"""Requests that take long are in the log, with their stacks, while they run."""

from __future__ import annotations

import json
import re
import socket

import pytest
from processes import MODELS, eventually, exchange, read_to_end, serving

GET = b"GET /%b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
APPS = """
import asyncio
import threading
import time
from reactor import Response

go = threading.Event()

def inner(path):
    if path == "/slow":
        while not go.wait(0.02):
            pass
    if path == "/go":
        go.set()

def native(request):
    inner(request.path)
    return Response(200, {}, b"done")

def blocking(request):
    if request.path == "/slow":
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            pass
    return Response(200, {}, b"done")

def wsgi(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        time.sleep(1.5)
    start_response("200 OK", [])
    return [b"done"]

gate = None

async def waits(path):
    global gate
    gate = gate or asyncio.Event()
    if path == "/slow":
        await deeper()
    if path == "/go":
        gate.set()

async def deeper():
    await gate.wait()

async def asgi(scope, receive, send):
    assert scope["type"] == "http"
    stream = scope["path"] == "/stream"
    if not stream:
        await waits(scope["path"])
    await send({"type": "http.response.start", "status": 200})
    if stream:
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        await deeper_or_not()
    await send({"type": "http.response.body", "body": b"done"})

async def deeper_or_not():
    await gate.wait()

async def awaited(request):
    await waits(request.path)
    return Response(200, {}, b"done")
"""
LINE = re.compile(r"slow request: GET (\S+), ([\d.]+) s so far: (.*)")


@pytest.fixture
def apps(tmp_path):
    (tmp_path / "slow_apps.py").write_text(APPS)
    return tmp_path


def said(server):
    return [LINE.search(line).groups() for line in server.err.splitlines() if LINE.search(line)]


@pytest.mark.parametrize("target", ["blocking", "wsgi"])
def test_an_application_on_the_loop(target, apps):
    with serving(f"slow_apps:{target}", "--slow-request", "0.3", cwd=apps) as server:
        for path in (b"quick", b"slow?a=%22", b"quick"):
            assert exchange(server.address, GET % path).endswith(b"done")
        server.stop()
    [(path, took, stack)] = said(server)
    assert path == "/slow?a=%22"
    assert 0.3 <= float(took) < 1.5  # while it ran
    assert re.match(rf"{apps}/slow_apps.py:\d+ \({target}\)", stack)


def test_an_application_in_a_thread_is_said_while_others_go_on(apps):
    words = ("--slow-request", "0.1", "--model", "threads")
    with serving("slow_apps:native", *words, cwd=apps) as server:
        with server.connect() as sock:
            sock.sendall(GET % b"slow")
            assert exchange(server.address, GET % b"quick").endswith(b"done")
            eventually(lambda: said(server), "it is said")
            assert exchange(server.address, GET % b"go").endswith(b"done")
            assert read_to_end(sock).endswith(b"done")
        server.stop()
    [(path, _, stack)] = said(server)
    assert path == "/slow"
    places = re.findall(r"slow_apps.py:\d+ \((\w+)\)", stack)
    assert places == ["inner", "native"]


@pytest.mark.parametrize("target", ["asgi", "awaited"])
def test_a_task_shows_what_it_waits_for(target, apps):
    with serving(f"slow_apps:{target}", "--slow-request", "0.2", cwd=apps) as server:
        with server.connect() as sock:
            sock.sendall(GET % b"slow")
            eventually(lambda: said(server), "it is said")
            assert exchange(server.address, GET % b"go").endswith(b"done")
            assert b"done" in read_to_end(sock)
        server.stop()
    [(path, took, stack)] = said(server)
    assert (path, float(took)) == ("/slow", 0.2)
    places = re.findall(r"slow_apps.py:\d+ \((\w+)\)", stack)
    assert places == ["deeper", "waits", target]
    assert stack.index("(Event.wait)") < stack.index("(deeper)")


def test_an_answer_that_has_begun_is_not_slow(apps):
    """A stream of events goes on for hours."""
    with serving("slow_apps:asgi", "--slow-request", "0.1", cwd=apps) as server:
        with server.connect() as stream, server.connect() as sock:
            sock.sendall(GET % b"slow")
            eventually(lambda: said(server), "the one that waits is said")
            stream.sendall(GET % b"stream")
            assert b"begun" in stream.recv(1000)
            sock.close()
            with server.connect() as other:
                other.sendall(GET % b"slow")
                eventually(lambda: len(said(server)) == 2, "the next one is said")
            assert exchange(server.address, GET % b"go").endswith(b"done")
        server.stop()
    assert [path for path, _, _ in said(server)] == ["/slow", "/slow"]


@pytest.mark.parametrize("model", MODELS)
def test_in_json_it_has_its_fields(model, apps):
    words = ("--slow-request", "0.2", "--log-format", "json", "--model", model)
    with serving("slow_apps:wsgi", *words, cwd=apps) as server:
        assert exchange(server.address, GET % b"slow?secret").endswith(b"done")
        server.stop()
    found = [json.loads(line) for line in server.err.splitlines() if line.startswith("{")]
    [line] = [line for line in found if line["message"].startswith("slow request")]
    assert (line["http.request.method"], line["url.path"]) == ("GET", "/slow")
    assert line["duration_s"] >= 0.2
    assert line["stack"][0].endswith(" (wsgi)")


def test_a_client_that_has_gone_is_not_waited_for(apps):
    with serving("slow_apps:asgi", "--slow-request", "0.3", cwd=apps) as server:
        with server.connect() as sock:
            sock.sendall(GET % b"slow")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        with server.connect() as sock:
            sock.sendall(GET % b"slow?2")
            eventually(lambda: said(server), "the other one is said")
            assert exchange(server.address, GET % b"go").endswith(b"done")
        server.stop()
    assert [path for path, _, _ in said(server)] == ["/slow?2"]
