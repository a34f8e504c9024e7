"""The seam of wire and protocol on every transport: a server's questions, cork, set_protocol."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading

import pytest
import trustme
from processes import PATIENCE_S
from wire import run_until

from reactor.net import Inet, Protocol, Reactor, Transport
from reactor.net.tls import TlsProtocol
from reactor.server.blocking_transport import BlockingTransport


class Asked(Protocol):
    """Keeps what it is asked, and answers as it is told to."""

    def __init__(self, idle=True, finished=None):
        self.asked, self.idle, self.finished = [], idle, finished

    def connection_made(self, transport):
        self.transport = transport

    def is_idle(self):
        self.asked.append("is_idle")
        return self.idle

    def finish(self):
        self.asked.append("finish")
        return self.finished

    def end_stream(self):
        self.asked.append("end_stream")

    def data_received(self, data):
        self.asked.append(data)


class Silent(asyncio.Protocol):
    """Has none of a server's methods."""


@pytest.fixture
def reactor():
    with Reactor() as reactor:
        yield reactor


@pytest.fixture
def contexts():
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client


@pytest.fixture(params=["plain", "TLS"])
def served(request, reactor, contexts):
    """A connection that serves ``protocol``, and the socket of its client."""
    made, clients = [], []

    def serve(protocol):
        tls = request.param == "TLS"

        def factory():
            if tls:
                made.append(TlsProtocol(contexts[0], protocol, print, server_side=True))
            else:
                made.append(protocol)
            return made[-1]

        listener = reactor.listen(Inet("127.0.0.1", 0), factory)
        plain = socket.create_connection(("127.0.0.1", listener.addresses[0].port))
        plain.settimeout(PATIENCE_S)
        if not tls:
            clients.append(plain)
        else:
            shaking = threading.Thread(
                target=lambda: clients.append(
                    contexts[1].wrap_socket(plain, server_hostname="127.0.0.1")
                )
            )
            shaking.start()
            run_until(reactor, lambda: made and made[0]._connected)
            shaking.join()
        run_until(reactor, lambda: made)
        below = made[0].transport if tls else getattr(protocol, "transport", None)
        return listener, below, clients[0]

    yield serve
    for client in clients:
        client.close()


def test_what_a_server_asks_reaches_the_protocol(served, reactor):
    protocol = Asked()
    listener, connection, client = served(protocol)
    assert connection.idle
    assert not connection.under_way
    protocol.idle = False
    assert connection.under_way
    listener.finish(0, lambda: None)
    listener.end_streams()
    assert [name for name in protocol.asked if name != "is_idle"] == ["finish", "end_stream"]
    reactor.run_once(0)
    assert not connection.is_closing()  # the protocol decides


@pytest.mark.parametrize("silent", [True, False])
def test_what_cannot_tell_is_busy_and_closed_after_the_grace(served, reactor, silent):
    lost = []

    class Own(Silent if silent else Protocol):
        def connection_lost(self, exc):
            lost.append(exc)

    listener, _, client = served(Own())
    listener.finish(0.01, lambda: None)

    def read():
        assert client.recv(100) == b""
        client.close()

    reader = threading.Thread(target=read)
    reader.start()
    run_until(reactor, lambda: lost)
    reader.join()
    assert lost == [None]


def test_cork_holds_back_until_uncork(served, reactor):
    protocol = Asked()
    _, connection, client = served(protocol)
    transport = protocol.transport
    transport.cork()
    transport.write(b"a")
    transport.write(b"b")
    reactor.run_once(0)
    assert connection.get_write_buffer_size() > 0
    before = connection.taken
    transport.uncork()
    assert connection.get_write_buffer_size() == 0
    assert connection.taken > before
    assert client.recv(100) + (b"" if not isinstance(client, ssl.SSLSocket) else client.recv(100))


def test_set_protocol_changes_who_is_told(served, reactor):
    first, second = Asked(), Asked()
    _, _, client = served(first)
    first.transport.set_protocol(second)
    client.sendall(b"hello")
    run_until(reactor, lambda: second.asked)
    assert second.asked == [b"hello"]
    assert first.asked == []
    assert first.transport.get_protocol() is second


# --- the blocking transport ----------------------------------------------------------------


@pytest.fixture
def blocking():
    """A `BlockingTransport` in its thread, and the socket at its other end."""
    threads, theirs = [], []

    def serve(protocol):
        ours, other = socket.socketpair()
        other.settimeout(PATIENCE_S)
        theirs.append(other)
        transport = BlockingTransport(ours, protocol, "peer")
        threads.append(threading.Thread(target=transport.serve))
        threads[-1].start()
        return transport, other

    yield serve
    for other in theirs:
        other.close()
    for thread in threads:
        thread.join()


def test_a_thread_tells_its_protocol_to_finish_before_the_end(blocking):
    told = threading.Event()

    class Finishing(Asked):
        def finish(self):
            told.set()
            self.transport.write(b"bye")

    transport, other = blocking(Finishing())
    transport.finish()
    assert other.recv(100) == b"bye"
    assert told.is_set()
    assert other.recv(100) == b""


@pytest.mark.parametrize(("idle", "ends"), [(True, True), (False, False), (None, True)])
def test_an_idle_one_of_a_thread_ends_and_one_that_cannot_tell(blocking, idle, ends):
    transport, other = blocking(Asked(idle))
    transport.finish_idle()
    other.settimeout(PATIENCE_S if ends else 0.1)
    if ends:
        assert other.recv(1) == b""
    else:
        with pytest.raises(TimeoutError):
            other.recv(1)


def test_a_thread_holds_back_what_is_corked(blocking):
    class Corking(Asked):
        def data_received(self, data):
            self.transport.cork()
            self.transport.write(b"a")
            self.transport.write(b"b")
            self.taken = self.transport.taken
            if data == b"flush":
                self.transport.uncork()
                self.transport.write(b"c")

    protocol = Corking()
    _, other = blocking(protocol)
    other.sendall(b"x")
    assert other.recv(100) == b"ab"  # in one, at the end of the read
    assert protocol.taken == 0
    other.sendall(b"flush")
    received = b""
    while len(received) < 3:
        received += other.recv(100)
    assert received == b"abc"


def test_a_transport_that_sends_at_once_has_nothing_to_hold():
    assert Transport().cork() == Transport().uncork() == 0
