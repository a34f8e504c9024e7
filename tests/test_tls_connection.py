"""A connection over TLS: what a non-blocking OpenSSL demands, each a test over real sockets."""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import ssl
import threading
from collections import Counter
from contextlib import ExitStack
from typing import ClassVar

import pytest
from processes import PATIENCE_S, eventually
from tls_wire import issued, read_to_signed_end, wire

from reactor import Response
from reactor.apps.load import as_app
from reactor.limits import DEFAULT_LIMITS
from reactor.net import Protocol
from reactor.server import protocol_factory

__all__ = ["issued", "wire"]

GET = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
RECORD = 16384


def app(handler, limits=DEFAULT_LIMITS):
    return protocol_factory(as_app(handler, "app", limits), limits, None)


def hello(request):
    return Response(200, {}, b"%d" % len(request.body))


class Told(Protocol):
    """A user's protocol that keeps what it is told."""

    made: ClassVar[list]

    def connection_made(self, transport):
        self.transport, self.data, self.events = transport, b"", []
        type(self).made.append(self)

    def data_received(self, data):
        self.data += data

    def eof_received(self):
        self.events.append("eof")

    def connection_lost(self, exc):
        self.events.append(exc)


@pytest.fixture
def told():
    return type("Own", (Told,), {"made": []})


# --- reading --------------------------------------------------------------------------------


def test_a_request_in_two_records_of_one_segment_is_answered(wire):
    # The second half of what came together makes no event of its own.
    body = os.urandom(20 * 1024)
    with wire.serving(app(hello)), wire.client() as sock:
        head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
        sock.sendall(head % len(body) + body)
        assert sock.recv(4096).endswith(b"\r\n\r\n20480")


@pytest.mark.parametrize("read_bytes", [1, 100, 5000])
class Little:
    """An `asyncio.BufferedProtocol` that has room for little at a time."""

    def __init__(self, told, size):
        self.told, self.size = told(), size

    def connection_made(self, transport):
        self.told.connection_made(transport)

    def get_buffer(self, hint):
        self.buffer = bytearray(self.size)
        return self.buffer

    def buffer_updated(self, size):
        self.told.data_received(bytes(self.buffer[:size]))


@pytest.mark.parametrize("size", [1, 100, 5000])
def test_what_openssl_holds_back_is_read_without_an_event(wire, told, size):
    """Bytes of a record that do not fit into the reader's buffer."""
    data = os.urandom(RECORD)
    with wire.serving(lambda: Little(told, size)), wire.client() as sock:
        sock.sendall(data)
        eventually(lambda: told.made and len(told.made[0].data) == len(data), "all of it came")
        assert told.made[0].data == data


def test_what_openssl_holds_back_is_input_and_waits_for_who_has_paused(wire, told):
    class Pausing(told):
        def data_received(self, data):
            super().data_received(data)
            self.transport.pause_reading()

    with wire.serving(Pausing), wire.client() as sock:
        sock.sendall(b"a" * RECORD)
        sock.sendall(b"b" * RECORD)
        eventually(lambda: Pausing.made and Pausing.made[0].data, "the first")
        protocol = Pausing.made[0]
        eventually(lambda: wire.in_loop(protocol.transport.has_input), "the second waits")
        assert set(protocol.data) == set(b"a")
        wire.in_loop(protocol.transport.resume_reading)
        eventually(lambda: len(protocol.data) >= 2 * RECORD, "the second")


def test_a_signed_end_and_one_that_is_not(wire, told):
    with wire.serving(told):
        with wire.client() as sock:
            sock.sendall(b"x")
            eventually(lambda: told.made and told.made[0].data, "it came")
            sock.unwrap()  # waits for the server's own: both ends are signed
        eventually(lambda: len(told.made[0].events) == 2, "it ended")
        assert told.made[0].events == ["eof", None]
        with wire.client() as sock:
            sock.sendall(b"x")
            eventually(lambda: len(told.made) == 2 and told.made[1].data, "it came")
            sock.shutdown(socket.SHUT_RDWR)
        # To a user's protocol a line that was cut is no end.
        eventually(lambda: told.made[1].events, "it ended")
        assert [type(event) for event in told.made[1].events] == [ssl.SSLEOFError]


def test_half_a_request_and_a_cut_line_reach_no_application(wire):
    asked = []

    def handler(request):
        asked.append(request.body)
        return Response(200)

    with wire.serving(app(handler)):
        with wire.client() as sock:
            sock.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf")
            sock.shutdown(socket.SHUT_WR)
            with pytest.raises(OSError):
                while sock.recv(4096):
                    pass
                raise OSError
        eventually(lambda: wire.in_loop(lambda: len(wire.listener)) == 0, "it ended")
        assert asked == []


def test_a_whole_request_before_a_cut_line_is_answered(wire):
    with wire.serving(app(hello)), wire.client() as sock:
        sock.sendall(GET % b"/")
        # Not unwrap: the FIN alone, and our direction stays open.
        sock.shutdown(socket.SHUT_WR)
        received = b""
        with pytest.raises((ssl.SSLError, OSError)):
            while data := socket.socket.recv(sock, 65536):
                received += data
            raise OSError  # encrypted, since `shutdown` has made it a plain socket
        assert len(received) > 100


