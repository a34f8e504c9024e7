"""Strings of the wire, and those that need not be made: the C face of `_names.pyx`."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.unicode cimport PyUnicode_DATA, PyUnicode_DecodeLatin1, PyUnicode_New
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy

cdef str known_str(const uint8_t *p, uint32_t size)
cdef bytes known_bytes(const uint8_t *p, uint32_t size)
cdef str known_method(const uint8_t *p, uint32_t size)

cdef inline str latin1(const uint8_t *p, Py_ssize_t size):
    return PyUnicode_DecodeLatin1(<const char *>p, size, NULL)

cdef inline str ascii(const uint8_t *p, Py_ssize_t size):
    """As latin1(), for text that was scanned to be ASCII; spares a second look at it."""
    cdef str text = PyUnicode_New(size, 127)
    memcpy(PyUnicode_DATA(text), p, size)
    return text

cdef inline bytes sliced(const uint8_t *p, Py_ssize_t size):
    return PyBytes_FromStringAndSize(<const char *>p, size)
