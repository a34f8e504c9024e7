"""The wire on real sockets: connections, acceptor, connector, and how they end."""

import asyncio
import errno
import gc
import os
import resource
import selectors
import socket
import struct
from contextlib import ExitStack, contextmanager, suppress

import pytest
from processes import has_ipv6

from reactor.errors import ConfigurationError
from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.loop import Loop
from reactor.net import Connection, Inet, Protocol, Reactor, Unix, parse_bind
from reactor.net.connector import interleave
from reactor.testing import FakeClock, FakeSelector

SMALL_TIMES = Limits(write_timeout_s=0.2, linger_timeout_s=0.2)


class Recorder(Protocol):
    """Keeps everything it is told; stops the reactor when it is over."""

    def __init__(self, reactor):
        self.reactor = reactor
        self.calls, self.data, self.exc = [], b"", None

    def connection_made(self, transport):
        self.calls.append("made")
        self.transport = transport

    def data_received(self, data):
        self.calls.append("data")
        self.data += data

    def eof_received(self):
        self.calls.append("eof")

    def pause_writing(self):
        self.calls.append("pause")

    def resume_writing(self):
        self.calls.append("resume")

    def connection_lost(self, exc):
        self.calls.append("lost")
        self.exc = exc
        self.reactor.stop()


@contextmanager
def no_descriptors():
    """This process can open nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class TellingSelector(selectors.DefaultSelector):
    """Keeps which changes it was asked for."""

    def __init__(self):
        super().__init__()
        self.told = []

    def register(self, *args):
        self.told.append("register")
        return super().register(*args)

    def unregister(self, *args):
        self.told.append("unregister")
        return super().unregister(*args)

    def modify(self, *args):
        self.told.append("modify")
        return super().modify(*args)


@pytest.fixture
def reactor():
    with Reactor() as reactor:
        yield reactor


@pytest.fixture
def connected(reactor):
    """A connection and the blocking socket at its other end."""
    made = []

    def make(protocol=None, limits=DEFAULT_LIMITS):
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.settimeout(5)
        protocol = protocol or Recorder(reactor)
        connection = Connection(reactor, ours, protocol, "peer", limits)
        connection.open()
        made.append(theirs)
        return connection, protocol, theirs

    yield make
    for theirs in made:
        theirs.close()


def run_until(reactor, condition, turns=10_000):
    for _ in range(turns):
        if condition():
            return
        reactor.run_once(timeout=5)
    raise AssertionError("the condition never came true")


class TestConnection:
    def test_bytes_in_and_out(self, reactor, connected):
        connection, protocol, theirs = connected()
        theirs.send(b"ping")
        run_until(reactor, lambda: protocol.data == b"ping")
        connection.write(b"po")
        connection.write(b"ng")
        reactor.run_once(timeout=0)
        assert theirs.recv(100) == b"pong"  # one send for both

    def test_the_peers_end_closes_both_directions(self, reactor, connected):
        connection, protocol, theirs = connected()
        theirs.shutdown(socket.SHUT_WR)
        reactor.run()
        assert protocol.calls == ["made", "eof", "lost"]
        assert protocol.exc is None
        assert theirs.recv(1) == b""

    def test_a_true_eof_received_keeps_writing_possible(self, reactor, connected):
        class HalfOpen(Recorder):
            def eof_received(self):
                self.reactor.call_later(0.01, self.answer)
                return True

            def answer(self):
                self.transport.write(b"late answer")
                self.transport.close()

        _, protocol, theirs = connected(HalfOpen(reactor))
        theirs.shutdown(socket.SHUT_WR)
        reactor.run()
        assert theirs.recv(100) == b"late answer"
        assert theirs.recv(100) == b""

    def test_write_eof_half_closes_after_what_was_written(self, reactor, connected):
        connection, protocol, theirs = connected()
        connection.write(b"all")
        connection.write_eof()
        with pytest.raises(RuntimeError, match="write_eof"):
            connection.write(b"more")
        reactor.run_once(timeout=0)
        assert theirs.recv(100) == b"all"
        assert theirs.recv(100) == b""
        theirs.send(b"still heard")
        run_until(reactor, lambda: protocol.data == b"still heard")

    def test_to_pause_and_to_resume_in_one_read_asks_the_selector_for_nothing(self):
        class Hesitant(Protocol):
            def connection_made(self, transport):
                self.transport = transport
                told.clear()

            def data_received(self, data):
                self.transport.pause_reading()
                self.transport.write(data)
                self.transport.resume_reading()
                if data == b"end":
                    self.transport.close(linger=False)

        with Reactor(TellingSelector()) as reactor:
            told = reactor._selector.told
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            Connection(reactor, ours, Hesitant(), "peer").open()
            with theirs:
                theirs.send(b"more")
                reactor.run_once(timeout=5)
                assert (theirs.recv(100), told) == (b"more", [])
                theirs.send(b"end")
                reactor.run_once(timeout=5)
                assert (theirs.recv(100), told) == (b"end", ["unregister"])

    def test_nothing_is_read_for_who_was_paused_by_another_of_the_same_batch(self):
        """A flush is planned for it, so that the selector is not told yet."""

        class Stopper(Recorder):
            def data_received(self, data):
                super().data_received(data)
                for other in protocols:
                    if other is not self:
                        other.transport.write(b"wait")
                        other.transport.pause_reading()

        protocols = []
        with Reactor() as reactor, ExitStack() as stack:
            for _ in range(2):
                ours, theirs = socket.socketpair()
                ours.setblocking(False)
                protocols.append(Stopper(reactor))
                Connection(reactor, ours, protocols[-1], "peer").open()
                stack.enter_context(theirs).send(b"both")
            reactor.run_once(timeout=5)
            assert sorted(protocol.data for protocol in protocols) == [b"", b"both"]
            for protocol in protocols:
                protocol.transport.abort()

    def test_high_and_low_water_pause_and_resume_the_writer(self, reactor, connected):
        connection, protocol, theirs = connected()
        payload = os.urandom(1_000_000)
        connection.write(payload)
        assert protocol.calls[-1] == "pause"
        received = bytearray()
        theirs.setblocking(False)
        while len(received) < len(payload):
            reactor.run_once(timeout=0)
            try:
                received += theirs.recv(1 << 20)
            except BlockingIOError:
                pass
        reactor.run_once(timeout=0)
        assert received == payload
        assert protocol.calls[-1] == "resume"
        assert connection.get_write_buffer_size() == 0

    def test_write_interest_only_while_something_is_left_over(self, reactor, connected):
        connection, protocol, theirs = connected()
        descriptor = connection.get_extra_info("socket").fileno()

        def wanted():
            return reactor._selector.get_map()[descriptor].events

        connection.write(b"small")
        reactor.run_once(timeout=0)
        assert wanted() == selectors.EVENT_READ
        connection.write(bytes(10_000_000))
        reactor.run_once(timeout=0)
        assert wanted() == selectors.EVENT_READ | selectors.EVENT_WRITE

    def test_a_file_is_sent_between_writes_in_order(self, reactor, connected, tmp_path):
        path = tmp_path / "file"
        path.write_bytes(os.urandom(300_000))
        connection, protocol, theirs = connected()
        file = path.open("rb")
        connection.write(b"<<")
        connection.sendfile(file, 1000, 299_000)
        connection.write(b">>")
        connection.close()
        received = bytearray()
        theirs.setblocking(False)
        while not received.endswith(b">>"):
            reactor.run_once(timeout=0)
            try:
                received += theirs.recv(1 << 20)
            except BlockingIOError:
                pass
        assert received == b"<<" + path.read_bytes()[1000:] + b">>"
        assert file.closed

    def test_a_file_that_shrinks_ends_the_connection_after_what_was_sent(
        self, reactor, connected, tmp_path
    ):
        path = tmp_path / "file"
        path.write_bytes(b"x" * 100)
        _, protocol, theirs = connected()
        protocol.transport.sendfile(path.open("rb"), 0, 200)
        protocol.transport.write(b"what would be taken for the rest")
        for _ in range(2):  # all that there is; then that there is no more
            reactor.run_once(timeout=5)
        assert theirs.recv(1000) == b"x" * 100
        assert theirs.recv(1000) == b""
        theirs.close()
        reactor.run()
        assert protocol.exc.errno == errno.EIO

    def test_close_sends_everything_then_lingers_for_the_peers_last_bytes(self, reactor, connected):
        connection, protocol, theirs = connected()
        theirs.send(b"request that nobody reads")
        connection.write(b"answer")
        connection.close()
        connection.close()
        reactor.run_once(timeout=1)
        assert theirs.recv(100) == b"answer"
        assert theirs.recv(100) == b""
        theirs.send(b"more that nobody reads")
        theirs.close()
        reactor.run()
        assert protocol.calls == ["made", "lost"]

    def test_close_without_lingering_ends_when_everything_is_sent(self, reactor, connected):
        connection, protocol, theirs = connected()
        connection.write(bytes(1_000_000))
        connection.close(linger=False)
        received = 0
        theirs.setblocking(False)
        while protocol.calls[-1] != "lost":
            reactor.run_once(timeout=0)
            with suppress(BlockingIOError):
                received += len(theirs.recv(1 << 20))
        theirs.setblocking(True)
        while data := theirs.recv(1 << 20):
            received += len(data)
        assert received == 1_000_000

    def test_lingering_ends_after_a_time(self, reactor, connected):
        connection, protocol, theirs = connected(limits=SMALL_TIMES)
        connection.close()
        reactor.run()
        assert protocol.calls == ["made", "lost"]

    def test_an_answer_survives_unread_request_bytes(self, reactor):
        """The reset that a close with unread bytes causes would destroy the answer."""

        class Refuser(Protocol):
            def connection_made(self, transport):
                self.transport = transport

            def data_received(self, data):
                self.transport.write(b"no")
                self.transport.close()

            def connection_lost(self, exc):
                reactor.stop()

        listener = reactor.listen(Inet("127.0.0.1", 0), Refuser)
        with socket.create_connection(("127.0.0.1", listener.addresses[0].port)) as client:
            client.settimeout(5)
            client.send(b"x" * 100_000)
            reactor.run_once(timeout=5)  # accept
            reactor.run_once(timeout=5)  # read some, answer, close
            client.send(b"x" * 100_000)
            assert client.recv(100) == b"no"
            assert client.recv(100) == b""
            client.close()
            reactor.run()
        listener.close()

    def test_a_peer_that_takes_nothing_is_dropped(self, reactor, connected):
        connection, protocol, theirs = connected(limits=SMALL_TIMES)
        connection.write(bytes(10_000_000))
        reactor.run()
        assert isinstance(protocol.exc, TimeoutError)

    def test_a_reset_is_told_without_a_traceback(self, reactor, caplog):
        recorder = Recorder(reactor)
        listener = reactor.listen(Inet("127.0.0.1", 0), lambda: recorder)
        client = socket.create_connection(("127.0.0.1", listener.addresses[0].port))
        run_until(reactor, lambda: recorder.calls)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        reactor.run()
        assert isinstance(recorder.exc, ConnectionResetError)
        assert not caplog.records
        listener.close()

    def test_pause_reading_holds_the_bytes_in_the_kernel(self, reactor, connected):
        connection, protocol, theirs = connected()
        connection.pause_reading()
        theirs.send(b"waiting")
        reactor.run_once(timeout=0)
        assert protocol.data == b""
        assert not connection.is_reading()
        connection.resume_reading()
        reactor.run_once(timeout=0)
        assert protocol.data == b"waiting"

    def test_abort_drops_what_was_written_and_tells_later(self, reactor, connected):
        connection, protocol, theirs = connected()
        connection.write(b"never")
        connection.abort()
        connection.abort()
        assert protocol.calls == ["made"]
        reactor.run()
        assert protocol.calls == ["made", "lost"]
        assert theirs.recv(10) == b""

    def test_an_exception_of_the_protocol_ends_its_connection_only(
        self, reactor, connected, caplog
    ):
        class Broken(Recorder):
            def data_received(self, data):
                raise ZeroDivisionError

        _, broken, theirs = connected(Broken(reactor))
        theirs.send(b"x")
        reactor.run()
        assert isinstance(broken.exc, ZeroDivisionError)
        assert len(caplog.records) == 1
        assert theirs.recv(1) == b""

    def test_a_deadline_is_told_once(self, reactor, connected):
        class Impatient(Recorder):
            def connection_made(self, transport):
                super().connection_made(transport)
                transport.set_deadline(0.01)

            def deadline_expired(self):
                self.calls.append("deadline")
                self.transport.close()

        _, protocol, theirs = connected(Impatient(reactor), SMALL_TIMES)
        reactor.run()
        assert protocol.calls == ["made", "deadline", "lost"]

    def test_more_time_is_given_up_to_a_bound(self):
        clock = FakeClock()
        expired = []

        class Impatient(Protocol):
            def deadline_expired(self):
                expired.append(clock.now)

        with Reactor(FakeSelector(clock), clock) as reactor:
            ours, theirs = socket.socketpair()
            theirs.close()
            connection = Connection(reactor, ours, Impatient(), "peer")
            for more, expected in ((5, 1035), (500, 1040)):
                clock.now = 1000
                connection.set_deadline(30)
                clock.advance(10)
                connection.extend_deadline(more, at_most=30)
                while not expired:
                    reactor.run_once()
                assert expired.pop() == expected
            connection.abort()

    def test_extra_info(self, reactor, connected):
        connection, _, _ = connected()
        assert connection.get_extra_info("peername") == "peer"
        assert connection.get_extra_info("socket").fileno() > 0
        assert connection.get_extra_info("no such thing", 7) == 7

    def test_an_asyncio_protocol_runs_unchanged(self, reactor):
        class EchoServer(asyncio.Protocol):  # as the asyncio documentation has it
            def connection_made(self, transport):
                self.transport = transport

            def data_received(self, data):
                self.transport.write(data)
                self.transport.close()

            def connection_lost(self, exc):
                reactor.stop()

        listener = reactor.listen(Inet("127.0.0.1", 0), EchoServer)
        with socket.create_connection(("127.0.0.1", listener.addresses[0].port)) as client:
            client.send(b"hello")
            client.shutdown(socket.SHUT_WR)
            reactor.run()
            assert client.recv(100) == b"hello"
            assert client.recv(100) == b""
        listener.close()

    def test_closing_others_in_a_batch_never_touches_a_stranger(self, reactor):
        """Each connection closes another one of the same batch while new ones arrive."""
        live, strangers = [], []

        class Rude(Protocol):
            def connection_made(self, transport):
                self.transport, self.name = transport, None
                live.append(self)

            def data_received(self, data):
                self.name = self.name or data[:5]
                if data != self.name * (len(data) // 5):
                    strangers.append((self.name, data))
                if len(live) > 1:
                    live[0 if live[0] is not self else 1].transport.abort()

            def connection_lost(self, exc):
                live.remove(self)

        listener = reactor.listen(Inet("127.0.0.1", 0), Rude)
        port = listener.addresses[0].port
        clients = []
        for number in range(300):
            clients.append(socket.create_connection(("127.0.0.1", port)))
            for known in range(max(0, number - 20), number + 1):
                with suppress(OSError):  # aborted by another one
                    clients[known].send(b"%05d" % known)
            reactor.run_once(timeout=1)
        for client in clients:
            client.close()
        listener.abort()
        run_until(reactor, lambda: not live)
        assert strangers == []


class TestAcceptor:
    def test_at_most_so_many_accepts_a_turn(self, reactor):
        made = []
        limits = DEFAULT_LIMITS.replace(accepts_per_turn_max=4)
        listener = reactor.listen(
            Inet("127.0.0.1", 0), lambda: made.append(1) or Protocol(), limits
        )
        port = listener.addresses[0].port
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(10)]
        reactor.run_once(timeout=5)
        assert len(made) == 4
        run_until(reactor, lambda: len(made) == 10)
        for client in clients:
            client.close()
        listener.close()

    def test_out_of_descriptors_the_listener_leaves_the_selector_and_comes_back(
        self, reactor, caplog
    ):
        limits = DEFAULT_LIMITS.replace(accept_pause_s=0.02, accept_pause_max_s=0.05)
        made = []
        listener = reactor.listen(
            Inet("127.0.0.1", 0), lambda: made.append(1) or Protocol(), limits
        )
        turns = 0
        with socket.create_connection(("127.0.0.1", listener.addresses[0].port)), no_descriptors():
            until = reactor.time() + 0.1
            while reactor.time() < until:
                reactor.run_once(timeout=0.1)
                turns += 1
            assert made == []
        run_until(reactor, lambda: made == [1])
        assert len(caplog.records) == 1  # it said so, and not each time
        assert turns < 20  # it waited, it did not spin
        listener.close()

    def test_at_the_limit_the_longest_idle_are_closed_for_those_who_wait(self, reactor, caplog):
        class Idle(Protocol):
            def __init__(self):
                protocols.append(self)
                self.idle_s, self.lost = 30 - len(protocols), False

            def connection_made(self, transport):
                transport.set_deadline(self.idle_s)

            def is_idle(self):
                return self.idle_s != 27  # the third has something under way

            def connection_lost(self, exc):
                self.lost = True

        protocols = []
        limits = DEFAULT_LIMITS.replace(connections_max=5, accepts_per_turn_max=2)
        listener = reactor.listen(Inet("127.0.0.1", 0), Idle, limits)
        port = listener.addresses[0].port
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]
        run_until(reactor, lambda: len(protocols) == 5)
        for _ in range(3):
            reactor.run_once(timeout=0)
        assert len(listener) == 5  # nobody waits: nobody has to go
        clients.append(socket.create_connection(("127.0.0.1", port)))
        run_until(reactor, lambda: len(protocols) == 6)
        assert [protocol.lost for protocol in protocols] == [False, False, False, True, True, False]
        assert listener.shed == 2
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        for client in clients:
            client.close()
        listener.abort()

    def test_at_the_limit_with_nobody_idle_it_waits_and_does_not_spin(self, reactor):
        made = []
        limits = DEFAULT_LIMITS.replace(connections_max=1, accept_pause_s=0.02)
        listener = reactor.listen(
            Inet("127.0.0.1", 0), lambda: made.append(1) or Protocol(), limits
        )
        address = ("127.0.0.1", listener.addresses[0].port)
        with socket.create_connection(address) as first, socket.create_connection(address):
            turns = 0
            until = reactor.time() + 0.1
            while reactor.time() < until:
                reactor.run_once(timeout=0.1)
                turns += 1
            assert made == [1]
            assert turns < 20
            first.close()
            run_until(reactor, lambda: made == [1, 1])
        listener.abort()

    def test_a_factory_that_fails_costs_its_client_only(self, reactor, caplog):
        listener = reactor.listen(Inet("127.0.0.1", 0), lambda: 1 / 0)
        with socket.create_connection(("127.0.0.1", listener.addresses[0].port)) as client:
            client.settimeout(5)
            run_until(reactor, lambda: caplog.records)
            reactor.run_once(timeout=0)
            assert client.recv(1) == b""
        listener.close()


class TestSegments:
    """Linux counts them. Each is work for the kernel, on both sides."""

    def segments_of_an_answer(self, reactor, answer):
        class Server(Protocol):
            def connection_made(self, transport):
                self.transport = transport

            def data_received(self, data):
                answer(self.transport)
                answered.append(data)

        answered = []
        listener = reactor.listen(Inet("127.0.0.1", 0), Server)
        with socket.create_connection(("127.0.0.1", listener.addresses[0].port)) as client:
            client.settimeout(5)
            run_until(reactor, lambda: len(listener))
            client.send(b"request")
            before = segments_received(client)
            run_until(reactor, lambda: answered)
            received = client.recv(1000)
            segments = segments_received(client) - before
            listener.abort()
        return received, segments

    def test_the_last_bytes_leave_with_our_end(self, reactor):
        for linger in (False, True):

            def answer(transport, linger=linger):
                transport.write(b"bye")
                transport.close(linger=linger)

            assert self.segments_of_an_answer(reactor, answer) == (b"bye", 1)


def segments_received(sock):
    """tcpi_segs_in of Linux's struct tcp_info."""
    return struct.unpack_from("I", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 144), 140)[
        0
    ]


