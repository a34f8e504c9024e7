"""Who is whose child, and what becomes of it at its parent's end: prctl(2) and timer_create(2).

A worker drains when its supervisor has gone; but one whose application never returns would stay,
and keep the port. No Python may have to run to end it: the kernel sends it a signal, the handler
is in C and starts a timer, and the timer's signal is SIGKILL.

Must never know: what the processes do.
"""

from cpython.exc cimport PyErr_SetFromErrno

import os
import time

cdef extern from *:
    """
    #include <errno.h>
    #include <signal.h>
    #include <string.h>
    #include <time.h>
    #ifdef __linux__
    #include <sys/prctl.h>
    #include <sys/syscall.h>
    #include <unistd.h>

    /* By their numbers: older C libraries have the timers in a library of their own. */
    static int reactor_kill_timer;
    static struct itimerspec reactor_kill_time;

    static void reactor_start_timer(int number) {
        int before = errno;
        syscall(SYS_timer_settime, reactor_kill_timer, 0, &reactor_kill_time, NULL);
        errno = before;
    }

    /* SIGRTMAX: applications take the small ones. */
    static int reactor_limit_orphan(double seconds) {
        struct sigevent event;
        struct sigaction action;
        memset(&event, 0, sizeof event);
        event.sigev_notify = SIGEV_SIGNAL;
        event.sigev_signo = SIGKILL;
        if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &reactor_kill_timer) != 0)
            return -1;
        reactor_kill_time.it_value.tv_sec = (time_t)seconds;
        /* Zero would stop the timer. */
        reactor_kill_time.it_value.tv_nsec = (long)((seconds - (time_t)seconds) * 1e9) | 1;
        memset(&action, 0, sizeof action);
        action.sa_handler = reactor_start_timer;
        action.sa_flags = SA_RESTART;
        if (sigaction(SIGRTMAX, &action, NULL) != 0)
            return -1;
        return prctl(PR_SET_PDEATHSIG, SIGRTMAX, 0, 0, 0);
    }

    static int reactor_adopt(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }
    static int reactor_die_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); }
    #else
    static int reactor_adopt(void) { errno = ENOSYS; return -1; }
    static int reactor_die_with_parent(void) { errno = ENOSYS; return -1; }
    static int reactor_limit_orphan(double seconds) { errno = ENOSYS; return -1; }
    static void reactor_start_timer(int number) { }
    #endif
    """
    int reactor_adopt() nogil
    int reactor_die_with_parent() nogil
    int reactor_limit_orphan(double seconds) nogil
    void reactor_start_timer(int number) nogil


def adopt_orphans():
    checked(reactor_adopt())


def die_with(int parent):
    checked(reactor_die_with_parent())
    if os.getppid() != parent:  # it ended before the kernel was asked
        os._exit(1)


def outlive(int parent, int between, double seconds):
    # The kernel's promise is about the parent of the moment.
    while os.getppid() == between:
        time.sleep(0.001)
    checked(reactor_limit_orphan(seconds))
    if os.getppid() != parent:
        reactor_start_timer(0)


cdef int checked(int result) except -1:
    if result != 0:
        PyErr_SetFromErrno(OSError)
    return 0
