"""Two system calls of Linux that `os` lacks."""

def rename_noreplace(folder: int, old: bytes, new: bytes) -> int:
    """Rename within a folder, unless ``new`` exists; 0, or minus errno.

    ``-EEXIST`` if it does; ``-ENOSYS`` or ``-EINVAL`` where system or file system cannot.
    """

def syncfs(descriptor: int) -> int:
    """Write all that is dirty on the file system of an open file to the disk; 0, or minus errno."""
