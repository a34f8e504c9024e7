"""`Client`: proxies, and names that are looked up."""

from __future__ import annotations

import re
import socket

import pytest
import transfers
from transfers import hello

from reactor import Reactor
from reactor.client import Proxies, Url
from reactor.client.failures import resolve_failure
from reactor.client.name_resolution import Resolver, numeric

bench = transfers.bench
authority = transfers.authority
cafile = transfers.cafile


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
