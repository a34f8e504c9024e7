"""What the kernel tells of a folder: which of its files were opened."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import contextmanager, suppress

import pytest

IN_OPEN = 0x20


@contextmanager
def watched(folder):
    """Gives what the kernel tells of ``folder``: the names of what was opened in it."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if libc.inotify_add_watch(descriptor, os.fsencode(folder), IN_OPEN) < 0:
        pytest.skip("no inotify")
    opened = set()

    def told():
        with suppress(BlockingIOError):
            events = os.read(descriptor, 65536)
            while events:
                size = int.from_bytes(events[12:16], sys.byteorder)
                opened.add(events[16 : 16 + size].rstrip(b"\0").decode())
                events = events[16 + size :]
        return opened - {""}  # the folder itself

    try:
        yield told
    finally:
        os.close(descriptor)
