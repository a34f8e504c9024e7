"""The resumable scan of a head: start line and field lines, each byte judged once.

It goes strictly from left to right. Every rule is judged at a fixed byte of the message, so
whoever feeds the message whole, byte by byte or cut anywhere gets the same verdict at the
same offset; and it remembers the step it is in, so a head in a thousand pieces costs no more
than a head in one. A CR is left unjudged until the byte after it is there.

Knows: lines, their bounds, and where their parts lie. Must never know: a Python object, a
buffer's life, what fields mean (`_fields.pyx`), or bodies (`http/_chunked.pyx`).
"""

from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc, PyMem_RawRealloc
from libc.string cimport memcmp, memcpy, memset

from reactor._fields cimport (
    RESPONSE, is_forbidden_trailer, may_frame, name_key, no_facts, note_field, note_target)
from reactor._rules cimport (
    BARE_CR, BARE_LF, EMPTY_LINES, FIELD_COLON, FIELD_COUNT, FIELD_NAME, FIELD_SIZE, FIELD_VALUE,
    FIELDS_SIZE, HOST_MISSING, LEADING_SPACE, METHOD, METHOD_SIZE, NO_RULE, NOT_HTTP, OBS_FOLD,
    REQUEST_LINE_SIZE, SPACE_BEFORE_COLON, STATUS_LINE, STATUS_LINE_SIZE, TARGET, TARGET_FORM,
    TRAILER_COUNT, TRAILER_NAME, TRAILERS_SIZE, VERSION, VERSION_UNSUPPORTED)

cdef extern from "_scan.h" nogil:
    const int SCAN_TOKEN
    bint scan_is(uint8_t byte, int classes)
    const uint8_t *scan_token_end(const uint8_t *p, const uint8_t *end)
    const uint8_t *scan_value_end(const uint8_t *p, const uint8_t *end)
    const uint8_t *scan_target_end(const uint8_t *p, const uint8_t *end)

cdef enum:
    HTAB = 9
    LF = 10
    CR = 13
    SP = 32
    TLS_HANDSHAKE = 0x16
    VERSION_SIZE = 8        # "HTTP/1.1"
    STATUS_SIZE = 3
    FIELDS_FIRST = 32       # how many fields memory is taken for at first

# For a line that no bound cuts short.
cdef uint32_t NO_CAP = 0xffffffff


# --- the life of a Head -------------------------------------------------------------------

cdef void head_init(Head *head, const Bounds *bounds, bint response, bint lenient) noexcept nogil:
    """Ready for a message; memory for fields stays, if there is some."""
    cdef Field *fields = head.fields
    cdef uint32_t capacity = head.capacity
    cdef bint owned = head.owned
    memset(head, 0, sizeof(Head))
    head.fields = fields
    head.capacity = capacity
    head.owned = owned
    head.bounds = bounds
    head.response = response
    head.lenient = lenient
    head.step = EMPTY


cdef void head_lend(Head *head, Field *fields, uint32_t capacity) noexcept nogil:
    """Give a fresh Head the caller's memory for its first fields."""
    head.fields = fields
    head.capacity = capacity
    head.owned = False


cdef void head_free(Head *head) noexcept nogil:
    if head.owned:
        PyMem_RawFree(head.fields)
    head.fields = NULL
    head.capacity = 0
    head.owned = False


cdef void trailer_init(Head *head) noexcept nogil:
    """Ready for the trailer section of the same message: field lines only."""
    head.trailer = True
    head.step = LINE
    head.pos = head.fields_start = head.count = 0


cdef bint grow(Head *head) noexcept nogil:
    cdef uint32_t capacity = max(FIELDS_FIRST, head.capacity * 2)
    cdef Field *fields
    if head.owned:
        fields = <Field *>PyMem_RawRealloc(head.fields, capacity * sizeof(Field))
    else:
        fields = <Field *>PyMem_RawMalloc(capacity * sizeof(Field))
        if fields != NULL and head.count:
            memcpy(fields, head.fields, head.count * sizeof(Field))
    if fields == NULL:
        return False
    head.fields = fields
    head.capacity = capacity
    head.owned = True
    return True


