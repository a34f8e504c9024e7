"""A worker: one of several processes that serve the same sockets, and what it says and is told.

It has one channel to its supervisor, whose end is the supervisor's: then the worker drains, and
nobody has to find it. Signals ask it for nothing but to ask the supervisor, who knows whether
others go on: a terminal and systemd send them to every process.

Must never know: how many others there are.
"""

from __future__ import annotations

import faulthandler
import random
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from types import FrameType, TracebackType
from typing import Any, Protocol

from reactor.limits import DEFAULT_LIMITS
from reactor.process._page import Slot
from reactor.process.interrupts import SignalInterrupt, raises_no_other
from reactor.server.stopping import Stoppable, WakePipe, say_blocked
from reactor.server.workers.children import hear_again

# What a worker says: it serves, with a sentence; it wants to be replaced, with a reason; it ends
# with an exit code of ours, and why is in the log, or stands behind it.
READY, ASK, EXPLAINED = b"R", b"A", b"E"
# What it is told. RETIRE: siblings go on with the sockets. DRAIN, INTERRUPT: nobody does, and idle
# clients have the usual grace, or that of Ctrl-C. NOW: end.
RETIRE, DRAIN, INTERRUPT, NOW = b"retire", b"drain", b"interrupt", b"now"
PACKET_BYTES_MAX = 4096
# A word waits in the channel. A process that has no handler for this signal ignores it.
NUDGE = signal.SIGURG
# What a supervisor, or a terminal, sends to all. SIGUSR1: until it knows of logs.
_OF_THE_SUPERVISOR = (
    *(signal.SIGINT, signal.SIGHUP, signal.SIGTTIN, signal.SIGTTOU),
    signal.SIGUSR1,
)


class Service(Protocol):
    """What the processes of a supervisor do. Each of them says itself why it cannot.

    Attributes:
        failure: why `load` or `serve` was not possible, where the supervisor is to say it; else "".
    """

    failure: str

    def load(self) -> int:
        """Import the application; 0, or the exit code if that is not possible."""

    def serve(self, channel: Channel) -> int:
        """Serve until the channel says otherwise; the exit code."""


class Channel:
    """The worker's end. A handler of the worker's loop, or asked when its descriptor is readable.

    Attributes:
        slot: where in the page this worker writes.
        number: the worker's.
        insisted: None, as of a server that no signal has ended.
        ends_now: it was told to.
    """

    insisted: int | None = None
    ends_now = False

    def __init__(self, descriptor: int, slot: Slot, number: int = 0) -> None:
        self.number = number
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(False)
        self.slot = slot
        self._server: Stoppable | None = None
        self._sockets: Sequence[Any] = ()
        self._forget: Callable[[], object] = _nothing
        self._finishing = False

    def attach(self, server: Stoppable, sockets: Sequence[Any]) -> None:
        """What is told to stop, and what it listens on."""
        self._server, self._sockets = server, sockets

    def watched(self, forget: Callable[[], object]) -> None:
        """``forget`` is called when there is nothing more to be heard."""
        self._forget = forget

    def close(self) -> None:
        self._socket.close()

    def is_blocked(self) -> bool:
        return self._server is not None and self._server.blocked()

    def fileno(self) -> int:
        return self._socket.fileno()

    # --- to the supervisor --------------------------------------------------------------------

    def ready(self, sentence: str) -> None:
        self._say(READY + sentence.encode(errors="backslashreplace")[: PACKET_BYTES_MAX - 1])

    def ask(self, reason: str) -> None:
        """For a successor. Until that is ready this worker serves on."""
        self._say(ASK + reason.encode())

    def explained(self, failure: str) -> None:
        self._say((EXPLAINED + failure.encode())[:PACKET_BYTES_MAX])

    def _say(self, packet: bytes) -> None:
        with suppress(OSError):  # the supervisor has gone, or does not listen
            self._socket.send(packet, socket.MSG_NOSIGNAL)

    # --- from the supervisor ------------------------------------------------------------------

    def on_readable(self) -> None:
        try:
            word = self._hear()
        except BlockingIOError:
            return
        if not word:
            self._forget()
        self._obey(word)

    def _hear(self) -> bytes:
        try:
            return self._socket.recv(PACKET_BYTES_MAX)
        except ConnectionResetError:  # it has gone with something of ours unread
            return self._socket.recv(PACKET_BYTES_MAX)  # what it has said before that

    def on_writable(self) -> None:
        raise NotImplementedError

    def on_deadline(self) -> None:
        raise NotImplementedError

    def _obey(self, word: bytes) -> None:
        """No word: there is no supervisor any more."""
        server = self._server
        if server is None:
            return
        self.ends_now = self.ends_now or word == NOW
        if word == NOW and self._finishing:
            server.stop()  # the second time
            return
        if self._finishing:
            return
        self._finishing = True
        if word == RETIRE:
            for sock in self._sockets:
                sock.share()  # whoever waits there is for the siblings
        grace_s = DEFAULT_LIMITS.interrupt_grace_s if word == INTERRUPT else None
        server.stop(grace_s, final=word == DRAIN)
        if word == NOW:
            server.stop()

    # --- signals ------------------------------------------------------------------------------

    def signals(self, wake: WakePipe) -> WorkerSignals:
        """In the place of `StopSignals`."""
        return WorkerSignals(self, wake)


