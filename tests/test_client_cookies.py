"""Cookies within one fetch, codings in layers, and one version of IP."""

from __future__ import annotations

import gzip
import zlib

import pytest
from transfers import QUICK, Bench, Server, response

from reactor import Inet
from reactor.client import Url
from reactor.client.cookies import Cookies
from reactor.client.decoding import decoder_for
from reactor.errors import FetchError
from reactor.limits import DEFAULT_LIMITS

NOW = 1_800_000_000


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    for client in bench.clients:
        client.close()
    bench.reactor.close()


# --- cookies -------------------------------------------------------------------------------------


def guard(request):
    """Answers whoever brings its cookie, and sends everyone else back to itself."""
    if "seen=1" in (request.headers.get("cookie") or ""):
        return response(b"welcome")
    return response(status="302 Found", Location=request.target, Set_Cookie="seen=1; Path=/")


def test_a_redirect_to_itself_gets_its_cookie_back(bench):
    site = bench.site(guard)
    result = bench.get(f"{site.url}/a?b")
    assert (result.error, result.body) == (None, b"welcome")
    assert [request.headers.get("cookie") for request, _ in site.requests] == [None, "seen=1"]
    # It does not outlive the fetch, and no other fetch of the client has it.
    client = bench.client()
    bench.get(f"{site.url}/a?b", client=client)
    bench.get(f"{site.url}/a?b", client=client)
    sent = [request.headers.get("cookie") for request, _ in site.requests]
    assert sent == [None, "seen=1"] * 3


def test_the_user_s_own_cookie_comes_first_in_the_one_field(bench):
    site = bench.site(guard)
    bench.get(site.url, headers={"cookie": "mine=2"})
    sent = [request.headers.getall("cookie") for request, _ in site.requests]
    assert sent == [["mine=2"], ["mine=2; seen=1"]]


@pytest.mark.parametrize("domain", ["", "; Domain=localhost", "; Domain=.0.0.1", "; Domain=."])
def test_no_other_host_is_told(bench, domain):
    def answer(request):
        if request.path == "/start":
            there = f"http://localhost:{site.port}/end"
            return response(status="302 Found", Location=there, Set_Cookie=f"a=b{domain}; Path=/")
        return response(b"end")

    site = bench.site(answer)
    result = bench.get(f"{site.url}/start", client=bench.client(ip=4), headers={"Cookie": "c=d"})
    assert result.body == b"end"
    assert [request.headers.get("cookie") for request, _ in site.requests] == ["c=d", None]


