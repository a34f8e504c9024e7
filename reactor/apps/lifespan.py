"""The lifespan of an ASGI application: its start before the first request, its end after the last.

    start ─> lifespan.startup ─> complete ─────────────> on_started(None)
                              └> failed, raised, late ─> on_started(why)
    stop ──> lifespan.shutdown ─> complete, failed, late ─> on_stopped(why or None)

An application that raises before it has received anything, or returns, has no lifespan, unless
it was said to have one. One that raises after it was told to start has failed to start: to serve
it would be to serve an application without its pools and models.

It is driven by asyncio's loop, and never waits itself. Must never know: a request, a server.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import Any

from reactor.errors import ShutdownError, StartupError
from reactor.log import log, report
from reactor.process.interrupts import is_from_a_signal

Message = dict[str, Any]
# ASGI's own number for it: the newest is the one with `state`.
VERSIONS = {"version": "3.0", "spec_version": "2.0"}


class Phase(Enum):
    """Where an application is in its life."""

    NEW = auto()
    STARTING = auto()
    SERVING = auto()
    STOPPING = auto()
    OVER = auto()  # or it has none


class Lifespan:
    """Of ``application``, called ``name``, in the tasks of ``loop``.

    ``required``: one that does not take part has failed. ``state`` is the scope's: what the
    application puts there is for all its requests.
    """

    def __init__(
        self,
        application: Callable[..., Awaitable[None]],
        name: str,
        loop: Any,
        state: dict[str, Any],
        required: bool,
    ) -> None:
        self._application = application
        self._name = name
        self._loop = loop
        self._state = state
        self._required = required
        self._phase = Phase.NEW
        self._received = False
        self._stop_asked: Any = None
        self._task: Any = None
        self._timer: Any = None
        self._told: Callable[[Exception | None], object] = _nobody

    def start(self, timeout_s: float, on_started: Callable[[Exception | None], object]) -> None:
        """Call the application; ``on_started`` with None when it is ready, or why it is not."""
        self._phase = Phase.STARTING
        self._told = on_started
        self._stop_asked = self._loop.create_future()
        self._task = self._loop.create_task(self._run(), name="lifespan")
        self._timer = self._loop.call_later(timeout_s, self._too_late, timeout_s)

    def stop(self, timeout_s: float, on_stopped: Callable[[Exception | None], object]) -> None:
        """Tell the application to end; ``on_stopped`` when it has, or has had its time."""
        if self._phase is not Phase.SERVING:
            self.cancel()
            on_stopped(None)
            return
        self._phase = Phase.STOPPING
        self._told = on_stopped
        self._stop_asked.set_result(None)
        self._timer = self._loop.call_later(timeout_s, self._too_late, timeout_s)

    def cancel(self) -> None:
        """Nothing more is waited for. Idempotent."""
        self._phase = Phase.OVER
        self._told = _nobody
        self._stop_timer()
        if self._task is not None:
            self._task.cancel()

    # --- what the application does --------------------------------------------------------

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": VERSIONS, "state": self._state}
        try:
            awaitable = self._application(scope, self._receive, self._send)
            if not hasattr(awaitable, "__await__"):
                self._tell(StartupError(not_awaitable(self._name, awaitable)))
                return
            await awaitable
        except BaseException as error:
            if is_from_a_signal(error):
                raise
            self._ended(error)
        else:
            self._ended(None)

    async def _receive(self) -> Message:
        if not self._received:
            self._received = True
            return {"type": "lifespan.startup"}
        # By several tasks at once, too: a future that is cancelled would be so for all of them.
        waiter = self._loop.create_future()
        self._stop_asked.add_done_callback(lambda _: waiter.done() or waiter.set_result(None))
        await waiter
        return {"type": "lifespan.shutdown"}

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        expected = "startup" if self._phase is Phase.STARTING else "shutdown"
        outcomes = {f"lifespan.{expected}.complete", f"lifespan.{expected}.failed"}
        if kind not in outcomes or self._phase not in {Phase.STARTING, Phase.STOPPING}:
            raise RuntimeError(f"{kind!r} was sent where nobody waits for it")
        if kind.endswith(".complete"):
            self._tell(None)
            return
        failure = StartupError if expected == "startup" else ShutdownError
        said = str(message.get("message", "")).strip()
        self._tell(failure(f"{self._name} says that its {expected} failed{said and f': {said}'}"))

    def _ended(self, error: BaseException | None) -> None:
        """Its task is over, by itself or by an exception."""
        phase = self._phase
        if phase is Phase.STARTING:
            self._never_started(error)
        elif phase is Phase.OVER:
            return  # it was given up
        elif error is not None:
            report(error, f"running the lifespan of {self._name}")
            self._tell(ShutdownError(f"{self._name} failed while it shut down"))
        elif phase is Phase.STOPPING:
            self._tell(None)
        self._phase = Phase.OVER

    def _never_started(self, error: BaseException | None) -> None:
        if error is not None and (self._received or self._required):
            report(error, f"starting {self._name}")
            self._tell(StartupError(f"{self._name} failed while it started: {described(error)}"))
        elif self._required:
            self._tell(StartupError(f"{self._name} has no lifespan: it returned before its start"))
        else:
            log(logging.INFO, "%s has no lifespan: it is served without one", self._name)
            self._tell(None)

    # --- who waits ------------------------------------------------------------------------

    def _tell(self, failure: Exception | None) -> None:
        told, self._told = self._told, _nobody
        self._stop_timer()
        started = self._phase is Phase.STARTING and failure is None
        self._phase = Phase.SERVING if started else Phase.OVER
        told(failure)

    def _too_late(self, timeout_s: float) -> None:
        what = "start" if self._phase is Phase.STARTING else "shut down"
        kind = StartupError if self._phase is Phase.STARTING else ShutdownError
        self._tell(kind(f"{self._name} did not {what} within {timeout_s:g} s"))
        self._task.cancel()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def not_awaitable(name: str, result: Any) -> str:
    """What is wrong with an application that is no coroutine function."""
    return (
        f"{name} returned {type(result).__name__}, which cannot be awaited: an ASGI application is "
        "`async def app(scope, receive, send)`"
    )


def described(error: BaseException) -> str:
    """Its class and text, in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _nobody(failure: Exception | None) -> None:
    pass
