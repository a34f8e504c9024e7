"""The scope of an ASGI request: the C face of `_scope.pyx`."""

from reactor.apps._sections cimport Section, SectionCache
from reactor.parser._message cimport Request

cdef class CachedScope(Section):
    # A header section that recurs, and the scope of the last request that had it.
    cdef dict scope
    cdef list fields
    cdef object peer, method        # of that request
    cdef bytes target

    cdef int take(self, Scopes scopes, Request request) except -1

cdef class Scopes(SectionCache):
    cdef dict template, extensions, extensions_before_1_1
    cdef public dict state          # of the lifespan; each request has a copy
    cdef str root_path
    cdef bytes raw_root_path

    cdef dict of(self, Request request, object local)
    cdef dict copied(self, Request request)
    cdef int add_target(self, dict scope, Request request) except -1

cdef list field_list(Request request)
