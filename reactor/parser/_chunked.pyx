"""Chunked bodies: sizes and extensions out, data on (RFC 9112 7.1).

One pass, each byte judged once and each data byte copied once into the caller's memory,
however many chunks there are and however they were cut. Knows the chunk grammar and its
bounds. Must never know the trailer section (field lines: `_lines.pyx`), nor an object.
"""

from libc.string cimport memcpy, memset

from reactor.parser._digits cimport hex_digit_of
from reactor.parser._lines cimport DONE, FAILED, MORE, is_ows
from reactor.parser._rules cimport (
    BARE_CR, BARE_LF, CHUNK_END, CHUNK_EXTENSION, CHUNK_EXTENSION_SIZE, CHUNK_EXTENSIONS_SIZE,
    CHUNK_OVERHEAD, CHUNK_SIZE, CHUNK_SIZE_LIMIT, NO_RULE)

cdef extern from "_scan.h" nogil:
    const int SCAN_TOKEN, SCAN_QUOTED, SCAN_VALUE
    bint scan_is(uint8_t byte, int classes)

cdef enum:
    LF = 10
    CR = 13
    # 2^63-1 in hex; more digits could only be zeros.
    DIGITS_MAX = 16

cdef int64_t SIZE_MAX = 0x7fffffffffffffff      # what an int64_t counts


cdef void chunked_init(Chunked *body, const Bounds *bounds, bint lenient) noexcept nogil:
    memset(body, 0, sizeof(Chunked))
    body.step = SIZE_DIGIT
    body.bounds = bounds
    body.lenient = lenient


cdef ScanResult scan_chunks(Chunked *body, const uint8_t *text, Py_ssize_t size, Py_ssize_t *used,
                            uint8_t *out, Py_ssize_t *filled) noexcept nogil:
    """Go on with a body; `out` has room for `size` bytes.

    DONE: the last chunk's line ended; the trailer section follows after `used` bytes. MORE:
    all bytes are used. FAILED: `rule` and `fault`; the data before the fault is in `out`.
    """
    cdef Py_ssize_t pos = 0, part
    cdef ScanResult result = MORE
    filled[0] = 0
    while pos < size and result == MORE:
        if body.step == DATA:
            part = min(<int64_t>(size - pos), body.size)
            memcpy(out + filled[0], text + pos, part)
            filled[0] += part
            body.data += part
            body.size -= part
            pos += part
            if body.size == 0:
                body.step = DATA_CR
            continue
        body.framing += 1
        if body.step == SIZE_DIGIT:
            result = take_digit(body, text[pos], pos)
        elif body.step == DATA_CR or body.step == DATA_LF:
            # RFC 9112 7.1: exactly CRLF after the data (h11's CVE-2025-43859 took any two).
            if text[pos] != (CR if body.step == DATA_CR else LF):
                result = end_data(body, text[pos], pos)
            elif body.step == DATA_CR:
                body.step = DATA_LF
            else:
                start_line(body)
        elif body.step == SIZE_LF:
            result = end_size_line(body, text[pos], pos)
        elif body.step == SIZE_SPACE:
            result = take_space(body, text[pos], pos)
        elif body.step == EXT_ANYTHING:
            result = skip_extension(body, text[pos], pos)
        else:
            result = take_extension(body, text[pos], pos)
        pos += 1
    used[0] = pos
    return result


cdef inline ScanResult fail(Chunked *body, Rule rule, Py_ssize_t offset) noexcept nogil:
    body.rule = rule
    body.fault = offset
    return FAILED


cdef inline void start_line(Chunked *body) noexcept nogil:
    body.step = SIZE_DIGIT
    body.digits = 0
    body.size = 0
    body.extension = 0


cdef ScanResult end_data(Chunked *body, uint8_t byte, Py_ssize_t pos) noexcept nogil:
    """What stands where CRLF must. A client takes a bare LF: no reader can skip too much by it."""
    if byte != LF or not body.lenient:
        return fail(body, CHUNK_END, pos)
    start_line(body)
    return MORE


cdef inline ScanResult take_digit(Chunked *body, uint8_t byte, Py_ssize_t pos) noexcept nogil:
    """RFC 9112 7.1: 1*HEXDIG; no prefix, sign, underscore or white space."""
    cdef int digit = hex_digit_of(byte)
    if digit < 0:
        return end_digits(body, byte, pos)
    # RFC 9112 7.1: anticipate large sizes; 2^64 must not become 0.
    if body.digits == DIGITS_MAX or body.size > SIZE_MAX >> 4:
        return fail(body, CHUNK_SIZE_LIMIT, pos)
    body.size = body.size << 4 | digit
    body.digits += 1
    return MORE


