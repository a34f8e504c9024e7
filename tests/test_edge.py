"""What a server believes of requests: fields of proxies, hosts, origins. On real servers, in both
models, of all kinds of applications."""

from __future__ import annotations

import json
import re
import socket

import pytest
from processes import PATIENCE_S, read_to_end, run_reactor, serving

from reactor.errors import ConfigurationError
from reactor.server.edge import AllowedHosts, EdgePolicy, TrustedProxies, edge_of

APPS = """
import json
from reactor import Response

NAMES = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded", "x-real-ip", "a")

def native(request):
    peer = request.arrival.peer
    seen = {"client": request.client[0] if request.client else "", "scheme": request.scheme,
            "host": request.host, "peer": peer and peer[0],
            "fields": [name for name in NAMES if name in request.headers]}
    return Response(200, {}, json.dumps(seen))

def wsgi(environ, start_response):
    start_response("200 OK", [])
    keys = ["HTTP_" + name.upper().replace("-", "_") for name in NAMES]
    seen = {"client": environ["REMOTE_ADDR"], "scheme": environ["wsgi.url_scheme"],
            "host": environ["HTTP_HOST"], "port": environ["REMOTE_PORT"],
            "fields": [name for name, key in zip(NAMES, keys) if key in environ],
            "path": [environ["SCRIPT_NAME"], environ["PATH_INFO"]]}
    return [json.dumps(seen).encode()]

async def asgi(scope, receive, send):
    fields = dict(scope["headers"])
    seen = {"client": scope["client"][0] if scope["client"] else "", "scheme": scope["scheme"],
            "host": fields[b"host"].decode(),
            "fields": [name for name in NAMES if name.encode() in fields],
            "path": [scope["root_path"], scope["path"]]}
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(seen).encode()})
"""
KINDS = [("native", "reactor"), ("native", "threads"), ("wsgi", "reactor"), ("wsgi", "threads"),
         ("asgi", "reactor")]  # fmt: skip


@pytest.fixture
def apps(tmp_path):
    (tmp_path / "seen.py").write_text(APPS)
    return tmp_path


def ask(server, *fields, host="localhost", target="/", family=socket.AF_INET, address=None):
    """(status, what the application saw)."""
    lines = [f"GET {target} HTTP/1.1", f"Host: {host}", "Connection: close", *fields, "", ""]
    with socket.socket(family) as sock:
        sock.settimeout(PATIENCE_S)
        sock.connect(server.address if address is None else address)
        sock.sendall("\r\n".join(lines).encode("latin-1"))
        head, _, body = read_to_end(sock).partition(b"\r\n\r\n")
    if b"chunked" in head:
        body = body.split(b"\r\n")[1]
    status = int(head.split(b" ")[1])
    return status, json.loads(body) if status == 200 else body.decode()


FORGED = ["X-Forwarded-For: 6.6.6.6, 1.2.3.4:99, [::1]:5", "X-Forwarded-Proto: https",
          "X-Forwarded-Host: site.example", "X-Real-IP: 6.6.6.6", "Forwarded: for=6.6.6.6",
          "A: b"]  # fmt: skip


