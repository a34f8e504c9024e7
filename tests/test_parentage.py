"""Who is whose child: processes that outlive their parent only for so long."""

from __future__ import annotations

import os
import re
import select
import signal
import sys

import pytest
from processes import PATIENCE_S

if sys.platform != "linux":
    pytest.skip("prctl(2) is Linux's", allow_module_level=True)

from reactor.process._parentage import adopt_orphans, die_with, outlive

# For whoever waits for a process that shall live on: longer than it may live.
LIVES_S = 0.3


def spin():
    """No exception ends it."""
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass


def spin_in_c():
    """No byte of Python runs, and no other thread does."""
    re.match(r"(a+)+$", "a" * 64 + "b")


def wait_for_ever():
    while True:
        signal.pause()


def child(body):
    """The number of a process that does ``body``."""
    pid = os.fork()
    if pid == 0:
        try:
            body()
        finally:
            os._exit(9)
    return pid


def left_behind(body, seconds):
    """A parent, and the process that it was left: their numbers."""
    reader, writer = os.pipe()

    def parent():
        adopt_orphans()
        mine = os.getpid()

        def between():
            passing = os.getpid()

            def last():
                outlive(mine, passing, seconds)
                os.write(writer, b"%d" % os.getpid())
                body()

            child(last)
            os._exit(0)

        os.waitpid(child(between), 0)
        wait_for_ever()

    first = child(parent)
    os.close(writer)
    second = int(os.read(reader, 16))
    os.close(reader)
    return first, second


def end_of(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize("body", [spin, spin_in_c, wait_for_ever])
def test_it_is_ended_whatever_it_does(body):
    parent, pid = left_behind(body, LIVES_S)
    watched = os.pidfd_open(pid)
    os.kill(parent, signal.SIGKILL)
    assert end_of(parent) == -signal.SIGKILL
    assert select.select([watched], [], [], PATIENCE_S)[0]
    os.close(watched)


def test_nothing_happens_to_it_before_its_parent_ends():
    parent, pid = left_behind(wait_for_ever, LIVES_S)
    watched = os.pidfd_open(pid)
    assert not select.select([watched], [], [], 3 * LIVES_S)[0]
    os.kill(pid, signal.SIGKILL)
    os.kill(parent, signal.SIGKILL)
    end_of(parent)
    assert select.select([watched], [], [], PATIENCE_S)[0]
    os.close(watched)


def test_a_parent_that_has_ended_already_is_as_one_that_ends():
    gone = child(lambda: None)
    end_of(gone)
    pid = child(lambda: (outlive(gone, 0, LIVES_S), spin()))
    assert end_of(pid) == -signal.SIGKILL


def test_who_dies_with_its_parent():
    gone = child(lambda: None)
    end_of(gone)
    # It ends at once; and `child` would have ended it with another code.
    assert end_of(child(lambda: die_with(gone))) == 1
    assert end_of(child(lambda: die_with(os.getppid()))) == 9
