"""Strings of the wire, and those that need not be made: the C face of `_names.pyx`."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.unicode cimport PyUnicode_DATA, PyUnicode_DecodeLatin1, PyUnicode_New
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy

cdef extern from "_scan.h" nogil:
    bint scan_is_ascii(const uint8_t *p, const uint8_t *end)

cdef extern from "Python.h":
    bint PyUnicode_IS_ASCII(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    const uint8_t *PyUnicode_1BYTE_DATA(object text)

cdef str known_str(const uint8_t *p, uint32_t size)
cdef bytes known_bytes(const uint8_t *p, uint32_t size)
cdef str known_method(const uint8_t *p, uint32_t size)

cdef inline str latin1(const uint8_t *p, Py_ssize_t size):
    # CPython looks for the largest character, and keeps one object for each text of one.
    if size > 1 and scan_is_ascii(p, p + size):
        return ascii(p, size)
    return PyUnicode_DecodeLatin1(<const char *>p, size, NULL)

cdef inline str ascii(const uint8_t *p, Py_ssize_t size):
    """As latin1(), for text that was scanned to be ASCII; spares a second look at it."""
    cdef str text = PyUnicode_New(size, 127)
    memcpy(PyUnicode_DATA(text), p, size)
    return text

cdef inline bytes sliced(const uint8_t *p, Py_ssize_t size):
    return PyBytes_FromStringAndSize(<const char *>p, size)