cdef inline Verdict fail(Head *head, Rule rule, uint32_t offset) noexcept nogil:
    head.rule = rule
    head.fault = offset
    return FAILED


cdef inline Verdict more(Head *head, uint32_t pos) noexcept nogil:
    head.pos = pos
    return MORE


# --- the start line -----------------------------------------------------------------------

cdef Verdict scan_head(Head *head, const uint8_t *text, uint32_t size) noexcept nogil:
    """Go on with a head of which the first `size` bytes are there.

    DONE: `pos` is the offset after the blank line. MORE: call again with more bytes after
    the same ones. FAILED: see `rule` and `fault`.
    """
    cdef Verdict verdict = DONE
    if head.step == EMPTY:
        verdict = scan_empty_lines(head, text, size)
    if verdict == DONE and head.step == METHOD_TOKEN:
        verdict = scan_method(head, text, size)
    if verdict == DONE and head.step == TARGET_BYTES:
        verdict = scan_target(head, text, size)
    if verdict == DONE and head.step == VERSION_TEXT:
        verdict = scan_version(head, text, size)
    if verdict == DONE and head.step == STATUS_TEXT:
        verdict = scan_status(head, text, size)
    if verdict == DONE and head.step == REASON_TEXT:
        verdict = scan_reason(head, text, size)
    if verdict == DONE:
        verdict = scan_fields(head, text, size)
    return verdict


cdef Verdict scan_empty_lines(Head *head, const uint8_t *text, uint32_t size) noexcept nogil:
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


cdef Verdict scan_method(Head *head, const uint8_t *text, uint32_t size) noexcept nogil:
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


cdef Verdict scan_target(Head *head, const uint8_t *text, uint32_t size) noexcept nogil:
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


cdef Verdict scan_version(Head *head, const uint8_t *text, uint32_t size) noexcept nogil:
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
            if text[pos] < c'0' or text[pos] > c'9':
                return fail(head, VERSION, pos)
        elif text[pos] != <uint8_t>(<const char *>b"HTTP/1.1")[index]:
            return fail(head, VERSION, pos)
        elif index == 6 and text[pos - 1] != c'1':
            # RFC 9110 2.5: another major version is another protocol.
            return fail(head, VERSION_UNSUPPORTED, pos - 1)
        pos += 1
    # RFC 9110 2.5: a higher minor version is treated as the highest that is known.
    no_facts(&head.facts, 10 if text[pos - 1] == c'0' else 11, RESPONSE if head.response else 0)
    head.pos = pos
    if head.response:
        head.step = STATUS_TEXT
        return DONE
    if pos >= cap:
        return fail(head, REQUEST_LINE_SIZE, cap)
    cdef Verdict verdict = end_line(head, text, size, pos, cap, REQUEST_LINE_SIZE, VERSION)
    if verdict == DONE:
        if not note_target(&head.facts, text + head.word, head.word_size,
                           text + head.target, head.target_size):
            return fail(head, TARGET_FORM, head.target)
        start_fields(head)
    return verdict


cdef Verdict end_line(Head *head, const uint8_t *text, uint32_t size, uint32_t pos, uint32_t cap,
                      Rule too_long, Rule junk) noexcept nogil:
    """The line must end at `pos`. RFC 9112 2.2: by CRLF; a lenient client takes a bare LF."""
    if pos == cap:
        return fail(head, too_long, pos)
    if pos == size:
        return more(head, pos)
    if text[pos] == LF:
        if not head.lenient:
            return fail(head, BARE_LF, pos)
        head.pos = pos + 1
        return DONE
    if text[pos] != CR:
        return fail(head, junk, pos)
    if pos + 1 == cap:
        return fail(head, too_long, pos + 1)
    if pos + 1 == size:
        return more(head, pos)
    if text[pos + 1] != LF:
        return fail(head, BARE_CR, pos)
    head.pos = pos + 2
    return DONE


cdef inline void start_fields(Head *head) noexcept nogil:
    head.fields_start = head.pos
    head.step = LINE


