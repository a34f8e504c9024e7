"""Listening sockets, made of what `net/address.py` can say.

Host names are resolved here, before a loop runs: `getaddrinfo` blocks. A socket's file is never
seen with more rights than it shall have, and two servers that start at once cannot both take it.

Must never know: who is served there.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from reactor.errors import ConfigurationError
from reactor.net.address import (
    EVERYWHERE,
    Address,
    Bind,
    CannotListenError,
    Descriptor,
    Inet,
    Unix,
    bound_address,
    no_port,
    parse_bind,
)
from reactor.net.passed import STORED, passed_descriptors
from reactor.parser._digits import parse_digits
from reactor.parser.forwarded import PORT_MAX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FAMILIES = {socket.AF_INET, socket.AF_INET6, socket.AF_UNIX}
# Another server that starts in the same folder holds the lock for as long as a bind takes.
_LOCK_TRIES, _LOCK_PAUSE_S = 100, 0.02


class ListeningSocket(socket.socket):
    """A listening socket that knows what is spoken there, and takes its file along when it is
    closed.

    Attributes:
        tls, proxy, redirects: the `Bind`'s.
        factory: what makes the protocol of who connects here; None: what does so for the server.
        uids: who may connect besides root and the server's own user; None: whoever can.
        trusted: the proxies that may connect, as ``holds(peer)`` tells; None: any.
        shared: somebody who holds it too goes on with it: whoever the process got it from, or gave
            it to. Who waits there when this server stops is not ours to accept or refuse.
    """

    tls: bool | None = None
    proxy: str | None = None
    redirects = False
    factory: Any = None
    uids: tuple[int, ...] | None = None
    trusted: Any = None
    shared = False
    _path = ""
    _file: os.stat_result | None = None

    def own(self, path: str) -> None:
        self._path, self._file = path, os.stat(path)

    def share(self) -> None:
        """Leave it, and its file, to somebody who goes on listening there."""
        self.shared, self._file = True, None

    def disown(self) -> None:
        """In a process that has it of another one: the file is that one's to remove."""
        self._file = None

    def close(self) -> None:
        # Before the socket is closed: as long as it is open, no other file can have its inode.
        # By then the name may stand for another server's socket, which is not ours to remove.
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                if os.path.samestat(os.lstat(self._path), file):
                    os.unlink(self._path)
        super().close()


def listen_sockets(where: Bind | Address | Descriptor | str, backlog: int) -> list[ListeningSocket]:
    """Bind and listen. A host name may stand for several addresses: a socket for each. A str is
    what `parse_bind` takes.

    Raises:
        ConfigurationError: in one sentence, why not and what to do.
        TypeError: that is no address.
    """
    if isinstance(where, str):
        where = parse_bind(where)
    bind = where if isinstance(where, Bind) else Bind(where)
    address = bind.address
    if isinstance(address, Descriptor):
        sockets = [_passed_socket(address, number) for number in _numbers_of(address)]
    elif isinstance(address, Unix):
        sockets = [_stored_socket(address.path) or _listen_unix(address, backlog)]
    elif isinstance(address, Inet):
        sockets = _listen_inet(address, backlog)
    else:
        raise TypeError(
            f"{where!r} is no address: write 'HOST:PORT', 'unix:PATH', Inet(host, port)"
        )
    for sock in sockets:
        sock.tls, sock.proxy = bind.tls, bind.proxy
        if sock.uids is not None:
            sock.uids = bind.uids
        if bind.redirect:
            sock.tls, sock.redirects = False, True
    return sockets


def check_distinct(sockets: Iterable[socket.socket]) -> None:
    """Raises ConfigurationError: a descriptor is named twice, so one of the sockets is given up."""
    seen = set()
    for sock in sockets:
        number = sock.fileno()
        if number in seen:
            sock.detach()
            raise ConfigurationError(f"fd:{number} is named twice: it can be served once")
        seen.add(number)


# --- TCP ------------------------------------------------------------------------------------


def _listen_inet(address: Inet, backlog: int) -> list[ListeningSocket]:
    sockets: list[ListeningSocket] = []
    try:
        for family, sockaddr in _resolve_passive(address):
            # Port 0: all addresses of the name share the port that the first one got.
            port = sockets[0].getsockname()[1] if sockets else address.port
            there = (sockaddr[0], port, *sockaddr[2:])
            try:
                sockets.append(_stored_socket(there) or _listen_at(family, there, backlog))
            except CannotListenError as error:
                # "*" is all that there is: a machine may have IPv4 only.
                cause = error.__cause__
                lacks = isinstance(cause, OSError) and cause.errno in _NO_FAMILY
                if not (lacks and address.host == EVERYWHERE and sockets):
                    raise
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return sockets


_NO_FAMILY = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


def _resolve_passive(address: Inet) -> list[tuple[int, tuple[str | int, ...]]]:
    # In getaddrinfo they would be the host's fault, or overflow.
    if type(address.port) is not int or not 0 <= address.port <= PORT_MAX:
        raise ConfigurationError(no_port(address.port))
    if not isinstance(address.host, str):
        raise ConfigurationError(f"{address.host!r} is no host: a host is a text")
    if address.host == EVERYWHERE:
        port = address.port
        return [(socket.AF_INET, ("0.0.0.0", port)), (socket.AF_INET6, ("::", port, 0, 0))]
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