@pytest.mark.parametrize(("app", "model"), KINDS)
class TestForwarded:
    def test_a_trusted_proxy_is_believed_and_no_field_is_left(self, app, model, apps):
        trusted = ["--trusted-proxy", "127.0.0.0/8,::1"]
        with serving(f"seen:{app}", *trusted, "--model", model, cwd=apps) as server:
            for _ in range(3):  # what is remembered of equal header sections is right too
                status, seen = ask(server, *FORGED)
                assert status == 200
                assert (seen["client"], seen["scheme"]) == ("1.2.3.4", "https")
                assert (seen["host"], seen["fields"]) == ("site.example", ["a"])
                assert seen.get("peer", "127.0.0.1") == "127.0.0.1"
            for fields in (["A: b"], ["X-Forwarded-For: nonsense"]):
                status, seen = ask(server, *fields)
                assert (seen["client"], seen["scheme"]) == ("127.0.0.1", "http")
                assert seen.get("peer") is None  # the proxy asks for itself
            server.stop()
            # The client, and behind the usual fields who has spoken for it.
            assert re.match(r'1\.2\.3\.4 - - .* "-" "-" "127\.0\.0\.1"$', server.access_log[0])
            assert re.match(r'127\.0\.0\.1 - - .* "-" "-"$', server.access_log[-1])

    def test_what_is_remembered_of_one_client_is_not_anothers(self, app, model, apps):
        """The same bytes, of a proxy that is trusted and of a client that is not."""
        path = str(apps / "s")
        words = ["--trusted-proxy", "unix", "-b", "127.0.0.1:0", "--uds", path, "--model", model]
        with serving(f"seen:{app}", *words, cwd=apps) as server:
            for _ in range(4):
                _, seen = ask(server, *FORGED, family=socket.AF_UNIX, address=path)
                assert (seen["client"], seen["host"]) == ("::1", "site.example")
                _, seen = ask(server, *FORGED)
                assert (seen["client"], seen["host"]) == ("127.0.0.1", "localhost")
                assert (seen["scheme"], seen["fields"]) == ("http", ["a"])

    def test_others_are_not_and_their_fields_are_taken_away(self, app, model, apps):
        trusted = ["--forwarded-allow-ips", "10.0.0.0/8"]
        with serving(f"seen:{app}", *trusted, "--model", model, cwd=apps) as server:
            status, seen = ask(server, *FORGED)
            assert status == 200
            assert (seen["client"], seen["scheme"]) == ("127.0.0.1", "http")
            assert (seen["host"], seen["fields"]) == ("localhost", ["a"])

    def test_forwarded_of_the_standard(self, app, model, apps):
        words = ["--trusted-proxy", "127.0.0.1", "--forwarded", "forwarded", "--model", model]
        with serving(f"seen:{app}", *words, cwd=apps) as server:
            status, seen = ask(
                server,
                "X-Forwarded-For: 6.6.6.6",
                "Forwarded: for=6.6.6.6;host=evil.example;proto=https",
                'Forwarded: for="[2001:db8::7]:80";proto=https;host=site.example, for=127.0.0.1',
            )
            assert status == 200
            assert (seen["client"], seen["scheme"]) == ("2001:db8::7", "https")
            assert (seen["host"], seen["fields"]) == ("site.example", [])

    def test_a_unix_socket_is_trusted_by_its_name_only(self, app, model, apps):
        path = str(apps / "s")
        for trusted, client in (("127.0.0.1", ""), ("unix", "1.2.3.4")):
            words = ["--uds", path, "--trusted-proxy", trusted, "--model", model]
            with serving(f"seen:{app}", *words, cwd=apps) as server:
                _, seen = ask(
                    server, "X-Forwarded-For: 1.2.3.4", family=socket.AF_UNIX, address=path
                )
                assert seen["client"] == client


# What X-Forwarded-For says, by a proxy at 127.0.0.1 when 10.0.0.0/8 is trusted too.
WALKS = [
    ("1.2.3.4", "1.2.3.4"),
    ("6.6.6.6, 1.2.3.4, 10.0.0.1, 10.0.0.2", "1.2.3.4"),
    ("10.0.0.3, 10.0.0.1", "10.0.0.3"),  # all are trusted: the first of them began it
    ("1.2.3.4, unknown, 10.0.0.1", "10.0.0.1"),  # nobody knows who stands there
    ("1.2.3.4, _hidden", "127.0.0.1"),
    ("6.6.6.6, nonsense", "127.0.0.1"),
    ("", "127.0.0.1"),
    (",,, ,", "127.0.0.1"),
    ("1.2.3.4," + "10.0.0.1," * 31 + "10.0.0.2", "10.0.0.1"),  # 32 are looked at
    ("1.2.3.4," + "10.0.0.1," * 30 + "10.0.0.2", "1.2.3.4"),
]


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("walked")
    (folder / "seen.py").write_text(APPS)
    with serving(
        "seen:wsgi", "--trusted-proxy", "127.0.0.1", "--trusted-proxy", "10.0.0.0/8", cwd=folder
    ) as server:
        yield server


