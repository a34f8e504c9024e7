"""openat2(2) with the flags that keep a path beneath a folder."""

def open_beneath(folder: int, path: bytes, flags: int) -> int:
    """Open ``path`` relative to a folder's descriptor; the caller owns the result.

    The kernel refuses (``OSError`` with ``EXDEV``) any step that leaves the folder: ``..``, an
    absolute path, a symbolic link that points outside; and (``ELOOP``) the magic links of
    ``/proc``. ``path`` holds no NUL; ``flags`` are those of ``open(2)``.

    Raises:
        OSError: as ``open(2)``; ``ENOSYS`` where the system has no openat2, ``EPERM`` in some
            sandboxes, ``EAGAIN`` when a rename elsewhere left the kernel unsure (try again).
    """
