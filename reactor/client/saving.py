"""Where a body goes: a file that gets its name when it is whole, or a stream.

A `Sink` is told ``begin``, ``write`` for each piece, and then one of ``finish``, ``stop`` and
``discard``. Knows what a user wants of names: a derived one never overwrites, one
that he gave replaces atomically, a device is written to and stays a device. Must never know
how the bytes came, and never decide what is to be fetched.

Small bodies are held in memory until they are whole, so most files need neither part
nor sidecar: they are written without any name (O_TMPFILE), and get one by link(2). Putting
each on the disk by itself costs a journal commit a file (3.5 ms against 0.9 in a batch
of 64: docs/decisions/0021), so they are put there and named in batches.
"""

from __future__ import annotations

import errno
import os
import select
import stat
from collections.abc import Callable, Iterator
from functools import partial

from reactor.client._linux import link_unnamed, syncfs, write_unnamed
from reactor.client.partial import Folder, Part, find_part, first_free, numbered
from reactor.client.resuming import Version
from reactor.limits import KIB

# A body up to this size is held until it is whole; six at a time, so it is little memory.
HOLD_BYTES_MAX = 64 * KIB
# Descriptors that wait for their names: at most a quarter of those that a process may have.
BATCH_MAX = min(256, os.sysconf("SC_OPEN_MAX") // 4)
# Fewer files than this are put on the disk one by one: syncfs waits for other people's too.
SYNCFS_MIN = 4
# Somebody may take each name that we see free; after so many it is no accident.
_NAME_TRIES_MAX = 1000
_READ_BYTES = 256 * KIB

OnSaved = Callable[[str | OSError | None], object]
"""Called with the name under which the body was saved (None: nowhere), or what prevented it."""


class Sink:
    """A place for one body. The methods raise OSError."""

    part: Part | None = None
    """What an earlier try left; its bytes count if the body is continued."""
    keeps = True
    """Whether what is written can be taken back, or continued later: a stream has sent it on."""
    label = ""
    """What its user calls it."""

    def resume(self, url: str) -> Version | None:
        """Take what an earlier try left of this URL; which version it is of."""
        return None

    def rename(self, name: str) -> None:
        """A better name than the URL's, before the first byte. One that the user gave stays."""

    def written(self) -> Iterator[bytes]:
        """What the part holds, from its first byte."""
        return iter(())

    def begin(self, length: int | None, version: Callable[[], Version]) -> None:
        """A body comes, from its first byte; what was written before goes.

        ``length`` is its length as far as that is known. ``version`` says which body it is: it is
        asked only where that is to be written down, which for most files it is not.
        """

    def write(self, data: bytes | memoryview) -> None:
        raise NotImplementedError

    def finish(self, on_saved: OnSaved) -> None:
        """The body is whole."""
        raise NotImplementedError

    def stop(self) -> None:
        """The body broke off: keep what the next try can use."""

    def discard(self) -> None:
        """The body is not wanted: leave nothing."""


class StreamSink(Sink):
    """An open descriptor: stdout, which it leaves open, or a device, which it has ``opened``."""

    keeps = False

    def __init__(self, fd: int, name: str, opened: bool = False) -> None:
        self._fd = fd
        self.label = name
        self._opened = opened

    def write(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._fd, view) :]
            except BlockingIOError:
                # The process that started us shares a descriptor that does not block.
                room = select.poll()
                room.register(self._fd, select.POLLOUT)
                room.poll()

    def finish(self, on_saved: OnSaved) -> None:
        self.stop()
        on_saved(self.label)

    def stop(self) -> None:
        if self._opened:
            self._opened = False
            os.close(self._fd)

    discard = stop


class NullSink(Sink):
    """For HEAD: there is no body to save."""

    keeps = False

    def write(self, data: bytes | memoryview) -> None:
        pass

    def finish(self, on_saved: OnSaved) -> None:
        on_saved(None)


