"""asyncio Tasks whose first step runs at once: the C face of `_tasks.pyx`."""

from cpython.object cimport PyObject

from reactor.loop._core cimport Loop

cdef extern from "Python.h":
    # PySendResult, as a function in Cython that raises has it.
    const int PYGEN_RETURN, PYGEN_ERROR, PYGEN_NEXT
    int PyIter_Send(object iterator, object value, PyObject **result) except -1

cdef class Tasks:
    cdef readonly object loop       # asyncio's
    cdef readonly set going         # bodies whose tasks have not ended
    cdef readonly object cancelled  # asyncio.CancelledError
    cdef readonly Loop reactor
    cdef object task_type, capture, step, context
    cdef dict options
    cdef dict fields                # the loop's __dict__; None: a Task makes its first step itself
    cdef bint stepping

    cdef bint may_start(self) noexcept
    cdef int start(self, TaskBody body) except -1
    cdef int first_step(self) except -1

cdef class TaskBody:
    cdef Tasks tasks
    cdef object coroutine           # the application's; None: not begun, or over
    cdef readonly object task       # None: it has ended, or is in its first step
    cdef readonly bint over

    cdef object begin(self)
    cdef int returned(self, object value) except -1
    cdef int raised(self, object exception) except -1
    cdef int proceed(self, object value, PyObject **result) except -1
    cdef int has_failed(self, object exception) except -1
    cdef int ended(self) except -1

cdef class CallTask(TaskBody):
    cdef object call

cdef int made_in_c(object type) except -1
cdef object coroutine_of(object awaitable, str what)
cdef object owned(PyObject *result)
cdef int give(PyObject **result, object value) except -1
