"""Names to addresses, without blocking the loop and without a thread.

`getaddrinfo` is the one way to ask what this machine is configured to ask (hosts file, DNS,
mDNS, LDAP: nsswitch.conf), and it blocks. So a few child processes call it, one name at a time
each, and answer over a socket that the loop watches. A child is started when the first name needs
it, serves many names, and ends with its socket. Numeric addresses and "localhost" (RFC 6761 6.3)
need none. Must never know what a name is wanted for.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable

from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.loop import Loop
from reactor.loop._core import EVENT_READ
from reactor.net.connector import ConnectTo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# What a caller is told: addresses without a port, or why there are none.
OnResolved = Callable[[list["Address"] | OSError], object]
# Family, host, scope.
Address = tuple[int, str, int]

# The child: a name a line in, its addresses a line out. It imports what getaddrinfo needs.
_CHILD = r"""
import _socket, os
asked = open(0, "rb", closefd=False)
for line in asked:
    try:
        found = _socket.getaddrinfo(line[:-1].decode(), None, 0, _socket.SOCK_STREAM)
        parts = [f"{int(f)},{a[0]},{a[3] if len(a) > 3 else 0}" for f, _, _, _, a in found]
    except (OSError, UnicodeError) as error:
        parts = [f"!{getattr(error, 'errno', None) or 0} {error.args[-1]}"]
    os.write(0, (" ".join(parts) + "\n").encode())
