"""Addresses: how they are written, and the listening sockets made from them.

Host names are resolved here, before a loop runs: `getaddrinfo` blocks.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from contextlib import suppress

from reactor._value import Value
from reactor.errors import ConfigurationError


class Inet(Value):
    """A TCP address; ``port`` 0 lets the kernel pick one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Unix(Value):
    """A Unix socket's path."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


Address = Inet | Unix
PORT_MAX = 65535  # RFC 9293 section 3.1: a port has 16 bits


class CannotListenError(ConfigurationError):
    """The kernel refuses to listen there; ``choose`` is which of "host" and "port" could be
    another, None if neither helps."""

    def __init__(self, message: str, choose: str | None) -> None:
        super().__init__(message, choose)
        self.choose = choose

    def __str__(self) -> str:
        return str(self.args[0])


def parse_bind(text: str) -> Address:
    """``HOST:PORT``, ``[v6]:PORT``, ``:PORT`` or ``unix:PATH``."""
    if text.startswith("unix:"):
        if not text[5:]:
            raise ConfigurationError(f"{text!r} names no path: write unix:PATH")
        return Unix(text[5:])
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not (host.startswith("[") and host.endswith("]"))):
        raise ConfigurationError(
            f"cannot bind to {text!r}: write HOST:PORT, [v6]:PORT or unix:PATH"
        )
    return Inet(host.strip("[]") or "0.0.0.0", parse_port(port))


def parse_port(text: str) -> int:
    # The length first: int() refuses thousands of digits in a way of its own.
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= PORT_MAX):
        raise ConfigurationError(_no_port(text))
    return int(text)


def _no_port(port: object) -> str:
    return f"{port!r:.40} is no port: a port is a number from 0 to {PORT_MAX}"


def is_loopback(sock: socket.socket) -> bool:
    """Whether only this machine can reach what is bound here."""
    if sock.family == socket.AF_UNIX:
        return True
    host: str = sock.getsockname()[0]
    return host.startswith("127.") or host in {"::1", "::ffff:127.0.0.1"}


def bound_address(sock: socket.socket) -> Address:
    """The address that a listening socket really has (port 0 is a number now)."""
    if sock.family == socket.AF_UNIX:
        return Unix(sock.getsockname())
    host, port = sock.getsockname()[:2]
    return Inet(host, port)


def listen_sockets(address: Address, backlog: int) -> list[socket.socket]:
    """Bind and listen. A host name may stand for several addresses: a socket for each.

    Raises:
        ConfigurationError: in one sentence, why not and what to do.
        TypeError: that is no address.
    """
    if not isinstance(address, Address):
        raise TypeError(f"{address!r} is no address: write Inet(host, port) or Unix(path)")
    if isinstance(address, Unix):
        return [_listen_unix(address, backlog)]
    sockets: list[socket.socket] = []
    try:
        for family, sockaddr in _resolve_passive(address):
            # Port 0: all addresses of the name share the port that the first one got.
            port = sockets[0].getsockname()[1] if sockets else address.port
            sockets.append(_listen_inet(family, (sockaddr[0], port, *sockaddr[2:]), backlog))
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _resolve_passive(address: Inet) -> list[tuple[int, tuple[str | int, ...]]]:
    # In getaddrinfo they would be the host's fault, or overflow.
    if type(address.port) is not int or not 0 <= address.port <= PORT_MAX:
        raise ConfigurationError(_no_port(address.port))
    if not isinstance(address.host, str):
        raise ConfigurationError(f"{address.host!r} is no host: a host is a text")
    try:
        found = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (socket.gaierror, UnicodeError) as error:
        raise ConfigurationError(
            f"cannot bind to {address}: the host name {address.host!r} is not known"
        ) from error
    # The same address comes once for each protocol of its family.
    return list(dict.fromkeys((int(family), (host, *rest)) for family, *_, (host, *rest) in found))


def _listen_inet(family: int, sockaddr: tuple[str | int, ...], backlog: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit it: head and body leave together, nothing waits for an ACK.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(sockaddr)
        sock.listen(backlog)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        where = Inet(str(sockaddr[0]), int(sockaddr[1]))
        advice, choose = _advice(error)
        raise CannotListenError(f"cannot listen on {where}: {advice}", choose) from error
    return sock


def _advice(error: OSError) -> tuple[str, str | None]:
    """The reason and what to do; what to choose anew. A command adds by which of its options."""
    match error.errno:
        case errno.EADDRINUSE:
            return "the port is in use; stop what listens there, or choose another", "port"
        case errno.EACCES:
            return "ports below 1024 need privileges; choose a higher one", "port"
        case errno.EADDRNOTAVAIL:
            return "this machine has no such address; choose one of its own", "host"
        case _:
            return f"{error.strerror or error}", None


class _UnixListener(socket.socket):
    """A listening Unix socket that takes its file along when it is closed."""

    _path = ""
    _file: os.stat_result | None = None

    def own(self, path: str) -> None:
        self._path, self._file = path, os.stat(path)

    def close(self) -> None:
        # Before the socket is closed: as long as it is open, no other file can have its inode.
        # By then the name may stand for another server's socket, which is not ours to remove.
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                if os.path.samestat(os.lstat(self._path), file):
                    os.unlink(self._path)
        super().close()


def _listen_unix(address: Unix, backlog: int) -> socket.socket:
    sock = _UnixListener(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_stale(address)
        sock.bind(address.path)
        sock.own(address.path)
        # Before anyone can connect: what this user serves is this user's.
        os.chmod(address.path, 0o600)
        sock.listen(backlog)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        reason = "the path is longer than a socket's may be" if not error.errno else error.strerror
        raise ConfigurationError(f"cannot listen on {address}: {reason}") from error
    except BaseException:
        sock.close()
        raise
    return sock


def _remove_stale(address: Unix) -> None:
    """Take over the socket file that a killed server left; never one that answers."""
    try:
        mode = os.lstat(address.path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConfigurationError(
            f"cannot listen on {address}: a file that is no socket has this name"
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(address.path)
        except ConnectionRefusedError:
            with suppress(FileNotFoundError):
                os.unlink(address.path)
            return
        except BlockingIOError:
            pass  # its backlog is full: somebody listens
    raise ConfigurationError(f"cannot listen on {address}: another server listens there")
