"""From a request's target to an open file beneath one folder, or to nothing.

Theory of operation. Two guards stand behind each other, and each would do alone:

1. ``split_target`` decodes the target once, into names. It gives None for what no
   honest link holds: a broken escape, one of NUL or slash, a raw NUL or backslash, and any
   name that begins with a dot. That one rule covers ``.``, ``..``, their escapes, and hidden
   files; the only exception is ``/.well-known`` (RFC 8615). Every other byte is a name's
   own: ``%5C``, ``%0A`` and ``%FF`` are letters to a POSIX kernel, and the index links them.
2. ``Root.open`` hands the names to the kernel: ``openat2`` with RESOLVE_BENEATH and
   RESOLVE_NO_MAGICLINKS from a descriptor that was opened at start. No string is ever
   compared to a prefix, so there is no sibling folder to mistake for the root and no race
   between a check and its use.

The policy on symbolic links: one is followed when every step of it stays beneath the root
(a relative link; RESOLVE_BENEATH refuses absolute ones, even those that point back in).
Where the kernel has no openat2 (before Linux 5.6, other systems, some sandboxes) no link is
followed at all: each component is opened with O_NOFOLLOW. A link is public under its own
name, also when it leads to a hidden file beneath the root: whoever made it meant it.

Knows paths and descriptors. Must never know HTTP methods, headers or what a file means.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from urllib.parse import quote_from_bytes

from reactor._file import File
from reactor.apps._openat2 import open_beneath
from reactor.apps._stamps import FileStamps
from reactor.apps.current_folder import current_folder
from reactor.errors import ConfigurationError

# O_NONBLOCK: opening a FIFO for reading must not wait for its writer. O_NOCTTY: a terminal
# in the folder must not become ours.
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# O_PATH says what a name is without opening it (no device is touched, no permission needed).
_HAS_PATH = hasattr(os, "O_PATH")
_LOOK = os.O_PATH | os.O_CLOEXEC if _HAS_PATH else _READ
# What an O_PATH descriptor is of is opened through here, and never by its name a second time.
_BY_DESCRIPTOR = "/proc/self/fd/{}"

# openat2 gives EAGAIN when a rename or mount anywhere raced with the walk; the manual says retry.
_TRIES = 8

_PATH_BYTES_MAX = 4095  # Linux: PATH_MAX less the NUL

# These say "no such thing for you". Everything else (EMFILE, EIO, ...) is our own trouble.
_ABSENT = frozenset(
    {
        errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM, errno.ELOOP,
        errno.EXDEV, errno.ENAMETOOLONG, errno.ENXIO, errno.ENODEV, errno.EINVAL, errno.EAGAIN,
    }
)  # fmt: skip

# What %XX stands for. The table has no %00 and no %2F: a NUL ends a C string, and a slash
# inside a name would make the path that was checked another than the path that is opened.
_ESCAPES = {
    b"%c%c" % (high, low): bytes((value,))
    for value in range(256)
    if value not in (0x00, 0x2F)
    for high in {b"%x" % (value >> 4), b"%X" % (value >> 4)}
    for low in {b"%x" % (value & 15), b"%X" % (value & 15)}
}


def close_descriptor(descriptor: int) -> None:
    """What close(2) says comes too late to matter (EIO, of a network's file): it is closed, and
    who opened something else besides must come to close that too."""
    try:
        os.close(descriptor)
    except OSError:
        return


def raw_path(target: str) -> str:
    """The target's path as it was sent, still encoded, without the query.

    Takes origin-form and absolute-form (RFC 9112 3.2); anything else gives "".
    """
    path = target.partition("?")[0]
    if path.startswith("/"):
        return path
    _, found, rest = path.partition("://")
    if not found:
        return ""
    # RFC 9110 4.2.3: an empty path of an absolute-form is "/".
    return "/" + rest.partition("/")[2]


def hidden(name: bytes, *, top: bool) -> bool:
    """Whether a decoded name is neither served nor listed; ``top`` says it is in the root."""
    return name.startswith(b".") and not (top and name == b".well-known")


def split_target(target: str) -> tuple[list[bytes], bool] | None:
    """Decode a request target into names, once; whether it ended in a slash.

    Empty names are dropped (``//a///b`` is ``/a/b``). None means that nothing is served
    under this target, whatever is on the disk.
    """
    try:
        path = raw_path(target).encode("latin-1")
    except UnicodeEncodeError:
        return None
    if not path.startswith(b"/") or b"\\" in path:
        return None
    # PATH_MAX, an escape being three bytes for one: no kernel would open it.
    if len(path) - 2 * path.count(b"%") > _PATH_BYTES_MAX:
        return None
    names: list[bytes] = []
    for piece in path.split(b"/"):
        if not piece:
            continue
        name = _decode(piece) if b"%" in piece else piece
        if name is None or b"\0" in name or hidden(name, top=not names):
            return None
        names.append(name)
    return names, path.endswith(b"/")


def _decode(piece: bytes) -> bytes | None:
    first, *escaped = piece.split(b"%")
    try:
        return first + b"".join([_ESCAPES[part[:2]] + part[2:] for part in escaped])
    except KeyError:
        return None


def quote(name: bytes) -> str:
    """One name as a path segment: all but unreserved characters (RFC 3986 2.3) escaped.

    The result has no slash, backslash, colon, quote or control character in it, so that it
    reads as one relative segment wherever it stands: in a Location, in HTML, in a log.
    """
    return quote_from_bytes(name, safe="")


class Root:
    """The folder beneath which everything is opened, held by its descriptor.

    Args:
        path: the folder; it may itself be a symbolic link.
        openat2: None tries the kernel's openat2; False walks component by component.

    Raises:
        ConfigurationError: it is missing, no folder, or not readable.
    """

    def __init__(self, path: str | os.PathLike[str], *, openat2: bool | None = None) -> None:
        if not os.path.isabs(path):
            current_folder()  # it is there, or that is said in a sentence
        self.path = os.path.abspath(path)
        self._descriptor = self._open_root()
        self.openat2 = self._probe() if openat2 is None else openat2

    def _open_root(self) -> int:
        try:
            return os.open(self.path, _FOLDER)
        except NotADirectoryError:
            raise ConfigurationError(f"{self.path} is not a folder") from None
        except FileNotFoundError:
            raise ConfigurationError(f"there is no folder {self.path}") from None
        except OSError as error:
            raise ConfigurationError(
                f"the folder {self.path} cannot be opened: {error.strerror}"
            ) from None

    def _probe(self) -> bool:
        descriptor = open_beneath(self._descriptor, b".", _FOLDER)
        if descriptor < 0:
            # ENOSYS on older kernels; EPERM where a sandbox filters unknown calls.
            return False
        close_descriptor(descriptor)
        return True

    def open(self, names: list[bytes]) -> tuple[File, os.stat_result] | None:
        """Open the regular file that the names lead to; None if there is none for the peer.

        Nothing else is opened, not for a moment: a FIFO's writer would go on as if it had a
        reader, and a device may do something.

        Raises:
            OSError: the machine's own trouble (out of descriptors, a failing disk).
        """
        seen = self._guarded(names, _LOOK)
        if seen is None:
            return None
        try:
            if not stat.S_ISREG(os.fstat(seen).st_mode):
                return None
            descriptor = self._open_seen(seen, names)
        finally:
            close_descriptor(seen)
        return None if descriptor is None else _regular(descriptor)

    def _open_seen(self, seen: int, names: list[bytes]) -> int | None:
        try:
            return os.open(_BY_DESCRIPTOR.format(seen), _READ)
        except OSError as error:
            if error.errno not in _ABSENT:
                raise
        # Not readable, or there is no /proc (a chroot), or not for us (a process that has
        # changed its user). By name, then: in between only who may write here can swap it.
        return self._guarded(names, _READ)

    def open_folder(self, names: list[bytes]) -> int | None:
        """Like ``open`` for a folder; None also if the names lead to something else."""
        return self._guarded(names, _FOLDER)

    def look(self, names: list[bytes]) -> os.stat_result | None:
        """What ``open`` would find, as ``fstat`` tells it, without opening it."""
        descriptor = self._guarded(names, _LOOK)
        if descriptor is None:
            return None
        try:
            return os.fstat(descriptor)
        finally:
            close_descriptor(descriptor)

    def stamps(self, paths: list[list[bytes]]) -> FileStamps | None:
        """What these paths are now, for ``confirms``; None if one is not there."""
        try:
            return FileStamps(self._descriptor, [b"/".join(names) for names in paths])
        except OSError:
            return None

    def confirms(self, stamps: FileStamps) -> bool:
        """Whether everything is still as the evidence says."""
        return stamps.holds(self._descriptor)

    def reopen(self, stamps: FileStamps) -> File | None:
        """The file that the evidence is of, open, if everything is still as it says."""
        return stamps.reopen(self._descriptor, _READ)

    def follow(self) -> bool:
        """Open the root anew if its path leads to another folder by now; whether it did.

        That is how sites are deployed: the folder is made anew, or a link to it is turned.
        """
        try:
            if os.path.samestat(os.stat(self.path), os.fstat(self._descriptor)):
                return False
            fresh = os.open(self.path, _FOLDER)
        except OSError:
            # Nothing there at the moment: what is held stays good.
            return False
        # The number stays the same: another thread may be opening beneath it right now.
        os.dup2(fresh, self._descriptor, inheritable=False)
        close_descriptor(fresh)
        return True

    def close(self) -> None:
        """Let go of the folder; idempotent."""
        if self._descriptor >= 0:
            close_descriptor(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        with suppress(AttributeError, OSError):
            self.close()

    def _guarded(self, names: list[bytes], flags: int) -> int | None:
        result = self._beneath(names, flags) if self.openat2 else self._walk(names, flags)
        if result >= 0:
            return result
        if -result in _ABSENT:
            return None
        raise OSError(-result, os.strerror(-result))

    def _beneath(self, names: list[bytes], flags: int) -> int:
        path = b"/".join(names) or b"."
        for _ in range(_TRIES):
            result: int = open_beneath(self._descriptor, path, flags)
            if -result not in {errno.EAGAIN, errno.EINTR}:
                return result
        return -errno.EAGAIN

    def _walk(self, names: list[bytes], flags: int) -> int:
        # What RESOLVE_BENEATH would refuse, should anyone come past ``split_target``.
        if any(name == b".." or b"/" in name for name in names):
            return -errno.EXDEV
        if sum(map(len, names)) + len(names) > _PATH_BYTES_MAX:
            return -errno.ENAMETOOLONG
        try:
            return self._step_by_step(names or [b"."], flags)
        except OSError as error:
            return -(error.errno or errno.EIO)

    def _step_by_step(self, names: list[bytes], flags: int) -> int:
        folder = self._descriptor
        try:
            for name in names[:-1]:
                inner = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
                if folder != self._descriptor:
                    close_descriptor(folder)
                folder = inner
            if not _HAS_PATH and not _harmless(names[-1], folder):
                return -errno.ENXIO
            descriptor = os.open(names[-1], flags | os.O_NOFOLLOW, dir_fd=folder)
        finally:
            if folder != self._descriptor:
                close_descriptor(folder)
        # O_PATH with O_NOFOLLOW opens the link itself instead of refusing it.
        if stat.S_ISLNK(os.fstat(descriptor).st_mode):
            close_descriptor(descriptor)
            return -errno.ELOOP
        return descriptor


def _harmless(name: bytes, folder: int) -> bool:
    """Whether to open it to look at it does nothing: for systems without O_PATH."""
    mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def _regular(descriptor: int) -> tuple[File, os.stat_result] | None:
    """The open file and its ``fstat``; None, and closed, if it is no regular one."""
    try:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            return File(descriptor, status.st_size), status
    except BaseException:
        close_descriptor(descriptor)
        raise
    close_descriptor(descriptor)
    return None
