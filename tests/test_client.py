"""`Client` on a reactor: pools, redirects, retries, credentials, proxies, uploads, names, TLS."""

from __future__ import annotations

import gc
import gzip
import io
import re
import socket
import ssl
import weakref
import zlib

import pytest
import trustme

import reactor
from reactor import Inet, Limits, LocalProtocolError, Reactor, RequestParser, parse_response
from reactor.client import Client, Proxies, Url, fetch
from reactor.client.asked import pause_before
from reactor.client.decoding import PIECE_BYTES_MAX, Decoder
from reactor.client.failures import resolve_failure
from reactor.client.resolve import Resolver, numeric
from reactor.errors import FetchError
from reactor.limits import CLIENT_LIMITS
from reactor.net import Protocol
from reactor.net.tls import TlsProtocol

HERE = "Date: Wed, 25 Nov 2026 08:00:00 GMT"
QUICK = Limits(retry_pause_s=0.01, connect_timeout_s=5, response_timeout_s=5)


def response(body=b"", status="200 OK", **fields):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Server(Protocol):
    """One connection of a `Site`; an answer of None closes without one."""

    def __init__(self, site):
        self.site = site
        self.parser = RequestParser()
        self.request, self.body = None, b""
        site.connections += 1
        site.open += 1
        site.open_max = max(site.open, site.open_max)

    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, exc):
        self.site.open -= 1

    def data_received(self, data):
        self.parser.feed(data)
        while (item := self.parser.next()) is not None:
            if hasattr(item, "method"):
                self.request, self.body = item, item.body
                if not item.complete:
                    continue
            elif hasattr(item, "data"):
                self.body += item.data
                continue
            self.site.requests.append((self.request, self.body))
            answer = self.site.answer(self.request)
            if answer is None:
                self.transport.abort()
                return
            self.transport.write(answer)


class Site:
    def __init__(self, loop, answer, tls=None):
        self.requests, self.connections, self.open, self.open_max = [], 0, 0, 0
        self.answer = answer

        def factory():
            server = Server(self)
            if tls is None:
                return server
            return TlsProtocol(tls, server, lambda error: None, server_side=True)

        self.port = loop.listen(Inet("127.0.0.1", 0), factory).addresses[0].port
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.port}"


class Result:
    def __init__(self):
        self.head, self.body, self.error, self.done, self.transfer = None, b"", None, False, None


class Bench:
    """A reactor with sites and a client on it."""

    def __init__(self):
        self.reactor = Reactor()
        self.clients = []
        self.pending = 0

    def site(self, answer, tls=None):
        return Site(self.reactor, answer, tls)

    def client(self, limits=QUICK, **options):
        self.clients.append(Client(self.reactor, limits, **options))
        return self.clients[-1]

    def ask(self, client, url, method="GET", **options):
        result = Result()
        self.pending += 1

        def on_head(head, transfer):
            result.head = head

        def on_body(data):
            result.body += data

        def on_done(error):
            assert not result.done
            result.done, result.error = True, error
            self.pending -= 1
            if not self.pending:
                self.reactor.stop()

        callbacks = {"on_head": on_head, "on_body": on_body, "on_done": on_done}
        result.transfer = client.request(method, url, **{**callbacks, **options})
        return result

    def get(self, url, method="GET", client=None, **options):
        result = self.ask(client or self.client(), url, method, **options)
        self.run()
        return result

    def run(self):
        bound = self.reactor.call_later(20, pytest.fail, "it takes too long")
        self.reactor.run()
        bound.cancel()


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    for client in bench.clients:
        client.close()
    bench.reactor.close()


def hello(request):
    return response(b"hello")


# --- connections ---------------------------------------------------------------------------------


def test_a_connection_is_kept_and_no_more_are_opened_than_allowed(bench):
    site = bench.site(hello)
    client = bench.client(per_host=2)
    results = [bench.ask(client, site.url) for _ in range(20)]
    bench.run()
    assert [(r.head.status, r.body, r.error) for r in results] == [(200, b"hello", None)] * 20
    assert (site.connections, site.open_max) == (2, 2)
    assert results[0].transfer.address == f"127.0.0.1:{site.port}"
    assert {"dns", "connect", "first_byte", "total"} == set(results[0].transfer.timings)