class FileSink(Sink):
    """A file in a folder, under ``name`` or, unless it may replace, under a number of it."""

    _held_size = 0
    _version: Callable[[], Version] | None = None

    def __init__(
        self,
        saver: Saver,
        name: str,
        replaces: bool,
        say: Callable[[str], object] | None,
        where: str = "",
    ) -> None:
        self._saver = saver
        self._folder = saver.folder
        self._where = where  # how the user calls the folder
        self._name = name
        self.label = os.path.join(where, name)
        self._replaces = replaces
        self._say = say
        self._held: list[bytes] = []

    def resume(self, url: str) -> Version | None:
        if self._replaces:
            part = Part.open(self._folder, self._name, create=False)
            if part is not None and (part.version is None or part.version.url != url):
                part.close()
                part = None
        else:
            part = find_part(self._folder, self._name, url)
        self.part = part
        if part is None:
            return None
        if part.version is not None and part.version.length == part.size > 0:
            # Asked for what follows the last byte, Apache does not say how long the file is.
            part.cut(part.size - 1)
        return part.version

    def rename(self, name: str) -> None:
        if not self._replaces:
            self._name = name
            self.label = os.path.join(self._where, name)

    def begin(self, length: int | None, version: Callable[[], Version]) -> None:
        self._version = version
        self._held = []
        self._held_size = 0
        if self.part is not None:
            self.part.begin(version())
        elif length is not None and length > HOLD_BYTES_MAX:
            self._claim(version())

    def write(self, data: bytes | memoryview) -> None:
        if self.part is not None:
            self.part.write(data)
            return
        self._held.append(bytes(data))
        self._held_size += len(data)
        if self._held_size > HOLD_BYTES_MAX:
            self._spill()

    def finish(self, on_saved: OnSaved) -> None:
        if self.part is None:
            if not self._replaces and self._finish_held(on_saved):
                return
            self._spill()
        if self.part is not None:
            on_saved(self.part.publish(self._place))

    def stop(self) -> None:
        try:
            if self.part is None and self._held and self._version_now().resumable:
                self._spill()
        finally:
            if self.part is not None:
                self.part.keep()

    def discard(self) -> None:
        if self.part is not None:
            self.part.discard()

    def written(self) -> Iterator[bytes]:
        offset = 0
        while self.part is not None and (data := os.pread(self.part.fd, _READ_BYTES, offset)):
            offset += len(data)
            yield data

    def _finish_held(self, on_saved: OnSaved) -> bool:
        """Save a body that never was a part; False where files cannot be without a name."""
        fd = write_unnamed(self._folder.fd, self._held)
        if fd < 0:
            return False
        self._held = []
        self._saver.add(fd, self._place, on_saved)
        return True

    def _version_now(self) -> Version:
        return Version("", None, None, None) if self._version is None else self._version()

    def _spill(self) -> None:
        """From memory into a part."""
        part = self.part or self._claim(self._version_now())
        for piece in self._held:
            part.write(piece)
        self._held = []

    def _claim(self, version: Version) -> Part:
        part = self._claim_given() if self._replaces else self._claim_derived(version.url)
        if part.size and self._say is not None:
            self._say(
                f"{part.name}.part of an earlier try is begun anew; --continue would use its bytes"
            )
        self.part = part
        part.begin(version)
        return part

    def _claim_given(self) -> Part:
        part = Part.open(self._folder, self._name)
        if part is None:
            raise OSError(
                errno.EBUSY,
                f"{self._name}.part is in use by another process, or is not ours: "
                "give another name",
            )
        return part

    def _claim_derived(self, url: str) -> Part:
        first = first_free(lambda number: self._folder.has(numbered(self._name, number)))
        for number in range(first, first + _NAME_TRIES_MAX):
            name = numbered(self._name, number)
            part = None if self._folder.has(name) else Part.open(self._folder, name)
            if part is not None:
                if part.version is None or part.version.url == url:
                    return part
                part.close()  # an earlier try of another URL: not ours to begin anew
        raise OSError(errno.EEXIST, f"no free name like {self._name}")

    def _place(self, move: Callable[[str], bool]) -> str:
        """Find the final name: the first free one, now."""
        if self._replaces and self.part is not None:
            self.part.replace(self._name)
            return self._name
        if move(self._name):
            return os.path.join(self._where, self._name)
        for _ in range(_NAME_TRIES_MAX):
            number = first_free(lambda number: self._folder.has(numbered(self._name, number)))
            name = numbered(self._name, number)
            if move(name):
                return os.path.join(self._where, name)
        raise OSError(errno.EEXIST, f"no free name like {self._name}")


class Saver:
    """The sinks of one folder, and the files that wait for a batch to get their names."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self._waiting: list[tuple[int, Callable[[Callable[[str], bool]], str], OnSaved]] = []

    def add(
        self, fd: int, place: Callable[[Callable[[str], bool]], str], on_saved: OnSaved
    ) -> None:
        """A file without a name that is whole; it gets its name with `commit`."""
        self._waiting.append((fd, place, on_saved))
        if len(self._waiting) >= BATCH_MAX:
            self.commit()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def commit(self) -> None:
        """Put what waits on the disk, then name it: no name ever stands for less than its bytes."""
        batch, self._waiting = self._waiting, []
        if not batch:
            return
        synced = len(batch) >= SYNCFS_MIN and syncfs(self.folder.fd) == 0
        outcomes: list[tuple[OnSaved, str | OSError]] = []
        for fd, place, on_saved in batch:
            try:
                if not synced:
                    os.fsync(fd)
                outcomes.append((on_saved, place(partial(link_unnamed, self.folder.fd, fd))))
            except OSError as error:
                outcomes.append((on_saved, error))
            finally:
                os.close(fd)
        self.folder.sync()
        for on_saved, outcome in outcomes:
            on_saved(outcome)

    def close(self) -> None:
        """Forget what waits, if anything does: it has no name, so nothing is left of it."""
        for fd, *_ in self._waiting:
            os.close(fd)
        self._waiting.clear()
        self.folder.close()


def open_given(path: str, say: Callable[[str], object] | None) -> Sink:
    """The sink for a path that the user wrote: a file to replace, or a device to write to."""
    folder, name = os.path.split(path)
    if not name or name in {".", ".."}:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        mode = stat.S_IFREG
    if os.path.islink(path) and stat.S_ISREG(mode):
        # Writing through it changes a file elsewhere; replacing it may unmake /dev/stdout.
        raise OSError(errno.ELOOP, "it is a symbolic link; name the file that it leads to")
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        return StreamSink(os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOCTTY), path, True)
    return GivenFile(Saver(Folder(folder)), name, path, say)


class GivenFile(FileSink):
    """A `FileSink` that owns its folder, and is called by the path that the user wrote."""

    def __init__(
        self, saver: Saver, name: str, path: str, say: Callable[[str], object] | None
    ) -> None:
        super().__init__(saver, name, True, say)
        self.label = path

    def finish(self, on_saved: OnSaved) -> None:
        super().finish(lambda outcome: on_saved(self.label if outcome == self._name else outcome))
        self._folder.close()

    def stop(self) -> None:
        try:
            super().stop()
        finally:
            self._folder.close()

    def discard(self) -> None:
        super().discard()
        self._folder.close()
