"""Descriptors that the process was started with, as systemd hands them over (sd_listen_fds(3)):
from LISTEN_FDS many, that begin with 3, for the process LISTEN_PID, with names in LISTEN_FDNAMES.

Must never know: what listens there.
"""

from __future__ import annotations

import os

from reactor.net.address import DESCRIPTOR_DIGITS_MAX
from reactor.parser._digits import parse_digits

FIRST = 3
VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID")
# Of those that a server has given to systemd's store itself (`server/notify.py`).
STORED = "reactor-listen"


def passed_descriptors() -> dict[int, str]:
    """{number: name}; empty if they are another process's, as those of a wrapper that forked."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return {}
    count = parse_digits(os.environ.get("LISTEN_FDS", ""), DESCRIPTOR_DIGITS_MAX) or 0
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    numbers = range(FIRST, FIRST + count)
    return {fd: names[i] if i < len(names) else "" for i, fd in enumerate(numbers)}


def forget_passed() -> None:
    """Child processes must not take them for theirs."""
    for name in VARIABLES:
        os.environ.pop(name, None)