cdef Verdict scan_status(Head *head, const uint8_t *text, uint32_t size) noexcept nogil:
    """RFC 9112 4: SP status-code SP [reason-phrase]; `line` is where the version began."""
    cdef uint32_t pos = head.pos
    cdef uint32_t index
    while pos < head.line + VERSION_SIZE + 1 + STATUS_SIZE:
        if pos == size:
            return more(head, pos)
        index = pos - head.line - VERSION_SIZE
        if index == 0:
            if text[pos] != SP:
                return fail(head, STATUS_LINE, pos)
        elif text[pos] < c'0' or text[pos] > c'9' or (index == 1 and text[pos] == c'0'):
            return fail(head, STATUS_LINE, pos)
        else:
            head.status = head.status * 10 + (text[pos] - c'0')
        pos += 1
        head.pos = pos
    if pos == size:
        return more(head, pos)
    head.word = pos
    if text[pos] == SP:
        head.word = head.pos = pos + 1
    elif not head.lenient or (text[pos] != CR and text[pos] != LF):
        # A server MUST send the space even if no reason follows it.
        return fail(head, STATUS_LINE, pos)
    head.step = REASON_TEXT
    return DONE


cdef Verdict scan_reason(Head *head, const uint8_t *text, uint32_t size) noexcept nogil:
    cdef uint32_t cap = head.start + head.bounds.line
    if head.pos >= cap:
        return fail(head, STATUS_LINE_SIZE, cap)
    cdef uint32_t pos = scan_value_end(text + head.pos, text + min(size, cap)) - text
    cdef Verdict verdict = end_line(head, text, size, pos, cap, STATUS_LINE_SIZE, STATUS_LINE)
    if verdict == DONE:
        head.word_size = pos - head.word
        start_fields(head)
    return verdict


# --- field lines --------------------------------------------------------------------------

cdef Verdict scan_fields(Head *head, const uint8_t *text, uint32_t size) noexcept nogil:
    """Field lines up to and with the blank line, of a head or of a trailer section."""
    cdef Verdict verdict
    while True:
        if head.step == LINE:
            verdict = scan_plain_lines(head, text, size)
            if verdict != DONE:
                return verdict
            if head.pos == size:
                return MORE
            if not scan_is(text[head.pos], SCAN_TOKEN):
                return scan_not_a_name(head, text, size)
            if head.count == count_bound(head):
                return fail(head, TRAILER_COUNT if head.trailer else FIELD_COUNT, head.pos)
            head.line = head.pos
            head.step = NAME
        verdict = scan_line(head, text, size)
        if verdict != DONE:
            return verdict
        head.step = LINE


cdef Verdict scan_plain_lines(Head *head, const uint8_t *text, uint32_t size) noexcept nogil:
    """Take in the lines that are whole and break no rule of syntax, and stop before any other.

    It refuses nothing by itself: what it does not take, `scan_line` judges. Local variables,
    since every store of a Field would make the compiler read the Head again.
    """
    cdef const uint8_t *line = text + head.pos
    cdef const uint8_t *section = text + min(size, head.fields_start + section_bound(head))
    cdef Py_ssize_t field_bound = head.bounds.field
    cdef uint32_t left = count_bound(head) - head.count
    cdef const uint8_t *stop
    cdef const uint8_t *colon
    cdef const uint8_t *end
    cdef Verdict verdict = DONE
    while left and verdict == DONE:
        stop = line + field_bound if section - line > field_bound else section
        colon = scan_token_end(line, stop)
        if colon >= stop or colon[0] != c':' or colon == line:
            break
        end = scan_value_end(colon + 1, stop)
        if stop - end < 2 or end[0] != CR or end[1] != LF:
            break
        verdict = add_field(head, text, line, colon, end)
        line = end + 2
        left -= 1
    head.pos = line - text
    return verdict


