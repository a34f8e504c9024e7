"""asyncio Tasks whose first step runs at once, inside the read that brought their request.

A request that is answered without waiting for anything, most of them, never meets asyncio's queue:
its task begins and ends in the reactor's dispatch. From CPython 3.12 on a Task does that itself
(``eager_start``). Before, it hands its first step to the loop's `call_soon`, in its constructor: for
that moment the loop has another `call_soon`, which keeps the step, and it is run here, in the
context that the task has made.

It is a real Task in either case: current_task, timeouts, cancel scopes and context variables work.
One may begin only where no other runs, with the loop's own context: in the reactor's turn, and not
within another one's first step (`may_start`).

A `TaskBody` is the coroutine of such a task: it drives the application's, and knows how that ended
without a callback of the task, which would take a turn of the loop. No exception but the task's own
cancellation leaves it: a Task would let SystemExit through, and with it end the server. That is told
from a CancelledError of the application's own, as of another task that it awaits: a fault like others.

Must never know: asyncio by name (`apps/asgi.py` hands over what is needed), or a protocol.
"""

cimport cython
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF, Py_XDECREF

from reactor.process._forked cimport end_if_forked

from reactor.process.interrupts import is_from_a_signal

cdef extern from "Python.h":
    int PyContext_Enter(object context) except -1
    int PyContext_Exit(object context) except -1
    bint PyCoro_CheckExact(object thing)
    object PyObject_Call(object callable, tuple positional, dict named)

cdef extern from *:
    """
    static PyObject *not_from_python(PyTypeObject *type, PyObject *args, PyObject *named) {
        (void)args, (void)named;
        return PyErr_Format(PyExc_TypeError, "a %s is made for a request only", type->tp_name);
    }
    static void refuse_new(PyObject *type) {
        ((PyTypeObject *)type)->tp_new = not_from_python;
        ((PyTypeObject *)type)->tp_vectorcall = NULL;
        PyType_Modified((PyTypeObject *)type);
    }
    """
    void refuse_new(object type)

cdef str CALL_SOON = "call_soon"


cdef int made_in_c(object type) except -1:
    """Python cannot make one, whose members would be None. C does, as before."""
    refuse_new(type)
    return 0


@cython.final
cdef class Tasks:

    def __init__(self, loop, Loop reactor not None, task_type, cancelled, bint eager):
        self.loop = loop
        self.reactor = reactor
        self.task_type = task_type
        self.cancelled = cancelled
        self.going = set()
        # A name of one's own is formatted from a counter, which costs more than the task's dict.
        self.options = {"loop": loop, "name": "request"}
        if eager:
            self.options["eager_start"] = True
        else:
            self.fields = loop.__dict__
            self.capture = self._capture

    def _capture(self, step, *, context=None):
        self.step = step
        self.context = context

    cdef bint may_start(self) noexcept:
        return self.reactor._in_turn and not self.stepping

    def begin(self, TaskBody body not None):
        if self.may_start():
            self.start(body)
        else:
            # Asked for by another application's step: with that one's context it must not begin.
            body.tasks = self
            self.reactor.call_soon(self.begin, body)

    cdef int start(self, TaskBody body) except -1:
        """Make the task of ``body``, and its first step."""
        cdef object task
        body.tasks = self
        self.stepping = True
        try:
            if self.fields is None:
                task = PyObject_Call(self.task_type, (body,), self.options)
            else:
                self.fields[CALL_SOON] = self.capture
                try:
                    task = PyObject_Call(self.task_type, (body,), self.options)
                finally:
                    del self.fields[CALL_SOON]
                self.first_step()
        finally:
            self.stepping = False
        if not body.over:
            # The loop knows its tasks weakly: without this one it could be collected.
            body.task = task
            self.going.add(body)
        return 0

    cdef int first_step(self) except -1:
        cdef object step = self.step, context = self.context
        self.step = self.context = None
        PyContext_Enter(context)
        try:
            step()
        finally:
            PyContext_Exit(context)
        return 0


