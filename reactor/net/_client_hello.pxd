"""What a client's first message offers: the C face of `_client_hello.pyx`."""

from libc.stdint cimport uint8_t

# How many bytes the first record has, or at least; 0: it is none of a handshake.
cdef Py_ssize_t record_size(const uint8_t *data, Py_ssize_t size) noexcept
# Whether a client that offers protocols offers one of these; `known` is as on the wire, names with
# their sizes. True of whatever is no ClientHello in one record.
cdef bint shares_protocol(const uint8_t *data, Py_ssize_t size, bytes known) noexcept
