"""Accepting connections: a few per turn, and none when descriptors run out.

When a process has no descriptor left, `accept` fails and the listener stays
readable: a loop that goes on polling it spins at 100 % CPU. So the listener
leaves the selector, and comes back after a pause that doubles while it fails.
"""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Callable
from typing import Any

from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.loop import Loop
from reactor.loop._core import EVENT_READ
from reactor.loop.timers import TimerHandle
from reactor.net._socket import Socket, accept

logger = logging.getLogger("reactor")

# accept(2): the process or the machine is out of something; it passes.
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

OnAccept = Callable[[Socket, Any], object]


class Acceptor:
    """Handler of one listening socket; calls ``on_accept(sock, peer_address)``.

    The accepted socket is non-blocking and belongs to who is called.
    """

    def __init__(
        self, loop: Loop, sock: socket.socket, on_accept: OnAccept, limits: Limits = DEFAULT_LIMITS
    ) -> None:
        self.sock = sock
        self._descriptor = sock.fileno()
        self._loop = loop
        self._on_accept = on_accept
        self._limits = limits
        self._pause_s = limits.accept_pause_s
        self._pause_timer: TimerHandle | None = None
        self._held = False
        self._closed = False
        self._registration = loop.register(sock, EVENT_READ, self)

    def on_readable(self) -> None:
        for _ in range(self._limits.accepts_per_turn_max):
            if not self._registration.events:
                return  # on_accept held or closed this acceptor
            try:
                accepted = accept(self._descriptor)
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._pause(error)
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
        raise NotImplementedError

    def hold(self) -> None:
        """Accept nothing until `release`: new clients wait in the backlog. Idempotent."""
        self._held = True
        self._update()

    def release(self) -> None:
        self._held = False
        self._update()

    def close(self) -> None:
        """Stop listening. Idempotent."""
        if self._closed:
            return
        self._closed = True
        if self._pause_timer is not None:
            self._pause_timer.cancel()
            self._pause_timer = None
        self._loop.unregister(self._registration)
        self._loop.close_at_turn_end(self.sock)

    def _pause(self, error: OSError) -> None:
        logger.warning(
            "accepting nothing for %d ms: %s", round(self._pause_s * 1000), error.strerror
        )
        self._pause_timer = self._loop.call_later(self._pause_s, self._pause_over)
        self._pause_s = min(2 * self._pause_s, self._limits.accept_pause_max_s)
        self._update()

    def _pause_over(self) -> None:
        self._pause_timer = None
        self._update()

    def _update(self) -> None:
        accepting = not (self._closed or self._held or self._pause_timer is not None)
        self._loop.modify(self._registration, EVENT_READ if accepting else 0)
