"""What one connection does ends that connection, and nothing else: in both models, whatever its
protocol, the log or the kernel raises."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import selectors
import socket
from contextlib import suppress

import pytest
from processes import MODELS, eventually, exchange, serving
from wire import Recorder, run_until

from reactor.limits import Limits
from reactor.loop import Loop
from reactor.net import Connection, Inet, Protocol, Reactor


class Fatal(BaseException):
    """Not an Exception, and nobody's request to end the process."""


FAULTS = [ZeroDivisionError, asyncio.CancelledError, GeneratorExit, SystemExit, MemoryError, Fatal]
SMALL = Limits(write_high_water_bytes=10, write_low_water_bytes=1, linger_timeout_s=0.1)


class Faulty(Protocol):
    """Raises ``fault`` in ``method``, after which it is called for anything else in vain."""

    def __init__(self, method, fault):
        self.method, self.fault = method, fault
        self.lost = []

    def called(self, method):
        if method == self.method:
            raise self.fault

    def connection_made(self, transport):
        self.transport = transport
        self.called("connection_made")

    def data_received(self, data):
        if self.method == "call_soon":
            self.transport.call_soon(lambda: self.called("call_soon"))
        # More than the kernel takes, or nobody is paused.
        self.transport.write(data * 30_000 if self.method.endswith("_writing") else data)
        self.called("data_received")

    def eof_received(self):
        self.called("eof_received")

    def pause_writing(self):
        self.called("pause_writing")

    def resume_writing(self):
        self.called("resume_writing")

    def deadline_expired(self):
        self.called("deadline_expired")

    def connection_lost(self, exc):
        self.lost.append(exc)
        self.called("connection_lost")

    def is_idle(self):
        self.called("is_idle")

    def finish(self):
        self.called("finish")
        self.transport.close()


class FaultyInPython:
    """The same, but no compiled `Protocol`: it is called another way."""

    def __init__(self, method, fault):
        self._as = Faulty(method, fault)

    def __getattr__(self, name):
        return getattr(self._as, name)


@pytest.fixture
def reactor():
    with Reactor() as reactor:
        yield reactor


def provoke(reactor, connection, protocol, theirs, method):
    """Make the wire call ``method``."""
    if method in {"data_received", "pause_writing", "resume_writing", "call_soon"}:
        theirs.sendall(b"x" * 100)
    elif method == "eof_received":
        theirs.shutdown(socket.SHUT_WR)
    elif method == "connection_lost":
        theirs.close()
    elif method == "deadline_expired":
        connection.set_deadline(0)
    elif method == "is_idle":
        assert connection.idle is False
    elif method == "finish":
        connection.finish()


def drained(theirs):
    """Take what has come, and end when the other side does."""
    with suppress(OSError):
        theirs.setblocking(False)
        while theirs.recv(65536):
            pass
        theirs.close()
    return True


@pytest.mark.parametrize("kind", [Faulty, FaultyInPython])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    "method",
    [
        "connection_made",
        "data_received",
        "eof_received",
        "pause_writing",
        "resume_writing",
        "deadline_expired",
        "connection_lost",
        "is_idle",
        "finish",
        "call_soon",
    ],
)
def test_what_a_protocol_raises_ends_its_connection_only(reactor, caplog, kind, fault, method):
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with theirs:
        protocol = kind(method, fault)
        closed = []
        connection = Connection(reactor, ours, protocol, "peer", SMALL, closed.append)
        connection.open()
        provoke(reactor, connection, protocol, theirs, method)
        run_until(reactor, lambda: drained(theirs) and closed)
        assert closed == [connection]
        assert len(protocol.lost) == 1
        if method != "connection_lost":
            assert isinstance(protocol.lost[0], fault)
        [record] = [record for record in caplog.records if record.name == "reactor"]
        if fault is MemoryError:
            # To format its traceback would take memory.
            assert record.getMessage() == "no memory while serving peer"
        else:
            assert record.exc_info[0] is fault


@pytest.mark.parametrize("method", ["connection_made", "data_received", "call_soon"])
def test_ctrl_c_passes(reactor, method):
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with theirs, pytest.raises(KeyboardInterrupt):
        protocol = Faulty(method, KeyboardInterrupt)
        Connection(reactor, ours, protocol, "peer").open()
        theirs.sendall(b"x")
        reactor.run()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_protocol_that_cannot_be_made_costs_its_client_only(reactor, fault):
    made = []

    def factory():
        made.append(Recorder(reactor))
        if len(made) == 1:
            raise fault
        return made[-1]

    listener = reactor.listen(Inet("127.0.0.1", 0), factory, Limits(accept_pause_s=0.01))
    address = listener.addresses[0]
    with socket.create_connection((address.host, address.port), timeout=5) as first:
        run_until(reactor, lambda: made)
        run_until(reactor, lambda: is_closed(first))
        with socket.create_connection((address.host, address.port), timeout=5) as second:
            second.sendall(b"hello")
            run_until(reactor, lambda: made[-1].data == b"hello")


def is_closed(sock):
    sock.setblocking(False)
    try:
        return sock.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("fault", [OSError(errno.EMFILE, "none left"), ZeroDivisionError()])
