from typing import Any

# The functions for other Cython modules.
__pyx_capi__: dict[str, Any]

def reset_on_close(fd: int) -> int:
    """Make the close of a TCP connection a reset, so that its peer sees that something broke off.

    An orderly end would be the end of a whole message where only the connection says how long it
    is, as in HTTP/1.0.
    """

def has_input(fd: int) -> bool:
    """Whether bytes, or the peer's end, wait to be read."""

def unacknowledged(fd: int) -> int:
    """How many bytes the kernel has been given that the peer's has not; -1: the kernel does not
    say.

    A socket is writable again when a third of its buffer is free. Until then this alone shows that
    a slow peer takes something.
    """

def user_of(fd: int) -> int:
    """Who has connected by a Unix socket; -1: the kernel does not say."""

def refuse_new(fd: int, by_path: bool) -> int:
    """Make a listening socket take no new client, while those who wait in its queue, and those
    whose handshake is under way, can still be accepted. -1 where the system cannot do that.

    TCP: a client's first segment is dropped, so that it asks again after a second; a server that
    takes its place meanwhile answers it. By path, a Unix socket: it is refused.
    """
