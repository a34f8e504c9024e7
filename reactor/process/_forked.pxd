"""A process that an application has forked: the C face of `_forked.pyx`."""

cdef int generation         # how often a server was forked, from the first process to this one

cdef object serving_begins()
cdef int serving_ends(object before) except -1
cdef int end_forked(object exception) except -1
cpdef int end_if_forked(object exception=*) except -1
