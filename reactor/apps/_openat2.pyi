"""openat2(2) with the flags that keep a path beneath a folder."""

from typing import Any

# The function for other Cython modules.
__pyx_capi__: dict[str, Any]

def open_beneath(folder: int, path: bytes, flags: int) -> int:
    """Open ``path`` relative to a folder's descriptor; a descriptor to own, or minus errno.

    A number instead of an exception: most looks for a precompressed sibling find none, and
    an exception costs as much as the look. The kernel refuses (``EXDEV``) any step that leaves
    the folder: ``..``, an absolute path, a symbolic link that points outside; and (``ELOOP``)
    the magic links of ``/proc``. ``ENOSYS`` where the system has no openat2, ``EPERM`` in some
    sandboxes, ``EAGAIN`` when a rename elsewhere left the kernel unsure (try again).

    Args:
        folder: the folder's descriptor.
        path: holds no NUL.
        flags: those of ``open(2)``.
    """
