"""What a client offers by ALPN: one that offers other protocols only gets the alert of RFC 7301,
and whoever offers none is served. Its first message may come in pieces."""

from __future__ import annotations

import selectors
import socket
import ssl
import struct
import threading

import pytest
from pem_files import Pems
from processes import PATIENCE_S, eventually, serving
from tls_wire import Wire

from reactor._protocol import Protocol
from reactor.net import Unix

ALERT = bytes([21, 3, 3, 0, 2, 2, 120])  # fatal, no_application_protocol
HELLO_SIZES = (1, 4, 5, 6, 50, 200)


class Echo(Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


@pytest.fixture(scope="module")
def issued(tmp_path_factory):
    pems = Pems(tmp_path_factory.mktemp("pems"))
    return pems, pems.pair("localhost")


class SpeaksHttp(Wire):
    """As a server that speaks HTTP/1.1."""

    def serving(self, factory, **more):
        return super().serving(factory, alpn=("http/1.1",), **more)


@pytest.fixture
def wire(issued):
    return SpeaksHttp(*issued)


def offering(pems, *protocols, version=ssl.TLSVersion.TLSv1_3):
    context = ssl.create_default_context(cafile=pems.ca)
    context.maximum_version = version
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


class Client:
    """TLS in memory, and a plain socket that carries it as a test says."""

    def __init__(self, sock, context):
        self.sock = sock
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        assert not self.is_shaken()
        self.hello = self.outgoing.read()

    def is_shaken(self):
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def echoed(self, data):
        """The handshake, once the hello is sent, and then an echo."""
        while not self.is_shaken():
            self.incoming.write(self.sock.recv(65536))
        self.tls.write(data)
        self.sock.sendall(self.outgoing.read())
        while True:
            try:
                return self.tls.read(100)
            except ssl.SSLWantReadError:
                self.incoming.write(self.sock.recv(65536))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_who_offers_others_only_gets_the_alert(wire, version):
    with wire.serving(Echo):
        for offered in (("h2",), ("acme-tls/1", "http/1.0"), ("http/1.1x",), ("h",)):
            with (
                pytest.raises(ssl.SSLError, match="no application protocol"),
                wire.client(offering(wire.pems, *offered, version=version)),
            ):
                pass
        for offered, chosen in (
            ((), None),
            (("http/1.1",), "http/1.1"),
            (("h2", "http/1.1"), "http/1.1"),
        ):
            with wire.client(offering(wire.pems, *offered, version=version)) as sock:
                assert sock.selected_alpn_protocol() == chosen
                sock.sendall(b"abc")
                assert sock.recv(100) == b"abc"
        assert wire.in_loop(lambda: (wire.tls.handshakes, wire.tls.failures)) == (3, 4)


@pytest.mark.parametrize("first", HELLO_SIZES)
def test_the_hello_may_come_in_pieces(wire, first):
    with wire.serving(Echo):
        for offered, refused in ((("h2",), True), (("http/1.1",), False), ((), False)):
            with wire.plain() as sock:
                client = Client(sock, offering(wire.pems, *offered))
                for piece in (client.hello[:first], client.hello[first:-1], client.hello[-1:]):
                    # The loop has had the piece before the next one comes.
                    sock.sendall(piece)
                    wire.in_loop(lambda: None)
                    wire.in_loop(lambda: None)
                if refused:
                    assert sock.recv(100) == ALERT
                    assert sock.recv(100) == b""
                else:
                    assert client.echoed(b"abc") == b"abc"
                    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT) == 1


def test_what_was_waited_for_does_not_hold_small_requests_up(wire):
    """A whole record was waited for; after the handshake each byte counts again."""
    with wire.serving(Echo), wire.plain() as sock:
        client = Client(sock, offering(wire.pems, "http/1.1"))
        sock.sendall(client.hello[:10])
        wire.in_loop(lambda: None)
        sock.sendall(client.hello[10:])
        assert client.echoed(b"a") == b"a"


@pytest.mark.parametrize("size", [1, 5, 100])
@pytest.mark.parametrize("reset", [False, True])
def test_who_leaves_in_the_middle_of_it_is_gone_at_once(wire, size, reset):
    with wire.serving(Echo):
        sock = wire.plain()
        sock.sendall(Client(sock, offering(wire.pems, "h2")).hello[:size])
        eventually(lambda: wire.in_loop(lambda: len(wire.listener)) == 1, "it has connected")
        if reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
        eventually(lambda: wire.in_loop(lambda: wire.tls.failures) == 1, "that is noticed")
        eventually(lambda: wire.in_loop(lambda: len(wire.listener)) == 0, "it is gone")


class Counting(selectors.EpollSelector):
    """Counts the turns of its loop."""

    turns = 0

    def select(self, timeout=None):
        self.turns += 1
        return super().select(timeout)