cdef ScanResult end_digits(Chunked *body, uint8_t byte, Py_ssize_t pos) noexcept nogil:
    """What comes where no digit does."""
    if body.digits == 0:
        return fail(body, CHUNK_SIZE, pos)
    if byte == CR:
        body.step = SIZE_LF
        return MORE
    if byte == c';':
        body.step = EXT_ANYTHING if body.lenient else EXT_NAME_FIRST
        return count_extension(body, pos)
    if body.lenient:
        return take_space(body, byte, pos)
    return fail(body, BARE_LF if byte == LF else CHUNK_SIZE, pos)


cdef ScanResult take_space(Chunked *body, uint8_t byte, Py_ssize_t pos) noexcept nogil:
    """For a client: white space may follow a size, and LF alone may end its line."""
    if byte == LF:
        return end_size_line(body, byte, pos)
    if byte == CR:
        body.step = SIZE_LF
        return MORE
    if byte == c';':
        body.step = EXT_ANYTHING
    elif is_ows(byte):
        body.step = SIZE_SPACE
    else:
        return fail(body, CHUNK_SIZE, pos)
    return count_extension(body, pos)


cdef ScanResult skip_extension(Chunked *body, uint8_t byte, Py_ssize_t pos) noexcept nogil:
    """For a client: whatever it is, up to CRLF. A bare LF might end it or not: "funky chunks"."""
    if byte == CR:
        body.step = SIZE_LF
        return MORE
    if not scan_is(byte, SCAN_VALUE):
        return fail(body, BARE_LF if byte == LF else CHUNK_EXTENSION, pos)
    return count_extension(body, pos)


cdef ScanResult end_size_line(Chunked *body, uint8_t byte, Py_ssize_t pos) noexcept nogil:
    if byte != LF:
        return fail(body, BARE_CR, pos - 1)
    if body.size == 0:
        return DONE
    # A body of one-byte chunks costs six times what it carries (compare CVE-2023-39326).
    if (body.framing > body.bounds.chunk_overhead
            and body.framing * 5 > (body.framing + body.data) * 4):
        return fail(body, CHUNK_OVERHEAD, pos)
    body.step = DATA
    return MORE


cdef ScanResult count_extension(Chunked *body, Py_ssize_t pos) noexcept nogil:
    body.extension += 1
    body.extensions += 1
    if body.extension > body.bounds.chunk_extension:
        return fail(body, CHUNK_EXTENSION_SIZE, pos)
    if body.extensions > body.bounds.chunk_extensions:
        return fail(body, CHUNK_EXTENSIONS_SIZE, pos)
    return MORE


cdef ScanResult take_extension(Chunked *body, uint8_t byte, Py_ssize_t pos) noexcept nogil:
    """RFC 9112 7.1.1: *( ";" token [ "=" ( token / quoted-string ) ] ), without BWS."""
    cdef bint token = scan_is(byte, SCAN_TOKEN)
    if byte == LF:
        # A bare LF here is another line to a lenient peer: "funky chunks".
        return fail(body, BARE_LF, pos)
    if body.step == EXT_QUOTED:
        if byte == c'"':
            body.step = EXT_QUOTE_END
        elif byte == c'\\':
            body.step = EXT_ESCAPED
        elif not scan_is(byte, SCAN_QUOTED):
            return fail(body, CHUNK_EXTENSION, pos)
    elif body.step == EXT_ESCAPED:
        if not scan_is(byte, SCAN_VALUE):
            return fail(body, CHUNK_EXTENSION, pos)
        body.step = EXT_QUOTED
    elif body.step == EXT_NAME_FIRST or body.step == EXT_VALUE_FIRST:
        if token:
            body.step = EXT_NAME if body.step == EXT_NAME_FIRST else EXT_VALUE
        elif byte == c'"' and body.step == EXT_VALUE_FIRST:
            body.step = EXT_QUOTED
        else:
            return fail(body, CHUNK_EXTENSION, pos)
    elif byte == CR:
        body.step = SIZE_LF
        return MORE
    elif byte == c';':
        body.step = EXT_NAME_FIRST
    elif byte == c'=' and body.step == EXT_NAME:
        body.step = EXT_VALUE_FIRST
    elif not token or body.step == EXT_QUOTE_END:
        return fail(body, CHUNK_EXTENSION, pos)
    return count_extension(body, pos)