@pytest.mark.parametrize(("said", "client"), WALKS)
def test_the_list_is_walked_from_the_right(said, client, walked):
    assert ask(walked, f"X-Forwarded-For: {said}")[1]["client"] == client
    # In several lines it is the same list (RFC 9110 5.3).
    lines = [f"X-Forwarded-For: {one}" for one in said.split(",")]
    assert ask(walked, *lines)[1]["client"] == client


@pytest.mark.parametrize(
    ("fields", "scheme", "host"),
    [
        (["X-Forwarded-Proto: HTTPS"], "https", "localhost"),
        (["X-Forwarded-Proto: ftp"], "http", "localhost"),
        (["X-Forwarded-Proto: http, https"], "https", "localhost"),
        (["X-Forwarded-Host: evil.example, site.example:8443"], "http", "site.example:8443"),
        (["X-Forwarded-Host: <script>"], "http", "localhost"),
        (["X-Forwarded-Host: " + "a" * 300], "http", "localhost"),
        # Each proxy has said it: what was said together with the client counts.
        (["X-Forwarded-For: 1.2.3.4, 10.0.0.1", "X-Forwarded-Proto: https, http"], "https",
         "localhost"),
    ],
)  # fmt: skip
def test_scheme_and_host_are_those_of_the_nearest_proxy(fields, scheme, host, walked):
    seen = ask(walked, *fields)[1]
    assert (seen["scheme"], seen["host"]) == (scheme, host)


def test_a_star_trusts_who_connects_and_nobody_behind(apps):
    with serving("seen:wsgi", "--trusted-proxy", "*", cwd=apps) as server:
        assert ask(server, "X-Forwarded-For: 6.6.6.6, 1.2.3.4")[1]["client"] == "1.2.3.4"


def test_without_a_word_the_fields_are_any_other(apps):
    with serving("seen:wsgi", cwd=apps) as server:
        seen = ask(server, *FORGED)[1]
        assert (seen["client"], seen["scheme"], seen["host"]) == ("127.0.0.1", "http", "localhost")
        assert "x-forwarded-for" in seen["fields"]


@pytest.mark.parametrize(
    ("app", "target", "path"),
    [
        ("wsgi", "/app/x", ["/app", "/x"]),
        ("wsgi", "/x", ["/app", "/x"]),  # the proxy has taken it off
        ("wsgi", "/app", ["/app", ""]),
        ("wsgi", "/apple", ["/app", "/apple"]),
        ("asgi", "/x", ["/app", "/app/x"]),
    ],
)
def test_where_an_application_is_mounted(app, target, path, apps):
    with serving(f"seen:{app}", "--root-path", "/app/", cwd=apps) as server:
        assert ask(server, target=target)[1]["path"] == path


# --- hosts ----------------------------------------------------------------------------------

ALONE = ["--allowed-host", "extra.example"]  # and what stands for this machine
OWN = [
    "localhost",
    "LocalHost:1",
    "a.localhost",
    "localhost.",
    "127.0.0.1",
    "127.9.9.9:80",
    "[::1]:8",
]
FOREIGN = ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil.example:8000",
           "0.0.0.0", "128.0.0.1", "notlocalhost"]  # fmt: skip


@pytest.mark.parametrize(("app", "model"), [*KINDS, ("", "reactor"), ("", "threads")])
def test_on_loopback_a_server_answers_for_this_machine_only(app, model, apps):
    """DNS rebinding: a page of evil.example that has this machine's address."""
    target = f"seen:{app}" if app else str(apps)
    with serving(target, *ALONE, "--model", model, cwd=apps) as server:
        for host in [*OWN, "extra.example"]:
            assert status_of(server, host) == 200, host
        for host in FOREIGN:
            assert status_of(server, host) == 421, host
        assert b"--allowed-host" in answer_of(server, "evil.example")


