"""A request for a host that is not in the certificate of its connection gets 421: whom the client
has made sure of is not whom it asks. On real servers, of all kinds of applications."""

from __future__ import annotations

import socket
import ssl

import pytest
from pem_files import Pems
from processes import PATIENCE_S, eventually, read_to_end, serving

APPS = """
from reactor import Response

def native(request):
    return Response(200, {}, request.host or "")

def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Length", "0")])
    return [b""]

async def asgi(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})
"""
MISDIRECTED = b"the certificate of this connection is not for this host"


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    folder = tmp_path_factory.mktemp("places")
    (folder / "apps.py").write_text(APPS)
    pems = Pems(folder)
    first = pems.pair("a.example", "*.any.example", "127.0.0.1")
    second = pems.pair("b.example", "*.wild.example")
    words = [("--ssl-certfile", cert, "--ssl-keyfile", key) for cert, key in (first, second)]
    return folder, pems, (*words[0], *words[1])


def running(places, *words, **options):
    folder, _, pairs = places
    return serving(*words, *pairs, cwd=folder, **options)


def connected(places, server, name, session=None, context=None):
    if context is None:
        context = places[1].trusting()
        context.check_hostname = False
    plain = socket.create_connection(server.address, timeout=PATIENCE_S)
    return context.wrap_socket(plain, server_hostname=name, session=session)


def get(host, target="/apps.py", more="Connection: close\r\n"):
    return f"GET {target} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n".encode()


def ask(places, server, name, request):
    """(status, answer) for a client that has named ``name`` by SNI."""
    with connected(places, server, name) as sock:
        sock.sendall(request)
        answer = read_to_end(sock)
    return int(answer.split(b" ")[1]), answer


@pytest.mark.parametrize("target", ["apps:native", "apps:wsgi", "apps:asgi", "."])
def test_only_hosts_of_the_certificate_are_answered_for(target, places):
    with running(places, target) as server:
        for name, host, status in (
            ("a.example", "a.example", 200),
            ("a.example", "A.Example.:8443", 200),
            ("a.example", "x.any.example", 200),
            ("x.any.example", "a.example", 200),
            ("a.example", "127.0.0.1", 200),
            ("b.example", "one.wild.example", 200),
            ("a.example", "b.example", 421),
            ("a.example", "any.example", 421),
            ("a.example", "y.x.any.example", 421),
            ("a.example", "127.0.0.2", 421),
            ("a.example", "[::1]", 421),
            ("b.example", "a.example", 421),
            ("b.example", "127.0.0.1", 421),
            # It has named nobody, or nobody who is known here: it was promised nothing.
            (None, "a.example", 200),
            (None, "b.example", 200),
            (None, "127.0.0.1", 200),
            ("127.0.0.1", "a.example", 200),
            ("c.example", "c.example", 200),
            ("c.example", "a.example", 200),
        ):
            got, answer = ask(places, server, name, get(host))
            assert got == status, (name, host)
            assert (MISDIRECTED in answer) == (status == 421)
        # HTTP/1.0 has one host only, and the authority of an absolute target is the host.
        assert ask(places, server, "a.example", b"GET /apps.py HTTP/1.0\r\n\r\n")[0] == 200
        for host, status in (("a.example", 200), ("b.example", 421)):
            request = get("a.example", f"http://{host}/apps.py")
            assert ask(places, server, "a.example", request)[0] == status
        eventually(lambda: server.out.count('" 421 ') >= 8, "it stands in the access log")


def test_the_second_request_of_a_connection_is_looked_at_too(places):
    with (
        running(places, "apps:native") as server,
        connected(places, server, "a.example") as sock,
        connected(places, server, "b.example") as other,
    ):
        for _ in range(3):
            sock.sendall(get("a.example", more=""))
            assert sock.recv(4096).endswith(b"a.example")
            # What is remembered for one certificate is not for another.
            other.sendall(get("b.example", more=""))
            assert other.recv(4096).endswith(b"b.example")
        sock.sendall(get("b.example", more=""))
        assert read_to_end(sock).startswith(b"HTTP/1.1 421 ")


def test_a_resumed_session_is_held_to_the_name_that_it_asks_for(places):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = places[1].trusting()
        context.maximum_version = version
        with running(places, "apps:native") as server:
            with connected(places, server, "a.example", context=context) as sock:
                sock.sendall(get("a.example"))
                assert read_to_end(sock).startswith(b"HTTP/1.1 200 ")
                session = sock.session
            with connected(places, server, "a.example", session, context) as sock:
                assert sock.session_reused
                sock.sendall(get("a.example", more=""))
                assert sock.recv(4096).startswith(b"HTTP/1.1 200 ")
                sock.sendall(get("b.example"))
                assert read_to_end(sock).startswith(b"HTTP/1.1 421 ")


def test_a_websocket_is_no_way_around(places):
    upgrade = (
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    )
    with running(places, "apps:asgi") as server:
        assert ask(places, server, "a.example", get("b.example", more=upgrade))[0] == 421


def test_a_trusted_proxy_passes_hosts_on(places):
    with running(places, "apps:native", "--trusted-proxy", "127.0.0.1") as server:
        assert ask(places, server, "a.example", get("www.example.org"))[0] == 200
    with running(places, "apps:native", "--trusted-proxy", "192.0.2.1") as server:
        assert ask(places, server, "a.example", get("www.example.org"))[0] == 421


def test_a_context_of_ones_own_says_itself_who_is_who(places):
    folder, pems, _ = places
    cert, key = pems.pair("localhost")
    (folder / "making.py").write_text(
        "import ssl\n"
        "def make():\n"
        "    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
        f"    context.load_cert_chain({cert!r}, {key!r})\n"
        "    return context\n"
    )
    with serving("apps:native", "--ssl-context", "making:make", cwd=folder) as server:
        assert ask(places, server, "localhost", get("b.example"))[0] == 200
