"""What a client's first message offers: the C face of `_client_hello.pyx`."""

from libc.stdint cimport uint8_t

cdef enum:
    # Fatal alerts (RFC 8446 6, RFC 7301 3.2).
    HANDSHAKE_FAILURE = 40
    UNRECOGNIZED_NAME = 112
    NO_APPLICATION_PROTOCOL = 120

# Put the first message together, which may be in pieces in several records; in place. How many
# bytes of `data` it takes, or at least; 0: it is no ClientHello. `message` is its size, 0 as long as
# it is not whole.
cdef Py_ssize_t gather(uint8_t *data, Py_ssize_t size, Py_ssize_t *message) noexcept
# Why it is refused; 0: it is not, or OpenSSL will say. `known` are our protocols as on the wire,
# names with their sizes; None: any.
cdef int alert_for(const uint8_t *message, Py_ssize_t size, bytes known) noexcept
