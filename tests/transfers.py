"""What the tests of `Client` share: a reactor with sites and a client on it, and certificates."""

from __future__ import annotations

import ssl

import pytest
import trustme

from reactor import Inet, Limits, Reactor, RequestParser
from reactor.client import Client
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


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def cafile(authority, tmp_path):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


def server_context(authority, name="127.0.0.1"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context
