"""What a loop dispatches to."""

from __future__ import annotations

from typing import Protocol


class HasFileno(Protocol):
    def fileno(self) -> int: ...


class Closeable(Protocol):
    def close(self) -> object: ...


class Handler(Protocol):
    """What is registered for a descriptor. What it raises ends `Loop.run`,
    unless it is a MemoryError: the loop goes on."""

    def on_readable(self) -> None: ...
    def on_writable(self) -> None: ...
    def on_deadline(self) -> None: ...
    def close(self) -> None: ...
