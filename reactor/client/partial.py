"""`NAME.part` and `NAME.part.json`: a body on its way to a file, and which body it is.

Knows one folder by its descriptor, and the two files beside each other in it. The order of
writes is the whole point, since the process may be killed between any two of them:

* The sidecar says what the bytes are *before* the first byte is there, and is replaced only
  while the part is empty. So whatever a part holds belongs to its sidecar's version.
* A part gets its final name by one rename, after its bytes are on the disk.
* A lock on the part says that somebody is at work on it. Whoever is killed loses it.

After a crash of the machine a file may be as long as it was and hold zeros, so a part is
trusted in the boot that wrote it, and otherwise as far as it was synced.

A part is ours if it is empty or has a valid sidecar; anything else is never touched. Files
are opened relative to the folder and never through a symbolic link. Must never know HTTP.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable
from contextlib import suppress

from reactor.client._linux import rename_noreplace
from reactor.client.names import NAME_BYTES_MAX, PART_SUFFIX, SIDECAR_SUFFIX
from reactor.client.resuming import Version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
# A URL has its bound, and so have the fields; a larger sidecar is none of ours.
_SIDECAR_BYTES_MAX = 65_536
# Names that one --continue looks through for the part that it left.
_CANDIDATES_MAX = 100


class Folder:
    """A folder that files are saved in, held by its descriptor: renaming it changes nothing."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.fd = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def has(self, name: str) -> bool:
        try:
            os.stat(name, dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def sync(self) -> None:
        os.fsync(self.fd)

    def close(self) -> None:
        os.close(self.fd)


def numbered(name: str, number: int) -> str:
    """``name``, ``name.1``, ``name.2`` ..."""
    return f"{name}.{number}" if number else name


def first_free(taken: Callable[[int], bool]) -> int:
    """A number that is not taken, such that the one before is.

    It takes about 2 log2(n) looks, not n: ten thousand URLs may all end in index.html.
    """
    if not taken(0):
        return 0
    low, high = 0, 1
    while taken(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if taken(middle) else (low, middle)
    return high


class Part:
    """An open, locked part. ``version`` is None while nothing says what its bytes are."""

    def __init__(self, folder: Folder, name: str, fd: int) -> None:
        self.folder = folder
        self.name = name
        self.fd = fd
        self.version: Version | None = None
        self.size = 0
        self._sidecar: tuple[int, int] | None = None  # its device and inode

    @classmethod
    def open(cls, folder: Folder, name: str, create: bool = True) -> Part | None:
        """The part of ``name``, or None if it is somebody else's, or at work, or not there."""
        base = _base(name)
        if _special(folder, base + PART_SUFFIX):
            return None
        flags = os.O_RDWR | _FLAGS | (os.O_CREAT if create else 0)
        try:
            fd = os.open(base + PART_SUFFIX, flags, 0o666, dir_fd=folder.fd)
        except OSError as error:
            if error.errno in {errno.ELOOP, errno.ENXIO, errno.EISDIR} or (
                error.errno == errno.ENOENT and not create
            ):
                return None
            raise
        part = cls(folder, base, fd)
        try:
            if part._locked() and part._recognised():
                return part
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
        return None

    def _locked(self) -> bool:
        status = os.fstat(self.fd)
        # A second name of the file may be in a folder that is none of our business.
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            return False
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            named = os.stat(self.name + PART_SUFFIX, dir_fd=self.folder.fd, follow_symlinks=False)
        except (BlockingIOError, FileNotFoundError):
            return False
        # Between open and lock its owner may have finished it, and it has its final name.
        return (named.st_dev, named.st_ino) == (status.st_dev, status.st_ino)

    def _recognised(self) -> bool:
        self.size = os.fstat(self.fd).st_size
        if self.size == 0:
            return True
        found = self._read_sidecar()
        if found is None:
            return False
        self.version, trusted = found
        if trusted < self.size:
            self.cut(trusted)
        os.lseek(self.fd, self.size, os.SEEK_SET)
        return True

    def begin(self, version: Version) -> None:
        """Empty it: what comes now is of this version."""
        self.cut(0)
        self._write_sidecar(version)
        self.version = version

    def write(self, data: bytes | memoryview) -> None:
        written = write_all(self.fd, data)
        self.size += written

    def publish(self, place: Callable[[Callable[[str], bool]], str]) -> str:
        """Put the bytes on the disk and give the file its name: ``place`` says which.

        ``place(move)`` calls ``move(name)``, which is False if that name is taken.
        """
        os.fsync(self.fd)
        name = place(self._move)
        self._drop_sidecar()
        self.folder.sync()
        self.close()
        return name

    def replace(self, name: str) -> bool:
        """Take the place of whatever has this name: of a symbolic link itself, not its target."""
        folder = self.folder.fd
        os.rename(self.name + PART_SUFFIX, name, src_dir_fd=folder, dst_dir_fd=folder)
        return True

    def _move(self, name: str) -> bool:
        """Take this name unless it is taken, in one step: another process may want it too."""
        part = self.name + PART_SUFFIX
        result = rename_noreplace(self.folder.fd, os.fsencode(part), os.fsencode(name))
        if result in {-errno.ENOSYS, -errno.EINVAL}:
            return link(self.folder, part, name) and self._unlink(part)
        if result not in {0, -errno.EEXIST}:
            raise OSError(-result, os.strerror(-result))
        return result == 0

    def keep(self) -> None:
        """Leave it for the next try, if that can tell whether the rest is of the same version."""
        status = os.fstat(self.fd)
        # A full disk took a part of the last write; who removed the folder, all.
        self.size = status.st_size if status.st_nlink else 0
        if self.version is None or not self.version.resumable or not self.size:
            self.discard()
            return
        with suppress(OSError):  # the disk is full, maybe: then it is trusted until the next boot
            os.fsync(self.fd)
            self._write_sidecar(self.version, self.size)
        self.close()

    def discard(self) -> None:
        """Leave nothing. An empty part is anyone's, so the sidecar goes before the name."""
        with suppress(OSError):
            self.cut(0)
            self._drop_sidecar()
            self._unlink(self.name + PART_SUFFIX)
        self.close()

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def cut(self, size: int) -> None:
        """Forget what follows the first ``size`` bytes."""
        os.ftruncate(self.fd, size)
        os.lseek(self.fd, size, os.SEEK_SET)
        self.size = size

    def _unlink(self, name: str) -> bool:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.folder.fd)
        return True

    # --- the sidecar --------------------------------------------------------------------

    def _write_sidecar(self, version: Version, synced: int = 0) -> None:
        import json  # most files are small, and need no sidecar

        name = self.name + SIDECAR_SUFFIX
        text = json.dumps({**vars(version), "boot": boot(), "synced": synced})
        fresh = name if synced == 0 else name + ".new"
        self._unlink(fresh)
        fd = os.open(
            fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, 0o666, dir_fd=self.folder.fd
        )
        try:
            write_all(fd, text.encode("ascii"))
            status = os.fstat(fd)
        except OSError:
            self._unlink(fresh)
            raise
        finally:
            os.close(fd)
        if fresh != name:
            # The part is not empty: there may be no moment without a sidecar.
            os.rename(fresh, name, src_dir_fd=self.folder.fd, dst_dir_fd=self.folder.fd)
        self._sidecar = status.st_dev, status.st_ino

    def _read_sidecar(self) -> tuple[Version, int] | None:
        """(version, bytes to trust); None if there is no valid one."""
        if _special(self.folder, self.name + SIDECAR_SUFFIX):
            return None
        try:
            fd = os.open(self.name + SIDECAR_SUFFIX, os.O_RDONLY | _FLAGS, dir_fd=self.folder.fd)
        except OSError:
            return None
        try:
            status = os.fstat(fd)
            text = os.read(fd, _SIDECAR_BYTES_MAX) if stat.S_ISREG(status.st_mode) else b""
        finally:
            os.close(fd)
        found = _parse_sidecar(text, self.size)
        self._sidecar = (status.st_dev, status.st_ino) if found is not None else None
        return found

    def _drop_sidecar(self) -> None:
        """Remove the sidecar that this part wrote or read, not that of a part that came after."""
        name = self.name + SIDECAR_SUFFIX
        with suppress(FileNotFoundError):
            status = os.stat(name, dir_fd=self.folder.fd, follow_symlinks=False)
            if (status.st_dev, status.st_ino) == self._sidecar:
                os.unlink(name, dir_fd=self.folder.fd)


def _special(folder: Folder, name: str) -> bool:
    """Whether a FIFO or a device has that name: opened for a moment, it lets others go on."""
    try:
        mode = os.stat(name, dir_fd=folder.fd, follow_symlinks=False).st_mode
    except OSError:
        return False  # not there, or trouble that the opening will name
    return not (stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISDIR(mode))


def _parse_sidecar(text: bytes, size: int) -> tuple[Version, int] | None:
    import json

    try:
        found: dict[str, Any] = json.loads(text)
        version = Version(*(found[field] for field in Version.field_names))
        synced, here = found["synced"], found["boot"] == boot() != ""
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    texts = (version.url, version.etag or "", version.modified or "")
    numbers = (version.length or 0, synced)
    if not all(isinstance(t, str) and t.isprintable() for t in texts) or not all(
        isinstance(n, int) and n >= 0 for n in numbers
    ):
        return None
    return version, size if here else min(size, synced)


def find_part(folder: Folder, name: str, url: str) -> Part | None:
    """The part of this URL that an earlier try left under ``name`` or one of its numbers."""
    for number in range(_CANDIDATES_MAX):
        candidate = numbered(name, number)
        part = Part.open(folder, candidate, create=False)
        if part is not None:
            if part.version is not None and part.version.resumable and part.version.url == url:
                return part
            part.close()
        elif not folder.has(candidate) and not folder.has(_base(candidate) + PART_SUFFIX):
            return None
    return None


def link(folder: Folder, old: str, new: str) -> bool:
    """Give a file a second name; False if that is taken."""
    try:
        os.link(old, new, src_dir_fd=folder.fd, dst_dir_fd=folder.fd, follow_symlinks=True)
    except FileExistsError:
        return False
    return True


def write_all(fd: int, data: bytes | memoryview) -> int:
    view = memoryview(data)
    size = len(view)
    done = os.write(fd, view)
    while done < size:
        done += os.write(fd, view[done:])
    return size


def boot() -> str:
    """What tells this boot of the machine from all others; empty where nothing does."""
    with suppress(OSError), open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read(64).strip()
    return ""


def _base(name: str) -> str:
    """The name that the part's own begins with: a name may be too long for a suffix."""
    return os.fsdecode(os.fsencode(name)[:NAME_BYTES_MAX])
