from typing import Any

# The functions for other Cython modules.
__pyx_capi__: dict[str, Any]

def reset_on_close(fd: int) -> int:
    """Make the close of a TCP connection a reset, so that its peer sees that something broke off.

    An orderly end would be the end of a whole message where only the connection says how long it
    is, as in HTTP/1.0.
    """
