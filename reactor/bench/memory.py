"""What an idle connection takes: the slope of a server's resident memory over 0 to N of them.

Each is answered once and kept alive. Memory inside the kernel is not in it.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from reactor.bench.answers import check, request_bytes
from reactor.bench.servers import Memory, NotServed, Server, receive
from reactor.load.connections import IP_BIND_ADDRESS_NO_PORT

HOLD_S = 30.0  # to open all idle connections; a server that takes longer is given up
WARM_UP = 100


def idle_slope(server: Server, body: bytes, connections: int) -> tuple[float, Memory, Memory]:
    """(bytes for each connection, before, after); raises NotServed if it does not keep them."""
    # What a first request makes the process keep is not the connection's.
    quiet = server.memory().descriptors
    for sock in hold_idle(server, body, WARM_UP):
        sock.close()
    # A server may keep a few descriptors more from its first requests on.
    _wait_until(lambda: server.memory().descriptors < quiet + WARM_UP // 10, server.name)
    before = server.memory()
    held = hold_idle(server, body, connections)
    try:
        after = server.memory()
    finally:
        for sock in held:
            sock.close()
    kept = after.descriptors - before.descriptors
    if kept < connections * 0.99:
        raise NotServed(f"{server.name} keeps {max(0, kept):,} of {connections:,} connections open")
    return (after.rss_bytes - before.rss_bytes) / connections, before, after


def _wait_until(done: Callable[[], bool], name: str, seconds: float = 5.0) -> None:
    until = time.monotonic() + seconds
    while not done():
        if time.monotonic() > until:
            raise NotServed(f"{name} does not close connections that its clients have closed")
        time.sleep(0.02)


def hold_idle(server: Server, body: bytes, connections: int) -> list[socket.socket]:
    """So many kept-alive connections, each answered once; the caller closes them.

    Raises:
        NotServed: they were not answered within 30 s altogether, or not rightly.
    """
    held: list[socket.socket] = []
    request = request_bytes(server.url)
    until = time.monotonic() + HOLD_S
    try:
        for number in range(connections):
            held.append(sock := _socket(server.host, number))
            sock.settimeout(max(0.1, until - time.monotonic()))
            sock.connect((server.host, server.port))
            sock.sendall(request)
            receive(sock, lambda response: check(response, body))
    except (OSError, ValueError) as error:
        for sock in held:
            sock.close()
        raise NotServed(f"{server.name}: {len(held) - 1:,} connections, then {error}") from error
    return held


def _socket(host: str, number: int) -> socket.socket:
    if ":" in host:  # IPv6 has one loopback address
        return socket.socket(socket.AF_INET6)
    sock = socket.socket()
    # Another source address every 5,000: an address has some 28,000 ports. Which one is
    # chosen when it connects, or those of connections to the servers before were taken.
    sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
    sock.bind((f"127.0.0.{2 + number // 5000}", 0))
    return sock
