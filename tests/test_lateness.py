"""Deadlines come after what has arrived: whoever asked in time is answered, though the process was
stopped, or held up, until after the deadline."""

from __future__ import annotations

import resource
import signal
import socket
import threading
import time
from contextlib import ExitStack, contextmanager

import pytest
from clients import read_answer
from processes import MODELS, PATIENCE_S, eventually, serving
from test_threads import answering, hello, running

from reactor.limits import Limits
from reactor.loop import Loop
from reactor.net import Connection, Protocol, Reactor
from reactor.testing import FakeClock, FakeSelector

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
COUNT = 700  # more than one call of epoll_wait tells: 512


@contextmanager
def many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 4 * COUNT:
        pytest.skip(f"this process may have {hard} descriptors only")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4 * COUNT), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class InTime(Protocol):
    """Has a second for the first byte."""

    data, late = b"", False

    def connection_made(self, transport):
        self.transport = transport
        transport.set_deadline(1)

    def data_received(self, data):
        self.data += data
        self.transport.set_deadline(None)

    def deadline_expired(self):
        self.late = True


@contextmanager
def connected(reactor, count):
    """Connections with a protocol each, and the sockets at their other ends."""
    with ExitStack() as stack:
        ends = []
        for _ in range(count):
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            stack.enter_context(theirs)
            protocol = InTime()
            connection = Connection(reactor, ours, protocol, "peer")
            connection.open()
            stack.callback(connection.abort)
            ends.append((protocol, theirs))
        yield ends


def test_everything_that_is_ready_is_read_before_a_deadline_is_over():
    clock = FakeClock()
    with many_descriptors(), Reactor(clock=clock) as reactor, connected(reactor, COUNT) as ends:
        (silent, _), *asking = ends
        for _, client in asking:
            client.sendall(b"x")
        clock.advance(60)
        reactor.run_once(timeout=0)
        assert [protocol.data for protocol, _ in asking] == [b"x"] * (COUNT - 1)
        assert not any(protocol.late for protocol, _ in asking)
        assert silent.late


def test_what_comes_between_select_and_the_clock_is_read_first():
    # The process is stopped after select has returned, for longer than the deadline.
    clock = FakeClock()
    selector = FakeSelector(clock)
    with Reactor(selector, clock) as reactor, connected(reactor, 1) as ends:
        [(protocol, theirs)] = ends
        [descriptor] = [fd for fd, key in selector.get_map().items() if fd == key.fileobj]
        select = selector.select

        def stopped(timeout=None):
            batch = select(timeout)
            if not clock.now > 2000:
                clock.advance(2000)
                theirs.sendall(b"x")
                selector.make_ready(descriptor, 1)
            return batch

        selector.select = stopped
        reactor.run_once(timeout=0.5)
        assert protocol.data == b"x"
        assert not protocol.late


def test_a_timer_waits_for_what_is_ready():
    order = []

    class Reader:
        def on_readable(self):
            order.append("read")
            theirs.recv(10)

    ours, theirs = socket.socketpair()
    clock = FakeClock()
    with ours, theirs, Loop(clock=clock) as loop:
        loop.call_later(1, order.append, "timer")
        clock.advance(60)
        loop.call_soon(lambda: None)
        loop.register(theirs, 1, Reader())
        ours.sendall(b"x")
        loop.run_once()
    assert order == ["read", "timer"]


def test_sockets_that_are_always_ready_do_not_put_a_deadline_off():
    clock = FakeClock()
    done = []

    class Endless:
        def on_readable(self):
            pass  # it never reads

    with many_descriptors(), ExitStack() as stack, Loop(clock=clock) as loop:
        for _ in range(COUNT):
            ours, theirs = map(stack.enter_context, socket.socketpair())
            theirs.sendall(b"x")
            loop.register(ours, 1, Endless())
        loop.call_later(1, done.append, 1)
        clock.advance(2)
        loop.run_once()
    assert done == [1]


def asked_while_stopped(server, count):
    """Clients that ask a second time while the server is stopped, past the keep-alive's end."""
    with ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(count)]
        for client in clients:
            client.sendall(GET)
            assert read_answer(client) == b"a note\n"
        server.signal(signal.SIGSTOP)
        eventually(lambda: " T " in stat_of(server), "the server is stopped")
        for client in clients:
            client.sendall(GET)
        time.sleep(1.5)  # the keep-alive of 1 s has to be over
        server.signal(signal.SIGCONT)
        return sum(read_answer(client) == b"a note\n" for client in clients)


def stat_of(server):
    with open(f"/proc/{server.pid}/stat", encoding="ascii") as file:
        return file.read()


@pytest.mark.parametrize("model", MODELS)
def test_clients_of_a_stopped_server_are_answered(tmp_path, model):
    (tmp_path / "index.html").write_bytes(b"a note\n")
    count = COUNT if model == "reactor" else 50
    with (
        many_descriptors(),
        serving(
            tmp_path, "--model", model, "--timeout-keep-alive", "1", "--no-access-log"
        ) as server,
    ):
        assert asked_while_stopped(server, count) == count


BLOCKING = """
import time
from reactor import Response

def app(request):
    if request.path == "/block":
        time.sleep(1.5)
    return Response(200, [], "a note\\n")
"""


def test_clients_are_answered_though_a_handler_blocked_for_longer_than_the_time_out(tmp_path):
    (tmp_path / "blocking.py").write_text(BLOCKING)
    with (
        many_descriptors(),
        serving(
            "blocking:app", "--timeout-keep-alive", "1", "--no-access-log", cwd=tmp_path
        ) as server,
        ExitStack() as stack,
    ):
        clients = [stack.enter_context(server.connect()) for _ in range(COUNT)]
        for client in clients:
            client.sendall(GET)
            assert read_answer(client) == b"a note\n"
        blocking = stack.enter_context(server.connect())
        blocking.sendall(GET.replace(b"/ ", b"/block "))
        for client in clients:
            client.sendall(GET)
        assert [read_answer(client) for client in clients] == [b"a note\n"] * COUNT
        assert read_answer(blocking) == b"a note\n"


def test_a_thread_looks_for_data_before_its_deadline_is_over():
    entered, go_on = threading.Event(), threading.Event()

    def respond(request):
        entered.set()
        go_on.wait(PATIENCE_S)
        return hello(request)

    # When the answer is sent, the time for the next request is over; but that has come.
    with (
        running(answering(respond, Limits(keep_alive_timeout_s=0.0))) as server,
        server.connect() as client,
    ):
        client.sendall(GET)
        assert entered.wait(PATIENCE_S)
        client.sendall(GET)
        go_on.set()
        both = b""
        while both.count(b"hello") < 2:
            data = client.recv(4096)
            assert data, "the second request was not answered"
            both += data
        assert client.recv(1) == b""