class WorkerSignals:
    """While its block runs SIGTERM asks for a successor, and others are the supervisor's."""

    insisted: int | None = None

    def __init__(self, channel: Channel, wake: WakePipe) -> None:
        self._channel = channel
        self._wake = wake

    def __enter__(self) -> WorkerSignals:
        signal.signal(signal.SIGTERM, self._ask)
        signal.signal(NUDGE, self._nudged)
        signal.set_wakeup_fd(self._wake.writer, warn_on_full_buffer=False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        """What an end by `NOW` interrupts is over, and no failure."""
        signal.set_wakeup_fd(-1)
        return kind is SignalInterrupt and self._channel.ends_now

    def _nudged(self, number: int, frame: FrameType | None) -> None:
        """An application that runs learns of a drain, and its answer says close."""
        blocked = self._channel.is_blocked()
        self._channel.on_readable()
        if blocked and self._channel.ends_now:
            raise SignalInterrupt
        if blocked:
            say_blocked(frame)

    def _ask(self, number: int, frame: object) -> None:
        self._channel.ask("SIGTERM")


def work(channel: Channel, service: Service) -> int:
    """The life of a worker; its exit code."""
    # SIGTERM too, until it serves: at a stop the supervisor ends whoever does not serve yet, and an
    # end by itself would look like a start that has failed.
    for number in (*_OF_THE_SUPERVISOR, signal.SIGTERM):
        signal.signal(number, _hear_nothing)
    signal.signal(signal.SIGUSR2, signal.SIG_DFL)
    hear_again()
    show_stacks()
    # All workers would else draw the same numbers.
    random.seed()
    try:
        return explaining(
            partial(service.serve, channel), lambda: channel.explained(service.failure)
        )
    finally:
        _leave()


def explaining(body: Callable[[], int], say: Callable[[], None]) -> int:
    """The exit code that ``body`` returns. ``say`` is called if it has failed, and the log has why:
    an application that ends the process in the middle of it, by `os._exit`, says nothing."""
    try:
        code = body()
    except BaseException:  # which is shown at the end of the process
        say()
        raise
    if code:
        say()
    return code


def show_stacks() -> None:
    """SIGQUIT shows where every thread is; SIGABRT and a crash do, too, before they end it."""
    with suppress(AttributeError, OSError, RuntimeError, ValueError):  # nobody to show it to
        if not faulthandler.is_enabled():  # else by the application, into a file of its own
            faulthandler.enable(sys.stderr)
        faulthandler.register(signal.SIGQUIT, sys.stderr)


def _leave() -> None:
    """What Python does at the end of a program, and not at that of a fork."""
    import atexit

    threading = sys.modules.get("threading")
    if threading is not None:
        threading._shutdown()  # who is no daemon is waited for
    atexit._run_exitfuncs()


def _nothing() -> None:
    pass


@raises_no_other
def _hear_nothing(number: int, frame: object) -> None:
    """Not ignored, which a program that the application starts would inherit."""