cdef Verdict scan_line(Head *head, const uint8_t *text, uint32_t size) noexcept nogil:
    """Go on with the line under way, whatever is wrong with it."""
    cdef uint32_t cap = line_cap(head)
    cdef uint32_t pos
    if head.step == NAME:
        pos = scan_token_end(text + head.pos, text + min(size, cap)) - text
        if pos == cap:
            return fail(head, size_rule(head, cap), cap)
        if pos == size:
            return more(head, pos)
        if text[pos] != c':':
            return fail(head, colon_rule(text[pos]), pos)
        head.colon = pos
        head.pos = pos + 1
        head.step = VALUE
    pos = scan_value_end(text + min(head.pos, cap), text + min(size, cap)) - text
    if pos == cap:
        return fail(head, size_rule(head, cap), cap)
    if pos == size:
        return more(head, pos)
    # RFC 9110 5.5: CR, LF and NUL MUST be refused; so are the other controls.
    cdef Verdict verdict = end_line(head, text, size, pos, cap, size_rule(head, cap), FIELD_VALUE)
    if verdict == DONE:
        return add_field(head, text, text + head.line, text + head.colon, text + pos)
    return verdict


cdef inline uint32_t count_bound(const Head *head) noexcept nogil:
    return head.bounds.trailer_count if head.trailer else head.bounds.count


cdef inline uint32_t section_bound(const Head *head) noexcept nogil:
    return head.bounds.trailers if head.trailer else head.bounds.fields


cdef inline uint32_t line_cap(const Head *head) noexcept nogil:
    """Where the line under way must have ended, CRLF and all."""
    return min(head.line + head.bounds.field, head.fields_start + section_bound(head))


cdef inline Rule size_rule(const Head *head, uint32_t cap) noexcept nogil:
    if cap == head.line + head.bounds.field:
        return FIELD_SIZE
    return TRAILERS_SIZE if head.trailer else FIELDS_SIZE


cdef inline Rule colon_rule(uint8_t byte) noexcept nogil:
    # RFC 9112 5.1: no white space between name and colon; a server MUST answer 400.
    if byte == SP or byte == HTAB:
        return SPACE_BEFORE_COLON
    return FIELD_COLON if byte == CR or byte == LF else FIELD_NAME


cdef Verdict scan_not_a_name(Head *head, const uint8_t *text, uint32_t size) noexcept nogil:
    """The blank line that ends the section, or what can begin no field line."""
    cdef uint32_t pos = head.pos
    if text[pos] == SP or text[pos] == HTAB:
        # RFC 9112 2.2 and 5.2: neither before the first field, nor as a fold of one.
        return fail(head, OBS_FOLD if head.count else LEADING_SPACE, pos)
    cdef Verdict verdict = end_line(head, text, size, pos, NO_CAP, NO_RULE, FIELD_NAME)
    # RFC 9112 3.2: HTTP/1.1 without Host is answered with 400.
    if (verdict == DONE and not head.trailer and not head.response and not head.facts.host
            and head.facts.version >= 11):
        return fail(head, HOST_MISSING, pos)
    return verdict


cdef inline Verdict add_field(Head *head, const uint8_t *text, const uint8_t *line,
                              const uint8_t *colon, const uint8_t *end) noexcept nogil:
    """Keep the line whose value ends (without its CRLF) at `end`, and judge what it says."""
    cdef const uint8_t *value = colon + 1
    cdef Field *field
    cdef Rule rule
    cdef uint32_t count = head.count
    # RFC 9112 5.1: OWS around a value is no part of it. `end` is at CR, so no scan passes it.
    while is_ows(value[0]):
        value += 1
    while end > value and is_ows((end - 1)[0]):
        end -= 1
    if count == head.capacity and not grow(head):
        return fail(head, NO_RULE, 0)
    field = head.fields + count
    head.count = count + 1
    field.name = line - text
    field.name_size = colon - line
    field.value = value - text
    field.value_size = end - value
    if head.trailer:
        if is_forbidden_trailer(line, colon - line):
            return fail(head, TRAILER_NAME, line - text)
    elif may_frame(name_key(line, colon - line)):
        rule = note_field(&head.facts, text, field, count + 1)
        if rule != NO_RULE:
            return fail(head, rule, value - text)
    return DONE


cdef inline bint is_ows(uint8_t byte) noexcept nogil:
    """RFC 9110 5.6.3: SP and HTAB, and nothing else."""
    return byte == SP or byte == HTAB