class TestConnector:
    def connect(self, reactor, addresses, limits=DEFAULT_LIMITS):
        outcome = []

        class Caller(Protocol):
            def connection_made(self, transport):
                outcome.append(transport.get_extra_info("socket").getpeername()[:2])
                transport.abort()
                reactor.stop()

        reactor.connect(addresses, Caller, lambda e: (outcome.append(e), reactor.stop()), limits)
        reactor.run()
        [result] = outcome
        return result

    @pytest.fixture
    def listening(self):
        with socket.create_server(("127.0.0.1", 0)) as sock:
            yield sock.getsockname()

    @pytest.fixture
    def refusing(self):
        with socket.socket() as sock:  # bound, never listening
            sock.bind(("127.0.0.1", 0))
            yield sock.getsockname()

    def test_the_first_that_answers_wins(self, reactor, listening, refusing):
        addresses = [(socket.AF_INET, refusing), (socket.AF_INET, listening)]
        assert self.connect(reactor, addresses) == listening

    def test_the_last_error_is_told_when_none_answers(self, reactor, refusing):
        error = self.connect(reactor, [(socket.AF_INET, refusing)] * 2)
        assert isinstance(error, ConnectionRefusedError)

    def test_no_address_is_an_error(self, reactor):
        assert self.connect(reactor, []).errno == errno.EADDRNOTAVAIL

    def test_an_address_that_is_silent_is_joined_by_the_next_one(self, reactor, listening):
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            fillers = [socket.socket() for _ in range(3)]
            for filler in fillers:  # its backlog is full: it answers nobody any more
                filler.setblocking(False)
                filler.connect_ex(full.getsockname())
            addresses = [(socket.AF_INET, full.getsockname()), (socket.AF_INET, listening)]
            limits = DEFAULT_LIMITS.replace(connect_attempt_delay_s=0.02)
            assert self.connect(reactor, addresses, limits) == listening
            limits = DEFAULT_LIMITS.replace(connect_timeout_s=0.05)
            error = self.connect(reactor, addresses[:1], limits)
            assert isinstance(error, TimeoutError)
            for filler in fillers:
                filler.close()

    def test_a_family_that_is_not_supported_is_skipped(self, reactor, listening):
        addresses = [(9999, ("::1", 1)), (socket.AF_INET, listening)]
        assert self.connect(reactor, addresses) == listening

    def test_a_cancelled_connector_never_calls_back(self, reactor, listening):
        called = []
        connector = reactor.connect([(socket.AF_INET, listening)], Protocol, called.append)
        connector.cancel()
        reactor.run_once(timeout=0)
        assert called == []

    def test_families_take_turns(self):
        v6, v4 = socket.AF_INET6, socket.AF_INET
        mixed = [(v6, 1), (v6, 2), (v6, 3), (v4, 4), (v4, 5)]
        assert interleave(mixed) == [(v6, 1), (v4, 4), (v6, 2), (v4, 5), (v6, 3)]


