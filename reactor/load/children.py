"""Starting a child process so that no signal can lose it.

Must never know what the child does.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Signals that end us wait: one inside `Popen` would leave a process that nobody knows.

    Python handles signals in the main thread alone, so in any other there is nothing to hold back.
    """
    came: list[int] = []
    handlers = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            handlers[number] = signal.signal(number, lambda number, frame: came.append(number))
    except ValueError:
        pass  # this is another thread
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for late in came:
            signal.raise_signal(late)
