"""A process that an application has forked while a server called it.

It is a copy of the server: it has the connections, the listening sockets, and the same epoll set.
If it went on it would answer its parent's requests a second time, and take its parent's signals
out of the pipe that both have. So it ends where the application's call ends. It ends by `_exit`:
to close things in an orderly way would take them out of the epoll set of its parent, and set
its parent's sockets to reset.

A loop that the application makes or runs in such a process is that process's own.

Must never know: who is called, or what for.
"""

import os
import sys

cdef int runs = 0           # servers and loops that run now
cdef bint forked = False    # while one ran, and none was begun here since


cdef object serving_begins():
    """What to give to `serving_ends`."""
    global runs, forked
    before = forked
    forked = False
    runs += 1
    return before


cdef int serving_ends(object before) except -1:
    global runs, forked
    runs -= 1
    forked = before
    return 0


def serving(run):
    before = serving_begins()
    try:
        return run()
    finally:
        serving_ends(before)


def _was_forked():
    global forked, generation
    if runs:
        forked = True
        generation += 1


os.register_at_fork(after_in_child=_was_forked)


cpdef int end_if_forked(object exception=None) except -1:
    return end_forked(exception) if forked else 0


cdef int end_forked(object exception) except -1:
    cdef object code = 0
    try:
        if isinstance(exception, SystemExit):
            code = exception.code
            if code is not None and not isinstance(code, int):
                print(code, file=sys.stderr)
                code = 1
        elif exception is not None:
            code = 1
            sys.excepthook(type(exception), exception, exception.__traceback__)
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        code = code or 1  # there is nobody to tell: the streams are what has failed
    finally:
        os._exit((code or 0) & 0xff)