def test_a_connection_that_the_server_had_closed_is_no_failure(bench):
    count = iter(range(100))
    site = bench.site(lambda request: None if next(count) == 1 else response(b"hello"))
    client = bench.client(per_host=1, retries=0)
    assert bench.get(site.url, client=client).error is None
    second = bench.get(site.url, client=client)
    assert (second.body, second.error, len(site.requests)) == (b"hello", None, 3)


def test_what_may_not_be_repeated_is_not(bench):
    count = iter(range(100))
    site = bench.site(lambda request: None if next(count) == 1 else response(b"hello"))
    client = bench.client(per_host=1)
    bench.get(site.url, client=client)
    failed = bench.get(site.url, "POST", client=client, body=b"order")
    assert (failed.error.exit_code, len(site.requests)) == (56, 2)


def test_a_cancelled_transfer_says_nothing_more(bench):
    site = bench.site(hello)
    client = bench.client(per_host=1)
    told = []
    callbacks = dict.fromkeys(["on_head", "on_body", "on_done"], lambda *args: told.append(args))
    first, waiting = (client.request("GET", site.url, **callbacks) for _ in range(2))
    first.cancel()
    waiting.cancel()
    assert bench.get(site.url, client=client).body == b"hello"
    assert told == []


def test_a_paused_transfer_waits(bench):
    big = b"x" * 1_000_000
    site = bench.site(lambda request: response(big))
    told = []

    def on_head(head, transfer):
        transfer.pause()
        bench.reactor.call_later(0.05, told.append, "paused")
        bench.reactor.call_later(0.06, transfer.resume)

    size = 0

    def on_body(data):
        nonlocal size
        assert told == ["paused"]
        size += len(data)

    assert bench.get(site.url, on_head=on_head, on_body=on_body).error is None
    assert size == len(big)


def test_what_is_over_is_freed_without_a_collector(bench):
    class Holder:
        """Holds its transfer, which holds its callbacks: one of them has to let go."""

        def __init__(self, client, url):
            told = {"on_head": self.told, "on_body": self.told, "on_done": self.done}
            self.transfer = client.request("GET", url, **told)

        def told(self, *arguments):
            pass

        def done(self, error):
            bench.reactor.stop()

    holder = Holder(bench.client(), bench.site(hello).url)
    bench.run()
    held = weakref.ref(holder)
    gc.disable()
    try:
        del holder
        assert held() is None
    finally:
        gc.enable()


def test_what_the_user_raises_is_told_to_the_user(bench):
    error = KeyError("mine")

    def on_body(data):
        raise error

    site = bench.site(hello)
    assert bench.get(site.url, on_body=on_body).error is error


# --- redirects and retries -----------------------------------------------------------------------


def test_redirects_drop_secrets_at_another_origin(bench):
    other = bench.site(hello)
    site = bench.site(
        lambda request: response(
            status="302 Found", Location=f"{other.url}/end" if request.path == "/2" else "/2"
        )
    )
    secrets = [("Authorization", "Basic secret"), ("Cookie", "a=b"), ("X", "y")]
    result = bench.get(f"{site.url}/1", headers=secrets)
    assert result.body == b"hello"
    assert result.transfer.url == f"{other.url}/end"
    assert result.transfer.redirects == [f"{site.url}/1", f"{site.url}/2"]
    assert [r.headers.get("cookie") for r, _ in site.requests] == ["a=b", "a=b"]
    [(request, _)] = other.requests
    assert request.headers.get("authorization") is None
    assert request.headers.get("cookie") is None
    assert request.headers["x"] == "y"
    assert request.host == f"127.0.0.1:{other.port}"


