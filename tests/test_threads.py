"""The thread-per-connection model: what differs from the reactor, which is how it waits and ends.

That both models answer alike is shown by every test that takes its server from `site_server`.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading

import pytest
from processes import PATIENCE_S, eventually, read_to_end

from reactor import Limits, Response
from reactor.apps.function import FunctionApp
from reactor.net import Inet, listen_sockets
from reactor.server import protocol_factory
from reactor.server.blocking_transport import BlockingTransport
from reactor.server.threads import ThreadServer

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"


class Running:
    """A `ThreadServer` in a thread of this process, on ``count`` ports."""

    def __init__(self, factory, limits, count):
        self.sockets = [
            sock for _ in range(count) for sock in listen_sockets(Inet("127.0.0.1", 0), 16)
        ]
        self.addresses = [sock.getsockname() for sock in self.sockets]
        self.server = ThreadServer(self.sockets, factory, limits)
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()

    def connect(self, index=0):
        return socket.create_connection(self.addresses[index], timeout=PATIENCE_S)


@contextlib.contextmanager
def running(factory, limits=Limits(), count=1):  # noqa: B008 - frozen
    before = set(threading.enumerate())
    server = Running(factory, limits, count)
    try:
        yield server
    finally:
        server.server.stop()
        server.thread.join(PATIENCE_S)
    eventually(lambda: set(threading.enumerate()) <= before, "every thread has ended")


def answering(respond, limits=Limits()):  # noqa: B008 - frozen
    return protocol_factory(FunctionApp(respond), limits, None)


def hello(request):
    return Response(200, [], b"hello")


def test_a_thread_for_each_connection_and_none_when_it_has_ended():
    with running(answering(hello)) as server:
        idle = threading.active_count()
        clients = [server.connect() for _ in range(10)]
        for client in clients:
            client.sendall(GET)
            assert client.recv(4096).endswith(b"hello")
        assert threading.active_count() == idle + 10
        for client in clients:
            client.close()
        eventually(lambda: threading.active_count() == idle, "the threads have ended")


def test_every_listener_is_served_and_none_after_stop():
    with running(answering(hello), count=3) as server:
        for index in range(3):
            with server.connect(index) as client:
                client.sendall(GET)
                assert client.recv(4096).endswith(b"hello")
        server.server.stop()
        server.thread.join(PATIENCE_S)
        for index in range(3):
            with pytest.raises(ConnectionRefusedError):
                server.connect(index)


def test_a_signal_that_is_no_stop_wakes_who_accepts_once():
    """Else it would look again and again, with longer and longer pauses, and clients would wait."""
    with running(answering(hello)) as server:
        wake = server.server._wake
        wake.wake()
        eventually(lambda: not select.select([wake], [], [], 0)[0], "it has heard that")


def test_stop_waits_for_the_response_under_way():
    begun, go = threading.Event(), threading.Event()

    def slow(request):
        begun.set()
        go.wait(PATIENCE_S)
        return Response(200, [], b"whole")

    with running(answering(slow)) as server, server.connect() as client:
        client.sendall(GET)
        assert begun.wait(PATIENCE_S)
        server.server.stop()
        assert server.thread.is_alive()
        go.set()
        assert read_to_end(client).endswith(b"\r\n\r\nwhole")
        client.close()
        server.thread.join(PATIENCE_S)
        assert not server.thread.is_alive()


def test_stop_does_not_wait_for_ever():
    begun, go = threading.Event(), threading.Event()

    def stuck(request):
        begun.set()
        go.wait(PATIENCE_S)
        return Response(200, [], b"late")

    limits = Limits(graceful_timeout_s=0.01)
    with running(answering(stuck, limits), limits) as server, server.connect() as client:
        client.sendall(GET)
        assert begun.wait(PATIENCE_S)
        server.server.stop()
        server.thread.join(PATIENCE_S)
        assert not server.thread.is_alive()
        go.set()


@pytest.mark.parametrize(
    ("sent", "limits", "answer"),
    [
        (b"", Limits(silent_timeout_s=0.02), b""),
        (b"GET / HT", Limits(header_timeout_s=0.02), b"HTTP/1.1 408 "),
        (GET, Limits(keep_alive_timeout_s=0.02), b"HTTP/1.1 200 "),
        (GET + b"GET", Limits(header_timeout_s=0.02), b"HTTP/1.1 200 "),
        (POST + b"x", Limits(body_timeout_s=0.02), b"HTTP/1.1 408 "),
    ],
)
def test_time_outs(sent, limits, answer):
    with running(answering(hello, limits), limits) as server, server.connect() as client:
        client.sendall(sent)
        received = read_to_end(client)
    assert received.startswith(answer)
    assert bool(received) == bool(answer)


def test_a_peer_that_takes_nothing_is_let_go():
    closed = threading.Event()

    def endless():
        try:
            while True:
                yield b"x" * 65536
        finally:
            closed.set()

    limits = Limits(write_timeout_s=0.05)
    with (
        running(answering(lambda request: Response(200, [], endless()), limits), limits) as server,
        server.connect() as client,
    ):
        client.sendall(GET)
        assert closed.wait(PATIENCE_S)


class SlowSocket:
    """Takes a little at each send; the time-out of a socket is for one send."""

    def __init__(self):
        self.taken = bytearray()

    def send(self, data):
        self.taken += data[:10]
        return min(10, len(data))

    def fileno(self):
        return -1  # the kernel does not say how much it has


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_each_part_that_a_slow_peer_takes_has_its_own_time_out(kind):
    sock = SlowSocket()
    data = bytes(range(256))
    BlockingTransport(sock, None, None).write(kind(data))
    assert sock.taken == data


def test_a_protocol_that_cannot_be_made_costs_its_client_only(caplog):
    attempts = []

    def factory():
        attempts.append(1)
        if len(attempts) == 1:
            raise ValueError("not this time")
        return answering(hello)()

    with running(factory) as server:
        with server.connect() as client:
            assert read_to_end(client) == b""
        with server.connect() as client:
            client.sendall(GET)
            assert client.recv(4096).endswith(b"hello")
    assert "not this time" in caplog.text


def test_no_thread_to_be_had_costs_its_client_only(monkeypatch, caplog):
    with running(answering(hello)) as server:
        start = threading.Thread.start

        def fail_once(thread):
            monkeypatch.setattr(threading.Thread, "start", start)
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", fail_once)
        with server.connect() as client:
            assert read_to_end(client) == b""
        with server.connect() as client:
            client.sendall(GET)
            assert client.recv(4096).endswith(b"hello")
    assert "can't start new thread" in caplog.text


def test_a_client_that_resets_is_no_error(caplog):
    with running(answering(lambda request: Response(200, [], b"x" * 5_000_000))) as server:
        for _ in range(5):
            client = server.connect()
            client.sendall(GET)
            client.recv(1)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.close()
    assert caplog.records == []


def test_no_more_connections_than_the_limit_are_served(caplog):
    begun, go = [], threading.Event()

    def slow(request):
        begun.append(request.path)
        go.wait(PATIENCE_S)
        return Response(200, [], b"done")

    limits = Limits(connections_max=2, accept_pause_s=0.01)
    with running(answering(slow, limits), limits) as server, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(4)]
        for client in clients[:2]:
            client.sendall(GET)
        eventually(lambda: len(begun) == 2, "both are being served")
        for client in clients[2:]:
            client.sendall(GET)
        eventually(lambda: "2 connections are the limit" in caplog.text, "a third one waits")
        assert len(begun) == 2
        assert len(server.server._serving) == 2
        go.set()
        for client in clients:
            assert b" 200 OK" in client.recv(4096)
            client.close()
    assert caplog.text.count("are the limit") == 1


def test_at_the_limit_the_one_that_has_been_idle_the_longest_makes_room():
    limits = Limits(connections_max=3, accept_pause_s=0.01, silent_grace_s=60.0)
    with running(answering(hello, limits), limits) as server, contextlib.ExitStack() as stack:
        # One that has its grace to ask is not idle: it is the oldest, and stays.
        silent, first, second, third = (stack.enter_context(server.connect()) for _ in range(4))
        for client in (first, second):
            client.sendall(GET)
            assert client.recv(4096).endswith(b"hello")
        third.sendall(GET)
        assert third.recv(4096).endswith(b"hello")
        assert first.recv(1) == b""
        for client in (silent, second):
            client.sendall(GET)
            assert client.recv(4096).endswith(b"hello")


def test_a_stop_serves_the_client_that_waits_for_a_place(caplog):
    begun, go = [], threading.Event()

    def slow(request):
        begun.append(1)
        go.wait(PATIENCE_S)
        return Response(200, [], b"whole")

    limits = Limits(connections_max=1, accept_pause_s=0.01)
    with (
        running(answering(slow, limits), limits) as server,
        server.connect() as first,
        server.connect() as second,
    ):
        first.sendall(GET)
        eventually(lambda: begun, "the first is being served")
        second.sendall(GET)
        eventually(lambda: "1 connections are the limit" in caplog.text, "the second waits")
        server.server.stop()
        eventually(lambda: len(begun) == 2, "the second is served too")
        go.set()
        for client in (first, second):
            assert client.recv(4096).endswith(b"whole")
            client.close()
