"""One WSGI application behind a machine, without a socket; and bodies that count their ends."""

from __future__ import annotations

from fakes import FakeJournal

from reactor import Limits
from reactor.apps.wsgi import WsgiApp
from reactor.http._context import ServerContext
from reactor.http._server import ServerMachine
from reactor.testing import FakeTransport

PLAIN = [("Content-Type", "text/plain")]


class Driven:
    """A machine that serves one application, without a socket."""

    def __init__(self, application, limits=None):
        self.journal = FakeJournal()
        self.machine = ServerMachine(
            ServerContext(WsgiApp(application), limits or Limits(), lambda: b"a date", self.journal)
        )
        self.transport = FakeTransport(self.machine)
        self.machine.connection_made(self.transport)

    def get(self, method=b"GET", version=b"1.1", extra=b"", body=b""):
        """The bytes of the response's head and body."""
        self.machine.data_received(
            b"%s / HTTP/%s\r\nHost: a\r\n%s\r\n%s" % (method, version, extra, body)
        )
        while self.transport.run_soon():
            pass
        head, _, rest = self.transport.take().partition(b"\r\n\r\n")
        return head + b"\r\n", rest


class Closing:
    """An iterable that counts how often it is closed."""

    def __init__(self, pieces=(b"one", b"two")):
        self.pieces = pieces
        self.closed = 0
        self.pulled = 0

    def __iter__(self):
        for piece in self.pieces:
            self.pulled += 1
            if isinstance(piece, Exception):
                raise piece
            yield piece

    def close(self):
        self.closed += 1

    def application(self, headers=()):
        def application(environ, start_response):
            start_response("200 OK", list(headers))
            return self

        return application
