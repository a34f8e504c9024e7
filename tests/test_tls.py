"""TLS below a protocol: what its transport does (all else is in `test_client_tls.py`)."""

from __future__ import annotations

import socket
import ssl
import threading

import pytest
import trustme
from processes import PATIENCE_S

from reactor.limits import DEFAULT_LIMITS
from reactor.net import Inet, Protocol, Reactor
from reactor.net.tls import TlsProtocol


@pytest.fixture
def authority():
    return trustme.CA()


def asked(authority, protocol):
    """What a client gets of a TLS server with this protocol, and the error it ends with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    received, errors = [], []

    def ask(port, reactor):
        try:
            with (
                socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as plain,
                trusting.wrap_socket(plain, server_hostname="127.0.0.1") as sock,
            ):
                sock.suppress_ragged_eofs = False
                sock.sendall(b"?")
                while data := sock.recv(65536):
                    received.append(data)
        except OSError as error:
            errors.append(error)
        finally:
            reactor.call_soon_threadsafe(reactor.stop)

    def factory():
        return TlsProtocol(context, protocol, lambda error: None, server_side=True)

    with Reactor() as reactor:
        port = reactor.listen(Inet("127.0.0.1", 0), factory).addresses[0].port
        client = threading.Thread(target=ask, args=(port, reactor))
        client.start()
        reactor.run()
        client.join()
    return b"".join(received), errors


@pytest.mark.parametrize("size", [100, 100_000])
def test_the_part_of_a_file_that_shrinks_arrives_and_the_end_is_not_signed(
    authority, tmp_path, size
):
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)

    class Sender(Protocol):
        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            self.transport.sendfile(path.open("rb"), 0, size + 100)

    received, errors = asked(authority, Sender())
    assert received == b"x" * size
    assert isinstance(errors[0], ssl.SSLEOFError)


def test_the_transport_has_what_asyncios_has(authority):
    told = []

    class Asker(Protocol):
        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            transport = self.transport
            told.append(transport.get_protocol() is self)
            transport.set_write_buffer_limits(high=100)
            told.append(transport.get_write_buffer_limits())
            transport.writelines([b"a", bytearray(b"b"), memoryview(b"c")])
            last = Last()
            transport.set_protocol(last)
            told.append(transport.get_protocol() is last)
            transport.close()

    class Last(Protocol):
        def connection_lost(self, exc):
            told.append("lost")

    received, errors = asked(authority, Asker())
    assert (received, errors) == (b"abc", [])
    assert told[:3] == [True, (25, 100), True]


def test_a_file_waits_for_a_peer_that_does_not_read(authority, tmp_path):
    """What is kept is bounded by the high-water mark; what is written behind it follows it."""
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 40_000)
    kept = []

    class Sender(Protocol):
        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            self.transport.sendfile(path.open("rb"), 0, 10_240_000)
            self.transport.write(b"behind it")
            self.transport.close()
            below = self.transport._below
            kept.append(below.get_write_buffer_size())

    received, errors = asked(authority, Sender())
    assert received == path.read_bytes() + b"behind it"
    assert errors == []
    high = DEFAULT_LIMITS.write_high_water_bytes
    assert kept[0] < 3 * high  # one piece over the mark, and TLS's own bytes
