"""Requests that an application takes long for: a line of the log each, with the stack.

    an application on the loop      the stall watch's tick, which interrupts it
    one in a thread                 the thread that accepts looks at all the others
    an asynchronous one             a timer of the loop looks at the tasks

What is looked at is who runs, not who has run: a request that is answered in time costs an entry
of a dict, and a task nothing at all. Only who has asked for it (`Limits.slow_request_s`) pays that.

Must never know: how an answer is sent. One that has begun is not waited for by anybody.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

from reactor.log import log
from reactor.server.access_log_format import escape

# What a reader takes in; the innermost are the ones that matter.
FRAMES_MAX = 16
TARGET_CHARACTERS_MAX = 200
# How often tasks are looked at: so much later than asked for may one be seen.
LOOKS = 4
LOOK_S_MIN = 0.05


class _Running:
    def __init__(self, request: Any) -> None:
        self.request = request
        self.began_at = time.monotonic()
        self.said = False


class SlowRequests:
    """Says which requests have been waiting for their answer for ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.every_s = max(seconds / LOOKS, LOOK_S_MIN)
        self._running: dict[int, _Running] = {}  # by thread
        # Bodies of tasks that were there at the last looks, the oldest first; who is in it is said.
        self._before: deque[set[Any]] = deque()
        self._said: set[Any] = set()

    def watched(self, app: Any) -> Any:
        """The application, whose calls are known from here on."""
        return _Watched(app, self._running)

    def look_here(self, frame: FrameType | None) -> None:
        """From a handler of signals, in the thread that it interrupts at ``frame``."""
        number = threading.get_ident()
        if number in self._running:
            self._look_at(number, frame)

    def look_at_threads(self) -> None:
        """From another thread."""
        frames: Mapping[int, FrameType] = sys._current_frames() if self._running else {}
        for number in list(self._running):
            self._look_at(number, frames.get(number))

    def look_at_tasks(self, going: set[Any]) -> None:
        """Once in `every_s`. A body's ``waited_for`` is its request, while nothing is answered."""
        self._said &= going
        if len(self._before) == LOOKS:
            for body in self._before.popleft() & going - self._said:
                request = getattr(body, "waited_for", None)
                if request is not None:
                    self._said.add(body)
                    _say(request, self.seconds, _awaited(body))
        self._before.append(set(going))

    def _look_at(self, number: int, frame: FrameType | None) -> None:
        running = self._running.get(number)
        if running is None or running.said:
            return
        took_s = time.monotonic() - running.began_at
        if took_s >= self.seconds:
            running.said = True
            _say(running.request, took_s, _called(frame))


class _Watched:
    """An application as it is, but for `respond`."""

    def __init__(self, app: Any, running: dict[int, _Running]) -> None:
        self._app = app
        self._respond: Callable[[Any], Any] = app.respond
        self._running = running

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)

    def respond(self, request: Any) -> Any:
        number = threading.get_ident()
        self._running[number] = _Running(request)
        try:
            return self._respond(request)
        finally:
            self._running.pop(number, None)


def _called(frame: FrameType | None) -> Iterator[FrameType]:
    """Who has called whom, the innermost first, up to the application's own beginning."""
    while frame is not None and frame.f_code is not _Watched.respond.__code__:
        yield frame
        frame = frame.f_back


def _awaited(coroutine: Any) -> Iterator[FrameType]:
    """Who waits for whom, the innermost first."""
    frames: list[FrameType] = []
    # A body drives the application's coroutine, and shows its frame as its own.
    while coroutine is not None and len(frames) < 10 * FRAMES_MAX:
        for kind in ("cr", "gi", "ag"):
            frame = getattr(coroutine, f"{kind}_frame", None)
            if frame is not None:
                frames.append(frame)
                break
        coroutine = getattr(coroutine, f"{kind}_await", getattr(coroutine, "gi_yieldfrom", None))
    return reversed(frames)


def _say(request: Any, took_s: float, frames: Iterator[FrameType]) -> None:
    places: list[str] = []
    for frame in frames:
        code = frame.f_code
        places.append(f"{code.co_filename}:{frame.f_lineno} ({code.co_qualname})")
        if len(places) == FRAMES_MAX:
            break
    target = escape(request.target)
    if len(target) > TARGET_CHARACTERS_MAX:
        target = target[:TARGET_CHARACTERS_MAX] + "..."
    where = " < ".join(places) or "an unknown place"
    fields = {
        "http.request.method": request.method,
        "url.path": request.target.partition("?")[0],
        "duration_s": round(took_s, 3),
        "stack": places,
    }
    log(
        logging.WARNING,
        "slow request: %s %s, %.1f s so far: %s",
        *(escape(request.method), target, took_s, where),
        # A stream that is in the middle of a write refuses a second one from a handler of signals.
        expected=RuntimeError,
        fields=fields,
    )