class TestAddresses:
    @pytest.mark.parametrize(
        ("text", "address"),
        [
            ("127.0.0.1:80", Inet("127.0.0.1", 80)),
            ("localhost:0", Inet("localhost", 0)),
            (":8000", Inet("0.0.0.0", 8000)),
            ("[::1]:8000", Inet("::1", 8000)),
            ("unix:/run/x.sock", Unix("/run/x.sock")),
        ],
    )
    def test_parse_bind(self, text, address):
        assert parse_bind(text) == address
        if not text.startswith(":"):
            assert str(address) == text

    @pytest.mark.parametrize(
        "text", ["", "8000", "host", "::1:80", "h:65536", "h:-1", "h:", "h:٣", "unix:"]
    )
    def test_parse_bind_refuses(self, text):
        with pytest.raises(ConfigurationError):
            parse_bind(text)

    def test_a_port_in_use_is_named(self, reactor):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(
                ConfigurationError, match=rf"127\.0\.0\.1:{port}: the port is in use"
            ):
                reactor.listen(Inet("127.0.0.1", port), Protocol)

    def test_an_address_of_another_machine(self, reactor):
        with pytest.raises(ConfigurationError, match="no such address"):
            reactor.listen(Inet("192.0.2.1", 0), Protocol)

    def test_a_stale_unix_socket_is_taken_over_and_a_live_one_is_not(self, reactor, tmp_path):
        address = Unix(str(tmp_path / "s"))
        stale = socket.socket(socket.AF_UNIX)
        stale.bind(address.path)
        stale.close()
        listener = reactor.listen(address, Protocol)
        assert os.stat(address.path).st_mode & 0o777 == 0o600
        with pytest.raises(ConfigurationError, match="another server"):
            reactor.listen(address, Protocol)
        listener.close()

    def test_a_file_is_never_taken_for_a_stale_socket(self, reactor, tmp_path):
        path = tmp_path / "precious"
        path.write_text("data")
        with pytest.raises(ConfigurationError, match="no socket"):
            reactor.listen(Unix(str(path)), Protocol)
        assert path.read_text() == "data"

    def test_unix_sockets_carry_bytes(self, reactor, tmp_path):
        recorder = Recorder(reactor)
        listener = reactor.listen(Unix(str(tmp_path / "s")), lambda: recorder)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / "s"))
            client.send(b"over a path")
            client.shutdown(socket.SHUT_WR)
            reactor.run()
        assert recorder.data == b"over a path"
        listener.close()


