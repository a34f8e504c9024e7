"""A mold: a process that has imported the application, and of which workers are copies.

    supervisor ─fork─> mold: import, collect, freeze ─fork, fork─> worker, the supervisor's child

It accepts nobody and runs no thread. Each generation of workers has one, so that a reload imports
the application anew while what was imported before serves on. What all its workers have in
common they share in memory: the collector leaves it alone (`gc.freeze`).

Over its socket, a packet each: the supervisor sends `FORK`, with the worker's end of a channel; the
mold says `LOADED`, `FAILED`, `THREADS`, `FORKED`. At the end of the socket the mold ends.

Must never know: why a worker is wanted.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from reactor.process._page import Page
from reactor.process._parentage import die_with, outlive
from reactor.process.interrupts import raises_no_other
from reactor.server.workers.children import fork, hear_again
from reactor.server.workers.worker import Channel, Service, explaining, work

LOADED, THREADS, FORKED = b"L", b"T", b"F"
FAILED = b"E"  # to load, and why is in the log, or stands behind it
FORK = struct.Struct("!II")  # the worker's number, and where it is in the page
CHILD = struct.Struct("!cII")  # FORKED, the worker's number, its process's (0: it was not forked)
# Names of threads, as far as they fit.
PACKET_BYTES_MAX = 4096
_HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def mold(
    supervisor: socket.socket,
    parent: int,
    service: Service,
    page: Page,
    preload: bool,
    drain_s: float,
) -> int:
    """The life of a mold; its exit code. ``drain_s``: for how long a worker outlives ``parent``."""
    # The collector writes to what it looks at. What the supervisor has made stays shared with it.
    gc.freeze()
    die_with(parent)
    for number in _HEARD:
        # A terminal, or a manager that ends all processes of a service, sends it to everybody.
        signal.signal(number, _leave_it)
    hear_again()
    if preload:
        code = explaining(
            service.load,
            lambda: _say(supervisor, (FAILED + service.failure.encode())[:PACKET_BYTES_MAX]),
        )
        if code:
            return code
        gc.collect()
        names = thread_names()
        if names:
            _say(supervisor, THREADS + ", ".join(names).encode()[:PACKET_BYTES_MAX])
            return 0
        gc.freeze()
    _say(supervisor, LOADED)
    while True:
        try:
            packet, descriptors, _, _ = socket.recv_fds(supervisor, FORK.size, 1)
        except ConnectionResetError:  # it was killed with something of ours unread
            return 0
        if not packet:
            return 0
        number, index = FORK.unpack(packet)
        channel = partial(Channel, descriptors[0], page.slot(index), number)
        outlives = partial(outlive, parent, seconds=drain_s)
        pid = _fork_worker(partial(_worker, supervisor, outlives, channel, service, preload))
        os.close(descriptors[0])
        _say(supervisor, CHILD.pack(FORKED, number, pid))


def thread_names() -> list[str]:
    """Of all threads but the one that asks: a copy of this process would not have them, but the
    locks that they hold."""
    threading = sys.modules.get("threading")
    known = [] if threading is None else threading.enumerate()
    names = [thread.name for thread in known if thread.name != "MainThread"]
    # Libraries in C start threads that Python does not know.
    others = len(os.listdir("/proc/self/task")) - 1 - len(names)
    return names + ["a thread of a library"] * max(0, others)


def _fork_worker(body: Callable[[int], int]) -> int:
    """The number of a grandchild, whose parent has ended: whose child it is then, see
    `adopt_orphans`. 0: the kernel has no room for it."""
    reader, writer = os.pipe()
    try:
        between = fork(lambda: _leave_behind(body, reader, writer))
    except OSError:
        os.close(writer)
        os.close(reader)
        return 0
    os.close(writer)
    number = os.read(reader, 16)
    os.close(reader)
    os.waitpid(between, 0)
    return int(number or b"0")  # what we have written


def _leave_behind(body: Callable[[int], int], reader: int, writer: int) -> int:
    between = os.getpid()

    def child() -> int:
        os.close(reader)
        os.close(writer)
        return body(between)

    with suppress(OSError):  # no room for another process
        os.write(writer, b"%d" % fork(child))
    return 0


def _worker(
    supervisor: socket.socket,
    outlives: Callable[[int], None],
    channel: Callable[[], Channel],
    service: Service,
    preload: bool,
    between: int,
) -> int:
    supervisor.close()
    outlives(between)
    if not preload:
        # Before it is heard: an import takes its time.
        code = explaining(service.load, lambda: channel().explained(service.failure))
        if code:
            return code
    return work(channel(), service)


def _say(supervisor: socket.socket, packet: bytes) -> None:
    with suppress(OSError):  # it has gone, and this process goes too
        supervisor.send(packet, socket.MSG_NOSIGNAL)


@raises_no_other
def _leave_it(number: int, frame: object) -> None:
    """Not ignored, which a program that the application starts would inherit."""