@pytest.mark.parametrize(
    ("status", "method", "after", "body"),
    [
        (301, "POST", "GET", b""),
        (302, "POST", "GET", b""),
        (303, "PUT", "GET", b""),
        (307, "POST", "POST", b"data"),
        (308, "PUT", "PUT", b"data"),
    ],
)
def test_what_a_redirect_makes_of_the_method(bench, status, method, after, body):
    site = bench.site(
        lambda request: (
            hello(request)
            if request.path == "/2"
            else response(status=f"{status} Go", Location="2")
        )
    )
    assert bench.get(f"{site.url}/1", method, body=b"data").body == b"hello"
    request, sent = site.requests[1]
    assert (request.method, sent) == (after, body)


def test_redirects_have_an_end(bench):
    site = bench.site(lambda request: response(status="302 Found", Location="/again"))
    assert bench.get(site.url).error.exit_code == 47
    assert len(site.requests) == 11


def test_passing_failures_are_tried_again(bench):
    count = iter(range(100))
    site = bench.site(
        lambda request: (
            hello(request) if next(count) == 2 else response(status="503 Busy", Retry_After="0")
        )
    )
    assert bench.get(site.url).body == b"hello"
    assert len(site.requests) == 3


def test_a_server_that_asks_for_an_hour_is_not_waited_for(bench):
    site = bench.site(lambda request: response(status="503 Busy", Retry_After="3600"))
    assert bench.get(site.url).head.status == 503
    assert len(site.requests) == 1


@pytest.mark.parametrize(
    ("fields", "now", "pause"),
    [
        (["Retry-After: 7"], 0, 7),
        (["Retry-After: 61"], 0, None),
        ([f"Retry-After: {'9' * 400}"], 0, None),
        # By the server's own clock, whatever ours says.
        ([HERE, "Retry-After: Wed, 25 Nov 2026 08:00:30 GMT"], 0, 30),
        ([HERE, "Retry-After: Wed, 25 Nov 2026 09:00:00 GMT"], 0, None),
        ([HERE, "Retry-After: Wed, 25 Nov 2026 07:00:00 GMT"], 0, 0),
        (["Retry-After: Thursday, 01-Jan-70 00:00:30 GMT"], 10, 20),
        (["Retry-After: Thu Jan  1 00:00:30 1970"], 10, 20),
    ],
)
def test_how_long_a_server_asks_to_be_left_alone(fields, now, pause):
    told = parse_response("\r\n".join(["HTTP/1.1 503 X", *fields, "", ""]).encode())
    assert pause_before(1, told, Limits(), now) == pause


@pytest.mark.parametrize("value", ["", "-1", "1.5", "1e9", "soon", "\u0661", "Wed, 25 Nov"])
def test_a_retry_after_that_is_none_is_a_usual_pause(value):
    told = parse_response(f"HTTP/1.1 503 X\r\nRetry-After: {value}\r\n\r\n".encode())
    limits = Limits()
    assert limits.retry_pause_s / 2 <= pause_before(1, told, limits) <= limits.retry_pause_s


def test_max_time_bounds_everything(bench):
    site = bench.site(lambda request: b"")
    assert bench.get(site.url, max_time_s=0.05).error.exit_code == 28


# --- what is sent --------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 5, 300_000])
def test_uploads(bench, size):
    site = bench.site(hello)
    data = b"d" * size

    class Pipe(io.BytesIO):
        def seekable(self):
            return False

    for body in (data, io.BytesIO(data), Pipe(data)):
        assert bench.get(site.url, "PUT", body=body).error is None
    assert [body for _, body in site.requests] == [data] * 3
    assert [r.chunked for r, _ in site.requests] == [False, False, True]


def test_a_password_in_the_url_is_sent_and_not_shown(bench):
    site = bench.site(lambda request: None)
    result = bench.get(site.url.replace("//", "//me:s%3Acret@"), client=bench.client(retries=0))
    assert "cret" not in str(result.error)
    [(request, _)] = site.requests
    assert request.headers["authorization"] == "Basic bWU6czpjcmV0"


