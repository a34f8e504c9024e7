"""Header sections that come again: the C face of `_sections.pyx`."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcmp

from reactor.parser._message cimport Request

cdef enum:
    # Sections that are kept, of a size that browsers send: about 4 KiB each with its entries,
    # so half a megabyte for a server whose clients differ, 1.5 if they try.
    KEPT_BITS = 7
    KEPT_MAX = 1 << 7
    SECTION_MIN = 16
    SECTION_MAX = 2048

cdef class Section:
    cdef bytes section
    cdef bint busy              # some thread is at it: in the threads model there are others

cdef class SectionCache:
    cdef list cached                    # [Section | None]
    cdef uint64_t[KEPT_MAX] missed      # the mark of the last section that was not in its place

    cdef Section made(self, Request request)
    cdef Section find(self, Request request)

cdef inline bint same(bytes cached, const uint8_t *text, Py_ssize_t size) noexcept:
    return PyBytes_GET_SIZE(cached) == size and not memcmp(PyBytes_AS_STRING(cached), text, size)