# --- writing --------------------------------------------------------------------------------


def test_ten_megabytes_through_a_window_of_4_kib_keep_the_session(wire, tmp_path):
    body = os.urandom(10_000_000)
    path = tmp_path / "file"
    path.write_bytes(body)
    handlers = {"bytes": lambda: body, "file": lambda: path.open("rb", buffering=0)}
    with wire.serving(app(lambda request: Response(200, {}, handlers[request.path[1:]]()))):
        for kind in handlers:
            with wire.client(window=4096) as sock:
                sock.sendall(LAST % f"/{kind}".encode())
                answer = read_to_signed_end(sock)
            sent = answer.partition(b"\r\n\r\n")[2]
            assert hashlib.sha256(sent).digest() == hashlib.sha256(body).digest(), kind


def test_a_body_that_breaks_off_has_no_signed_end(wire):
    """In HTTP/1.0 the end of the connection is the end of the body: nothing else tells."""

    def pieces():
        yield b"half"
        raise ValueError("the other half")

    with (
        wire.serving(app(lambda request: Response(200, {}, pieces()))),
        wire.client() as sock,
    ):
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        with pytest.raises((ssl.SSLEOFError, ConnectionResetError)):
            read_to_signed_end(sock)


def test_an_answer_that_shrinks_arrives_and_its_end_is_not_signed(wire, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 100_000)

    class Sender(Protocol):
        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            self.transport.write(b"head")
            self.transport.sendfile(path.open("rb"), 0, 100_100)

    with wire.serving(Sender), wire.client() as sock:
        sock.sendall(b"?")
        received = b""
        with pytest.raises(ssl.SSLEOFError):
            while data := sock.recv(65536):
                received += data
        assert received == b"head" + b"x" * 100_000


def test_writes_files_and_writes_leave_in_their_order(wire, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"f" * 40_000)

    class Sender(Protocol):
        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            transport = self.transport
            transport.cork()
            transport.write(b"a" * 20_000)
            transport.sendfile(path.open("rb", buffering=0), 10, 30_000)
            transport.write(b"b" * 20_000)
            transport.sendfile(path.open("rb"), 0, 1)
            transport.close()

    with wire.serving(Sender), wire.client() as sock:
        sock.sendall(b"?")
        received = read_to_signed_end(sock)
    assert received == b"a" * 20_000 + b"f" * 30_000 + b"b" * 20_000 + b"f"


def test_head_and_small_file_are_one_record(wire, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 1000)
    factory = app(lambda request: Response(200, {}, path.open("rb", buffering=0)))
    with wire.serving(factory), wire.client() as sock:
        sock.sendall(GET % b"/")
        assert sock.recv(RECORD).endswith(b"\r\n\r\n" + b"x" * 1000)


# --- the handshake --------------------------------------------------------------------------


def is_ended(sock):
    """Whether its end comes: a reset, if what it has sent was no whole message."""
    try:
        while sock.recv(4096):
            pass
    except ConnectionResetError:
        pass
    return True


