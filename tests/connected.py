"""A server's machine on a real socket, in a loop whose clock the test moves."""

import socket

from fakes import FakeJournal
from wire import run_until

from reactor import Limits, Reactor, Response
from reactor.http._context import ServerContext
from reactor.http._server import ServerMachine
from reactor.net import Connection
from reactor.testing import FakeClock

DATE = b"Mon, 23 Nov 2026 12:00:00 GMT"


class Answers:
    """Answers with what it was given; each request takes so many seconds of the clock."""

    body_bytes_max = 0

    def __init__(self, clock=None, body=b"fine", takes=0.25):
        self.clock, self.body, self.takes = clock, body, takes

    def respond(self, request):
        self.request = request
        if self.clock is not None:
            self.clock.advance(self.takes)
        return Response(200, {}, self.body)


class OnAConnection:
    """A machine on a real socket, in a loop whose clock the test moves."""

    def __init__(self, body, wants_answers=True, takes=0.25, counts=None):
        self.clock = FakeClock()
        self.reactor = Reactor(clock=self.clock)
        self.journal = FakeJournal()
        self.journal.wants_answers = wants_answers
        self.app = Answers(self.clock, body, takes)
        context = ServerContext(self.app, Limits(), lambda: DATE, self.journal)
        if counts is not None:
            context.count(counts)
        ours, self.theirs = socket.socketpair()
        ours.setblocking(False)
        self.theirs.settimeout(5)
        Connection(self.reactor, ours, ServerMachine(context), "peer").open()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.theirs.close()
        self.reactor.close()

    def turns(self, count=5):
        for _ in range(count):
            self.reactor.run_once(timeout=0)

    def run_until(self, condition):
        run_until(self.reactor, condition)
