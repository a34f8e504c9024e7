"""An ASGI application driven by bytes: a machine, its fake transport, and an asyncio loop in a
reactor whose clock is the test's. No socket; a wait for the application takes no time."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager

from fakes import FakeJournal

from reactor import Limits
from reactor.apps.asgi import AsgiApp
from reactor.http._context import ServerContext
from reactor.http._server import ServerMachine
from reactor.http.app import ServingContext
from reactor.net import Inet
from reactor.net.hosted import HostedReactor, end_tasks, hosting_loop
from reactor.testing import FakeClock, FakeTransport

DATE = b"Mon, 23 Nov 2026 12:00:00 GMT"
TURNS = 6  # of the loop: enough for every callback that a test waits for


class FlushingTransport(FakeTransport):
    """As a real one, it has the number of its socket's peer, and says so when it is closed."""

    def get_extra_info(self, name, default=None):
        if name == "sockname":
            return ("192.0.2.1", 80)
        return super().get_extra_info(name, default)


class AsgiDriven:
    """One connection to the application; ``feed`` gives what is answered."""

    def __init__(self, application, limits=None, kind=AsgiApp, **options):
        limits = limits or Limits()
        self.clock = FakeClock()
        self.reactor = HostedReactor(clock=self.clock)
        self.loop = hosting_loop(self.reactor)
        self.app = kind(application, limits, **options)
        self.app.hosted(self.reactor, self.loop)
        if kind is AsgiApp:
            self.app.serving(ServingContext((Inet("127.0.0.1", 8000),)))
        self.journal = FakeJournal()
        self.context = ServerContext(self.app, limits, lambda: DATE, self.journal)
        self.connect()

    def connect(self):
        self.machine = ServerMachine(self.context)
        self.transport = FlushingTransport(self.machine)
        self.machine.connection_made(self.transport)

    def turns(self, count=TURNS):
        """Let everybody go on: asyncio, the reactor, and what the transport was asked to call."""

        async def pause():
            for _ in range(count):
                await asyncio.sleep(0)
                while self.transport.soon:
                    self.in_turn(self.transport.run_soon)
                    await asyncio.sleep(0)

        self.loop.run_until_complete(pause())

    def in_turn(self, callback, *args):
        """Call it in the reactor's turn, as a socket's handler is called."""
        self.reactor.call_soon(callback, *args)

    def feed(self, data):
        self.in_turn(self.machine.data_received, data)
        self.turns()
        return self.transport.take()

    def end(self):
        """The peer has ended its side."""
        self.in_turn(self.machine.eof_received)
        self.turns()

    def lose(self, error=None):
        """The connection is lost."""
        self.in_turn(self.machine.connection_lost, error)
        self.turns()

    def pass_time(self, seconds):
        self.clock.advance(seconds)
        self.turns()

    def close(self):
        end_tasks(self.loop, 1)
        self.loop.close()


@contextmanager
def driven(application, **options):
    d = AsgiDriven(application, **options)
    try:
        yield d
    finally:
        d.close()


def answering(body=b"hello", status=200, headers=()):
    """The messages of a whole answer."""
    return (
        {"type": "http.response.start", "status": status, "headers": list(headers)},
        {"type": "http.response.body", "body": body},
    )


def app_of(function):
    """An application that is called for HTTP only."""

    async def app(scope, receive, send):
        await function(scope, receive, send)

    return app


def sending(*messages):
    """An application that sends just these."""

    async def app(scope, receive, send):
        for message in messages:
            await send(message)

    return app