class TestAccepted:
    """What is accepted without a `socket.socket` in between."""

    @pytest.fixture
    def accepted(self, reactor):
        """The transport of who connects, and the Python socket that did."""

        class Keeper(Protocol):
            def connection_made(self, transport):
                made.append(transport)

        made = []

        def make(address, client=None):
            listener = reactor.listen(address, Keeper)
            [bound] = listener.addresses
            client = client or socket.socket()
            client.connect(bound.path if isinstance(bound, Unix) else (bound.host, bound.port))
            made.clear()
            run_until(reactor, lambda: made)
            return made[0], client

        return make

    @pytest.mark.parametrize("kind", ["inet", "inet6", "unix", "unix-path", "unix-abstract"])
    def test_a_peers_address_is_what_python_says(self, kind, tmp_path, accepted):
        if kind == "inet6" and not has_ipv6():
            pytest.skip("no IPv6 here")
        family, where = {
            "inet": (socket.AF_INET, Inet("127.0.0.1", 0)),
            "inet6": (socket.AF_INET6, Inet("::1", 0)),
        }.get(kind, (socket.AF_UNIX, Unix(str(tmp_path / "listener"))))
        name = {"unix-path": str(tmp_path / "client"), "unix-abstract": b"\0reactor\0test"}.get(
            kind
        )
        with socket.socket(family) as client:
            if name is not None:
                client.bind(name)
            transport, _ = accepted(where, client)
            assert transport.get_extra_info("peername") == client.getsockname()
            made = transport.get_extra_info("socket")
            assert (made.family, made.getpeername()) == (family, client.getsockname())
            assert transport.get_extra_info("socket") is made

    @pytest.mark.parametrize(
        "host", ["127.0.0.1", "127.10.200.9", "127.255.255.254", "127.0.99.100"]
    )
    def test_every_ipv4_address(self, host, accepted):
        with socket.socket() as client:
            client.bind((host, 0))
            transport, _ = accepted(Inet(host, 0), client)
            assert transport.get_extra_info("peername") == client.getsockname()

    def test_it_does_not_block_and_no_child_inherits_it(self, accepted):
        transport, client = accepted(Inet("127.0.0.1", 0))
        with client:
            descriptor = transport.get_extra_info("socket").fileno()
            assert not os.get_blocking(descriptor)
            assert not os.get_inheritable(descriptor)

    @pytest.mark.parametrize("asked", [False, True])
    def test_a_descriptor_is_closed_once_and_then_left_alone(self, reactor, accepted, asked):
        transport, client = accepted(Inet("127.0.0.1", 0))
        if asked:
            transport.get_extra_info("socket")
        with client, socket.socket() as other:
            number = descriptor_to(client.getsockname())
            transport.abort()
            reactor.run_once(timeout=0)
            with pytest.raises(ConnectionResetError):
                client.recv(1)
            os.dup2(other.fileno(), number)
            transport.abort()
            transport.close()
            del transport
            gc.collect()
            assert other.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == bytes(8)
            os.close(number)  # it is open still

    def test_a_descriptor_that_nobody_holds_is_closed(self):
        reactor = Reactor()
        listener = reactor.listen(Inet("127.0.0.1", 0), Protocol)
        with socket.create_connection(("127.0.0.1", listener.addresses[0].port)) as client:
            client.settimeout(5)
            while not len(listener):
                reactor.run_once(timeout=5)
            listener.close()
            Loop.close(reactor)  # without what Reactor does for its connections
            del reactor, listener
            gc.collect()
            assert client.recv(1) == b""


def descriptor_to(peer):
    """The number of this process's socket whose other end that is."""
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            if os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                with socket.socket(fileno=os.dup(int(name))) as copy:
                    if copy.getpeername() == peer:
                        return int(name)
    raise AssertionError("there is none")
