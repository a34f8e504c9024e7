import socket
from typing import Any, Self

from typing_extensions import disjoint_base

# The functions for other Cython modules.
__pyx_capi__: dict[str, Any]

@disjoint_base
class Socket:
    """Owns a descriptor: closes it once, when it is told to or when nobody holds it."""

    @property
    def fd(self) -> int: ...
    def __new__(cls, fd: int) -> Self: ...
    def fileno(self) -> int: ...
    def close(self) -> None: ...
    def detach(self) -> int: ...

def accept(fd: int) -> tuple[Socket, Any] | None:
    """A connection that waits at this listening descriptor, non-blocking, and its peer's address;
    None if there is none. Raises OSError as accept(2) has it."""

def python_socket(sock: Socket | socket.socket) -> socket.socket:
    """A `socket.socket` that takes over what ``sock`` owns; ``sock`` itself if it is one."""

def reset_on_close(fd: int) -> int:
    """Make the close of a TCP connection a reset, so that its peer sees that something broke off.

    An orderly end would be the end of a whole message where only the connection says how long it
    is, as in HTTP/1.0.
    """
