"""Opens the generator's connections: from which source address, and what it says when it cannot.

A connection is used as soon as its connect has been started: what is written to it leaves when
it is established. So a request on a new connection is under way from its first SYN.
"""

from __future__ import annotations

import errno
import resource
import socket
from typing import TYPE_CHECKING, Any

from reactor.errors import LoadError
from reactor.limits import DEFAULT_LIMITS
from reactor.net import Connection, Reactor
from reactor.net.connector import ConnectTo

if TYPE_CHECKING:
    from reactor.load._generator import Client

# linux/in.h; socket has it from Python 3.12 on.
IP_BIND_ADDRESS_NO_PORT = 24


def resolve(host: str, port: int, unix: str | None) -> ConnectTo:
    """Raises LoadError: the name is not known."""
    if unix is not None:
        return (socket.AF_UNIX, unix)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise LoadError(f"the host {host!r} is not known") from error
    return (int(found[0][0]), found[0][4])


def raise_descriptor_limit(connections: int) -> None:
    """Raises LoadError: the kernel will not give this process so many descriptors."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    needed = connections + DEFAULT_LIMITS.reserved_descriptors
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise LoadError(
            f"{connections:,} connections need {needed:,} descriptors, and this process may have "
            f"{hard:,}: raise the hard limit (ulimit -Hn), or take fewer connections"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Opener:
    """Called with a `Client`, connects it. Raises OSError: see `explain`."""

    def __init__(self, reactor: Reactor, address: ConnectTo, connections: int) -> None:
        self._reactor = reactor
        self._family, self._address = address
        # An address has some 28,000 ports; all of 127.0.0.0/8 is this machine.
        self._sources = -(-connections // DEFAULT_LIMITS.load_ports_per_address)
        loopback = self._family == socket.AF_INET and self._address[0].startswith("127.")
        if self._sources > 1 and not loopback and self._family != socket.AF_UNIX:
            raise LoadError(
                f"{connections:,} connections to {self._address[0]} need more ports than one "
                f"source address has: take {DEFAULT_LIMITS.load_ports_per_address:,} at most"
            )

    def __call__(self, client: Client) -> None:
        sock = socket.socket(self._family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            if self._family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._sources > 1:
                    self._bind(sock, client.number % self._sources)
            code = sock.connect_ex(self._address)
            if code not in (0, errno.EINPROGRESS):
                raise OSError(code, errno.errorcode.get(code, ""))
        except BaseException:
            sock.close()
            raise
        Connection(self._reactor, sock, client, self._address).open()

    def _bind(self, sock: socket.socket, source: int) -> None:
        # Without it the kernel picks the port now, when it must be free towards every peer.
        sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        sock.bind((f"127.0.{source // 250}.{1 + source % 250}", 0))

    def explain(self, error: OSError) -> str:
        """In one sentence, why there is no connection and what to do."""
        match error.errno:
            case errno.ECONNREFUSED | errno.ENOENT:
                return f"nothing listens on {self.where}; is the server started?"
            case errno.EMFILE | errno.ENFILE:
                return (
                    "no descriptors are left: raise the limit (ulimit -n), or take fewer "
                    "connections"
                )
            case errno.EADDRNOTAVAIL:
                return (
                    f"no ports are left towards {self.where}: take fewer connections, "
                    "or keep them alive"
                )
            case errno.EAGAIN:
                return f"the backlog of {self.where} is full: take fewer connections"
            case _:
                return f"cannot connect to {self.where}: {error.strerror or error}"

    @property
    def where(self) -> str:
        """The address, as it is written."""
        if self._family == socket.AF_UNIX:
            return f"unix:{self._address}"
        host: Any = self._address[0]
        return f"[{host}]:{self._address[1]}" if ":" in host else f"{host}:{self._address[1]}"