def test_what_no_server_may_be_sent_is_refused_at_once(bench):
    with pytest.raises(LocalProtocolError):
        bench.ask(bench.client(), "http://127.0.0.1/", headers=[("X", "a\r\nb: c")])


# --- content codings -----------------------------------------------------------------------------

PAGE = b"page " * 100_000


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(PAGE, mtime=0)),
        ("gzip", gzip.compress(PAGE[:1000], mtime=0) + gzip.compress(PAGE[1000:], mtime=0)),
        ("deflate", zlib.compress(PAGE)),
        ("deflate", zlib.compress(PAGE, wbits=-15)),
    ],
)
def test_codings_are_undone_when_they_were_asked_for(bench, coding, body):
    site = bench.site(lambda request: response(body, Content_Encoding=coding))
    assert bench.get(site.url, client=bench.client(compressed=True)).body == PAGE
    assert bench.get(site.url).body == body  # exact sizes, if it was not asked for


@pytest.mark.parametrize("body", [gzip.compress(PAGE, mtime=0)[:-1], b"no gzip"])
def test_a_coding_that_is_broken_is_an_error(bench, body):
    site = bench.site(lambda request: response(body, Content_Encoding="gzip"))
    assert bench.get(site.url, client=bench.client(compressed=True)).error.exit_code == 61


def test_a_bomb_is_decoded_a_piece_at_a_time():
    bomb = gzip.compress(bytes(8_000_000))
    sizes = [len(piece) for piece in Decoder("gzip").feed(bomb)]
    assert sum(sizes) == 8_000_000
    assert max(sizes) <= PIECE_BYTES_MAX


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def cafile(authority, tmp_path):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


def test_a_pause_is_told_before_it_is_made_and_interim_responses_are_traced(bench):
    answers = [response(status="503 Later"), b"HTTP/1.1 103 Hints\r\n\r\n" + response(b"hello")]
    site = bench.site(lambda request: answers.pop(0))
    notes, heads = [], []
    client = bench.client(note=notes.append, trace=heads.append)
    assert bench.get(site.url, client=client).body == b"hello"
    assert notes == [f"{site.url}: the server answered 503; trying again in 0.0 s"]
    assert [head.status for head in heads if not isinstance(head, bytes)] == [503, 103, 200]


def test_a_head_may_be_larger_than_a_request_s(bench):
    big = {"X_Big": "x" * 60_000}
    site = bench.site(lambda request: response(b"hello", **big))
    client = bench.client(CLIENT_LIMITS)
    assert bench.get(site.url, client=client).body == b"hello"
    big["X_More"] = "x" * 6_000
    assert bench.get(site.url, client=client).error.exit_code == 8


def test_a_client_that_is_closed_asks_nothing(bench):
    client = bench.client()
    assert bench.get(bench.site(hello).url, client=client).body == b"hello"
    client.close()
    with pytest.raises(RuntimeError, match="the client is closed"):
        bench.ask(client, "http://127.0.0.1:1/")


# --- proxies -------------------------------------------------------------------------------------


def test_a_proxy_is_told_the_whole_url(bench):
    proxy = bench.site(hello)
    proxies = Proxies(http=proxy.url.replace("//", "//me:secret@"))
    assert bench.get("http://example.invalid/a?b", client=bench.client(proxies=proxies)).body
    [(request, _)] = proxy.requests
    assert request.target == "http://example.invalid/a?b"
    assert request.headers["proxy-authorization"] == "Basic bWU6c2VjcmV0"


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("proxy", "code", "said"),
    [
        ("http://127.0.0.1:1", 7, r"nothing listens on 127.0.0.1 port 1 \(the proxy\)"),
        ("http://nowhere.invalid", 5, "the proxy's host 'nowhere.invalid' "),
    ],
)
def test_a_proxy_that_cannot_be_reached_is_not_taken_for_the_host(
    bench, cafile, scheme, proxy, code, said
):
    client = bench.client(cafile=cafile, proxies=Proxies(proxy, proxy), retries=0)
    error = bench.get(f"{scheme}://example.invalid/", client=client).error
    assert error.exit_code == code
    assert re.search(said, str(error))


