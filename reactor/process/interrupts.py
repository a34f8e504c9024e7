"""Whose a KeyboardInterrupt is: a signal's, which ends what runs, or one of an application's own.

Python raises a signal's in the main thread, wherever that is, out of the handler of SIGINT. Some
handlers of ours say when they raise one: it is a `SignalInterrupt` then. While SIGINT has such a
handler any other KeyboardInterrupt is from code that was called, and as much that code's fault as
what else it raises. Under any other handler, Python's default one too, nobody can tell: then it
is taken for a signal's.

Must never know: who is interrupted.
"""

from __future__ import annotations

import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    _Handler = TypeVar("_Handler", bound=Callable[..., Any])


class SignalInterrupt(KeyboardInterrupt):
    """A signal's, for certain."""


def raises_no_other(handler: _Handler) -> _Handler:
    """Marks a handler of signals: of KeyboardInterrupts it raises a `SignalInterrupt` or none."""
    handler.raises_no_other = True  # type: ignore[attr-defined]
    return handler


def is_from_a_signal(exception: BaseException) -> bool:
    """Whether it is a KeyboardInterrupt that whoever contains an application's faults lets pass."""
    if not isinstance(exception, KeyboardInterrupt) or isinstance(exception, SignalInterrupt):
        return isinstance(exception, SignalInterrupt)
    threading = sys.modules.get("threading")
    if threading is not None and threading.current_thread() is not threading.main_thread():
        return False  # no handler runs here
    return not hasattr(signal.getsignal(signal.SIGINT), "raises_no_other")
