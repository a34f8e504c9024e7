"""What the kernel says of processes and of listening sockets.

Elsewhere than on Linux it says less: then figures are 0, or None, and the text leaves them out.
"""

from __future__ import annotations

import os
import resource
import socket
import struct
import sys

from reactor.net.address import bound_address
from reactor.server.status.snapshot import Listening, Process

# What /proc counts in.
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
# struct tcp_info: of a listening socket tcpi_unacked is its queue, and tcpi_sacked the most of it.
_TCP_INFO_BYTES = 104
_QUEUE = struct.Struct("=24xII")


def listening(sock: socket.socket, backlog: int) -> Listening:
    """How many wait there to be accepted, and how many may."""
    queue: int | None = None
    if sys.platform == "linux" and sock.family != socket.AF_UNIX:
        try:
            info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
            queue, backlog = _QUEUE.unpack_from(info)
        except (OSError, struct.error):
            queue = None
    return Listening(str(bound_address(sock)), queue, backlog)


def own_process() -> Process:
    """Of this process, and the CPU time of its children that have ended."""
    cpu_s = sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )
    virtual, resident = memory_of("self")
    return Process(
        cpu_s=cpu_s,
        resident_bytes=resident,
        virtual_bytes=virtual,
        descriptors=_descriptors(),
        descriptors_max=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        threads=_threads(),
    )


def _descriptors() -> int:
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return 0


def _threads() -> int:
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 0


def memory_of(pid: int | str) -> tuple[int, int]:
    """Virtual and resident, in bytes; zeros if there is no such process."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            virtual, resident = file.read().split()[:2]
    except (OSError, ValueError):
        return 0, 0
    return int(virtual) * _PAGE_BYTES, int(resident) * _PAGE_BYTES


def cpu_of(pid: int) -> float:
    """User and system, in seconds; 0 if there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The name in parentheses may have spaces, and parentheses.
            fields = file.read().rpartition(b")")[2].split()
        return (int(fields[11]) + int(fields[12])) * _TICK_S
    except (OSError, ValueError, IndexError):
        return 0.0
