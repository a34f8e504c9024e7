"""Who is whose child: what Linux can be told about it (prctl(2)).

Must never know: what the processes do.
"""

from __future__ import annotations

import os
import signal

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h


def adopt_orphans() -> None:
    """From here on this process is the parent of what its children leave behind.

    Raises OSError.
    """
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with(parent: int) -> None:
    """Be killed when the process ``parent``, which has forked this one, ends; now, if it has.

    The kernel binds this to the thread that has forked: it has to be the parent's only one.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the kernel was asked
        os._exit(1)


def _prctl(option: int, value: int) -> None:
    import ctypes  # whoever has no children starts without it

    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
