"""What length a body has: the C face of `_length.pyx`."""

from libc.stdint cimport int64_t
from libc.string cimport memcmp

from reactor.parser._names cimport PyUnicode_1BYTE_DATA, PyUnicode_GET_LENGTH, PyUnicode_IS_ASCII

cdef extern from "Python.h":
    bint PyUnicode_Check(object text)

cdef inline bint status_has_content(int status) noexcept nogil:
    """RFC 9110 6.4.1: responses with these never have a body, whatever their fields say."""
    return status >= 200 and status != 204 and status != 304

cdef inline bint is_head(object method) noexcept:
    """RFC 9110 9.1: methods are compared with case. A client's may be any str, and None."""
    return (PyUnicode_Check(method) and PyUnicode_GET_LENGTH(method) == 4
            and PyUnicode_IS_ASCII(method) and not memcmp(PyUnicode_1BYTE_DATA(method), b"HEAD", 4))

cpdef bint has_content(object method, int status) noexcept
cdef int check_length(int64_t declared, int64_t size) except -1
cpdef int64_t said_length(object method, int status, int64_t declared, int64_t size,
                          bint partly) except -2