def test_waiting_for_the_rest_takes_no_turns(wire):
    selector = Counting()
    with wire.serving(Echo, selector=selector), wire.plain() as sock:
        sock.sendall(Client(sock, offering(wire.pems, "h2")).hello[:100])
        eventually(lambda: wire.in_loop(lambda: len(wire.listener)) == 1, "it has connected")
        wire.in_loop(lambda: None)
        done = threading.Event()
        before = wire.in_loop(lambda: selector.turns)
        wire.in_loop(lambda: wire.reactor.call_later(0.2, done.set))
        assert done.wait(PATIENCE_S)
        assert wire.in_loop(lambda: selector.turns) - before < 20


def test_what_is_no_hello_is_for_openssl_to_judge(wire):
    record = bytes([22, 3, 1])
    with wire.serving(Echo):
        for sent in (
            record + b"\0\0",
            record + b"\0\4\1\0\0\0",
            record + b"\0\4\1\0\xff\xff",
            record + b"\0\x2a\1\0\0\x26" + b"\3\3" + bytes(32) + b"\xff\xff\xff\xff",
            record + b"\xff\xff" + bytes(100),
            bytes([23, 3, 3, 0, 1, 0]),
            bytes([128, 46, 1, 3, 1]) + bytes(40),
            bytes(50),
        ):
            with wire.plain() as sock:
                sock.sendall(sent)
                sock.shutdown(socket.SHUT_WR)
                answer = sock.recv(100)
                assert answer != ALERT
                assert not answer or answer[0] == 21


def in_records(hello, *cuts):
    """The message of one record, cut into several."""
    message, parts, last = hello[5:], b"", 0
    for cut in (*cuts, len(message)):
        parts += hello[:3] + (cut - last).to_bytes(2, "big") + message[last:cut]
        last = cut
    return parts


@pytest.mark.parametrize("cuts", [(20,), (1,), (1, 2, 3, 4, 5, 100), range(1, 200)])
def test_the_hello_may_be_in_several_records(wire, cuts):
    with wire.serving(Echo):
        with wire.plain() as sock:
            client = Client(sock, offering(wire.pems, "h2", "http/1.1"))
            sock.sendall(in_records(client.hello, *cuts))
            assert client.echoed(b"abc") == b"abc"
        with wire.plain() as sock:
            hello = in_records(Client(sock, offering(wire.pems, "h2")).hello, *cuts)
            sock.sendall(hello[:7])
            wire.in_loop(lambda: None)
            sock.sendall(hello[7:])
            assert sock.recv(100) == ALERT


def test_a_name_that_is_no_ascii_is_nobodys(wire, capfd):
    with wire.serving(Echo), wire.plain() as sock:
        hello = Client(sock, offering(wire.pems)).hello
        assert b"localhost" in hello
        sock.sendall(hello.replace(b"localhost", b"local\xffost"))
        assert sock.recv(100) == ALERT[:-1] + b"\x70"  # unrecognized_name
    assert capfd.readouterr().err == ""


def test_a_unix_socket_does_not_wait(wire, tmp_path):
    """Its events know no least size: what comes in pieces is not looked at."""
    with wire.serving(Echo, where=Unix(str(tmp_path / "s"))):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE_S)
            sock.connect(str(tmp_path / "s"))
            client = Client(sock, offering(wire.pems, "http/1.1"))
            sock.sendall(client.hello[:50])
            wire.in_loop(lambda: None)
            sock.sendall(client.hello[50:])
            assert client.echoed(b"abc") == b"abc"
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE_S)
            sock.connect(str(tmp_path / "s"))
            sock.sendall(Client(sock, offering(wire.pems, "h2")).hello)
            assert sock.recv(100) == ALERT


def test_serve_says_why_and_a_tcp_protocol_takes_any(issued, tmp_path):
    pems, (cert, key) = issued
    (tmp_path / "apps.py").write_text("from reactor.apps.echo import Echo\n")
    pair = ("--ssl-certfile", cert, "--ssl-keyfile", key)
    with serving(tmp_path, *pair, "--log-level", "debug") as server:
        with (
            socket.create_connection(server.address, timeout=PATIENCE_S) as sock,
            pytest.raises(ssl.SSLError, match="no application protocol"),
        ):
            offering(pems, "h2").wrap_socket(sock, server_hostname="localhost")
        eventually(lambda: "none that is spoken here (ALPN)" in server.err, "the log says why")
    with (
        serving("apps:Echo", *pair, cwd=tmp_path) as server,
        socket.create_connection(server.address, timeout=PATIENCE_S) as plain,
        offering(pems, "h2").wrap_socket(plain, server_hostname="localhost") as sock,
    ):
        sock.sendall(b"abc")
        assert sock.recv(100)
