"""Connections on real sockets: what they carry, and how they end."""

import asyncio
import errno
import os
import selectors
import socket
import struct
from contextlib import ExitStack, suppress

import pytest
import wire
from wire import Recorder, run_until

from reactor import Response
from reactor.apps.load import as_app
from reactor.limits import Limits
from reactor.net import Connection, Inet, Protocol, Reactor
from reactor.server import protocol_factory
from reactor.testing import FakeClock, FakeSelector

reactor = wire.reactor
connected = wire.connected


SMALL_TIMES = Limits(write_timeout_s=0.2, linger_timeout_s=0.2)


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


class TestConnection:
    def test_bytes_in_and_out(self, reactor, connected):
        connection, protocol, theirs = connected()
        theirs.send(b"ping")
        run_until(reactor, lambda: protocol.data == b"ping")
        connection.write(b"po")
        assert theirs.recv(100) == b"po"  # at once, as asyncio's
        connection.write(b"ng")
        assert theirs.recv(100) == b"ng"

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
        while not protocol.transport.is_closing():  # all that there is; then that there is no more
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
        connection.write(b"more than the kernel takes" * 100_000)
        connection.abort()
        connection.abort()
        assert "lost" not in protocol.calls
        reactor.run()
        assert protocol.calls[-1] == "lost"
        assert 0 < len(b"".join(iter(lambda: theirs.recv(65536), b""))) < 2_600_000

    def test_an_exception_of_the_protocol_ends_its_connection_only(
        self, reactor, connected, caplog
    ):
        class Broken(Recorder):
            def data_received(self, data):
                raise ZeroDivisionError

        _, broken, theirs = connected(Broken(reactor), SMALL_TIMES)
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


class TestSegments:
    """Linux counts them. Each is work for the kernel, on both sides."""

    def test_the_last_bytes_leave_with_our_end(self, reactor):
        answered = []

        def handler(request):
            answered.append(request)
            return Response(200, {}, b"bye")

        factory = protocol_factory(as_app(handler, "it", Limits()), Limits(), None)
        listener = reactor.listen(Inet("127.0.0.1", 0), factory)
        with socket.create_connection(("127.0.0.1", listener.addresses[0].port)) as client:
            client.settimeout(5)
            run_until(reactor, lambda: len(listener))
            client.send(b"GET / HTTP/1.0\r\n\r\n")
            before = segments_received(client)
            run_until(reactor, lambda: answered)
            received = client.recv(1000)
            segments = segments_received(client) - before
            listener.abort()
        assert (received[-3:], segments) == (b"bye", 1)


def segments_received(sock):
    """tcpi_segs_in of Linux's struct tcp_info."""
    return struct.unpack_from("I", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 144), 140)[
        0
    ]
