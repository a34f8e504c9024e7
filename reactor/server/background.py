"""A server in a thread of its own, because its user asked for one: in a test, beside a program.

One thread for the whole server, which is a loop in it; no thread serves a connection. What the
server raises there is raised here, to who started it or waits for its end. Signals are the main
thread's, and stay what they were. Must never know what is served.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

from reactor.loop.stall import describe

# Besides the time that answers under way have: the last connections linger (docs/stop.md).
_LATE_S = 10.0


class Background:
    """``run(on_running)`` in a thread."""

    def __init__(self, run: Callable[[Callable[[Any], object]], object]) -> None:
        self._run = run
        self._serving = threading.Event()
        self._error: BaseException | None = None
        # Whoever forgets to stop it must not keep the process from ending.
        self._thread = threading.Thread(target=self._body, name="reactor.Server", daemon=True)

    def start(self) -> None:
        """Returns when it serves. Raises what kept it from that."""
        self._thread.start()
        self._serving.wait()
        if self._error is not None:
            self.join(None)

    @property
    def is_mine(self) -> bool:
        """Whether the caller is in this thread: an application that stops its own server."""
        return threading.current_thread() is self._thread

    def ends_within(self, seconds: float) -> bool:
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def join(self, answers_s: float | None) -> None:
        """Wait for the end; what the server raised there is raised here, once.

        Raises:
            TimeoutError: it is held up, for longer than answers may take; the message says where.
        """
        if not self.ends_within(_LATE_S + (answers_s or 0.0)):
            frame = sys._current_frames().get(self._thread.ident or 0)
            raise TimeoutError(f"the server cannot stop: it is in {describe(frame)}")
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _body(self) -> None:
        try:
            self._run(lambda sockets: self._serving.set())
        except BaseException as error:
            self._error = error
        finally:
            self._serving.set()
