"""The resumable scan of a head: its start line, then its field lines (`_lines.pyx`).

It goes strictly from left to right. Every rule is judged at a fixed byte of the message, so
whoever feeds the message whole, byte by byte or cut anywhere gets the same verdict at the
same offset; and it remembers the step it is in, so a head in a thousand pieces costs no more
than a head in one. A CR is left unjudged until the byte after it is there.

Knows: the two start lines, and where their parts lie. Must never know: a Python object, a
buffer's life, what fields mean (`_fields.pyx`), or bodies (`http/_chunked.pyx`).
"""

from libc.string cimport memcmp

from reactor.parser._digits cimport digit_of
from reactor.parser._fields cimport LENIENT, RESPONSE, no_facts, note_target
from reactor.parser._lines cimport (
    DONE, EMPTY, LINE, METHOD_TOKEN, REASON_TEXT, STATUS_TEXT, TARGET_BYTES, VERSION_TEXT,
    end_line, fail, is_ows, is_tolerable, more, scan_fields)
from reactor.parser._rules cimport (
    BARE_CR, BARE_LF, EMPTY_LINES, METHOD, METHOD_SIZE, NOT_HTTP, REQUEST_LINE_SIZE, STATUS_LINE,
    STATUS_LINE_SIZE, TARGET, TARGET_FORM, VERSION, VERSION_UNSUPPORTED)

cdef extern from "_scan.h" nogil:
    const uint8_t *scan_token_end(const uint8_t *p, const uint8_t *end)
    const uint8_t *scan_value_end(const uint8_t *p, const uint8_t *end)
    const uint8_t *scan_target_end(const uint8_t *p, const uint8_t *end)

cdef enum:
    LF = 10
    CR = 13
    SP = 32
    TLS_HANDSHAKE = 0x16
    VERSION_SIZE = 8        # "HTTP/1.1"
    STATUS_SIZE = 3


cdef ScanResult scan_head(Head *head, const uint8_t *text, uint32_t size) noexcept nogil:
    """Go on with a head of which the first `size` bytes are there.

    DONE: `pos` is the offset after the blank line. MORE: call again with more bytes after
    the same ones. FAILED: see `rule` and `fault`.
    """
    cdef ScanResult result = DONE
    if head.step == EMPTY:
        result = scan_empty_lines(head, text, size)
    if result == DONE and head.step == METHOD_TOKEN:
        result = scan_method(head, text, size)
    if result == DONE and head.step == TARGET_BYTES:
        result = scan_target(head, text, size)
    if result == DONE and head.step == VERSION_TEXT:
        result = scan_version(head, text, size)
    if result == DONE and head.step == STATUS_TEXT:
        result = scan_status(head, text, size)
    if result == DONE and head.step == REASON_TEXT:
        result = scan_reason(head, text, size)
    if result == DONE:
        result = scan_fields(head, text, size)
    return result


cdef ScanResult scan_empty_lines(Head *head, const uint8_t *text, uint32_t size) noexcept nogil:
    cdef uint32_t pos = head.pos
    while pos < size:
        if text[pos] != CR and text[pos] != LF:
            break
        # RFC 9112 2.2: ignore at least one empty line before a request; but bound how many.
        if head.empty_lines == head.bounds.empty_lines:
            return fail(head, EMPTY_LINES, pos)
        if text[pos] == LF:
            if not head.lenient:
                return fail(head, BARE_LF, pos)
            pos += 1
        elif pos + 1 == size:
            return more(head, pos)
        elif text[pos + 1] != LF:
            return fail(head, BARE_CR, pos)
        else:
            pos += 2
        head.empty_lines += 1
        head.pos = pos
    if pos == size:
        return more(head, pos)
    if text[pos] == TLS_HANDSHAKE:
        return fail(head, NOT_HTTP, pos)
    head.start = head.line = head.word = pos
    head.step = VERSION_TEXT if head.response else METHOD_TOKEN
    return DONE


cdef ScanResult scan_method(Head *head, const uint8_t *text, uint32_t size) noexcept nogil:
    cdef uint32_t stop = head.start + head.bounds.method + 1
    cdef uint32_t pos = scan_token_end(text + head.pos, text + min(size, stop)) - text
    if pos == stop:
        return fail(head, METHOD_SIZE, pos - 1)
    if pos == size:
        return more(head, pos)
    # RFC 9110 9.1: any token is a method. RFC 9112 3: exactly one SP follows it.
    if text[pos] != SP or pos == head.start:
        return fail(head, METHOD, pos)
    head.word_size = pos - head.start
    head.target = head.pos = pos + 1
    head.step = TARGET_BYTES
    return DONE


