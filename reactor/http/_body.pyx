"""How a response's body is framed, decided before its head is written, and what it yields.

    bytes      Content-Length; in slices if it is long
    plain file Content-Length by its header, else to the end of the file; sent by the kernel
    iterable   Content-Length if the application gave one, and held to; else chunked in
               HTTP/1.1, and ended by the end of the connection in HTTP/1.0
    has read   an iterable of what it reads: a pipe, a BytesIO, a file that is decompressed, and a
               plain file whose size is not its length (/proc, /sys)
    pushed     as an iterable; the application brings the pieces

The pieces of bytes, lists and tuples are there at once. Any other iterable is *lazy*: its next
piece may be a long time in coming, so the last one has to leave first (PEP 3333: a server must
not delay the transmission of any block). An empty piece of such a one says that there is nothing
yet: the next is asked for when all others have had a turn, and until the first that is not empty
the answer has not begun.

The rules are RFC 9110 section 6.4.1 and RFC 9112 section 6. Which files are plain is `body.py`'s.
"""

import os

from cpython.bytes cimport PyBytes_GET_SIZE

from reactor._file cimport File
from reactor.parser._length cimport has_content, said_length

from reactor.http.body import (
    SLICE_BYTES, PlainFile, blocks_of, has_true_size, is_plain_file, not_bytes)
from reactor.parser._serialise import serialise_last_chunk

cdef Py_ssize_t SLICE = SLICE_BYTES
cdef bytes LAST_CHUNK = serialise_last_chunk()
cdef object PUSHED = iter(())   # the pieces of what is pushed: never at hand


cdef OutgoingBody outgoing_body(Request request, Response response):
    cdef OutgoingBody out = OutgoingBody.__new__(OutgoingBody)
    out.length = response.facts.content_length
    out.source = response.content
    out.decide(request, response, out.take(response.content))
    return out


cdef OutgoingBody late_body(object late):
    """Of a `LateResponse`, until it is known."""
    cdef OutgoingBody out = OutgoingBody.__new__(OutgoingBody)
    out.length = -1
    out.source = late
    out.pieces = late.pieces
    out.lazy = True
    return out


cdef OutgoingBody pushed_body(Request request, Response response):
    """Without a body yet; nor ever, if no pieces are left to it."""
    cdef OutgoingBody out = OutgoingBody.__new__(OutgoingBody)
    out.length = response.facts.content_length
    out.pieces = PUSHED
    out.pushing = True
    out.decide(request, response, -1)
    return out


cdef class OutgoingBody:

    def __cinit__(self):
        self.last = LAST_CHUNK
        self.silent_at = -1

    cdef int decide(self, Request request, Response response, int64_t size) except -1:
        cdef object method = None if request is None else request.method_text
        cdef int status = response.status_code
        self.length = said_length(method, status, self.length, size, self.file is not None)
        if not has_content(method, status):
            # Nothing is sent; the source stays, to be closed when the response is written.
            self.file = self.pieces = None
        elif self.length < 0:
            self.chunked = request is None or request.facts.version >= 11
            self.until_close = not self.chunked
        return 0

    cdef int64_t take(self, object body) except -2:
        """Where the bytes come from; how many there are, -1 if nobody can know."""
        cdef int64_t size
        if isinstance(body, bytes):
            self.pieces = slices_of(body)
            return PyBytes_GET_SIZE(body)
        if type(body) is PlainFile or is_plain_file(body):
            size = self.measure_file(body)
            if size >= 0:
                return size
        self.lazy = type(body) is not list and type(body) is not tuple
        self.pieces = blocks_of(body) if hasattr(body, "read") else iter(body)
        return -1

    cdef int64_t measure_file(self, object body) except -2:
        """For the kernel to send, if its size is known: that from its offset on."""
        cdef object status = os.fstat(body.fileno())
        cdef int64_t offset = body.tell()
        cdef int64_t size = max(0, <int64_t>status.st_size - offset)
        # A length of the application's own that the size allows is its word.
        if not 0 <= self.length <= size and not has_true_size(body.fileno(), status):
            return -1
        plain = type(body) is File or type(body) is PlainFile
        self.file = body if plain else PlainFile(body, body.close)
        self.offset = offset
        return size

    cdef object take_file(self):
        """The file; the caller closes it."""
        file, self.file, self.source = self.file, None, None
        return file

    cdef int continue_with(self, object body) except -1:
        """What was pushed is followed by ``body``, bytes or an iterable of them."""
        self.pushing = False
        self.take(body)
        self.source = body
        self.lazy = True
        return 0

    cdef int check_piece(self, object piece, int64_t written) except -1:
        """Raise TypeError or ValueError if it can be none, after ``written`` bytes."""
        if not isinstance(piece, bytes):
            raise not_bytes(piece)
        if self.length >= 0 and written + PyBytes_GET_SIZE(piece) > self.length:
            raise ValueError(f"the body has more than its Content-Length, {self.length} bytes")
        return 0

    cdef bytes next_piece(self, int64_t written):
        """The next bytes; none if the application has nothing yet, None at the end. ``written`` came
        before them.

        Raises ValueError if the body is longer or shorter than its Content-Length.
        """
        for piece in () if self.pieces is None else self.pieces:
            self.check_piece(piece, written)
            if piece or self.lazy:
                return piece
        if self.length >= 0 and written < self.length:
            raise ValueError(f"the body has {written} of its {self.length} bytes")
        return None

    cdef int set_trailers(self, object trailers) except -1:
        """Fields that follow a body in chunks; others have none."""
        if self.chunked:
            self.last = serialise_last_chunk(trailers)
        return 0

    cdef object take_source(self):
        """What the application gave, or None; the caller closes it."""
        source, self.source, self.file, self.pieces = self.source, None, None, None
        return source


def slices_of(bytes data):
    cdef Py_ssize_t start
    for start in range(0, PyBytes_GET_SIZE(data), SLICE):
        yield data[start : start + SLICE]
