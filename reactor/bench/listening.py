"""Which process listens on a port, as the kernel has it in /proc. Linux only."""

from __future__ import annotations

import os
from pathlib import Path

LISTEN = "0A"  # the state in /proc/net/tcp


def listening(port: int) -> set[str]:
    """The sockets that listen on it, as `sockets_of` names them."""
    found = set()
    # There is no second one on a kernel without IPv6.
    for table in Path("/proc/net").glob("tcp*"):
        for line in table.read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(f"socket:[{fields[9]}]")
    return found


def sockets_of(pid: int) -> set[str]:
    """The descriptors of a process; none of one that has ended, or may not be looked at."""
    found = set()
    try:
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            found.add(os.readlink(f"/proc/{pid}/fd/{descriptor}"))
    except OSError:
        pass
    return found
