"""Whether the files and folders that an answer was made from are still as they were."""

from collections.abc import Iterable
from typing import final

from reactor._file import File

@final
class FileStamps:
    """What ``fstatat`` says of some paths now, to be compared with what it says later.

    Args:
        folder: a folder's descriptor.
        paths: relative to it; a last component that is a link is looked at, not through.

    Raises:
        OSError: one of them is not there.
        ValueError: there is no path.
    """

    def __init__(self, folder: int, paths: Iterable[bytes]) -> None: ...
    @property
    def changed_s(self) -> int:
        """The latest ctime of all, in whole seconds of Unix time."""
    def identifies(self, device: int, inode: int) -> bool:
        """Whether the first path is this very file."""
    def holds(self, folder: int) -> bool:
        """Whether device, inode, size, mtime and ctime of every path are what they were."""
    def reopen(self, folder: int, flags: int) -> File | None:
        """The file at the first path, opened by openat2 with ``flags``, if everything holds.

        Also None if it cannot be opened: an opening that may fail tells why.
        """
