"""A process that an application has forked while a server called it."""

from collections.abc import Callable
from typing import Any, TypeVar

_Result = TypeVar("_Result")

# The functions for other Cython modules.
__pyx_capi__: dict[str, Any]

def serving(run: Callable[[], _Result]) -> _Result:
    """Call ``run``, which serves: who is forked meanwhile ends with what the application does."""

def end_if_forked(exception: BaseException | None = None) -> int:
    """Called when an application has returned, or has raised ``exception``. In a process that it
    has forked this does not return: the process ends, with the exit code of a SystemExit, 1 for
    another exception, 0 for none."""
