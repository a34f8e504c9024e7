"""`Client` over TLS: certificates that are believed, proxies, ends that nobody signed."""

from __future__ import annotations

import socket
import ssl

import pytest
import transfers
from transfers import hello, response, server_context

from reactor import Inet
from reactor.client import Proxies
from reactor.net import Protocol
from reactor.net.tls import TlsProtocol

bench = transfers.bench
authority = transfers.authority
cafile = transfers.cafile


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
