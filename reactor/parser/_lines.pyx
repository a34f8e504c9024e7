"""The lines of a head: how each ends, and the fields that they hold.

Resumable, and judged from left to right, as `_head.pyx` says. A lenient head (a response for a
client) may break rules that leave no doubt about where a line and a value end: those are
`LENIENT` below, and docs/client.md has the table of them (0045).

Knows: lines, their bounds, and where name and value lie; owns the array of fields. Must never
know: a Python object, the start line's parts, what a field means (`_fields.pyx`).
"""

from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc, PyMem_RawRealloc
from libc.string cimport memcpy, memset

from reactor.parser._fields cimport (
    CLOSE, is_forbidden_trailer, may_frame, may_repair, name_key, note_field)
from reactor.parser._rules cimport (
    BARE_CR, BARE_LF, FIELD_COLON, FIELD_COUNT, FIELD_NAME, FIELD_SIZE, FIELD_VALUE, FIELDS_SIZE,
    HOST_MISSING, LEADING_SPACE, NO_RULE, OBS_FOLD, SPACE_BEFORE_COLON, TRAILER_COUNT, TRAILER_NAME,
    TRAILERS_SIZE)

cdef extern from "_scan.h" nogil:
    const int SCAN_TOKEN
    bint scan_is(uint8_t byte, int classes)
    const uint8_t *scan_token_end(const uint8_t *p, const uint8_t *end)
    const uint8_t *scan_value_end(const uint8_t *p, const uint8_t *end)

cdef enum:
    HTAB = 9
    LF = 10
    CR = 13
    SP = 32
    DEL = 127
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
    head.folding = False
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


# --- the end of a line -------------------------------------------------------------------