def test_a_name_that_cannot_be_looked_up_now_is_not_called_unknown():
    error = OSError(socket.EAI_AGAIN, "Temporary failure in name resolution")
    now = resolve_failure("U", "h", error, False)
    assert str(now) == "U: the host 'h' cannot be looked up: Temporary failure in name resolution"
    assert now.exit_code == 6
    assert resolve_failure("U", "h", TimeoutError(), False).exit_code == 28


def test_which_proxy_the_environment_names():
    found = Proxies.from_environment(
        {
            "http_proxy": "a:1",
            "HTTP_PROXY": "bad:1",
            "HTTPS_PROXY": "http://b:2",
            "no_proxy": "x.org, .y.org 10.0.0.0/8 fe80::/10 a/b",
        }
    )
    assert found.proxy_for(Url.parse("http://h/")).where == "a port 1"
    assert found.proxy_for(Url.parse("https://h/")).where == "b port 2"
    direct = "http://x.org/ http://sub.x.org/ http://a.y.org/ http://10.9.8.7/ http://[fe80::1]/"
    for exempt in direct.split():
        assert found.proxy_for(Url.parse(exempt)) is None
    for other in ("http://notx.org/", "http://11.0.0.1/", "http://[::1]/"):
        assert found.proxy_for(Url.parse(other)) is not None
    assert Proxies.from_environment({"HTTP_PROXY": "bad:1"}).http is None


# --- TLS -----------------------------------------------------------------------------------------


def server_context(authority, name="127.0.0.1"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def test_https(bench, authority, cafile):
    big = b"x" * 1_000_000
    site = bench.site(lambda request: response(big), server_context(authority))
    client = bench.client(cafile=cafile, per_host=1)
    results = [bench.ask(client, site.url) for _ in range(3)]
    bench.run()
    assert [(r.error, r.body == big) for r in results] == [(None, True)] * 3
    assert site.connections == 1
    assert "tls" in results[0].transfer.timings


def test_a_certificate_that_is_not_trusted(bench, authority, cafile):
    site = bench.site(hello, server_context(authority))
    assert bench.get(site.url).error.exit_code == 60
    assert bench.get(site.url, client=bench.client(insecure=True)).body == b"hello"
    other = bench.site(hello, server_context(authority, "other.example"))
    assert bench.get(other.url, client=bench.client(cafile=cafile)).error.exit_code == 60


def test_plain_bytes_on_the_tls_port(bench):
    site = bench.site(lambda request: b"")
    site.answer = hello

    class Plain(Protocol):
        def connection_made(self, transport):
            transport.write(b"SSH-2.0-OpenSSH\r\n")

    port = bench.reactor.listen(Inet("127.0.0.1", 0), Plain).addresses[0].port
    error = bench.get(f"https://127.0.0.1:{port}/").error
    assert error.exit_code == 35
    assert str(error).endswith(": it does not speak TLS")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_a_server_that_speaks_only_an_old_tls(bench, authority, cafile):
    old = server_context(authority)
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    site = bench.site(hello, old)
    error = bench.get(site.url, client=bench.client(cafile=cafile)).error
    assert error.exit_code == 35
    assert str(error).endswith(": it speaks no TLS 1.2 or later")


def test_https_through_a_proxy(bench, authority, cafile):
    site = bench.site(hello, server_context(authority))
    reactor_ = bench.reactor

    class Proxy(Protocol):
        """CONNECT, then bytes both ways."""

        def connection_made(self, transport):
            self.transport, self.other, self.head = transport, None, b""

        def data_received(self, data):
            if self.other is not None:
                self.other.write(data)
                return
            self.head += data
            client = self

            class There(Protocol):
                def connection_made(self, transport):
                    client.other = transport
                    client.transport.write(b"HTTP/1.1 200 Connected\r\n\r\n")

                def data_received(self, data):
                    client.transport.write(data)

            target = (socket.AF_INET, ("127.0.0.1", site.port))
            reactor_.connect([target], There, pytest.fail)

    port = reactor_.listen(Inet("127.0.0.1", 0), Proxy).addresses[0].port
    heads = []
    proxies = Proxies(https=f"127.0.0.1:{port}")
    client = bench.client(cafile=cafile, proxies=proxies, trace=heads.append)
    assert bench.get(site.url, client=client).body == b"hello"
    asked = [head.split()[0] if isinstance(head, bytes) else head.status for head in heads]
    assert asked == [b"CONNECT", 200, b"GET", 200]


@pytest.mark.parametrize("closes_well", [True, False])
def test_an_end_that_nobody_signed_is_none(bench, authority, cafile, closes_well):
    class ByClose(Protocol):
        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            self.transport.write(b"HTTP/1.1 200 OK\r\n\r\nhello")
            if closes_well:
                self.transport.close()
            else:
                self.transport._below.close()

    context = server_context(authority)

    def factory():
        return TlsProtocol(context, ByClose(), lambda error: None, server_side=True)

    port = bench.reactor.listen(Inet("127.0.0.1", 0), factory).addresses[0].port
    result = bench.get(f"https://127.0.0.1:{port}/", client=bench.client(cafile=cafile))
    assert result.body == b"hello"
    assert (result.error is None) is closes_well
    if not closes_well:
        assert result.error.exit_code == 18


# --- names ---------------------------------------------------------------------------------------


def test_names_are_looked_up_beside_the_loop():
    told = {}
    name = socket.gethostname()

    def tell(host, found):
        told[host] = found
        if len(told) == 2:
            loop.stop()

    with Reactor() as loop:
        resolver = Resolver(loop)
        for host in (name, "no-such-host.invalid"):
            resolver.resolve(host, lambda found, host=host: tell(host, found))
        bound = loop.call_later(20, loop.stop)
        loop.run()
        bound.cancel()
        resolver.close()
    expected = {info[4][0] for info in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)}
    assert {address for _, address, _ in told[name]} == expected
    unknown = told["no-such-host.invalid"]
    with pytest.raises(OSError) as raised:
        socket.getaddrinfo("no-such-host.invalid", None)
    assert isinstance(unknown, OSError)
    assert (unknown.errno, unknown.strerror) == raised.value.args


