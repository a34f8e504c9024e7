"""The listener of ``--metrics`` in a crowd: a health check waits for nobody who says nothing."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack

import pytest
from crew import crew, crewed_folder  # noqa: F401 - a fixture
from observed import ask, observed, where
from processes import PATIENCE_S, eventually
from test_metrics import folder as one_folder  # noqa: F401 - a fixture
from test_metrics import next_event

from reactor.server.status.listener import CONNECTIONS_MAX

CROWD = 40
# Ten times what it may take; without shedding it is the time-out of who is silent, 20 s.
ANSWER_S = 2.0
WORDS = {
    "nothing": b"",
    "a part of a head": b"GET /readyz HTTP/1.1\r\nHost: local",
    "no body": b"POST /readyz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n",
}


@pytest.fixture(params=["one process", "a supervisor"])
def server(request):
    if request.param == "one process":
        folder = request.getfixturevalue("one_folder")
        with observed("seen:native", cwd=folder) as server:
            yield server
    else:
        folder = request.getfixturevalue("folder")
        with crew(folder, "--workers", "2", "--metrics", "127.0.0.1:0") as server:
            yield server
    assert "Traceback" not in server.err


@pytest.fixture
def crowd(server):
    """Clients that connect, say so much and no more."""
    with ExitStack() as stack:

        def come(words=b"", count=CROWD):
            for _ in range(count):
                client = socket.create_connection(where(server), timeout=PATIENCE_S)
                stack.enter_context(client).sendall(words)

        yield come


def ready(server, path="/readyz"):
    began = time.monotonic()
    status = ask(where(server), path)[0]
    assert time.monotonic() - began < ANSWER_S
    return status == 200


@pytest.mark.parametrize("words", WORDS)
def test_a_health_check_is_answered_at_once(words, server, crowd):
    eventually(lambda: ready(server), "it is ready")
    for count in (CROWD, CONNECTIONS_MAX, CROWD):
        crowd(WORDS[words], count)
        for path in ("/healthz", *["/readyz"] * 4):
            assert ready(server, path)


def test_an_event_stream_goes_on(server, crowd):
    eventually(lambda: ready(server), "it is ready")
    with (
        socket.create_connection(where(server), timeout=PATIENCE_S) as viewer,
        viewer.makefile("rb") as stream,
    ):
        viewer.sendall(b"GET /status/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert "state" in next_event(stream)
        crowd()
        assert ready(server)
        next_event(stream)


def test_requests_that_come_with_their_connections_are_all_answered(server, crowd):
    """More than there are places, at the same moment: who asks is no silent one."""
    with ExitStack() as stack:
        clients = []
        for _ in range(CROWD):
            client = socket.create_connection(where(server), timeout=PATIENCE_S)
            clients.append(stack.enter_context(client))
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            crowd(count=1)
        for client in clients:
            assert client.recv(100).startswith(b"HTTP/1.1 200 ")
