"""URLs as servers and users write them: dots, bytes, zones, other alphabets, addresses."""

from __future__ import annotations

import subprocess
import sys

import pytest
from transfers import Bench, Server, response

from reactor import Headers, Inet, serialise_request
from reactor.client import Proxies, Url
from reactor.errors import FetchError


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    for client in bench.clients:
        client.close()
    bench.reactor.close()


# --- Location ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/ブログ/".encode(), "/%E3%83%96%E3%83%AD%E3%82%B0/"),
        ("/caf\u00e9?q=\u00e9".encode("latin-1"), "/caf%E9?q=%E9"),
        (b"/%E3%83%96", "/%E3%83%96"),
        ("/\u00e9".encode() + b"\xe9", "/%C3%A9%E9"),
        (b"../x/./y/../z", "/x/z"),
    ],
)
def test_the_bytes_of_a_location_are_kept(bench, location, target):
    def answer(request):
        if request.path != "/a/b":
            return response(b"there")
        return b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + location + b"\r\n\r\n"

    site = bench.site(answer)
    assert bench.get(f"{site.url}/a/b").body == b"there"
    assert [request.target for request, _ in site.requests] == ["/a/b", target]


# --- dots ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "target"),
    [
        # RFC 3986 5.2.4 and 5.4
        ("/a/b/c/./../../g", "/a/g"),
        ("/a/..", "/"),
        ("/a/.", "/a/"),
        ("/..", "/"),
        ("/../../x", "/x"),
        ("/./x", "/x"),
        ("/a/../", "/"),
        ("/a//../b", "/a/b"),
        ("/a/%2e%2E/b", "/b"),
        ("/a/.%2e", "/"),
        ("/a/%2e/b", "/a/b"),
        # no dot segments
        ("/.well-known/x", "/.well-known/x"),
        ("/a/...", "/a/..."),
        ("/a/..b/c..", "/a/..b/c.."),
        ("/a/%2f", "/a/%2f"),
        ("/a?x=/../y", "/a?x=/../y"),
        ("/a/%2e%2e%2fb", "/a/%2e%2e%2fb"),
    ],
)
def test_dot_segments_are_removed(path, target):
    assert Url.parse(f"http://host{path}").target == target


# --- hosts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "ascii_host"),
    [
        ("straße.example", "xn--strae-oqa.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("βόλος.gr", "xn--nxasmm1c.gr"),
        ("xn--strae-oqa.example", "xn--strae-oqa.example"),
    ],
)
def test_a_name_is_asked_for_as_it_was_registered(host, ascii_host):
    assert Url.parse(f"http://{host}/").host == ascii_host


@pytest.mark.parametrize("host", ["\u2603.example", "a\u200d.example", "\u0301a.example"])
def test_a_name_that_nobody_could_register(host):
    with pytest.raises(FetchError, match="is no host name"):
        Url.parse(f"http://{host}/")


def test_only_other_alphabets_load_idna():
    code = """
import sys
from reactor.client import Url
Url.parse("http://[::1]/a b/../c")
assert "idna" not in sys.modules
Url.parse("http://b\\u00fccher.example/")
assert "idna" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("zone", ["%25lo", "%lo"])
def test_a_zone_is_for_this_machine_alone(bench, zone):
    site = bench.site(lambda request: response(request.headers["host"].encode()))
    port = bench.reactor.listen(Inet("::1", 0), lambda: Server(site)).addresses[0].port
    result = bench.get(f"http://[::1{zone}]:{port}/")
    assert result.error is None
    assert result.body == f"[::1]:{port}".encode()


def test_what_a_zone_may_be():
    url = Url.parse("http://[FE80::1%25Eth0]:81/x")
    assert (url.host, url.authority, url.where) == (
        "fe80::1%Eth0", "[fe80::1]:81", "fe80::1%Eth0 port 81",
    )  # fmt: skip
    assert Url.parse("http://[fe80::1%25en-1]/").host == "fe80::1%en-1"
    for bad in ("http://[fe80::1%25]/", "http://[fe80::1%]/", "http://[fe80::1%25a%0d]/"):
        with pytest.raises(FetchError):
            Url.parse(bad)


# --- addresses are compared as addresses ---------------------------------------------------------


@pytest.mark.parametrize(
    ("exempt", "host", "direct"),
    [
        ("::1", "[0:0:0:0:0:0:0:1]", True),
        ("[0:0:0:0:0:0:0:1]", "[::1]", True),
        ("fe80::1", "[fe80:0::1%25lo]", True),
        ("127.0.0.1", "127.1", True),
        ("127.0.0.1", "[::ffff:127.0.0.1]", True),
        ("127.0.0.0/8", "127.1", True),
        ("fe80::/10", "[fe80::1%25lo]", True),
        ("::1", "[::2]", False),
        ("1.example", "1.examples", False),
        ("127.0.0.1", "127.0.0.1.example", False),
    ],
)
def test_which_addresses_go_without_a_proxy(exempt, host, direct):
    proxies = Proxies.from_environment({"http_proxy": "p:1", "no_proxy": exempt})
    assert (proxies.proxy_for(Url.parse(f"http://{host}/")) is None) is direct


# --- fields as a mapping -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields", [{"ab": "secret"}, Headers({"ab": "secret"}), [("ab", "secret")], (["ab", "secret"],)]
)
def test_fields_are_a_mapping_or_pairs(bench, fields):
    site = bench.site(lambda request: response(b"x"))
    bench.get(site.url, headers=fields)
    [(request, _)] = site.requests
    assert request.headers["ab"] == "secret"


@pytest.mark.parametrize("fields", [["ab"], ("ab",), "ab", {"ab"}])
def test_a_name_is_no_pair_of_letters(bench, fields):
    with pytest.raises(TypeError):
        bench.client().request(
            "GET", "http://127.0.0.1/", headers=fields, on_head=print, on_body=print, on_done=print
        )
    with pytest.raises(TypeError):
        Headers(fields)
    with pytest.raises(TypeError):
        serialise_request("GET", "/", [("Host", "a"), *fields])