cdef ScanResult scan_target(Head *head, const uint8_t *text, uint32_t size) noexcept nogil:
    cdef uint32_t cap = head.start + head.bounds.line
    if head.pos >= cap:
        return fail(head, REQUEST_LINE_SIZE, cap)
    cdef uint32_t pos = scan_target_end(text + head.pos, text + min(size, cap)) - text
    if pos == cap:
        return fail(head, REQUEST_LINE_SIZE, pos)
    if pos == size:
        return more(head, pos)
    if text[pos] != SP or pos == head.target:
        # RFC 9112 2.3: a line that ends here is HTTP/0.9, which had no version.
        return fail(head, VERSION if text[pos] == CR or text[pos] == LF else TARGET, pos)
    head.target_size = pos - head.target
    head.line = head.pos = pos + 1
    head.step = VERSION_TEXT
    return DONE


cdef ScanResult scan_version(Head *head, const uint8_t *text, uint32_t size) noexcept nogil:
    """`line` is where the version begins. RFC 9112 2.3: "HTTP/" DIGIT "." DIGIT."""
    cdef uint32_t pos = head.pos
    cdef uint32_t cap = head.start + head.bounds.line
    cdef uint32_t index
    if pos == head.line and size - pos >= VERSION_SIZE and not memcmp(text + pos, b"HTTP/1.1", 8):
        pos += VERSION_SIZE
    while pos < head.line + VERSION_SIZE:
        if pos == size:
            return more(head, pos)
        index = pos - head.line
        if index == 5 or index == 7:
            if digit_of(text[pos]) < 0:
                return fail(head, VERSION, pos)
        elif text[pos] != <uint8_t>(<const char *>b"HTTP/1.1")[index]:
            return fail(head, VERSION, pos)
        elif index == 6 and text[pos - 1] != c'1':
            # RFC 9110 2.5: another major version is another protocol.
            return fail(head, VERSION_UNSUPPORTED, pos - 1)
        pos += 1
    # RFC 9110 2.5: a higher minor version is treated as the highest that is known.
    no_facts(&head.facts, 10 if text[pos - 1] == c'0' else 11, 0)
    head.pos = pos
    if head.response:
        head.facts.flags = RESPONSE | LENIENT if head.lenient else RESPONSE
        head.step = STATUS_TEXT
        return DONE
    if pos >= cap:
        return fail(head, REQUEST_LINE_SIZE, cap)
    cdef ScanResult result = end_line(head, text, size, pos, cap, REQUEST_LINE_SIZE, VERSION)
    if result == DONE:
        if not note_target(&head.facts, text + head.word, head.word_size,
                           text + head.target, head.target_size):
            return fail(head, TARGET_FORM, head.target)
        start_fields(head)
    return result


cdef inline void start_fields(Head *head) noexcept nogil:
    head.fields_start = head.pos
    head.step = LINE


cdef ScanResult scan_status(Head *head, const uint8_t *text, uint32_t size) noexcept nogil:
    """RFC 9112 4: SP status-code SP [reason-phrase]; `line` is where the version began.

    A lenient client takes any white space for the SP; `line` moves with what is too much of it.
    """
    cdef uint32_t pos = head.pos
    cdef uint32_t index
    while pos < head.line + VERSION_SIZE + 1 + STATUS_SIZE:
        if pos == size:
            return more(head, pos)
        index = pos - head.line - VERSION_SIZE
        if index <= 1 and head.lenient and is_ows(text[pos]):
            if pos >= head.start + head.bounds.line:
                return fail(head, STATUS_LINE_SIZE, pos)
            head.line += index
        elif index == 0:
            if text[pos] != SP:
                return fail(head, STATUS_LINE, pos)
        elif digit_of(text[pos]) < 0 or (index == 1 and text[pos] == c'0'):
            return fail(head, STATUS_LINE, pos)
        else:
            head.status = head.status * 10 + digit_of(text[pos])
        pos += 1
        head.pos = pos
    if pos == size:
        return more(head, pos)
    head.word = pos
    if text[pos] == SP or (head.lenient and is_ows(text[pos])):
        head.word = head.pos = pos + 1
    elif not head.lenient or (text[pos] != CR and text[pos] != LF):
        # A server MUST send the space even if no reason follows it.
        return fail(head, STATUS_LINE, pos)
    head.step = REASON_TEXT
    return DONE


cdef ScanResult scan_reason(Head *head, const uint8_t *text, uint32_t size) noexcept nogil:
    cdef uint32_t cap = head.start + head.bounds.line
    if head.pos >= cap:
        return fail(head, STATUS_LINE_SIZE, cap)
    cdef uint32_t stop = min(size, cap)
    cdef uint32_t pos = scan_value_end(text + head.pos, text + stop) - text
    while head.lenient and pos < stop and is_tolerable(text[pos]):
        # RFC 9112 4: a client ignores the reason, whatever it says.
        head.repaired = True
        pos = scan_value_end(text + pos + 1, text + stop) - text
    cdef ScanResult result = end_line(head, text, size, pos, cap, STATUS_LINE_SIZE, STATUS_LINE)
    if result == DONE:
        head.word_size = pos - head.word
        start_fields(head)
    return result