"""


def numeric(host: str) -> list[Address] | None:
    """The address that ``host`` is, or None for a name."""
    if host == "localhost" or host.endswith(".localhost"):
        return [(socket.AF_INET6, "::1", 0), (socket.AF_INET, "127.0.0.1", 0)]
    if ":" not in host and not host[:1].isdigit():
        return None
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return [(family, socket.inet_ntop(family, socket.inet_pton(family, host)), 0)]
        except OSError:
            continue
    address, percent, zone = host.partition("%")
    if percent:
        # `getaddrinfo` knows no zone of an address that is not link-local; curl does.
        return _with_zone(address, zone)
    # Short forms ("127.1"). Not for all: it loads the IDNA codec.
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return None
    return [(int(family), str(at[0]), int(at[3]) if len(at) > 3 else 0) for family, *_, at in found]


def _with_zone(address: str, zone: str) -> list[Address] | None:
    """None if there is no such interface."""
    try:
        packed = socket.inet_pton(socket.AF_INET6, address)
        scope = int(zone) if zone.isdigit() and len(zone) < 10 else socket.if_nametoindex(zone)
    except OSError:
        return None
    return [(socket.AF_INET6, socket.inet_ntop(socket.AF_INET6, packed), scope)]


def with_port(addresses: list[Address], port: int) -> list[ConnectTo]:
    """What `Connector` takes."""
    return [
        (family, (host, port, 0, scope) if family == socket.AF_INET6 else (host, port))
        for family, host, scope in addresses
    ]


class Resolver:
    """``resolve(host, callback)``; remembers answers for a while. ``close`` ends the children."""

    def __init__(self, loop: Loop, limits: Limits = DEFAULT_LIMITS) -> None:
        self._loop = loop
        self._limits = limits
        self._children: list[_Child] = []
        self._waiting: deque[str] = deque()
        self._asked: dict[str, list[OnResolved]] = {}
        self._known: dict[str, tuple[float, list[Address]]] = {}

    def resolve(self, host: str, callback: OnResolved) -> None:
        """``callback`` gets the addresses or an OSError: now if they are known, else later."""
        found = self._remembered(host) or numeric(host)
        if found is not None:
            callback(found)
        elif host in self._asked:
            self._asked[host].append(callback)
        else:
            self._asked[host] = [callback]
            self._waiting.append(host)
            self._go_on()

    def close(self) -> None:
        for child in self._children:
            child.close()
        self._children.clear()
        self._waiting.clear()
        self._asked.clear()

    def _remembered(self, host: str) -> list[Address] | None:
        when, addresses = self._known.get(host, (0.0, []))
        return addresses if addresses and self._loop.time() < when else None

    def _go_on(self) -> None:
        """Ask the next names, as many as there are children."""
        while self._waiting:
            child = next((c for c in self._children if c.host is None), None)
            if child is None:
                if len(self._children) >= self._limits.resolvers_max:
                    return
                try:
                    child = _Child(self._loop, self, self._limits.connect_timeout_s)
                except OSError as error:
                    self._answer_waiting(self._waiting.popleft(), error)
                    continue
                self._children.append(child)
            child.ask(self._waiting.popleft())

    def answered(self, host: str, answer: list[Address] | OSError) -> None:
        """A child knows."""
        if not isinstance(answer, OSError):
            if len(self._known) >= self._limits.names_max:
                self._known.pop(next(iter(self._known)))
            self._known[host] = (self._loop.time() + self._limits.name_known_s, answer)
        self._answer_waiting(host, answer)
        self._go_on()

    def died(self, child: _Child, host: str | None, error: OSError) -> None:
        """A child is no more, or is too slow to be waited for."""
        self._children.remove(child)
        if host is not None:
            self._answer_waiting(host, error)
        self._go_on()

    def _answer_waiting(self, host: str, answer: list[Address] | OSError) -> None:
        for callback in self._asked.pop(host, []):
            callback(answer)


class _Child:
    """Handler of the socket to one child process. Raises OSError if it cannot be started."""

    def __init__(self, loop: Loop, resolver: Resolver, timeout_s: float) -> None:
        self.host: str | None = None
        self._loop = loop
        self._resolver = resolver
        self._timeout_s = timeout_s
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._pid = _spawn(theirs.fileno())
            except OSError:
                ours.close()
                raise
        # As a file: the replies are lines, and this is no connection.
        os.set_blocking(ours.fileno(), False)
        self._sock = ours
        self._reply = bytearray()
        self._registration = loop.register(ours, EVENT_READ, self)

    def ask(self, host: str) -> None:
        self.host = host
        self._loop.set_deadline(self._registration, self._timeout_s)
        try:
            os.write(self._sock.fileno(), host.encode("ascii", "replace") + b"\n")
        except OSError as error:
            self._end(error)

    def on_readable(self) -> None:
        try:
            data = os.read(self._sock.fileno(), 64 * 1024)
        except OSError as error:
            self._end(error)
            return
        if not data:
            self._end(OSError("the process that looks names up has ended"))
            return
        self._reply += data
        if self._reply.endswith(b"\n") and self.host is not None:
            line, self._reply = self._reply.decode().rstrip("\n"), bytearray()
            host, self.host = self.host, None
            self._loop.set_deadline(self._registration, None)
            self._resolver.answered(host, _addresses_of(line))

    def on_writable(self) -> None:
        raise NotImplementedError

    def on_deadline(self) -> None:
        self._end(TimeoutError("the name was not resolved in time"))

    def _end(self, error: OSError) -> None:
        host, self.host = self.host, None
        self.close()
        self._resolver.died(self, host, error)

    def close(self) -> None:
        self._loop.unregister(self._registration)
        self._loop.close_at_turn_end(self._sock)
        # It may be in the middle of a name, for as long as a resolver waits.
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


def _spawn(fd: int) -> int:
    # posix_spawn, since a fork would copy this process with all that it holds. A process group of
    # its own: Ctrl-C is for the parent, which then closes the socket.
    return os.posix_spawn(
        sys.executable,
        [sys.executable, "-I", "-S", "-c", _CHILD],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, fd, 0)],
        setpgroup=0,
    )


def _addresses_of(line: str) -> list[Address] | OSError:
    if line.startswith("!"):
        number, _, why = line[1:].partition(" ")
        return OSError(int(number), why)
    found: list[Any] = [part.split(",") for part in line.split(" ")]
    return list(dict.fromkeys((int(family), host, int(scope)) for family, host, scope in found))
