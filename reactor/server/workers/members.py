"""A mold and a worker, as their supervisor has them: a child, and a socket to it.

Must never know: when either is wanted.
"""

from __future__ import annotations

import signal
import socket
from contextlib import suppress
from enum import Enum
from typing import Protocol

from reactor.loop import Loop
from reactor.loop._core import EVENT_READ
from reactor.server.workers.children import Child
from reactor.server.workers.mold import (
    CHILD,
    FAILED,
    FORK,
    FORKED,
    LOADED,
    PACKET_BYTES_MAX,
    THREADS,
)
from reactor.server.workers.worker import ASK, EXPLAINED, NUDGE, READY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reactor.loop._registration import Registration


class WorkerState(Enum):
    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"


class MoldWatching(Protocol):
    """Who is told of molds. ``forked``: the worker of this number is process ``pid``; 0: none."""

    def forked(self, mold: Mold, number: int, pid: int) -> None: ...
    def loaded(self, mold: Mold) -> None: ...
    def threaded(self, mold: Mold, names: str) -> None: ...
    def mold_ended(self, mold: Mold, status: int | None) -> None: ...


class WorkerWatching(Protocol):
    """Who is told of workers."""

    def ready(self, worker: Worker, sentence: str) -> None: ...
    def asked(self, worker: Worker, reason: str) -> None: ...
    def ended(self, worker: Worker, status: int | None) -> None: ...


class _Line:
    """One end of a socket that keeps packets apart, as a handler of a loop."""

    def __init__(self, loop: Loop, sock: socket.socket) -> None:
        self._loop = loop
        self._socket = sock
        sock.setblocking(False)
        self._registration: Registration | None = loop.register(sock, EVENT_READ, self)

    def on_readable(self) -> None:
        try:
            packet = self._socket.recv(PACKET_BYTES_MAX)
        except BlockingIOError:
            return
        except OSError:
            packet = b""
        if packet:
            self._heard(packet)
        else:
            self.hang_up()

    def on_writable(self) -> None:
        raise NotImplementedError

    def on_deadline(self) -> None:
        raise NotImplementedError

    def _heard(self, packet: bytes) -> None:
        raise NotImplementedError

    def hear_rest(self) -> None:
        """What the other end has said before it ended may be seen after its end."""
        while self._registration is not None:
            self.on_readable()
            if not _is_readable(self._socket):
                self.hang_up()

    def hang_up(self) -> None:
        """The other end learns of it. Idempotent."""
        if self._registration is not None:
            self._loop.unregister(self._registration)
            self._registration = None
            self._loop.close_at_turn_end(self._socket)

    def close(self) -> None:
        """In another child, which has none of these."""
        self._socket.close()


class Mold(_Line):
    """A process that workers are forked from."""

    def __init__(
        self, loop: Loop, sock: socket.socket, pid: int, generation: int, watching: MoldWatching
    ) -> None:
        super().__init__(loop, sock)
        self.generation = generation
        self.is_loaded = False
        self.closed = False
        self.explained = False  # it has said why it could not load: to the log, or here
        self.failure = ""
        self.threads = ""
        self.forking = 0  # workers whose numbers are not known yet
        self._watching = watching
        self.child = Child(loop, pid, self._ended)

    def fork(self, number: int, index: int, channel: socket.socket) -> bool:
        """Ask for a worker; false if it cannot be asked."""
        try:
            socket.send_fds(self._socket, [FORK.pack(number, index)], [channel.fileno()])
        except OSError:
            return False
        self.forking += 1
        return True

    def dismiss(self) -> None:
        """It is not needed any more: it ends when it sees that, or now if it imports yet."""
        self.closed = True
        if not self.is_loaded:
            self.child.kill(signal.SIGKILL)
        # Not closed: the numbers of those that it has just forked are still to come.
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        super().close()
        self.child.close()

    def _heard(self, packet: bytes) -> None:
        kind = packet[:1]
        if kind == FORKED:
            self.forking -= 1
            _, number, pid = CHILD.unpack(packet)
            self._watching.forked(self, number, pid)
        elif kind == LOADED:
            self.is_loaded = True
            self._watching.loaded(self)
        elif kind == FAILED:
            self.explained, self.failure = True, packet[1:].decode(errors="replace")
        elif kind == THREADS:
            self.threads = packet[1:].decode(errors="replace")

    def _ended(self, status: int | None) -> None:
        self.hear_rest()
        if self.threads and not self.closed:
            self._watching.threaded(self, self.threads)
        else:
            self._watching.mold_ended(self, status)


class Worker(_Line):
    """A process that serves, or is about to.

    Attributes:
        slot: which of the places it fills; generation: of its mold; index: its part of the page.
    """

    def __init__(
        self,
        loop: Loop,
        sock: socket.socket,
        number: int,
        slot: int,
        generation: int,
        index: int,
        watching: WorkerWatching,
    ) -> None:
        super().__init__(loop, sock)
        self.number, self.slot, self.generation, self.index = number, slot, generation, index
        self.state = WorkerState.STARTING
        self.started_at = loop.time()
        self.ready_at: float | None = None
        self.child: Child | None = None
        self.killed_for = ""
        self.explained = False  # its exit code is one of ours
        self.failure = ""  # why, where the log does not have it
        self._told: set[bytes] = set()
        self._watching = watching

    @property
    def pid(self) -> int:
        return 0 if self.child is None else self.child.pid

    def is_process(self, pid: int) -> None:
        """It was forked."""
        self.child = Child(self._loop, pid, self._ended)
        if self.killed_for:
            self.child.kill(signal.SIGKILL)

    def order(self, word: bytes) -> None:
        """Once each."""
        if word in self._told or self._registration is None:
            return
        self._told.add(word)
        self.state = WorkerState.DRAINING
        with suppress(OSError):
            self._socket.send(word, socket.MSG_NOSIGNAL)
        if self.child is not None:
            self.child.kill(NUDGE)

    def kill(self, why: str, number: int = signal.SIGKILL) -> None:
        self.killed_for = why
        if self.child is not None:
            self.child.kill(number)

    def close(self) -> None:
        super().close()
        if self.child is not None:
            self.child.close()

    def _heard(self, packet: bytes) -> None:
        kind, text = packet[:1], packet[1:].decode(errors="replace")
        if kind == READY and self.state is WorkerState.STARTING:
            self.state, self.ready_at = WorkerState.READY, self._loop.time()
            self._watching.ready(self, text)
        elif kind == ASK:
            self._watching.asked(self, text)
        elif kind == EXPLAINED:
            self.explained, self.failure = True, text

    def _ended(self, status: int | None) -> None:
        self.hear_rest()
        self._watching.ended(self, status)


def _is_readable(sock: socket.socket) -> bool:
    try:
        return bool(sock.recv(1, socket.MSG_PEEK))
    except OSError:
        return False