def test_a_client_protocol_that_cannot_be_made_is_told_or_reported(reactor, caplog, fault):
    def factory():
        raise fault

    errors = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        reactor.connect([(socket.AF_INET, server.getsockname())], factory, errors.append)
        run_until(reactor, lambda: errors or caplog.records)
    assert errors == ([fault] if isinstance(fault, OSError) else [])
    assert [record.exc_info[0] for record in caplog.records] == (
        [] if errors else [ZeroDivisionError]
    )


@pytest.mark.parametrize("fault", [asyncio.CancelledError, GeneratorExit, Fatal])
def test_a_callback_of_the_loop_ends_it_only_by_system_exit(caplog, fault):
    def fail():
        raise fault

    with Loop() as loop:
        loop.call_soon(fail)
        loop.call_soon(loop.stop)
        loop.run()
    assert [record.exc_info[0] for record in caplog.records] == [fault]


class FullSelector(selectors.DefaultSelector):
    """Has no room: for a new descriptor or for other events, when ``full`` says so."""

    full = ""
    refused = 0

    def register(self, *args):
        if self.full == "register":
            self.refused += 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().register(*args)

    def modify(self, *args):
        if self.full == "modify":
            raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
        return super().modify(*args)


def test_a_selector_without_room_refuses_one_client_and_says_so(caplog):
    selector = FullSelector()
    with Reactor(selector) as reactor:
        protocol = Recorder(reactor)
        limits = Limits(accept_pause_s=0.01)
        address = reactor.listen(Inet("127.0.0.1", 0), lambda: protocol, limits).addresses[0]
        selector.full = "register"
        with socket.create_connection((address.host, address.port), timeout=5) as refused:
            run_until(reactor, lambda: is_closed(refused))
        assert [record.getMessage() for record in caplog.records] == [
            "new clients wait: No space left on device"
        ]
        # The listener cannot come back either; it tries again, and does in the end.
        tried = selector.refused
        run_until(reactor, lambda: selector.refused >= tried + 3)
        selector.full = ""
        with socket.create_connection((address.host, address.port), timeout=5) as client:
            client.sendall(b"hello")
            run_until(reactor, lambda: protocol.data)
    assert protocol.calls[0] == "made"


def test_a_selector_that_refuses_to_watch_for_room_ends_that_connection():
    selector = FullSelector()
    with Reactor(selector) as reactor:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            protocol = Recorder(reactor)
            connection = Connection(reactor, ours, protocol, "peer")
            connection.open()
            selector.full = "modify"
            connection.write(bytes(10_000_000))  # more than the kernel takes
            reactor.run()
        assert protocol.exc.errno == errno.ENOMEM


class BrokenHandler(logging.Handler):
    def emit(self, record):
        raise ZeroDivisionError("no log\x1b[31m\n")


def test_a_log_that_fails_is_said_once(reactor, capfd, monkeypatch):
    from reactor import log as _log

    monkeypatch.setattr(_log, "_said", [])
    handler = BrokenHandler()
    logging.getLogger("reactor").addHandler(handler)
    try:
        for _ in range(3):
            reactor.report(ValueError("x"), "testing")
    finally:
        logging.getLogger("reactor").removeHandler(handler)
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("reactor: the log failed, which is said once: ZeroDivisionError('no log")
    assert "in BrokenHandler.emit, " in said
    assert "\x1b" not in said


APP = """
import logging, sys
from reactor import Response

class Broken(logging.Filter):
    def filter(self, record):
        raise SystemExit("a filter")

logging.getLogger("reactor").addFilter(Broken())

def app(request):
    if request.path == "/fail":
        raise ValueError
    return Response(200, [], "a note")

class Fatal(BaseException):
    pass

class Echo:
    def connection_made(self, transport):
        self.transport = transport
    def data_received(self, data):
        import asyncio
        fault = {"cancel": asyncio.CancelledError, "exit": GeneratorExit, "leave": SystemExit,
                 "fatal": Fatal, "memory": MemoryError}.get(data.decode())
        if fault:
            raise fault
        self.transport.write(data)
        self.transport.close()
    def eof_received(self):
        pass
    def connection_lost(self, exc):
        pass
"""


@pytest.mark.parametrize("model", MODELS)
def test_a_filter_of_the_users_that_raises_ends_nothing(tmp_path, model):
    (tmp_path / "filtered.py").write_text(APP)
    with serving("filtered:app", "--model", model, cwd=tmp_path) as server:
        for _ in range(3):
            answer = exchange(server.address, b"GET / HTTP/1.1\r\nHost: a\r\nBad Line\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 400 ")
            answer = exchange(server.address, b"GET /fail HTTP/1.1\r\nHost: a\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 500 ")
        answer = exchange(server.address, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert answer.endswith(b"\r\n\r\na note")
        eventually(lambda: "said once" in server.err, "the failure is said")
    assert server.err.count("the log failed") == 1


@pytest.mark.parametrize("model", MODELS)
def test_a_raw_protocol_may_raise_whatever_it_likes(tmp_path, model):
    (tmp_path / "faulty.py").write_text(APP.replace("addFilter(Broken())", "info('no filter')"))
    with serving("faulty:Echo", "--model", model, cwd=tmp_path, traceback_expected=True) as server:
        for fault in (b"cancel", b"exit", b"leave", b"fatal", b"memory"):
            with server.connect() as sock:
                sock.sendall(fault)
                eventually(lambda sock=sock: is_closed(sock), "its connection has ended")
            assert exchange(server.address, b"hello") == b"hello"
    assert server.err.count("exception while serving") == 4
    assert server.err.count("no memory while serving") == 1
