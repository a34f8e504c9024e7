"""watchfiles, where it is installed: a process that tells when something happens in some folders.

It is another process because watchfiles runs threads, and who forks workers has none. It does not
say what has happened, since a `Watcher` finds that out in any case: it writes a byte for each
batch. Must never know: what is looked at, or why.

    python -m reactor.server.workers.doorbell FOLDER...
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.util import find_spec

from reactor.loop import Loop
from reactor.loop._core import EVENT_READ
from reactor.server.file_systems import kind_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reactor.loop._registration import Registration

# Where what others change is told to nobody: they are on another machine, or on its host.
_SILENT = ("9p", "cifs", "drvfs", "fuse", "nfs", "nfs4", "smb3", "vboxsf", "virtiofs")
_ORPHAN_LOOKS_MS = 2000


def can_ring(folders: Iterable[str]) -> bool:
    if find_spec("watchfiles") is None:
        return False
    kinds = [kind_of(folder).partition(".")[0] for folder in folders]
    return not any(kind in _SILENT for kind in kinds)


class Doorbell:
    """Calls ``ring`` when something happens in ``folders``; `rings` is whether it still would."""

    def __init__(self, loop: Loop, folders: list[str], ring: Callable[[], object]) -> None:
        self._loop = loop
        self._ring = ring
        self._reader, writer = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", "reactor.server.workers.doorbell", *folders],
                stdin=subprocess.DEVNULL,
                stdout=writer,
                stderr=subprocess.DEVNULL,
            )
        except BaseException:
            os.close(self._reader)
            raise
        finally:
            os.close(writer)
        os.set_blocking(self._reader, False)
        self._registration: Registration | None = loop.register(self._reader, EVENT_READ, self)

    @property
    def rings(self) -> bool:
        return self._registration is not None

    def on_readable(self) -> None:
        data = b""
        with suppress(OSError):
            data = os.read(self._reader, 4096)
        if data:
            self._ring()
        else:  # watchfiles cannot, or has been ended
            self.close()

    def on_writable(self) -> None:
        raise NotImplementedError

    def on_deadline(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Idempotent."""
        if self._registration is not None:
            if not self._loop.closed:
                self._loop.unregister(self._registration)
            self._registration = None
            os.close(self._reader)
            self._process.kill()
            self._process.wait()


def main(folders: list[str]) -> int:
    from watchfiles import watch  # type: ignore[import-not-found, unused-ignore]

    parent = os.getppid()
    with suppress(BrokenPipeError, KeyboardInterrupt):
        for changes in watch(
            *folders,
            watch_filter=None,
            debounce=50,
            step=20,
            rust_timeout=_ORPHAN_LOOKS_MS,
            yield_on_timeout=True,
            recursive=False,
        ):
            if os.getppid() != parent:
                break
            if changes:
                os.write(1, b".")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
