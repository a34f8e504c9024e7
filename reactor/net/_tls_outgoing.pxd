"""What a TLS connection has still to send: the C face of `_tls_outgoing.pyx`."""

from libc.stdint cimport int64_t

from reactor.net._outgoing cimport FileRegion, Outgoing

cdef class TlsOutgoing(Outgoing):
    cdef object ssl
    cdef Py_ssize_t offered     # what OpenSSL has encrypted, and could not give to the kernel
    cdef bint wants_read        # it must read before it can go on writing

    cdef int64_t send_records(self, int64_t at_most) except -1
    cdef int fill_record(self) except -1
    cdef Py_ssize_t read_file(self, FileRegion region) except -1
    cdef bint send_record(self, Py_ssize_t count) except -1
