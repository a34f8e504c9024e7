"""What a status is called: the C face of `_reasons.pyx`."""

cdef str reason_of(int status)
