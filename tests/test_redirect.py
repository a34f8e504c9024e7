"""`--tls-redirect`: clients that begin in plain text are sent to https. On real servers."""

from __future__ import annotations

import re
import signal
import socket

import pytest
from pem_files import Pems
from processes import (
    PATIENCE_S,
    eventually,
    exchange,
    exchange_tls,
    given_back,
    open_descriptors,
    read_to_end,
    run_reactor,
    serving,
)
from test_binds import activated

from reactor.apps.redirect import RedirectToHttps
from reactor.errors import ConfigurationError
from reactor.net.address import parse_bind
from reactor.parser._message import Request, Response
from reactor.server import Server
from reactor.server.tls import TlsOptions

REDIRECT = ("--tls-redirect", "127.0.0.1:0")
APPS = """
from reactor import Response
from reactor.apps.echo import Echo

def native(request):
    return Response(200, {}, "by https")

async def asgi(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"by https"})
"""


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    folder = tmp_path_factory.mktemp("places")
    (folder / "apps.py").write_text(APPS)
    pems = Pems(folder)
    cert, key = pems.pair("localhost", "127.0.0.1", "a.example")
    return folder, pems, ("--ssl-certfile", cert, "--ssl-keyfile", key)


def redirecting(places, target="apps:native", *words, redirect=REDIRECT, **options):
    folder, _, pair = places
    return serving(target, *pair, *redirect, *words, cwd=folder, **options)


def ports(server):
    """Of https, and of the socket that redirects."""
    return [int(port) for port in re.findall(r"https?://127\.0\.0\.1:(\d+)/", server.out)]


def plain(server):
    return socket.create_connection(("127.0.0.1", ports(server)[1]), timeout=PATIENCE_S)


def ask(server, request):
    with plain(server) as sock:
        sock.sendall(request)
        return read_to_end(sock)


def is_refused(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) != 0


def location(answer):
    found = re.search(rb"\r\nlocation: ([^\r]*)\r\n", answer, re.IGNORECASE)
    return None if found is None else found[1].decode("latin-1")


def get(target, host="a.example", method="GET", more=""):
    text = f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n"
    return text.encode("latin-1")


@pytest.mark.parametrize("target", ["apps:native", "apps:asgi", "."])
def test_a_plain_request_is_sent_to_https_and_that_answers(target, places):
    _, pems, _ = places
    with redirecting(places, target) as server:
        port = ports(server)[0]
        answer = ask(server, get("/apps.py?b=%C3%A4&c=/..%2f//x", "localhost"))
        assert answer.startswith(b"HTTP/1.1 308 ")
        assert location(answer) == f"https://localhost:{port}/apps.py?b=%C3%A4&c=/..%2f//x"
        with (
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as sock,
            pems.trusting().wrap_socket(sock, server_hostname="localhost") as secured,
        ):
            secured.sendall(get("/apps.py", "localhost"))
            assert secured.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_each_form_method_and_host(places):
    with redirecting(places, "apps:native") as server:
        port = ports(server)[0]
        for host, there in (
            ("a.example:80", f"a.example:{port}"),
            ("A.Example.", f"A.Example.:{port}"),
            ("[::1]:8080", f"[::1]:{port}"),
            ("127.0.0.1", f"127.0.0.1:{port}"),
        ):
            assert location(ask(server, get("/x", host))) == f"https://{there}/x"
        for target, rest in (
            ("http://b.example/p?q", "/p?q"),
            ("http://b.example?q=/", "?q=/"),
            ("http://b.example", ""),
        ):
            # RFC 9112 3.2.2: the authority of the target wins over the Host field.
            assert location(ask(server, get(target))) == f"https://b.example:{port}{rest}"
        assert location(ask(server, get("*", method="OPTIONS"))) == f"https://a.example:{port}"
        for method in ("PUT", "DELETE", "BREW", "HEAD"):
            answer = ask(server, get("/m", method=method, more="Content-Length: 0\r\n"))
            assert answer.startswith(b"HTTP/1.1 308 ")
            assert location(answer) == f"https://a.example:{port}/m"
            assert answer.endswith(b"\r\n\r\n") == (method == "HEAD")
        # The body is for the other address: nobody waits for it, and no 100 asks for it.
        waits = "Content-Length: 1000000\r\nExpect: 100-continue\r\n"
        answer = ask(server, get("/m", method="POST", more=waits))
        assert answer.startswith(b"HTTP/1.1 308 ")
        assert b"\r\nConnection: close\r\n" in answer


