import selectors
from collections.abc import Callable
from typing import Any, Self

from typing_extensions import disjoint_base

from reactor.loop._ending import TurnEnd
from reactor.loop._registration import Registration
from reactor.loop._registry import Registry
from reactor.loop.handler import Closeable
from reactor.loop.timers import Handle, TimerHandle
from reactor.process._page import Slot

EVENT_READ: int
EVENT_WRITE: int

def default_selector() -> selectors.BaseSelector: ...

@disjoint_base
class Loop(Registry):
    """A single-threaded event loop over any `selectors.BaseSelector`.

    Args:
        selector: defaults to a compiled epoll selector on Linux, else to
            `selectors.DefaultSelector`; closed with the loop.
        clock: a monotonic clock in seconds; defaults to `time.monotonic`.
        read_bytes: the most that one connection receives in a turn, into one buffer for all.

    ``run`` may be called again after ``stop``; loops are independent of each other. A loop that is
    closed refuses callbacks, timers and registrations with RuntimeError; one that is dropped
    without being closed says so (ResourceWarning) and closes its own descriptors.
    """

    @property
    def closed(self) -> bool:
        """Whether `close` has released everything."""

    def __init__(
        self,
        selector: selectors.BaseSelector | None = None,
        clock: Callable[[], float] | None = None,
        read_bytes: int = ...,
    ) -> None: ...
    def run(self, turns: Callable[[], object] | None = None) -> None:
        """Turn until `stop`. Raises what a handler raises, KeyboardInterrupt, SystemExit of a
        callback, and LoopError if the selector fails again and again.

        ``turns`` is called instead, if somebody else takes the turns, by `run_once`.
        """

    def run_once(self, timeout: float | None = None) -> None:
        """One turn. Waits at most ``timeout`` seconds (None: until something happens)."""

    def stop(self) -> None:
        """End `run` after this turn. If the loop is not running, the next `run` returns at once."""

    def close(self) -> None:
        """Release the selector and the wake-up descriptors. Idempotent.

        What was planned is forgotten. What a handler raises when it is told of its end comes out
        when all is released.
        """

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc_info: object) -> None: ...
    def time(self) -> float:
        """The loop's monotonic time in seconds: one reading per turn."""

    @property
    def in_turn(self) -> bool:
        """Whether handlers and callbacks are being called; false while it waits."""

    @property
    def turn_began(self) -> float:
        """The last reading of the clock: when the turn that is under way began."""

    @property
    def clock(self) -> Callable[[], float]:
        """What gives the time, in seconds."""

    on_turn_began: Callable[[float], object] | None
    """Called with the time, when a turn begins; None: nobody is. What it raises ends `run`."""

    slot: Slot | None
    """Where it writes when a turn began and whether one is under way, for other processes; None:
    nowhere. ``in_turn`` there is 1 outside `select`: also in what asyncio runs between turns."""

    @property
    def turn_end(self) -> TurnEnd:
        """What is left for the end of a turn."""

    def call_soon(self, callback: Callable[..., object], *args: Any) -> Handle:
        """Call in this turn, after the sockets; from a callback: in the next turn."""

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: Any) -> Handle:
        """`call_soon` for other threads and for signal handlers: it also wakes the loop."""

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> TimerHandle:
        """Call in ``delay`` seconds."""

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> TimerHandle:
        """Call at ``when``, a time of `Loop.time`."""

    def on_signal(self, number: int, callback: Callable[..., object], *args: Any) -> None:
        """Call back, inside a turn, when the process gets this signal.

        It holds from now on, until `close` puts back what was there before: a signal that comes
        before `run`, or between two of them, waits for the next turn. Only the main thread may
        ask, others get ValueError; the loop may run in any.
        """

    def report(self, exception: BaseException, doing: str) -> None:
        """A callback of the user failed: say so once, with its traceback, and go on. A log that
        fails in its turn is said once on stderr."""

    def set_deadline(self, registration: Registration, delay: float | None) -> None:
        """Call the handler's `on_deadline` in ``delay`` seconds, once; None: not at all.

        It replaces the deadline before; to move one later costs a store.
        """

    def close_at_turn_end(self, fileobj: Closeable) -> None:
        """Close a descriptor that was registered, when this batch of events is done."""