def test_http_in_plain_text_is_told_to_use_https(wire):
    with wire.serving(app(hello)), wire.plain() as sock:
        sock.sendall(b"DELETE / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b"".join(iter(lambda: sock.recv(4096), b""))
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert b"This port speaks TLS: use https://" in answer
        assert wire.tls.failures == 1


@pytest.mark.parametrize("sent", [b"\x16\x03\x01", b"\x00" * 100, b"\x16" * 1000, b"\x80\x2e\x01"])
def test_what_is_no_handshake_ends_with_one_line_at_debug(wire, caplog, sent):
    caplog.set_level(logging.DEBUG, "reactor")
    limits = DEFAULT_LIMITS.replace(tls_handshake_timeout_s=0.3)
    with wire.serving(app(hello), limits), wire.plain() as sock:
        sock.sendall(sent)
        assert is_ended(sock)
        eventually(lambda: wire.tls.failures, "it is counted")
    assert [record.levelname for record in caplog.records] == ["DEBUG"]
    assert "no TLS with" in caplog.text
    assert "Traceback" not in caplog.text


def test_a_client_that_does_not_trust_us_is_said_in_words(wire, caplog):
    caplog.set_level(logging.DEBUG, "reactor")
    with wire.serving(app(hello)):
        with pytest.raises(ssl.SSLCertVerificationError), wire.client(ssl.create_default_context()):
            pass
        eventually(lambda: wire.tls.failures, "it is counted")
    assert "the client does not know who has signed this certificate" in caplog.text


def test_a_handshake_has_its_time_and_others_do_not_wait(wire):
    limits = DEFAULT_LIMITS.replace(tls_handshake_timeout_s=0.5)
    with wire.serving(app(hello), limits):
        stalled = [wire.plain() for _ in range(20)]
        for sock in stalled[:10]:
            sock.sendall(b"\x16")
        with wire.client() as sock:
            sock.sendall(GET % b"/")
            assert sock.recv(4096).startswith(b"HTTP/1.1 200")
        for sock in stalled:
            assert is_ended(sock)
            sock.close()
        assert wire.tls.failures == 20
        assert wire.tls.handshakes == 1


def test_few_handshakes_a_turn(wire):
    limits = DEFAULT_LIMITS.replace(tls_handshakes_per_turn_max=4)
    turns, hellos = [0], []
    with wire.serving(app(hello), limits):
        wire.contexts.serving.sni_callback = lambda *_: hellos.append(turns[0])
        wire.reactor.on_turn_began = lambda now: turns.append(turns.pop() + 1)
        held, go_on = threading.Event(), threading.Event()
        wire.reactor.call_soon_threadsafe(lambda: (held.set(), go_on.wait(PATIENCE_S)))
        assert held.wait(PATIENCE_S)
        clients = [wire.plain() for _ in range(12)]
        for sock in clients:
            sock.sendall(first_flight(wire.pems.trusting()))
        go_on.set()
        eventually(lambda: len(hellos) == 12, "all are answered")
        wire.contexts.serving.sni_callback = None
        assert max(Counter(hellos).values()) == 4
        for sock in clients:
            sock.close()


def first_flight(context):
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def test_a_client_that_goes_in_the_handshake_is_no_error_of_ours(wire, caplog):
    caplog.set_level(logging.INFO, "reactor")
    with wire.serving(app(hello)):
        for _ in range(10):
            sock = wire.plain()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            sock.close()  # a reset
        eventually(lambda: wire.tls.failures == 10, "all are counted")
    assert caplog.text == ""


def test_the_protocol_is_made_after_the_handshake(wire, told):
    with wire.serving(told):
        with wire.plain() as stalled:
            eventually(lambda: wire.in_loop(lambda: len(wire.listener)) == 1, "it is accepted")
            assert told.made == []
            stalled.sendall(b"\x16")
        with wire.client() as sock:
            eventually(lambda: told.made, "it is made")
            transport = told.made[0].transport
            info = wire.in_loop(lambda: transport.get_extra_info("ssl_object"))
            assert info.version() == sock.version()
            assert transport.get_extra_info("cipher")[0] == sock.cipher()[0]
            assert not transport.can_write_eof()
            with pytest.raises(NotImplementedError):
                transport.write_eof()


# --- the end --------------------------------------------------------------------------------


def test_a_stop_lets_a_stream_end_and_signs_it(wire):
    pieces = [b"%d\n" % number for number in range(100)]
    go_on = threading.Event()

    def stream():
        for number, piece in enumerate(pieces):
            if number == 50:
                assert go_on.wait(PATIENCE_S)
            yield piece

    with wire.serving(app(lambda request: Response(200, {}, stream()))), wire.client() as sock:
        sock.sendall(LAST % b"/")
        first = sock.recv(10)
        over = threading.Event()
        wire.reactor.call_soon_threadsafe(lambda: wire.listener.finish(0.1, over.set))
        go_on.set()
        answer = first + read_to_signed_end(sock)
        assert answer.rstrip().endswith(b"0")
        assert all(piece in answer for piece in pieces)
        sock.close()
        assert over.wait(PATIENCE_S)


def test_a_stop_during_a_handshake_gives_it_the_grace(wire):
    with wire.serving(app(hello)), wire.plain() as stalled:
        eventually(lambda: wire.in_loop(lambda: len(wire.listener)) == 1, "it is accepted")
        assert wire.in_loop(lambda: wire.listener.under_way) == 0
        over = threading.Event()
        wire.reactor.call_soon_threadsafe(lambda: wire.listener.finish(0.2, over.set))
        assert stalled.recv(1) == b""
        assert over.wait(PATIENCE_S)


def test_connections_that_are_idle_make_room(wire):
    limits = DEFAULT_LIMITS.replace(connections_max=2)
    with wire.serving(app(hello), limits):
        clients = [wire.client() for _ in range(2)]
        for sock in clients:
            sock.sendall(GET % b"/")
            assert sock.recv(4096)
        with wire.client() as third:
            third.sendall(GET % b"/")
            assert third.recv(4096).startswith(b"HTTP/1.1 200")
        # The one that had to go was told so, and it was signed.
        assert any(read_nothing(sock) for sock in clients)
        for sock in clients:
            sock.close()


@pytest.mark.parametrize("words", [b"", b"\x16\x03\x01"])
def test_handshakes_that_do_not_go_on_make_room(wire, words):
    limits = DEFAULT_LIMITS.replace(
        connections_max=3, silent_grace_s=0.1, silent_timeout_s=60, tls_handshake_timeout_s=60
    )
    with wire.serving(app(hello, limits), limits), ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(wire.plain()).sendall(words)
            stack.enter_context(wire.client())  # and handshakes that nothing follows
        with wire.client() as last:
            last.sendall(LAST % b"/")
            assert last.recv(4096).startswith(b"HTTP/1.1 200")
        assert wire.in_loop(lambda: wire.listener.shed) >= 8


def read_nothing(sock):
    sock.settimeout(0.2)
    try:
        return sock.recv(1) == b""
    except TimeoutError:
        return False
