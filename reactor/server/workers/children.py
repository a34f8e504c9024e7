"""Child processes: made between two turns of a loop, and watched from it.

Must never know: what they are for.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from reactor.loop import Loop
from reactor.loop._core import EVENT_READ
from reactor.process._forked import serving

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reactor.loop._registration import Registration


def fork(body: Callable[[], int]) -> int:
    """The number of a child that calls ``body`` and ends with the code that it returns.

    Signals that come before the child has made itself ready wait: until then its handlers, and the
    pipe that they write to, are its parent's.

    Raises OSError: there is no room for another process.
    """
    _flush()  # what is in a buffer would be written twice
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            _end_as(body)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return pid


def hear_again() -> None:
    """All signals. In a child: its handlers are its own by now."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def descriptors() -> set[int]:
    """The numbers of those that are open."""
    return {number for number in map(int, os.listdir("/proc/self/fd")) if _is_open(number)}


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:  # that of the listing itself
        return False
    return True


def children_of(pid: int) -> list[int]:
    """The numbers of its children, as far as the kernel tells."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(number) for number in file.read().split()]
    except OSError:
        return []


def close_all_but(kept: set[int]) -> None:
    for number in descriptors() - kept:
        with suppress(OSError):
            os.close(number)


def _end_as(body: Callable[[], int]) -> NoReturn:
    code = 1
    try:
        code = serving(body)
    except BaseException:
        with suppress(BaseException):
            traceback.print_exc()
    finally:
        # Not by `sys.exit`: what stands on the stack is the parent's, and so are its `finally`s.
        with suppress(BaseException):
            _flush()
        os._exit(code)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()


class Child:
    """A child of this process in a loop's selector.

    ``on_end`` is called once, in the loop, with how it ended, as `os.waitpid` has it; None if
    somebody else has taken that.
    """

    def __init__(self, loop: Loop, pid: int, on_end: Callable[[int | None], object]) -> None:
        self._loop = loop
        self.pid = pid
        self._on_end = on_end
        self.ended = False
        self._descriptor = -1
        self._registration: Registration | None = None
        try:
            # By its number alone a signal could reach whoever has got that number since.
            self._descriptor = os.pidfd_open(pid)
            self._registration = loop.register(self._descriptor, EVENT_READ, self)
        except (AttributeError, OSError):
            loop.call_soon(self.look)  # an old kernel has only SIGCHLD; or it is gone already

    def look(self) -> None:
        """Whether it has ended. For SIGCHLD too."""
        if self.ended:
            return
        try:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:
            self._end(None)
            return
        if pid:
            self._end(status)

    on_readable = look

    def on_writable(self) -> None:
        raise NotImplementedError

    def on_deadline(self) -> None:
        raise NotImplementedError

    def kill(self, number: int) -> None:
        """Send it a signal, if it is there still."""
        if self.ended:
            return
        with suppress(ProcessLookupError):
            if self._descriptor >= 0:
                signal.pidfd_send_signal(self._descriptor, number)
            else:
                os.kill(self.pid, number)  # nobody else waits for it, so the number is its own

    def close(self) -> None:
        """In another child, which has none of these."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _end(self, status: int | None) -> None:
        self.ended = True
        if self._registration is not None:
            self._loop.unregister(self._registration)
        self.close()
        self._on_end(status)


def reap_strangers(known: dict[int, Child], expecting: bool) -> None:
    """Take the ends of children that were left to this process by others, as pid 1 has to.

    ``expecting``: there may be one of our own whose number is not known yet.
    """
    while True:
        try:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if found is None:
            return
        child = known.get(found.si_pid)
        if child is not None:
            child.look()
        elif expecting:
            return  # it is looked at again when the number is known
        else:
            with suppress(ChildProcessError):
                os.waitpid(found.si_pid, os.WNOHANG)


def how_ended(status: int | None) -> str:
    """In words; ``status`` is `os.waitpid`'s."""
    if status is None:
        return "in an unknown way"
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"with code {code}"
    try:
        return f"by {signal.Signals(-code).name}"
    except ValueError:
        return f"by signal {-code}"