def _listen_at(family: int, sockaddr: tuple[str | int, ...], backlog: int) -> ListeningSocket:
    where = Inet(str(sockaddr[0]), int(sockaddr[1]))
    try:
        sock = ListeningSocket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise CannotListenError(f"cannot listen on {where}: {error.strerror}", None) from error
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # IPv4 has a socket of its own ("*"): a client's address is then always its own.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(sockaddr)
        _begin_listening(sock, backlog)
    except OSError as error:
        sock.close()
        advice, choose = _advice(error)
        raise CannotListenError(f"cannot listen on {where}: {advice}", choose) from error
    return sock


def _begin_listening(sock: socket.socket, backlog: int) -> None:
    if sock.family != socket.AF_UNIX:
        # Accepted sockets inherit it: head and body leave together, nothing waits for an ACK.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.listen(backlog)
    sock.setblocking(False)


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


# --- Unix sockets ---------------------------------------------------------------------------


def _listen_unix(address: Unix, backlog: int) -> ListeningSocket:
    group = None if address.group is None else _group_of(address.group)
    sock = ListeningSocket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if address.abstract:
            # Such a name has no permissions: whoever runs here can connect.
            sock.uids = ()
            sock.bind(address.path)
            _begin_listening(sock, backlog)
        else:
            with _folder_of(address):
                _remove_stale(address)
                _bind_file(sock, address, group)
                _begin_listening(sock, backlog)
    except OSError as error:
        sock.close()
        raise ConfigurationError(f"cannot listen on {address}: {_reason(error)}") from error
    except BaseException:
        sock.close()
        raise
    return sock


def _reason(error: OSError) -> str:
    if not error.errno:
        return "the path is longer than a socket's may be"
    if error.errno == errno.EADDRINUSE:
        return "another server listens there"
    return str(error.strerror)


def _bind_file(sock: ListeningSocket, address: Unix, group: int | None) -> None:
    """Make the file. It is born with few rights and gets more of them, never the other way round:
    between bind and chmod others could open what they may not (unix(7): they need to write)."""
    born = address.mode & 0o700 if group is not None else address.mode
    with suppress(OSError):  # Linux gives the file what the socket has, less the umask
        os.fchmod(sock.fileno(), born)
    sock.bind(address.path)
    sock.own(address.path)
    if group is not None:
        os.chown(address.path, -1, group)
    if stat.S_IMODE(os.stat(address.path).st_mode) != address.mode:
        os.chmod(address.path, address.mode)


def _group_of(name: str) -> int:
    number = parse_digits(name, 10)  # a group's number has 32 bits
    if number is not None:
        return number
    import grp

    try:
        return grp.getgrnam(name).gr_gid
    except KeyError as error:
        raise ConfigurationError(f"there is no group {name!r} for a socket's file") from error


@contextmanager
def _folder_of(address: Unix) -> Iterator[None]:
    """Hold its folder: of two servers that find a stale file only one may take it over."""
    fd = os.open(os.path.dirname(address.path) or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        for left in reversed(range(_LOCK_TRIES)):
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not left:
                    raise
                time.sleep(_LOCK_PAUSE_S)
            except OSError:
                break  # this file system has no locks
        yield
    finally:
        os.close(fd)


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


# --- descriptors that are there already -----------------------------------------------------


def _numbers_of(address: Descriptor) -> list[int]:
    if address.number is not None:
        return [address.number]
    passed = passed_descriptors()
    numbers = [number for number, name in passed.items() if name == address.name]
    if not numbers:
        known = ", ".join(sorted({name for name in passed.values() if name})) or "none"
        raise ConfigurationError(
            f"cannot listen on {address}: no descriptor was passed by that name (LISTEN_FDNAMES "
            f"has {known})"
        )
    return numbers


def _passed_socket(address: Descriptor, number: int) -> ListeningSocket:
    try:
        return _checked_socket(number)
    except ConfigurationError as error:
        where = address if address.number is not None else f"{address} (descriptor {number})"
        raise ConfigurationError(f"cannot listen on {where}: {error}") from error


def _checked_socket(number: int) -> ListeningSocket:
    """A descriptor that is a listening stream socket of a family that is served here."""
    try:
        sock = ListeningSocket(fileno=number)
    except OSError as error:
        what = "it is no socket" if error.errno == errno.ENOTSOCK else "it is not open"
        raise ConfigurationError(f"{what}; who starts this server has to hand it over") from error
    reason = None
    if sock.family not in _FAMILIES or sock.type != socket.SOCK_STREAM:
        reason = "it is neither a TCP socket nor a Unix stream socket"
    elif not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        reason = "it does not listen: who made it has to call listen() on it"
    if reason is not None:
        sock.detach()  # somebody else's
        raise ConfigurationError(reason)
    # Whoever made it is the owner of its file, and has set its backlog.
    sock.share()
    os.set_inheritable(number, False)
    sock.setblocking(False)
    if sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    elif isinstance(name := bound_address(sock), Unix) and name.abstract:
        sock.uids = ()
    return sock


def _stored_socket(name: Any) -> ListeningSocket | None:
    """The socket of this address that an earlier run of this server has left in systemd's store:
    it still listens, with its queue, so that nothing else can be bound there."""
    for number, label in passed_descriptors().items():
        if not label.startswith(STORED):
            continue
        with suppress(ConfigurationError):
            sock = _checked_socket(number)
            if sock.getsockname() == name:
                return sock
            sock.detach()
    return None
