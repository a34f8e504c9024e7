"""`Client` on a reactor: pools, what is sent, content codings, URLs, the blocking calls."""

from __future__ import annotations

import gc
import gzip
import io
import weakref
import zlib

import pytest
import transfers
from transfers import hello, response

import reactor
from reactor import Limits, LocalProtocolError
from reactor.client import Url, fetch
from reactor.client.decoding import PIECE_BYTES_MAX, Decoder
from reactor.errors import FetchError
from reactor.limits import CLIENT_LIMITS

bench = transfers.bench


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
