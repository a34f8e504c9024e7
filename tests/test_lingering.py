"""How a connection ends while its peer goes on sending: for how long it is listened to, and why.

Most clients write a request whole before they read. What a server does not read of it makes its
kernel send a reset, and the reset takes back the answer that is on its way.
"""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest
from processes import MODELS, PATIENCE_S, exchange, read_to_end, serving, serving_limited
from uploads import APPS, CLIENTS, STATUS_OF, UPLOAD_BYTES, installed, upload
from wire import SteppingSelector

from reactor.limits import DEFAULT_LIMITS
from reactor.net import Connection, Inet, Protocol, Reactor
from reactor.server import threads
from reactor.server.blocking_transport import BlockingTransport
from reactor.testing import FakeClock, FakeSelector

CHUNK = DEFAULT_LIMITS.read_bytes_max


class Closing(Protocol):
    """Ends at once."""

    lost = False

    def connection_made(self, transport):
        transport.close()

    def connection_lost(self, exc):
        self.lost = True


class FakeSocket:
    """A peer that sends ``size`` bytes every ``pause`` seconds of a fake clock."""

    def __init__(self, clock, size, pause):
        self.clock, self.size, self.pause = clock, size, pause
        self.timeout = None
        self.received = 0

    def settimeout(self, timeout):
        self.timeout = timeout

    def recv(self, size):
        if self.pause > self.timeout:
            self.clock.advance(self.timeout)
            raise TimeoutError
        self.clock.advance(self.pause)
        self.received += self.size
        return bytes(self.size)

    def shutdown(self, how):
        pass

    def close(self):
        pass

    def fileno(self):
        return -1


def seconds_on_the_loop(size, pause):
    clock = FakeClock()
    selector = FakeSelector(clock)
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with Reactor(selector, clock) as reactor, theirs:
        protocol = Closing()
        Connection(reactor, ours, protocol, "peer").open()
        reactor.run_once(timeout=0)
        begun, next_at = clock.now, clock.now + pause
        while not protocol.lost:
            # Until then, or until a deadline that comes first.
            reactor.run_once(timeout=max(0.0, next_at - clock.now))
            if clock.now >= next_at and not protocol.lost:
                theirs.send(bytes(size))
                selector.make_ready(ours, 1)
                reactor.run_once(timeout=0)
                next_at += pause
        return clock.now - begun


def seconds_in_a_thread(size, pause, monkeypatch):
    clock = FakeClock()
    monkeypatch.setattr(threads.time, "monotonic", clock)
    sock = FakeSocket(clock, size, pause)
    begun = clock.now
    BlockingTransport(sock, Closing(), "peer").serve()
    return clock.now - begun


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("size", "pause", "seconds"),
    [
        # Silent, or as good as silent: a descriptor is worth more than that.
        (1, 100, 5),
        (1, 0.1, 5),
        (100, 0.5, 5),
        # Half the rate: what came has bought half of its time.
        (DEFAULT_LIMITS.linger_rate_min // 2, 1, 10),
        # Whatever is fast enough, all the time that there is.
        (DEFAULT_LIMITS.linger_rate_min, 1, 30),
        (CHUNK, 1, 30),
        (CHUNK, 0.1, 30),
        # A burst is no credit: after it 5 silent seconds are too long.
        (CHUNK, 6, 5),
    ],
)
def test_how_long_a_peer_is_listened_to(model, size, pause, seconds, monkeypatch):
    if model == "threads":
        took = seconds_in_a_thread(size, pause, monkeypatch)
    else:
        took = seconds_on_the_loop(size, pause)
    assert took == pytest.approx(seconds, abs=1.5)


@pytest.fixture(params=MODELS)
def model(request):
    return request.param


@contextlib.contextmanager
def refusing(tmp_path, app, model):
    (tmp_path / "apps.py").write_text(APPS)
    with serving(f"apps:{app}", "--model", model, "--no-access-log", cwd=tmp_path) as server:
        yield server


