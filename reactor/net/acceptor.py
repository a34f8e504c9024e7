"""Accepting connections: a few per turn, and none when descriptors run out.

When a process has no descriptor left, `accept` fails and the listener stays
readable: a loop that goes on polling it spins at 100 % CPU. So the listener
leaves the selector, and comes back when a connection ends, or after a pause that
doubles while it fails.
"""

from __future__ import annotations

import errno
import logging
import math
import socket
from collections.abc import Callable
from typing import Any

from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.loop import Loop
from reactor.loop._core import EVENT_READ
from reactor.net._socket import Socket, accept

logger = logging.getLogger("reactor")

# accept(2): the process or the machine is out of something; it passes.
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

OnAccept = Callable[[Socket, Any], object]


class Acceptor:
    """Handler of one listening socket; calls ``on_accept(sock, peer_address)``.

    When there are enough connections, or no descriptors, it calls ``make_room()``: true if some
    of them will be closed by the end of the next turn.

    The accepted socket is non-blocking and belongs to who is called.
    """

    def __init__(
        self,
        loop: Loop,
        sock: socket.socket,
        on_accept: OnAccept,
        make_room: Callable[[], bool],
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self.sock = sock
        # Set by its owner: there are as many connections as there may be.
        self.full = False
        self._descriptor = sock.fileno()
        self._loop = loop
        self._on_accept = on_accept
        self._make_room = make_room
        self._limits = limits
        self._pause_s = limits.accept_pause_s
        self._told_at = -math.inf
        self._closed = False
        self._registration = loop.register(sock, EVENT_READ, self)

    def on_readable(self) -> None:
        if self.full:
            self._wait_for_room()
            return
        for _ in range(self._limits.accepts_per_turn_max):
            if self.full or not self._registration.events:
                return  # on_accept took the last place, or closed this acceptor
            try:
                accepted = accept(self._descriptor)
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._exhausted(error)
                    return
                # accept(2) reports pending errors of the new connection as its own
                # (ECONNABORTED, EPROTO, ENETDOWN ...): that client is gone, the next may be fine.
                continue
            if accepted is None:
                return
            self._pause_s = self._limits.accept_pause_s
            self._on_accept(*accepted)

    def on_writable(self) -> None:
        raise NotImplementedError

    def on_deadline(self) -> None:
        """A pause is over."""
        self._loop.modify(self._registration, EVENT_READ)

    def has_room(self) -> None:
        """It is not `full` any more, or a descriptor was closed: go on."""
        self.full = False
        if not self._closed:
            self._loop.modify(self._registration, EVENT_READ)

    def close(self) -> None:
        """Stop listening. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._loop.unregister(self._registration)
        self._loop.close_at_turn_end(self.sock)

    def _wait_for_room(self) -> None:
        # If nobody is idle, the next look is after a pause: whoever goes idle tells nobody.
        if not self._make_room():
            self._pause(self._limits.accept_pause_s)

    def _exhausted(self, error: OSError) -> None:
        if self._make_room():
            return
        now = self._loop.time()
        if now - self._told_at > self._limits.full_warning_s:
            self._told_at = now
            logger.warning("new clients wait: %s", error.strerror)
        self._pause(self._pause_s)
        self._pause_s = min(2 * self._pause_s, self._limits.accept_pause_max_s)

    def _pause(self, seconds: float) -> None:
        self._loop.modify(self._registration, 0)
        self._loop.set_deadline(self._registration, seconds)
