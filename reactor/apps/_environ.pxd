"""The environ of a WSGI request: the C face of `_environ.pyx`."""

from reactor.apps._sections cimport Section, SectionCache
from reactor.parser._message cimport Request

cdef class CachedEnviron(Section):
    # A header section that recurs, and the environ of the last request that had it.
    cdef dict environ
    cdef object peer, method      # of that request
    cdef bytes target
    cdef bint queried           # whether that has a query

    cdef dict copied(self, Request request)
    cdef int take(self, Request request) except -1

cdef class Environs(SectionCache):
    cdef dict template
    cdef object stderr, method          # as they were when the template was made
    cdef str root_path                  # SCRIPT_NAME
    cdef bint rooted                    # there is one

    cdef dict of(self, Request request)
