"""SIGHUP and certificates: the service manager is told before they are read and after that, and
they are read once, whoever hears the signal besides."""

from __future__ import annotations

import os
import signal

import pytest

from reactor.limits import DEFAULT_LIMITS
from reactor.net import Reactor
from reactor.server.notify import Notifier, hear_reload
from reactor.server.renewal import Renewal


class Told(Notifier):
    """A notifier that has somebody to tell, and keeps what it says."""

    def __init__(self, said):
        super().__init__("/nowhere")
        self._said = said

    def _tell(self, message, descriptor=None):
        self._said.append(message.partition("=")[0])


class FakeContexts:
    def __init__(self, said):
        self._said = said
        self.serving, self.alpn = "old", ()

    def reload(self):
        self._said.append("read")
        self.serving = "new"

    def reload_if_changed(self):
        return False


@pytest.fixture
def handler():
    """What stands for SIGHUP now, which is put back."""
    before = signal.getsignal(signal.SIGHUP)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def hung_up(said, notifier):
    """What is said at a SIGHUP, and the context of who connects after that."""
    with Reactor() as reactor:
        renewal = Renewal(reactor, FakeContexts(said), DEFAULT_LIMITS)
        renewal.start(notifier)
        os.kill(os.getpid(), signal.SIGHUP)
        while renewal.connections.context == "old":
            reactor.run_once(1.0)
    return renewal.connections.context


def test_the_manager_is_told_before_and_after(handler):
    said = []
    notifier = Told(said)
    notifier.ready("serving")
    hear_reload(notifier)
    assert hung_up(said, notifier) == "new"
    assert said == ["READY", "RELOADING", "read", "READY"]


def test_where_nobody_else_hears_the_signal(handler):
    said = []
    assert hung_up(said, Told(said)) == "new"
    assert said == ["RELOADING", "read"]


def test_a_handler_of_the_programs_own_is_called_too(handler):
    said = []
    signal.signal(signal.SIGHUP, lambda number, frame: said.append("its own"))
    assert hung_up(said, Told(said)) == "new"
    assert said == ["its own", "RELOADING", "read"]