@pytest.mark.parametrize(
    ("set_by", "fields", "asked", "sent"),
    [
        ("http://h/x/y", ["a=b"], "http://h/x/z", "a=b"),
        ("http://h/x/y", ["a=b"], "http://h/x", "a=b"),
        ("http://h/x/y", ["a=b"], "http://h/xx", ""),
        ("http://h/x/y", ["a=b"], "http://h/", ""),
        ("http://h/x/y", ["a=b; Path=/"], "http://h/", "a=b"),
        ("http://h/", ["a=b; PATH = /x"], "http://h/x?/", "a=b"),
        ("http://h/", ["a=b; path=x"], "http://h/y", "a=b"),
        ("http://h/", ["a=1; Path=/", "a=2; Path=/x", "c=3"], "http://h/x", "a=2; a=1; c=3"),
        ("http://h/", ["a=1", "a=2"], "http://h/", "a=2"),
        ("http://h/", ['a = "b c" ;x'], "http://h/", 'a="b c"'),
        ("http://h/", ["a=b=c"], "http://h/", "a=b=c"),
        ("http://h/", ["a=", "=b", "c", ""], "http://h/", "a="),
        ("https://h/", ["a=b; Secure"], "https://h/", "a=b"),
        ("https://h/", ["a=b; Secure"], "http://h/", ""),
        ("http://h/", ["a=b; secure"], "https://h/", ""),
        ("http://h/", ["a=b"], "https://h/", "a=b"),
        ("http://h/", ["a=b"], "http://other/", ""),
        ("http://h/", ["a=b"], "http://sub.h/", ""),
        ("http://sub.h/", ["a=b; Domain=h"], "http://sub.h/", "a=b"),
        ("http://sub.h/", ["a=b; Domain=.H"], "http://h/", ""),
        ("http://h/", ["a=b; Domain=other"], "http://h/", ""),
        ("http://127.0.0.1/", ["a=b; Domain=0.0.1"], "http://127.0.0.1/", ""),
        ("http://h/", ["a=b", "a=; Max-Age=0"], "http://h/", ""),
        ("http://h/", ["a=b", "a=c; Max-Age=-1"], "http://h/", ""),
        (
            "http://h/",
            ["a=b; Max-Age=9; Expires=Thu, 01 Jan 1970 00:00:00 GMT"],
            "http://h/",
            "a=b",
        ),
        ("http://h/", ["a=b", "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], "http://h/", ""),
        ("http://h/", ["a=b", "a=; expires=Thu, 01-Jan-1970 00:00:00 GMT"], "http://h/", ""),
        ("http://h/", ["a=b; Expires=Thu, 01 Jan 2099 00:00:00 GMT"], "http://h/", "a=b"),
        ("http://h/", ["a=b; Expires=soon; Max-Age=x"], "http://h/", "a=b"),
        ("http://h/", ["a=" + "b" * 4096], "http://h/", ""),
    ],
)
def test_which_cookies_go_where(set_by, fields, asked, sent):
    cookies = Cookies(DEFAULT_LIMITS)
    cookies.take(Url.parse(set_by), fields, NOW)
    assert cookies.field(Url.parse(asked)) == sent


def test_cookies_have_a_bound():
    cookies = Cookies(DEFAULT_LIMITS)
    url = Url.parse("http://h/")
    cookies.take(url, [f"n{number}=1" for number in range(1000)], NOW)
    assert len(cookies.field(url).split("; ")) == DEFAULT_LIMITS.cookies_max
    cookies.take(url, ["n0=2"], NOW)
    assert "n0=2" in cookies.field(url)


# --- codings -------------------------------------------------------------------------------------

# Without the time: names of tests are made of them, and every worker must have the same.
TWICE = gzip.compress(gzip.compress(b"hello", mtime=0), mtime=0)
BOTH = zlib.compress(gzip.compress(b"hello", mtime=0))


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        (["gzip", "gzip"], TWICE),
        (["gzip, gzip"], TWICE),
        (["gzip", "deflate"], BOTH),
        (["GZIP ,identity", "", "x-gzip"], TWICE),
    ],
)
def test_fields_of_one_name_are_one_list(bench, fields, body):
    lines = [f"Content-Length: {len(body)}", *(f"Content-Encoding: {field}" for field in fields)]
    head = "\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode()
    site = bench.site(lambda request: head + body)
    result = bench.get(site.url, client=bench.client(compressed=True))
    assert (result.error, result.body) == (None, b"hello")


def test_a_layer_that_is_cut_or_one_too_many_is_an_error():
    layers = decoder_for(["gzip", "gzip"], DEFAULT_LIMITS)
    inner = gzip.compress(b"hello")
    list(layers.feed(gzip.compress(inner[:-4])))
    with pytest.raises(FetchError):
        layers.finish()
    with pytest.raises(FetchError, match="5 times over"):
        decoder_for(["gzip, gzip"] * 2 + ["gzip"], DEFAULT_LIMITS)
    with pytest.raises(FetchError, match="'br'"):
        decoder_for(["gzip", "br"], DEFAULT_LIMITS)
    assert decoder_for(["identity", ""], DEFAULT_LIMITS) is None


# --- one version of IP ---------------------------------------------------------------------------


def test_one_version_of_ip(bench):
    site = bench.site(lambda request: response(b"six"))
    port = bench.reactor.listen(Inet("::1", 0), lambda: Server(site)).addresses[0].port
    url = f"http://localhost:{port}/"
    assert bench.get(url, client=bench.client(ip=6)).body == b"six"
    quick = QUICK.replace(retries_max=0)
    assert bench.get(url, client=bench.client(quick, ip=4)).error.exit_code == 7
    error = bench.get("http://[::1]/", client=bench.client(ip=4)).error
    assert (error.exit_code, error.message) == (
        6, "http://[::1]/: the host '::1' has no IPv4 address",
    )  # fmt: skip