cdef ScanResult end_line(Head *head, const uint8_t *text, uint32_t size, uint32_t pos, uint32_t cap,
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


# --- field lines --------------------------------------------------------------------------

cdef ScanResult scan_fields(Head *head, const uint8_t *text, uint32_t size) noexcept nogil:
    """Field lines up to and with the blank line, of a head or of a trailer section."""
    cdef ScanResult result
    while True:
        if head.step == LINE:
            result = scan_plain_lines(head, text, size)
            if result != DONE:
                return result
            if head.pos == size:
                return MORE
            if scan_is(text[head.pos], SCAN_TOKEN):
                if head.count == count_bound(head):
                    return fail(head, TRAILER_COUNT if head.trailer else FIELD_COUNT, head.pos)
                head.line = head.pos
                head.step = NAME
            elif not begin_fold(head, text):
                return scan_not_a_name(head, text, size)
        result = scan_line(head, text, size)
        if result != DONE:
            return result
        head.step = LINE


cdef ScanResult scan_plain_lines(Head *head, const uint8_t *text, uint32_t size) noexcept nogil:
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
    cdef ScanResult result = DONE
    while left and result == DONE:
        stop = line + field_bound if section - line > field_bound else section
        colon = scan_token_end(line, stop)
        if colon >= stop or colon[0] != c':' or colon == line:
            break
        end = scan_value_end(colon + 1, stop)
        if stop - end < 2 or end[0] != CR or end[1] != LF:
            break
        result = add_field(head, text, line, colon, colon, end)
        line = end + 2
        left -= 1
    head.pos = line - text
    return result


cdef ScanResult scan_line(Head *head, const uint8_t *text, uint32_t size) noexcept nogil:
    """Go on with the line under way, whatever is wrong with it."""
    cdef uint32_t cap = line_cap(head)
    cdef uint32_t stop = min(size, cap)
    cdef uint32_t pos
    if head.step == NAME:
        pos = colon_place(head, text, stop)
        if pos == cap:
            return fail(head, size_rule(head, cap), cap)
        if pos == size:
            return more(head, pos)
        if text[pos] != c':':
            return fail(head, colon_rule(text[pos]), pos)
        head.colon = pos
        head.pos = pos + 1
        head.step = VALUE
    pos = scan_value_end(text + min(head.pos, cap), text + stop) - text
    while head.lenient and pos < stop and is_tolerable(text[pos]) and may_go_on(head, text):
        pos = scan_value_end(text + pos + 1, text + stop) - text
    if pos == cap:
        return fail(head, size_rule(head, cap), cap)
    if pos == size:
        return more(head, pos)
    # RFC 9110 5.5: CR, LF and NUL MUST be refused; so are the other controls.
    cdef ScanResult result = end_line(head, text, size, pos, cap, size_rule(head, cap), FIELD_VALUE)
    if result != DONE:
        return result
    if head.folding:
        # Line end and white space are in the value now; `blank_values` makes them good.
        head.fields[head.count - 1].value_size = pos - head.fields[head.count - 1].value
        head.folding = False
        return DONE
    cdef const uint8_t *colon = text + head.colon
    cdef const uint8_t *name_end = colon
    if head.lenient and is_ows((colon - 1)[0]):
        # Some take such a line for no field at all, so nothing is read after this message.
        head.facts.flags |= CLOSE
        name_end = end_of_name(colon)
    return add_field(head, text, text + head.line, name_end, colon, text + pos)


cdef inline uint32_t colon_place(Head *head, const uint8_t *text, uint32_t stop) noexcept nogil:
    """Where the colon must be. RFC 9112 5.1: of a response the white space before it is dropped."""
    cdef uint32_t pos = head.pos
    if not head.lenient:
        return scan_token_end(text + pos, text + stop) - text
    if pos == head.line or not is_ows(text[pos - 1]):  # where the last call stopped
        pos = scan_token_end(text + pos, text + stop) - text
    while pos < stop and is_ows(text[pos]):
        pos += 1
    return pos


cdef inline const uint8_t *end_of_name(const uint8_t *colon) noexcept nogil:
    while is_ows((colon - 1)[0]):
        colon -= 1
    return colon


# --- what is repaired for a client --------------------------------------------------------

cdef bint may_go_on(Head *head, const uint8_t *text) noexcept nogil:
    """Whether the value under way may hold a control, which becomes a space."""
    cdef const uint8_t *name = text + head.line
    head.repaired = True
    # A fold goes on with a field that may be repaired: see `begin_fold`.
    return (head.folding or head.trailer
            or may_repair(&head.facts, name, end_of_name(text + head.colon) - name))


cdef bint begin_fold(Head *head, const uint8_t *text) noexcept nogil:
    """Whether a line that begins with white space goes on with the last field's value.

    RFC 9112 5.2: a user agent replaces the fold by spaces.
    """
    cdef const Field *field
    if not head.lenient or not head.count or not is_ows(text[head.pos]):
        return False
    field = head.fields + head.count - 1
    if not head.trailer and not may_repair(&head.facts, text + field.name, field.name_size):
        return False
    # The bound of a field holds for all of its lines.
    head.line = field.name
    head.folding = head.repaired = True
    head.step = VALUE
    return True


cdef void blank_values(Field *fields, uint32_t count) noexcept nogil:
    """Make spaces of what is repaired, in a block: fields, then the text that they point into.

    RFC 9112 5.2 and RFC 9110 5.5: of the line ends in folds, and of controls.
    """
    cdef uint8_t *text = <uint8_t *>(fields + count)
    cdef Field *field
    cdef uint32_t i, at
    for i in range(count):
        field = fields + i
        for at in range(field.value, field.value + field.value_size):
            if text[at] < SP and text[at] != HTAB or text[at] == DEL:
                text[at] = SP
        while field.value_size and is_ows(text[field.value]):
            field.value += 1
            field.value_size -= 1
        while field.value_size and is_ows(text[field.value + field.value_size - 1]):
            field.value_size -= 1


# --- what fields are bounded by, and where they are kept ----------------------------------


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


cdef ScanResult scan_not_a_name(Head *head, const uint8_t *text, uint32_t size) noexcept nogil:
    """The blank line that ends the section, or what can begin no field line."""
    cdef uint32_t pos = head.pos
    if text[pos] == SP or text[pos] == HTAB:
        # RFC 9112 2.2 and 5.2: neither before the first field, nor as a fold of one.
        return fail(head, OBS_FOLD if head.count else LEADING_SPACE, pos)
    cdef ScanResult result = end_line(head, text, size, pos, NO_CAP, NO_RULE, FIELD_NAME)
    # RFC 9112 3.2: HTTP/1.1 without Host is answered with 400.
    if (result == DONE and not head.trailer and not head.response and not head.facts.host
            and head.facts.version >= 11):
        return fail(head, HOST_MISSING, pos)
    return result


cdef inline ScanResult add_field(Head *head, const uint8_t *text, const uint8_t *line,
                                 const uint8_t *name_end, const uint8_t *colon,
                                 const uint8_t *end) noexcept nogil:
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
    field.name_size = name_end - line
    field.value = value - text
    field.value_size = end - value
    if head.trailer:
        # RFC 9110 6.5.1: or it is kept apart from the headers, where it means nothing.
        if not head.lenient and is_forbidden_trailer(line, name_end - line):
            return fail(head, TRAILER_NAME, line - text)
    elif may_frame(name_key(line, name_end - line)):
        rule = note_field(&head.facts, text, field, count + 1)
        if rule != NO_RULE:
            return fail(head, rule, value - text)
    return DONE