@pytest.mark.parametrize(("app", "status"), STATUS_OF.items())
@pytest.mark.parametrize("chunked", [False, True])
def test_who_writes_all_before_he_reads_sees_the_answer(tmp_path, model, app, status, chunked):
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % UPLOAD_BYTES
    chunk = b"%x\r\n%b\r\n" % (CHUNK, bytes(CHUNK)) if chunked else bytes(CHUNK)
    with refusing(tmp_path, app, model) as server, server.connect() as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\n%b\r\n\r\n" % framing)
        for _ in range(UPLOAD_BYTES // CHUNK):
            sock.sendall(chunk)
        assert read_to_end(sock).startswith(b"HTTP/1.1 %d " % status)


@pytest.fixture(scope="module")
def large_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("upload") / "large.bin"
    with open(path, "wb") as file:
        file.truncate(UPLOAD_BYTES)
    return path


@pytest.mark.parametrize(("app", "status"), STATUS_OF.items())
@pytest.mark.parametrize("client", CLIENTS)
def test_each_client_sees_the_answer(tmp_path, large_file, model, client, app, status):
    if not installed(client):
        pytest.skip(f"{client} is not installed")
    with refusing(tmp_path, app, model) as server:
        assert upload(client, server.url, large_file) == str(status)


def test_who_only_goes_on_and_on_is_let_go(tmp_path, model):
    (tmp_path / "apps.py").write_text(APPS)
    limits = {"linger_time_s": 0.3}
    with serving_limited("apps:refuses", model, limits, cwd=tmp_path) as server:
        with server.connect() as sock:
            sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999999\r\n\r\n")
            with pytest.raises(ConnectionError):
                while True:
                    sock.sendall(bytes(CHUNK))
        # And others are served meanwhile, and after it.
        ask = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        assert exchange(server.address, ask).startswith(b"HTTP/1.1 401 ")


def test_others_are_served_while_one_is_listened_to(tmp_path, model):
    over = threading.Event()
    with refusing(tmp_path, "refuses", model) as server, server.connect() as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999999\r\n\r\n")

        def flood():
            with contextlib.suppress(OSError):
                while not over.is_set():
                    sock.sendall(bytes(CHUNK))

        flooding = threading.Thread(target=flood)
        flooding.start()
        ask = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        for _ in range(20):
            assert exchange(server.address, ask).startswith(b"HTTP/1.1 401 ")
        over.set()
        sock.shutdown(socket.SHUT_WR)
        flooding.join(PATIENCE_S)


def test_the_part_of_a_file_that_shrinks_arrives(tmp_path, model):
    """All that the kernel took, and then an end, no reset."""
    path = tmp_path / "shrinking.bin"
    path.write_bytes(bytes(30_000_000))
    with serving(tmp_path, "--model", model) as server, server.connect() as sock:
        sock.sendall(b"GET /shrinking.bin HTTP/1.1\r\nHost: a\r\n\r\n")
        received = len(sock.recv(1))
        with open(path, "r+b") as file:
            file.truncate(1000)
        received += len(read_to_end(sock))  # a reset would raise
        assert 1000 < received < 30_000_000


def test_a_stop_does_not_wait_for_who_is_refused():
    """Longer than for who is silent: 5 s, and not 30, of a clock that the test moves."""
    clock = FakeClock()
    over = []
    with Reactor(SteppingSelector(), clock) as reactor:
        listener = reactor.listen(Inet("127.0.0.1", 0), Closing)
        with socket.create_connection(("127.0.0.1", listener.addresses[0].port)) as client:
            turns(reactor, lambda: len(listener) == 1)
            begun = clock.now
            while clock.now < begun + 10:
                flood(client, clock, reactor)
            assert len(listener) == 1
            listener.finish(0, lambda: over.append(clock.now))
            while not over and clock.now < begun + 30:
                flood(client, clock, reactor)
            assert over
            assert over[0] < begun + 12


def turns(reactor, condition):
    for _ in range(1000):
        if condition():
            return
        reactor.run_once(timeout=0)
    raise AssertionError("the condition never came true")


def flood(client, clock, reactor):
    """A second in which as much comes as one read takes."""
    clock.advance(1)
    with contextlib.suppress(OSError):
        client.send(bytes(CHUNK))
    for _ in range(5):
        reactor.run_once(timeout=0)
