"""Whom a server believes, and for which hosts it answers: the policy that `http/_edge.pyx` keeps.

Must never know: a request.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from reactor._value import Value
from reactor.errors import ConfigurationError
from reactor.http._edge import Edge
from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.net.address import bound_address, is_loopback
from reactor.net.listening import ListeningSocket
from reactor.parser.forwarded import Node, bare_host, parse_ip, parse_node

FAMILIES = ("x-forwarded", "forwarded")
# A browser on this machine asks for these; a page of another site cannot make them its own.
OWN_HOSTS = ("localhost", "*.localhost", "127.0.0.0/8", "::1")
# Nodes that were looked at: the clients of a proxy come again and again. Each is 300 bytes.
NODES_KEPT_MAX = 1024

_Network = IPv4Network | IPv6Network


class EdgePolicy(Value):
    """What a server believes of requests.

    Attributes:
        trusted: proxies, as addresses, networks, "unix" (who comes by a Unix socket) or "*"
            (whoever connects): what they say of the client is believed. (): nobody is.
        forwarded: by which fields they say it: "x-forwarded" (X-Forwarded-For, -Proto, -Host) or
            "forwarded" (RFC 7239).
        hosts: whom the server answers for, besides itself: names, "*.NAME", addresses, networks;
            "*": any. None: any, unless it listens on loopback only.
    """

    trusted: tuple[str, ...] = ()
    forwarded: str = "x-forwarded"
    hosts: tuple[str, ...] | None = None


NO_POLICY = EdgePolicy()


def edge_of(
    policy: EdgePolicy, sockets: Sequence[socket.socket], limits: Limits = DEFAULT_LIMITS
) -> Edge | None:
    """None: all is believed to be the client's own, and any host is answered for.

    Raises:
        ConfigurationError: the policy says what cannot be.
    """
    if policy.forwarded not in FAMILIES:
        raise ConfigurationError(
            f"{policy.forwarded!r}: proxies speak by {' or by '.join(FAMILIES)}"
        )
    trusted = TrustedProxies(policy.trusted) if policy.trusted else None
    hosts = _hosts_of(policy.hosts, sockets)
    if trusted is None and hosts is None:
        return None
    standard = policy.forwarded == "forwarded"
    return Edge(hosts, trusted, standard, limits.forwarded_entries_max)


def trust_binds(policy: EdgePolicy, sockets: Iterable[socket.socket]) -> None:
    """Where the PROXY protocol is spoken only trusted proxies may connect.

    Raises:
        ConfigurationError: nobody has said which, and others than this machine's can.
    """
    for sock in sockets:
        if not isinstance(sock, ListeningSocket) or sock.proxy is None:
            continue
        if policy.trusted:
            sock.trusted = TrustedProxies(policy.trusted)
        elif not is_loopback(sock):
            raise ConfigurationError(
                f"{bound_address(sock)} would believe whoever writes a PROXY header: say by "
                "--trusted-proxy which proxies may"
            )


def _hosts_of(
    said: tuple[str, ...] | None, sockets: Sequence[socket.socket]
) -> AllowedHosts | None:
    by_network = [sock for sock in sockets if sock.family != socket.AF_UNIX]
    alone = bool(by_network) and all(map(is_loopback, by_network))
    names = list(said or ())
    if "*" in names or (said is None and not alone):
        return None
    if alone:
        # Any page can give its own name this machine's address (DNS rebinding): then the browser
        # lets it read the answers, unless they are refused here.
        names += [*OWN_HOSTS, *(sock.getsockname()[0] for sock in by_network)]
    return AllowedHosts(names)


class AllowedHosts:
    """Hosts by name, ``*.NAME`` (every name below it) and network."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._names: set[str] = set()
        self._below: list[str] = []
        self._networks: list[_Network] = []
        for text in texts:
            network = _network_of(text.strip("[]"))
            if network is not None:
                self._networks.append(network)
            elif text.startswith("*.") and len(text) > 2:
                self._below.append(bare_host(text[1:]))
            elif text and not set(text) & set("*/ ,@"):
                self._names.add(bare_host(text))
            else:
                raise ConfigurationError(f"{text!r} is no host: write NAME, *.NAME or an address")

    def allows(self, authority: str) -> bool:
        """Whether the host of an authority is one; its port does not matter."""
        host = bare_host(authority)
        if host in self._names or any(map(host.endswith, self._below)):
            return True
        address = parse_ip(host) if self._networks else None
        return address is not None and any(address in network for network in self._networks)


class TrustedProxies:
    """Whose words about a client count."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._networks: list[_Network] = []
        self._everybody = self._unix = False
        self._nodes: dict[str, tuple[Node | None, bool]] = {}
        for text in texts:
            network = _network_of(text)
            if network is not None:
                self._networks.append(network)
            elif text == "*":
                self._everybody = True
            elif text == "unix":
                self._unix = True
            else:
                raise ConfigurationError(
                    f"{text!r} is no proxy: write an address, a network, unix or *"
                )

    def holds(self, peer: Any) -> bool:
        """Of the one at the other end."""
        if self._everybody:
            return True
        if not isinstance(peer, tuple):
            return self._unix
        return self.look(str(peer[0]).partition("%")[0])[1]

    def look(self, text: str) -> tuple[Node | None, bool]:
        """The node that a text names, and whether it is a trusted one. "*" trusts no node: what
        stands before the last one may be the client's own invention."""
        found = self._nodes.get(text)
        if found is None:
            node = parse_node(text)
            address = None if node is None else parse_ip(node[0])
            found = node, address is not None and any(address in net for net in self._networks)
            if len(self._nodes) >= NODES_KEPT_MAX:
                self._nodes.clear()
            self._nodes[text] = found
        return found


def _network_of(text: str) -> _Network | None:
    if not text[:1].isascii() or not (text[:1].isdigit() or ":" in text):
        return None
    try:
        return ip_network(text)
    except ValueError as error:
        if "/" in text and "host bits" in str(error):
            raise ConfigurationError(f"{text!r} is no network: {error}") from error
        return None
