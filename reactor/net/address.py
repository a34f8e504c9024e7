"""Addresses: how they are written, and what a server is told about each.

    HOST:PORT  [v6]:PORT  *:PORT  unix:PATH  unix:@NAME  fd:N  fd:NAME
    and behind it ,tls ,plain ,redirect ,proxy=v1

The sockets that are made of them are `net/listening.py`'s.
"""

from __future__ import annotations

import os
import socket

from reactor._value import Value
from reactor.errors import ConfigurationError
from reactor.parser._digits import parse_digits
from reactor.parser.forwarded import PORT_MAX

EVERYWHERE = "*"  # as a host: every address of this machine, by IPv4 and IPv6


class Inet(Value):
    """A TCP address; ``port`` 0 lets the kernel pick one, the host "*" is every address."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Unix(Value):
    """A Unix socket's path; one that begins with NUL is a name that no file has (unix(7)).

    A server's file has ``mode``, and ``group`` (a name or a number) if there is one.
    """

    path: str
    mode: int = 0o600
    group: str | None = None

    @property
    def abstract(self) -> bool:
        """Whether it has no file."""
        return self.path.startswith("\0")

    def __str__(self) -> str:
        return f"unix:@{self.path[1:]}" if self.abstract else f"unix:{self.path}"


DESCRIPTOR_DIGITS_MAX = 7  # Linux: no process has more than 2^20 (fs.nr_open)


class Descriptor(Value):
    """A listening socket that this process was started with: a number, or a name that systemd
    gave it (FileDescriptorName, sd_listen_fds(3))."""

    name: str

    @property
    def number(self) -> int | None:
        return parse_digits(self.name, DESCRIPTOR_DIGITS_MAX)

    def __str__(self) -> str:
        return f"fd:{self.name}"


Address = Inet | Unix
PROXY_VERSIONS = ("v1", "v2", "any")


class Bind(Value):
    """Where a server listens, and what is spoken there before HTTP.

    Attributes:
        tls: whether TLS is; None: as the server's certificate says.
        proxy: the version of the PROXY protocol that each connection begins with: "v1", "v2",
            "any"; None: none.
        redirect: whether every request is redirected to the address where TLS is spoken, for
            clients that begin in plain text.
        uids: users who may connect to a Unix socket that has no file, besides root and the server's
            own: such a name has no permissions.
    """

    address: Inet | Unix | Descriptor
    tls: bool | None = None
    proxy: str | None = None
    redirect: bool = False
    uids: tuple[int, ...] = ()

    def __str__(self) -> str:
        spoken = {None: "", True: ",tls", False: ",plain"}[self.tls]
        if self.redirect:
            spoken = ",redirect"
        return f"{self.address}{spoken}" + (f",proxy={self.proxy}" if self.proxy else "")


class CannotListenError(ConfigurationError):
    """The kernel refuses to listen there; ``choose`` is which of "host" and "port" could be
    another, None if neither helps."""

    def __init__(self, message: str, choose: str | None) -> None:
        super().__init__(message, choose)
        self.choose = choose

    def __str__(self) -> str:
        return str(self.args[0])


def parse_bind(text: str) -> Bind:
    """``ADDRESS[,tls|,plain|,redirect][,proxy=v1|v2|any]``.

    >>> parse_bind("[::1]:8443,tls,proxy=v2")
    Bind(address=Inet(host='::1', port=8443), tls=True, proxy='v2', redirect=False, uids=())

    Raises:
        ConfigurationError: in one sentence, what is wrong.
    """
    written, *words = text.split(",")
    tls: bool | None = None
    proxy: str | None = None
    for word in words:
        name, _, value = word.partition("=")
        if word in ("tls", "plain", "redirect") and tls is None:
            tls = word == "tls"
        elif name == "proxy" and value in PROXY_VERSIONS and proxy is None:
            proxy = value
        else:
            raise ConfigurationError(
                f"cannot bind to {text!r}: behind the address come ,tls or ,plain "
                "or ,redirect and ,proxy=v1, v2 or any, each once"
            )
    return Bind(parse_address(written), tls, proxy, "redirect" in words)


def parse_address(text: str) -> Inet | Unix | Descriptor:
    """``HOST:PORT``, ``[v6]:PORT``, ``*:PORT``, ``:PORT``, ``unix:PATH``, ``unix:@NAME``,
    ``fd:NUMBER`` or ``fd:NAME``."""
    if text.startswith("unix:"):
        path = text[5:]
        if not path or path == "@":
            raise ConfigurationError(f"{text!r} names no path: write unix:PATH or unix:@NAME")
        if "\0" in path:
            raise ConfigurationError(f"{text!r}: no path holds a NUL")
        return Unix("\0" + path[1:] if path.startswith("@") else path)
    if text.startswith("fd:"):
        name = text[3:]
        if not name or (name.isdigit() and parse_digits(name, DESCRIPTOR_DIGITS_MAX) is None):
            raise ConfigurationError(f"{text!r:.40} is no descriptor: write fd:NUMBER or fd:NAME")
        return Descriptor(name)
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not (host.startswith("[") and host.endswith("]"))):
        raise ConfigurationError(
            f"cannot bind to {text!r}: write HOST:PORT, [v6]:PORT, *:PORT, unix:PATH or fd:N"
        )
    return Inet(host.strip("[]") or "0.0.0.0", parse_port(port))


def parse_port(text: str) -> int:
    port = parse_digits(text, 5)
    if port is None or port > PORT_MAX:
        raise ConfigurationError(no_port(text))
    return port


def no_port(port: object) -> str:
    return f"{port!r:.40} is no port: a port is a number from 0 to {PORT_MAX}"


def is_loopback(sock: socket.socket) -> bool:
    """Whether only this machine can reach what is bound here."""
    if sock.family == socket.AF_UNIX:
        return True
    host: str = sock.getsockname()[0]
    return host.startswith("127.") or host in {"::1", "::ffff:127.0.0.1"}


def is_secured(sock: socket.socket) -> bool:
    """Whether a server that has a certificate speaks TLS here: as its bind says, else by TCP."""
    wanted: bool | None = getattr(sock, "tls", None)
    return sock.family != socket.AF_UNIX if wanted is None else wanted


def url_of(scheme: str, address: Address) -> str:
    if not isinstance(address, Inet):
        return str(address)
    return f"{scheme}://{address}/" if scheme.startswith("http") else f"{scheme}://{address}"


def bound_address(sock: socket.socket) -> Address:
    """The address that a listening socket really has (port 0 is a number now)."""
    name = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        return Unix(name if isinstance(name, str) else os.fsdecode(name))
    return Inet(name[0], name[1])