def test_what_is_wrong_is_answered_as_anywhere(places):
    with redirecting(places, "apps:native", "--access-log") as server:
        for request, status in (
            (b"GET / HTTP/1.1\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n", 400),
            (b"GET / HTTP/1.0\r\n\r\n", 400),
            (b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            (b"GET /\r\nSet-Cookie: a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            (b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 501),
        ):
            answer = ask(server, request)
            assert answer.startswith(b"HTTP/1.1 %d " % status), (request, answer)
            assert location(answer) is None
        assert eventually(lambda: '"GET / HTTP/1.0" 400' in server.out, "it stands in the log")


def test_it_keeps_the_connection_and_knows_allowed_hosts_only(places):
    words = ("--allowed-host", "a.example")
    with redirecting(places, "apps:native", *words) as server, plain(server) as sock:
        for number in range(3):
            sock.sendall(b"GET /%d HTTP/1.1\r\nHost: a.example\r\n\r\n" % number)
            assert location(sock.recv(4096)).endswith(f"/{number}")
        sock.sendall(b"GET /4 HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        assert read_to_end(sock).startswith(b"HTTP/1.1 421 ")


def test_both_end_at_a_stop_and_the_last_answer_says_so(places):
    with redirecting(places, "apps:native") as server:
        with plain(server) as sock:
            sock.sendall(b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n")
            assert b"Connection: close" not in sock.recv(4096)
            server.process.send_signal(signal.SIGTERM)
            eventually(lambda: is_refused(ports(server)[1]), "nobody is accepted any more")
            sock.sendall(b"GET /b HTTP/1.1\r\nHost: a.example\r\n\r\n")
            answer = read_to_end(sock)
            assert location(answer).endswith("/b")
            assert b"\r\nConnection: close\r\n" in answer
        assert server.wait() == 0


def test_behind_a_proxy_that_says_for_whom(places):
    with redirecting(
        places, "apps:native", redirect=("--tls-redirect", "127.0.0.1:0,proxy=v1")
    ) as server:
        answer = ask(server, b"PROXY TCP4 1.2.3.4 5.6.7.8 9 80\r\n" + get("/x"))
        assert answer.startswith(b"HTTP/1.1 308 ")
        eventually(lambda: "1.2.3.4" in server.out, "the client is in the log")


def test_workers_redirect_too(places):
    with redirecting(places, "apps:native", "--workers", "2") as server:
        for _ in range(8):
            answer = ask(server, get("/x"))
            assert answer.startswith(b"HTTP/1.1 308 ")
            assert location(answer) == f"https://a.example:{ports(server)[0]}/x"


def test_a_unix_socket_redirects_to_the_tcp_one(places, tmp_path):
    path = str(tmp_path / "s")
    with redirecting(places, "apps:native", redirect=("--tls-redirect", f"unix:{path}")) as server:
        assert f"; unix:{path} redirects there" in server.out
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(path)
            sock.sendall(get("/x"))
            assert location(read_to_end(sock)) == f"https://a.example:{server.port}/x"


class TestWhatCannotBe:
    @pytest.mark.parametrize(
        ("words", "says"),
        [
            ((), "--tls-redirect goes with --ssl-certfile"),
            (("--tls-self-signed", "--model", "threads"), "threads serve no TLS"),
            (("--tls-self-signed", "--tls-redirect", "nowhere"), "cannot bind to 'nowhere"),
            (("--tls-self-signed", "--tls-redirect", "127.0.0.1:1,tls"), "each once"),
            (("--tls-self-signed", "--tls-redirect", "0.0.0.0:0"), "for this machine alone"),
        ],
    )
    def test_words(self, words, says):
        done = run_reactor("serve", *REDIRECT, *words)
        assert done.returncode == 2
        assert says in done.stderr

    def test_binds(self, places, tmp_path):
        folder, _, pair = places
        for words, says in (
            (("--bind", "127.0.0.1:0,plain"), "no other one speaks TLS"),
            (("--bind", "127.0.0.1:0,redirect"), "no other one speaks TLS"),
            (("apps:Echo", "--port", "0"), "a TCP protocol is no http"),
        ):
            done = run_reactor("serve", *REDIRECT, *pair, *words, cwd=folder)
            assert done.returncode == 3, done.stderr
            assert says in done.stderr
        with pytest.raises(ConfigurationError, match="there is no certificate"):
            Server(str(tmp_path), bind=["127.0.0.1:0", "127.0.0.1:0,redirect"])


def test_how_a_bind_says_it():
    bind = parse_bind("[::1]:80,redirect,proxy=v2")
    assert (bind.redirect, bind.tls, str(bind)) == (True, False, "[::1]:80,redirect,proxy=v2")


def test_sockets_that_were_passed_say_by_name_what_they_are_for(places, tmp_path):
    folder, _, pair = places
    path = str(tmp_path / "s")
    words = ("--bind", "fd:https", "--tls-redirect", "fd:http", *pair, "--allowed-host", "*")
    passed = ("ours", "https:http", "apps:native", *words, "--allow-root")
    with activated(path, *passed, cwd=folder) as server, socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        sock.sendall(get("/x"))
        assert location(read_to_end(sock)) == f"https://a.example:{server.port}/x"


def test_the_others_of_those_that_were_passed_have_to_be_said(places, tmp_path):
    folder, _, pair = places
    passed = ("ours", "https:http", "apps:native", "--tls-redirect", "fd:http", *pair)
    with activated(str(tmp_path / "s"), *passed, cwd=folder, announced=False) as server:
        assert server.wait() == 2
        assert "say by --bind fd:N which are for https" in server.err


def test_from_python(places):
    _, pems, (_, cert, _, key) = places
    tls = TlsOptions(certificates=((cert, key),))
    binds = ["127.0.0.1:0,redirect", "127.0.0.1:0"]
    before = open_descriptors()
    with Server(lambda request: Response(200, {}, "by https"), bind=binds, tls=tls) as server:
        (url,) = server.urls
        plain, secured = (sock.getsockname() for sock in server.sockets)
        assert url == f"https://127.0.0.1:{secured[1]}/"
        answer = exchange(plain, get("/x", "127.0.0.1"))
        assert location(answer) == f"{url}x"
        answer = exchange_tls(secured, get("/x", "localhost"), pems.trusting())
        assert answer.endswith(b"by https")
    given_back(before)


def test_the_configuration_that_is_printed_says_it_again(tmp_path):
    words = ("--tls-self-signed", "--tls-redirect", "127.0.0.1:0,proxy=v1")
    printed = run_reactor("serve", *words, "--print-config", cwd=tmp_path)
    assert printed.returncode == 0
    (tmp_path / "printed.toml").write_text(printed.stdout)
    again = run_reactor("serve", "--config", "printed.toml", "--print-config", cwd=tmp_path)
    said = 'tls-redirect = ["127.0.0.1:0,redirect,proxy=v1"]'
    assert said in printed.stdout.replace("_", "-")
    assert said in again.stdout.replace("_", "-")


def test_the_usual_port_is_not_said():
    request = Request("GET", "/x", {"Host": "a.example:80"})
    assert RedirectToHttps(443).respond(request).headers["location"] == "https://a.example/x"
