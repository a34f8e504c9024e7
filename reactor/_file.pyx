"""A regular file that was opened to be sent: its descriptor, and the size that it had.

What ``io.FileIO`` asks the kernel for (``fstat`` when it is made, ``lseek`` when it is asked where
it is) is known here from the start, and one that nobody closes is closed with its last
reference. It keeps an offset of its own and reads by ``pread``: the kernel's is never moved.

Knows a descriptor. Must never know a path, or who is sent the bytes.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_SetFromErrno
from libc.errno cimport EINTR, errno
from posix.unistd cimport close as c_close, pread


@cython.final
@cython.auto_pickle(False)
@cython.no_gc
cdef class File:

    def __cinit__(self, int descriptor, int64_t size):
        self.descriptor = descriptor
        self.size = size

    def __dealloc__(self):
        self.release()

    cdef void release(self) noexcept:
        cdef int descriptor = self.descriptor
        self.descriptor = -1
        if descriptor >= 0:
            c_close(descriptor)

    cdef int check_open(self) except -1:
        if self.descriptor < 0:
            raise ValueError("the file is closed")
        return 0

    def fileno(self):
        self.check_open()
        return self.descriptor

    def tell(self):
        return self.offset

    def seek(self, int64_t offset):
        if offset < 0:
            raise ValueError(f"offset {offset} is below zero")
        self.offset = offset
        return offset

    def read(self, Py_ssize_t size=-1):
        cdef bytes data
        cdef char *to
        cdef Py_ssize_t done
        self.check_open()
        if size < 0:
            size = max(0, self.size - self.offset)
        data = PyBytes_FromStringAndSize(NULL, size)
        to = PyBytes_AS_STRING(data)
        while True:
            # A disk may be slow: other threads go on meanwhile.
            with nogil:
                done = pread(self.descriptor, to, size, self.offset)
            if done >= 0:
                break
            if errno != EINTR:
                PyErr_SetFromErrno(OSError)
        self.offset += done
        return data if done == size else data[:done]

    def close(self):
        self.release()

    @property
    def closed(self):
        return self.descriptor < 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.release()
