"""The resumable decoder of chunked bodies: the C face of `_chunked.pyx`."""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from reactor.parser._bounds cimport Bounds
from reactor.parser._lines cimport ScanResult
from reactor.parser._rules cimport Rule

cdef enum ChunkStep:
    # What the next byte is.
    SIZE_DIGIT, SIZE_SPACE, SIZE_LF
    EXT_NAME_FIRST, EXT_NAME, EXT_VALUE_FIRST, EXT_VALUE, EXT_QUOTED, EXT_ESCAPED, EXT_QUOTE_END
    EXT_ANYTHING
    DATA, DATA_CR, DATA_LF

cdef struct Chunked:
    ChunkStep step
    int digits                  # of the size line under way
    int64_t size                # of the chunk, then what is still to come of it
    uint32_t extension          # extension bytes of this chunk
    int64_t extensions, framing, data   # bytes of the whole body so far
    Rule rule
    Py_ssize_t fault            # relative to the bytes of the last call; -1: the one before
    const Bounds *bounds
    bint lenient

cdef void chunked_init(Chunked *body, const Bounds *bounds, bint lenient) noexcept nogil
cdef ScanResult scan_chunks(Chunked *body, const uint8_t *text, Py_ssize_t size, Py_ssize_t *used,
                            uint8_t *out, Py_ssize_t *filled) noexcept nogil