def test_numbers_and_localhost_need_no_lookup():
    assert numeric("127.0.0.1") == [(socket.AF_INET, "127.0.0.1", 0)]
    assert numeric("::1") == [(socket.AF_INET6, "::1", 0)]
    assert {address for _, address, _ in numeric("localhost")} == {"::1", "127.0.0.1"}
    assert numeric("example.org") is None


# --- URLs, and the blocking calls ----------------------------------------------------------------


def test_urls():
    url = Url.parse("https://me:pass@b\u00fccher.example:444/a b?c=\u00e9#fragment")
    assert url.text == "https://b\u00fccher.example:444/a b?c=\u00e9"
    assert (url.host, url.port, url.target) == ("xn--bcher-kva.example", 444, "/a%20b?c=%C3%A9")
    assert url.credentials == ("me", "pass")
    assert Url.parse("http://[::1]/").authority == "[::1]"
    assert url.join("../d").target == "/d"
    for bad in ("ftp://a/", "http://", "http://a:99999/", "http://a b/", "//a/"):
        with pytest.raises(FetchError) as caught:
            Url.parse(bad)
        assert caught.value.exit_code == 3


def test_more_than_fits_in_memory_is_refused(monkeypatch):
    from fetching import canned

    with canned(response(b"x" * 11)) as (url, _), pytest.raises(FetchError) as caught:
        reactor.get(url, Limits(fetched_body_bytes_max=10))
    assert caught.value.exit_code == 63
    with canned(response(b"hello")) as (url, _):
        pieces = []
        fetch(url, lambda head: None, pieces.append)
    assert b"".join(pieces) == b"hello"
