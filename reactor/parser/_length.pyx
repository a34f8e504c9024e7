"""What length a body has, and what Content-Length says of it (RFC 9110 6.4.1 and 8.6).

The one rule of all that is written: whole messages, answers at once and in pieces, of handlers
and WSGI applications; and of what is read, whether a response has a body at all. Must never know
how a body is framed when nobody knows its length.
"""

from reactor.errors import LocalProtocolError


cpdef bint has_content(object method, int status) noexcept:
    """Whether the answer to `method` (None: nobody knows it) may have a body."""
    return status_has_content(status) and not is_head(method)


cdef int check_length(int64_t declared, int64_t size) except -1:
    if declared >= 0 and declared != size:
        raise LocalProtocolError(
            f"Content-Length is {declared} but the body has {size} bytes", "content-length")
    return 0


cpdef int64_t said_length(object method, int status, int64_t declared, int64_t size,
                          bint partly) except -2:
    if not status_has_content(status):
        if size > 0:
            raise LocalProtocolError(f"a response with status {status} has no body", "body")
        # RFC 9110 8.6: a 204 has no such field; in a 304 it describes what a 200 would have.
        return declared if status == 304 else -1
    if is_head(method) and (size <= 0 or partly):
        # An application may say the length that GET would have, and save itself the body. No body
        # at all says nothing of GET's (RFC 9110 8.6: if there is a length, it is that).
        return size if declared < 0 and size > 0 else declared
    if declared < 0:
        return max(size, -1)
    if size >= 0 and not (partly and declared < size):
        check_length(declared, size)
    return declared
