"""What the service manager is told (sd_notify(3)): ready, reloading, stopping, alive, what to keep.

One datagram each, and nothing waits for it: a manager that does not listen costs nothing. Without
NOTIFY_SOCKET nobody is told. Must never know: what is served.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from array import array
from collections.abc import Callable, Iterable
from contextlib import suppress

from reactor.log import log
from reactor.net.address import bound_address
from reactor.net.listening import ListeningSocket
from reactor.net.passed import STORED, passed_descriptors
from reactor.parser._digits import parse_digits

VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "FDSTORE")
# What a stop takes besides `graceful_timeout_s`: the last connections linger.
STOP_EXTRA_S = 10.0
NAME_BYTES_MAX = 255  # systemd.exec(5), FileDescriptorName=


class Notifier:
    """Tells ``address``; without one it tells nobody.

    Attributes:
        beat_s: how often `alive` is due; None: never.
        reloads: what `reload` calls.
    """

    def __init__(
        self, address: str = "", beat_s: float | None = None, stores: bool = False
    ) -> None:
        self._address = address
        self._stores = stores
        self._stopping = False
        self._status = ""
        self.reloads: list[Callable[[], object]] = []
        self._beaten_at = time.monotonic()
        self.beat_s = beat_s if address else None

    @classmethod
    def from_environment(cls) -> Notifier:
        """As the variables say; they are removed, so that no child process speaks in our name."""
        said = {name: os.environ.pop(name, "") for name in VARIABLES}
        address = said["NOTIFY_SOCKET"]
        if not address.startswith(("/", "@")):
            return cls()
        # In half the time, as sd_watchdog_enabled(3) advises.
        watchdog_us = parse_digits(said["WATCHDOG_USEC"], 18)
        watched = said["WATCHDOG_PID"] in ("", str(os.getpid()))
        return cls(
            "\0" + address[1:] if address.startswith("@") else address,
            watchdog_us / 2e6 if watchdog_us and watched else None,
            bool(parse_digits(said["FDSTORE"], 9)),
        )

    def ready(self, status: str) -> None:
        # One line: a second one would be a word of its own.
        self._status = " ".join(status.split())
        self._tell_ready()

    def reload(self) -> None:
        """Tell that what can be read again is being read, and then that it was."""
        self.reloading()
        try:
            for read_again in self.reloads:
                read_again()
        finally:
            self.reloaded()

    def reloading(self) -> None:
        # Without the stamp `systemctl reload` of Type=notify-reload waits for ever.
        stamp = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={stamp}")

    def reloaded(self) -> None:
        """Whatever came of it."""
        if self._status:
            self._tell_ready()

    def _tell_ready(self) -> None:
        self._tell(f"READY=1\nMAINPID={os.getpid()}\nSTATUS={self._status}")

    def stopping(self, at_most_s: float) -> None:
        """Once, however often it is said."""
        if not self._stopping:
            self._stopping = True
            extra_us = int((at_most_s + STOP_EXTRA_S) * 1e6)
            self._tell(f"STOPPING=1\nEXTEND_TIMEOUT_USEC={extra_us}")

    def alive(self) -> None:
        """For whoever comes by often: it tells when that is due."""
        now = time.monotonic()
        if self.beat_s is not None and now - self._beaten_at >= self.beat_s:
            self._beaten_at = now
            self._tell("WATCHDOG=1")

    def keep_sockets(self, sockets: Iterable[socket.socket]) -> None:
        """Give the manager those that this process has bound, so that clients wait in their queues
        while it is started anew; and take back what an earlier one gave and this one has not."""
        taken = set()
        for sock in sockets:
            taken.add(sock.fileno())
            if self._stores and isinstance(sock, ListeningSocket) and not sock.shared:
                sock.share()
                self._tell(f"FDSTORE=1\nFDNAME={_name_of(sock)}", sock.fileno())
        for number, name in passed_descriptors().items():
            if name.startswith(STORED) and number not in taken:
                self._tell(f"FDSTOREREMOVE=1\nFDNAME={name}")
                os.close(number)

    def _tell(self, message: str, descriptor: int | None = None) -> None:
        if not self._address:
            return
        rights = []
        if descriptor is not None:
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [descriptor]))]
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.sendmsg([message.encode()], rights, 0, self._address)


def _name_of(sock: socket.socket) -> str:
    """Of printable ASCII without a colon, which LISTEN_FDNAMES has between names."""
    address = str(bound_address(sock)).encode("ascii", "replace").decode().replace(":", ".")
    return f"{STORED}-{address}"[:NAME_BYTES_MAX]


def hear_reload(notifier: Notifier) -> None:
    """SIGHUP reads again what can be; a terminal that is closed ends nothing.

    Not if somebody, as nohup, has asked that it be ignored.
    """
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_DFL:
        return

    def hear(number: int, frame: object) -> None:
        notifier.reload()
        # A stream that is in the middle of a write refuses a second one from here.
        with suppress(RuntimeError):
            log(logging.INFO, "SIGHUP: the application is not loaded anew; a restart does that")

    signal.signal(signal.SIGHUP, hear)
