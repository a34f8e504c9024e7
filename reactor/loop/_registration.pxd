"""What the loop and a compiled selector have in common: the C face of `_registration.pyx`."""

cdef enum Event:
    READ = 1                # selectors.EVENT_READ
    WRITE = 2
    LOST = 4                # ours: to a handler that has been closed by Loop.lose
    DUE = 8                 # ours: its deadline is over
    FLUSH = 16              # ours: the turn ends, Loop.flush_at_turn_end
    EXCLUSIVE = 1024        # of a Poller, with READ: wake one of the processes that want it; no MOD
    HANGUP = 512            # the peer has ended its side; of a Poller, while nothing is read
    GONE = 256              # ours: somebody else closed its descriptor; the number is another's

cdef class Registration:
    cdef object named               # the file object that it was made with; None: a number
    cdef readonly object handler
    cdef readonly int fd
    cdef readonly int events        # wanted now
    cdef readonly double deadline   # infinity: none
    cdef Py_ssize_t place           # its entry in the heap of Deadlines; -1: it has none
    # What one of these events does; a compiled handler puts its own function here. A pointer:
    # a cdef method would need a base class of all handlers, but Connection inherits from Transport,
    # and a cdef class has one base (0001, 0003).
    cdef int (*react)(object handler, int event) except -1

# One that wants nothing yet, of a compiled handler.
cdef Registration registration_of(
    int fd, object handler, int (*react)(object handler, int event) except -1)

# Raise ValueError, or TypeError for what is no number at all.
cdef int descriptor_checked(object fileobj) except -1
cdef int events_checked(object events) except -1

# What a Registration made from Python does: a method of its handler.
cdef int call_handler(object handler, int event) except -1

cdef int check_callable(object callback) except -1
cdef int check_registered(Registration registration) except -1

cdef class Poller:
    """The C face of a selector: what the loop asks of it without a Python call."""
    cdef int watch(self, Registration registration, int events) except -1
    cdef int wait(self, object timeout) except -1
    cdef Registration ready(self, int index, int *mask)
    cdef int watched_below(self) noexcept
    cdef int batch_max      # so many at most does one call of `wait` find
    cdef int failed         # the errno of the last `wait`; 0: it was none
