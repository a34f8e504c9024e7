"""A regular file that was opened to be sent."""

from typing import Self, final

@final
class File:
    """What is sent of a file on a disk; has what a response's body needs of a file object.

    Args:
        descriptor: open for reading; owned, and closed with the last reference at the latest.
        size: what ``fstat`` says of it.
    """

    def __new__(cls, descriptor: int, size: int) -> Self: ...
    @property
    def size(self) -> int:
        """Bytes, when it was opened."""

    @property
    def closed(self) -> bool: ...
    def fileno(self) -> int:
        """ValueError if it is closed; so is `read`."""

    def tell(self) -> int: ...
    def seek(self, offset: int) -> int:
        """Where `read` goes on, from the start of the file."""

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most ``size``; below zero: up to the size that it had.

        Raises:
            OSError: the disk's trouble.
        """

    def close(self) -> None:
        """Idempotent."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *error: object) -> None: ...