cdef class TaskBody:

    cdef object begin(self):
        """The application's coroutine."""
        raise NotImplementedError

    cdef int returned(self, object value) except -1:
        raise NotImplementedError

    cdef int raised(self, object exception) except -1:
        """The application's code has. What this raises is the task's."""
        raise NotImplementedError

    cdef int proceed(self, object value, PyObject **result) except -1:
        cdef int status
        try:
            if self.coroutine is None:
                self.coroutine = self.begin()
            status = PyIter_Send(self.coroutine, value, result)
        except BaseException as exception:
            if self.has_failed(exception):
                raise
            return PYGEN_RETURN
        if status == PYGEN_RETURN:
            self.ended()
            end_if_forked(None)
            self.returned(owned(result[0]))
            result[0] = NULL
        return status

    cdef int has_failed(self, object exception) except -1:
        """Whether it is for the task to see."""
        cdef object task = self.task
        cdef bint cancelled = isinstance(exception, self.tasks.cancelled)
        self.ended()
        if is_from_a_signal(exception):
            return True
        end_if_forked(exception)
        if cancelled and (task is None or not task.cancelling()):
            failure = RuntimeError("the application was cancelled, and not by who called it")
            failure.__cause__ = exception
            self.raised(failure)
        else:
            self.raised(exception)
        return cancelled

    cdef int ended(self) except -1:
        self.over = True
        self.coroutine = None
        if self.task is not None:
            self.task = None
            self.tasks.going.discard(self)
        return 0

    # --- collections.abc.Coroutine --------------------------------------------------------

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        cdef PyObject *result = NULL
        if self.proceed(None, &result) == PYGEN_NEXT:
            return owned(result)
        raise StopIteration

    def send(self, value):
        cdef PyObject *result = NULL
        if self.proceed(value, &result) == PYGEN_NEXT:
            return owned(result)
        raise StopIteration

    def throw(self, kind, value=None, traceback=None):
        cdef object exception = kind if value is None else value
        if self.coroutine is None:
            self.over = True
            raise exception
        try:
            return self.coroutine.throw(exception)
        except StopIteration as stop:
            self.ended()
            self.returned(stop.value)
        except BaseException as raised:
            if self.has_failed(raised):
                raise
        raise StopIteration

    def close(self):
        coroutine, self.coroutine = self.coroutine, None
        self.over = True
        if coroutine is not None:
            coroutine.close()

    # What asyncio shows of a task: where the application is.

    @property
    def cr_frame(self):
        return getattr(self.coroutine, "cr_frame", None)

    @property
    def cr_await(self):
        return getattr(self.coroutine, "cr_await", None)

    @property
    def cr_code(self):
        return getattr(self.coroutine, "cr_code", None)

    @property
    def cr_running(self):
        return bool(getattr(self.coroutine, "cr_running", False))


@cython.final
cdef class CallTask(TaskBody):

    def __init__(self, call):
        self.call = call

    @property
    def waited_for(self):
        return getattr(self.call, "waited_for", None)

    cdef object begin(self):
        return coroutine_of(self.call.begin(), "the application")

    cdef int returned(self, object value) except -1:
        self.call.returned(value)
        return 0

    cdef int raised(self, object exception) except -1:
        self.call.raised(exception)
        return 0


cdef object coroutine_of(object awaitable, str what):
    """What drives it: itself, or what its __await__ gives. Raises TypeError."""
    if PyCoro_CheckExact(awaitable):
        return awaitable
    if hasattr(awaitable, "send") and hasattr(awaitable, "throw"):
        return awaitable
    if hasattr(awaitable, "__await__"):
        return awaitable.__await__()
    raise TypeError(f"{what} returned {type(awaitable).__name__}, which cannot be awaited: "
                    "is it a function without `async`?")


cdef object owned(PyObject *result):
    """The object of a reference that is ours."""
    cdef object value = <object>result
    Py_DECREF(value)
    return value


cdef int give(PyObject **result, object value) except -1:
    """A reference for whoever asked by PyIter_Send."""
    Py_INCREF(value)
    result[0] = <PyObject *>value
    return 0
