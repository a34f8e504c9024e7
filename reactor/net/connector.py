"""Connecting to the first of several addresses that answers (RFC 8305, Happy Eyeballs).

IPv6 and IPv4 addresses take turns. An attempt that has not succeeded after 250 ms
is joined by the next one; the first to connect wins and the others are closed.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable

from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.loop import Loop
from reactor.loop._core import EVENT_WRITE
from reactor.loop.timers import Handle, TimerHandle
from reactor.net.address import Address, Unix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

# A socket family and what that family's connect takes.
ConnectTo: TypeAlias = "tuple[int, Any]"

OnConnected: TypeAlias = "Callable[[socket.socket, Any], object]"


def interleave(addresses: list[ConnectTo]) -> list[ConnectTo]:
    """Alternate between families, keeping each family's order (RFC 8305 section 4)."""
    families: dict[int, list[ConnectTo]] = {}
    for address in addresses:
        families.setdefault(address[0], []).append(address)
    queues = list(families.values())
    longest = max(map(len, queues), default=0)
    return [queue[i] for i in range(longest) for queue in queues if i < len(queue)]


def addresses_of(address: Address) -> list[ConnectTo]:
    """What to connect to; empty if the host's name is not known. Looks it up, which blocks."""
    if isinstance(address, Unix):
        return [(socket.AF_UNIX, address.path)]
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        return []
    return [(family, sockaddr) for family, *_, sockaddr in found]


class Connector:
    """Races attempts; then calls ``on_connected(sock, address)`` or ``on_error(error)``, once.

    Never calls back before the next turn of the loop.
    """

    def __init__(
        self,
        loop: Loop,
        addresses: list[ConnectTo],
        on_connected: OnConnected,
        on_error: Callable[[OSError], object],
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._loop = loop
        self._waiting = interleave(addresses)
        self._on_connected = on_connected
        self._on_error = on_error
        self._delay_s = limits.connect_attempt_delay_s
        self._attempts: list[_Attempt] = []
        self._error = OSError(errno.EADDRNOTAVAIL, "there is no address to connect to")
        self._next_timer: TimerHandle | None = None
        self._failing: Handle | None = None
        self._deadline = loop.call_later(limits.connect_timeout_s, self._timed_out)
        loop.call_soon(self._try_next)
        self._done = False

    def cancel(self) -> None:
        """Give up without a call back. Idempotent."""
        self._done = True
        self._waiting.clear()
        self._deadline.cancel()
        if self._failing is not None:
            self._failing.cancel()
        self._cancel_next()
        for attempt in self._attempts:
            attempt.close()
        self._attempts.clear()

    def _try_next(self) -> None:
        self._cancel_next()
        while self._waiting and not self._done:
            try:
                self._attempts.append(_Attempt(self._loop, self, self._waiting.pop(0)))
            except OSError as error:
                self._error = error
                continue
            except (TypeError, ValueError, OverflowError) as error:
                self._error = OSError(errno.EINVAL, f"no address to connect to: {error}")
                continue
            if self._waiting:
                self._next_timer = self._loop.call_later(self._delay_s, self._try_next)
            return
        if not self._attempts and not self._done:
            self._fail(self._error)

    def attempt_done(self, attempt: _Attempt, error: OSError | None) -> None:
        """An attempt ended, well (``error`` is None) or not."""
        self._attempts.remove(attempt)
        if error is not None:
            self._error = error
            attempt.close()
            self._try_next()
            return
        sock, address = attempt.release()
        self.cancel()
        self._on_connected(sock, address)

    def _timed_out(self) -> None:
        self._fail(TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)))

    def _fail(self, error: OSError) -> None:
        self.cancel()
        # By the loop, which reports what it raises: a socket's handler must not.
        self._failing = self._loop.call_soon(self._on_error, error)

    def _cancel_next(self) -> None:
        if self._next_timer is not None:
            self._next_timer.cancel()
            self._next_timer = None


class _Attempt:
    """Handler of one socket that is connecting. Raises OSError if that fails at once."""

    def __init__(self, loop: Loop, connector: Connector, address: ConnectTo) -> None:
        self._loop = loop
        self._connector = connector
        self._address = address
        self._sock = socket.socket(address[0], socket.SOCK_STREAM)
        self._sock.setblocking(False)
        try:
            self._sock.connect(address[1])
        except OSError as error:
            # A Unix socket whose backlog is full says EAGAIN, and will not be heard of again.
            if error.errno != errno.EINPROGRESS:
                self._sock.close()
                raise
        except BaseException:  # what the family cannot take
            self._sock.close()
            raise
        # A socket that is connected already is writable: one way for both.
        try:
            self._registration = loop.register(self._sock, EVENT_WRITE, self)
        except OSError:
            self._sock.close()
            raise

    def on_readable(self) -> None:
        raise NotImplementedError

    def on_writable(self) -> None:
        error = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self._connector.attempt_done(self, OSError(error, os.strerror(error)) if error else None)

    def on_deadline(self) -> None:
        raise NotImplementedError

    def release(self) -> tuple[socket.socket, Any]:
        """Hand the connected socket over; this handler is done with it."""
        self._loop.unregister(self._registration)
        if self._sock.family != socket.AF_UNIX:
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._sock, self._address[1]

    def close(self) -> None:
        self._loop.unregister(self._registration)
        self._loop.close_at_turn_end(self._sock)
