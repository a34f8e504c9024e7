"""Binds that speak the PROXY protocol, on real servers in both models."""

from __future__ import annotations

import json
import socket
import ssl

import pytest
from processes import MODELS, PATIENCE_S, eventually, read_to_end, run_reactor, serving
from test_edge import APPS

from reactor import Limits, Reactor
from reactor.net import Bind, Inet, Protocol
from reactor.parser.proxy_header import SIGNATURE

V1 = b"PROXY TCP4 1.2.3.4 10.0.0.1 4711 80\r\n"
ADDRESSES = bytes([1, 2, 3, 4, 10, 0, 0, 1, 0x12, 0x67, 0, 80])
V2 = SIGNATURE + b"\x21\x11\0\x0c" + ADDRESSES
LOCAL = SIGNATURE + b"\x20\x11\0\x0c" + ADDRESSES
UNSPEC = SIGNATURE + b"\x21\0\0\0"
WITH_TLVS = SIGNATURE + b"\x21\x11\0\xd7" + ADDRESSES + b"\x04\0\xc8" + bytes(200)
REQUEST = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: close\r\n\r\n"
)
KINDS = [("native", "reactor"), ("native", "threads"), ("wsgi", "reactor"), ("wsgi", "threads"),
         ("asgi", "reactor")]  # fmt: skip


@pytest.fixture
def apps(tmp_path):
    (tmp_path / "seen.py").write_text(APPS)
    return tmp_path


def ask(server, *pieces):
    """What the application saw; b"" if it was not asked."""
    with server.connect() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            sock.sendall(piece)
        try:
            body = read_to_end(sock).partition(b"\r\n\r\n")[2]
        except ConnectionResetError:
            return b""
    return json.loads(body[body.find(b"{") : body.rfind(b"}") + 1]) if body else b""


def bound(proxy, *more):
    return ["--bind", f"127.0.0.1:0,proxy={proxy}", *more]


@pytest.mark.parametrize(("app", "model"), KINDS)
def test_the_client_is_whom_the_proxy_names(app, model, apps):
    with serving(f"seen:{app}", *bound("any"), "--model", model, cwd=apps) as server:
        for header in (V1, V2, WITH_TLVS):
            assert ask(server, header + REQUEST)["client"] == "1.2.3.4"
            # However it is cut, and whatever comes with its last byte.
            cuts = [header[i : i + 1] for i in range(len(header))]
            assert ask(server, *cuts, REQUEST)["client"] == "1.2.3.4"
            assert ask(server, header[:20], header[20:] + REQUEST)["client"] == "1.2.3.4"
        assert ask(server, V2 + REQUEST).get("peer", "127.0.0.1") == "127.0.0.1"
        for header in (LOCAL, UNSPEC, b"PROXY UNKNOWN 6.6.6.6 6.6.6.6 1 2\r\n"):
            seen = ask(server, header + REQUEST)
            assert (seen["client"], seen.get("peer")) == ("127.0.0.1", None)
        server.stop()
        assert server.access_log[0].startswith("1.2.3.4 - - ")
        assert server.access_log[0].endswith(' "127.0.0.1"')
        assert server.access_log[-1].startswith("127.0.0.1 - - ")


@pytest.mark.parametrize("model", MODELS)
def test_who_writes_no_header_is_let_go_without_an_answer(model, apps):
    with serving("seen:native", *bound("v1"), "--model", model, cwd=apps) as server:
        long = b"PROXY UNKNOWN " + b"f" * 92 + b"\r\n"
        for data in (REQUEST, V2 + REQUEST, long + REQUEST, b"PROXY TCP4 1.2.3.4\r\n" + REQUEST):
            assert ask(server, data) == b""
        with server.connect() as sock:
            sock.sendall(V1[:10])
            sock.shutdown(socket.SHUT_WR)
            assert read_to_end(sock) == b""
        assert ask(server, V1 + REQUEST)["client"] == "1.2.3.4"
        # Said once, not of each.
        eventually(lambda: "without a PROXY header: " in server.err, "it is said")
        server.stop()
        assert server.err.count("without a PROXY header") == 1
        assert len(server.access_log) == 1


