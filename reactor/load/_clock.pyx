"""The generator's clock: CLOCK_MONOTONIC in nanoseconds, and a timer of it.

Must never know: what is measured.
"""

from cpython.exc cimport PyErr_SetFromErrno
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

cdef extern from *:
    """
    #ifdef __linux__
    #include <sys/timerfd.h>
    #define reactor_timer() timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)
    static inline int reactor_set_timer(int fd, int64_t due)
    {
        struct itimerspec at = {.it_value = {due / 1000000000, due % 1000000000}};
        return timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, NULL);
    }
    #else
    #include <errno.h>
    #define reactor_timer() (errno = ENOSYS, -1)
    #define reactor_set_timer(fd, due) reactor_timer()
    #endif
    """
    int reactor_timer() nogil
    int reactor_set_timer(int fd, int64_t due) nogil


cdef int64_t now_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec * <int64_t>1_000_000_000 + now.tv_nsec


cdef int open_timer() except -1:
    cdef int timer = reactor_timer()
    if timer < 0:
        PyErr_SetFromErrno(OSError)
    return timer


cdef int set_timer(int timer, int64_t due) except -1:
    if reactor_set_timer(timer, due) < 0:
        PyErr_SetFromErrno(OSError)
    return 0
