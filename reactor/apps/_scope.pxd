"""The scope of an ASGI request: the C face of `_scope.pyx`."""

from reactor.parser._message cimport Request

cdef class Scopes:
    cdef dict template, extensions, extensions_before_1_1
    cdef public dict state          # of the lifespan; each request has a copy
    cdef str root_path
    cdef bytes raw_root_path

    cdef dict of(self, Request request, object local)
    cdef int add_target(self, dict scope, Request request) except -1

cdef list field_list(Request request)
