"""Ending a connection so that its peer sees that something was broken off."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress


def reset_on_close(sock: socket.socket) -> None:
    """Make the close of ``sock`` a reset.

    An orderly end would be the end of a whole message where only the connection says how
    long it is, as in HTTP/1.0.
    """
    with suppress(OSError):  # closed already, or no TCP
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
