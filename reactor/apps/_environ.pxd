"""The environ of a WSGI request: the C face of `_environ.pyx`."""

from libc.stdint cimport uint64_t

from reactor.parser._message cimport Request

cdef enum:
    # Sections that are kept, of a size that browsers send: about 4 KiB each with its entries,
    # so half a megabyte for a server whose clients differ, 1.5 if they try.
    KEPT_BITS = 7
    KEPT_MAX = 1 << 7
    SECTION_MIN = 16
    SECTION_MAX = 2048

cdef class CachedEnviron:
    # A header section that recurs, and the environ of the last request that had it.
    cdef bytes section
    cdef dict environ
    cdef object peer, method      # of that request
    cdef bytes target
    cdef bint queried           # whether that has a query
    cdef bint busy              # some thread is at it: in the threads model there are others

    cdef dict copied(self, Request request)
    cdef int take(self, Request request) except -1

cdef class Environs:
    cdef dict template
    cdef object stderr, method          # as they were when the template was made
    cdef list cached                      # [CachedEnviron | None]
    cdef uint64_t[KEPT_MAX] missed      # the mark of the last section that was not in its place

    cdef dict of(self, Request request)
    cdef CachedEnviron find(self, Request request)