@pytest.mark.parametrize("model", MODELS)
def test_a_peer_that_is_not_trusted_is_not_read(model, apps):
    words = bound("any", "--trusted-proxy", "10.0.0.0/8", "--model", model)
    with serving("seen:native", *words, cwd=apps) as server:
        assert ask(server, V1 + REQUEST) == b""
    words = bound("any", "--trusted-proxy", "127.0.0.1", "--model", model)
    with serving("seen:native", *words, cwd=apps) as server:
        # The fields are the client's own, and it is no proxy.
        seen = ask(server, V1 + REQUEST)
        assert (seen["client"], seen["fields"]) == ("1.2.3.4", [])


def test_beyond_loopback_it_has_to_be_said_who_is_trusted():
    done = run_reactor("serve", "--bind", "0.0.0.0:0,proxy=v2")
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "--trusted-proxy" in done.stderr


def test_each_bind_has_its_own(apps):
    words = [*bound("v1"), "--bind", "127.0.0.1:0"]
    with serving("seen:native", *words, cwd=apps) as server:
        proxied, plain = (int(url.rstrip("/").rpartition(":")[2]) for url in server.urls)
        with socket.create_connection(("127.0.0.1", plain), timeout=PATIENCE_S) as sock:
            sock.sendall(REQUEST)
            assert b'"127.0.0.1"' in read_to_end(sock)
        assert proxied != plain


def test_tls_begins_behind_the_header(apps):
    words = ["--bind", "127.0.0.1:0,tls,proxy=v2", "--tls-self-signed"]
    env = {"XDG_STATE_HOME": str(apps)}
    with serving("seen:native", *words, cwd=apps, env=env, announced=False) as server:
        url = eventually(lambda: [w for w in server.out.split() if "https://" in w], "it listens")[
            0
        ]
        port = int(url.rstrip("/").rpartition(":")[2])
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as sock:
            # Header and ClientHello in one segment: TLS gets its part whole.
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
            with pytest.raises(ssl.SSLWantReadError):
                tls.do_handshake()
            sock.sendall(V2 + outgoing.read())
            while True:
                incoming.write(sock.recv(65536))
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    sock.sendall(outgoing.read())
            tls.write(REQUEST)
            sock.sendall(outgoing.read())
            data = b""
            while b"}" not in data:
                incoming.write(sock.recv(65536))
                try:
                    data += tls.read(65536)
                except ssl.SSLWantReadError:
                    continue
            seen = json.loads(data[data.find(b"{") :])
            assert (seen["client"], seen["scheme"], seen["peer"]) == (
                "1.2.3.4", "https", "127.0.0.1",
            )  # fmt: skip


class Seen(Protocol):
    def __init__(self, reactor):
        self.reactor = reactor
        self.data = b""

    def connection_made(self, transport):
        self.peer = transport.get_extra_info("peername")

    def data_received(self, data):
        self.data += data
        self.reactor.stop()


def test_a_protocol_of_ones_own_has_the_same_client():
    with Reactor() as reactor:
        seen = Seen(reactor)
        listener = reactor.listen(Bind(Inet("127.0.0.1", 0), proxy="v1"), lambda: seen)
        address = listener.addresses[0]
        with socket.create_connection((address.host, address.port)) as sock:
            sock.sendall(V1 + b"hello")
            reactor.run()
        assert (seen.peer, seen.data) == (("1.2.3.4", 4711), b"hello")


def test_a_header_has_its_time_and_a_stop_does_not_wait_for_more():
    limits = Limits(proxy_timeout_s=0.05)
    with Reactor() as reactor:
        listener = reactor.listen(Bind(Inet("127.0.0.1", 0), proxy="v2"), Protocol, limits)
        address = listener.addresses[0]
        with socket.create_connection((address.host, address.port)) as sock:
            sock.sendall(V2[:5])
            reactor.run_once(1)
            listener.finish(0.0, on_empty=reactor.stop)
            reactor.run()
            sock.settimeout(PATIENCE_S)
            assert read_to_end(sock) == b""
