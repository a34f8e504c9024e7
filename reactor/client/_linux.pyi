"""Files of Linux as `os` does not have them."""

def rename_noreplace(folder: int, old: bytes, new: bytes) -> int:
    """Rename within a folder, unless ``new`` exists; 0, or minus errno.

    ``-EEXIST`` if it does; ``-ENOSYS`` or ``-EINVAL`` where system or file system cannot.
    """

def syncfs(descriptor: int) -> int:
    """Write all that is dirty on the file system of an open file to the disk; 0, or minus errno."""

def write_unnamed(folder: int, pieces: list[bytes]) -> int:
    """The descriptor of a new file in a folder that has no name and these bytes (O_TMPFILE).

    Minus errno where files cannot be without a name; OSError for what cannot be written.
    """

def link_unnamed(folder: int, fd: int, name: str) -> bool:
    """Give an open file that has no name this one; False if it is taken. Raises OSError.

    By AT_EMPTY_PATH, or where that is not allowed (Linux before 6.10, without
    CAP_DAC_READ_SEARCH) by /proc, which costs a path more.
    """
