"""Which process listens on a port, as the kernel has it in /proc. Linux only."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

LISTEN = "0A"  # the state in /proc/net/tcp
# Whom the kernel gives a connection to, the most specific address first.
TAKERS = {
    "127.0.0.1": ("127.0.0.1", "::ffff:127.0.0.1", "0.0.0.0", "::"),
    "::1": ("::1", "::"),
}


def listening(host: str, port: int) -> set[str]:
    """The sockets that take connections to it, as `sockets_of` names them; host: a loopback one."""
    found: dict[str, set[str]] = {}
    # There is no second one on a kernel without IPv6.
    for table in Path("/proc/net").glob("tcp*"):
        for line in table.read_text().splitlines()[1:]:
            fields = line.split()
            address, _, number = fields[1].rpartition(":")
            if fields[3] == LISTEN and int(number, 16) == port:
                found.setdefault(address, set()).add(f"socket:[{fields[9]}]")
    takers = map(_in_table, TAKERS[host])
    return next((found[taker] for taker in takers if taker in found), set())


def _in_table(host: str) -> str:
    """The address as the table has it: words of 32 bits, in this machine's order of bytes."""
    packed = socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    words = (memoryview(packed)[at : at + 4] for at in range(0, len(packed), 4))
    return "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words)


def sockets_of(pid: int) -> set[str]:
    """The descriptors of a process; none of one that has ended, or may not be looked at."""
    found = set()
    try:
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            found.add(os.readlink(f"/proc/{pid}/fd/{descriptor}"))
    except OSError:
        pass
    return found