def answer_of(server, host, *fields):
    lines = ["GET / HTTP/1.1", f"Host: {host}", "Connection: close", *fields, "", ""]
    with server.connect() as sock:
        sock.sendall("\r\n".join(lines).encode())
        return read_to_end(sock)


def status_of(server, host):
    return int(answer_of(server, host).split(b" ")[1])


def test_what_a_proxy_says_is_held_to_the_same_hosts(apps):
    words = [*ALONE, "--trusted-proxy", "127.0.0.1"]
    with serving("seen:wsgi", *words, cwd=apps) as server:
        assert ask(server, "X-Forwarded-Host: extra.example")[0] == 200
        assert ask(server, "X-Forwarded-Host: evil.example")[0] == 421
        assert ask(server, "X-Forwarded-Host: extra.example", host="evil.example")[0] == 200


def test_names_below_a_name_and_any():
    hosts = AllowedHosts(["*.example.com", "10.0.0.0/8", "[2001:db8::1]"])
    assert hosts.allows("a.example.com") and hosts.allows("a.b.example.com:80")
    assert hosts.allows("10.1.2.3") and hosts.allows("[2001:db8::1]:80")
    for host in ("example.com", "aexample.com", "11.0.0.1", "", "[2001:db8::2]"):
        assert not hosts.allows(host)


def test_http_1_0_without_a_host_is_no_browser(apps):
    with serving("seen:native", *ALONE, cwd=apps) as server, server.connect() as sock:
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert b" 200 OK\r\n" in read_to_end(sock)


def test_a_websocket_has_the_same_client(apps):
    (apps / "echoing.py").write_text(
        "from reactor.http._websocket import WebSocket\n\n"
        "class Telling(WebSocket):\n"
        "    def on_open(self, request):\n"
        "        self.send(self.client[0])\n\n"
        "def app(request):\n    return request.websocket(Telling)\n"
    )
    fields = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]  # fmt: skip
    with serving("echoing:app", "--trusted-proxy", "127.0.0.1", cwd=apps) as server:
        for forwarded, client in (["X-Forwarded-For: 1.2.3.4"], "1.2.3.4"), ([], "127.0.0.1"):
            lines = ["GET / HTTP/1.1", "Host: localhost", *fields, *forwarded, "", ""]
            with server.connect() as sock:
                sock.sendall("\r\n".join(lines).encode())
                data = b""
                while client.encode() not in data:
                    data += sock.recv(4096)
                assert b" 101 " in data


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--trusted-proxy", "10.0.0.1/8"], "host bits"),
        (["--trusted-proxy", "proxy.example"], "is no proxy"),
        (["--trusted-proxy", "127.0.0.1,1.2.3.4.5"], "'1.2.3.4.5' is no proxy"),
        (["--allowed-host", "a b"], "is no host"),
        (["--allowed-host", "a/b"], "is no host"),
        (["--allowed-host", "*."], "is no host"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(words, says):
    done = run_reactor("serve", "--port", "0", *words)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert says in done.stderr


def test_a_policy_of_a_program():
    with socket.create_server(("127.0.0.1", 0)) as alone:
        assert edge_of(EdgePolicy(hosts=("*",)), [alone]) is None
        assert edge_of(EdgePolicy(), [alone]) is not None
        with pytest.raises(ConfigurationError, match="proxies speak by"):
            edge_of(EdgePolicy(forwarded="other"), [alone])
    with socket.create_server(("0.0.0.0", 0)) as public:
        assert edge_of(EdgePolicy(), [public]) is None
        assert edge_of(EdgePolicy(hosts=("a",)), [public]) is not None


def test_what_is_remembered_of_nodes_is_bounded():
    trusted = TrustedProxies(["10.0.0.0/8"])
    for number in range(3000):
        trusted.look(f"1.2.{number // 250}.{number % 250}")
    assert len(trusted._nodes) <= 1024
