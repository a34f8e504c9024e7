"""The lines of a head: the C face of `_lines.pyx`."""

from libc.stdint cimport uint8_t, uint32_t

from reactor.parser._bounds cimport Bounds
from reactor.parser._fields cimport Facts, Field
from reactor.parser._rules cimport Rule

cdef enum ScanResult:
    DONE
    MORE                        # needs more bytes
    FAILED                      # `rule` and `fault` say what and where

cdef enum Step:
    # What the byte at `pos` belongs to.
    EMPTY, METHOD_TOKEN, TARGET_BYTES, VERSION_TEXT, STATUS_TEXT, REASON_TEXT
    LINE, NAME, VALUE

cdef struct Head:
    # All offsets are from the start of the message and outlive every move of the buffer.
    Step step
    bint response, lenient, trailer
    bint folding                # the line under way goes on with the last field
    bint repaired               # it holds what is to be shown as spaces: see `blank_values`
    uint32_t pos                # the first byte that was not yet judged
    uint32_t line, colon        # of the field under way
    uint32_t start, empty_lines
    # The start line. `word` is the method or the reason.
    uint32_t word, word_size, target, target_size
    int status
    # The field lines.
    uint32_t fields_start, count, capacity
    Field *fields
    bint owned                  # `fields` is ours to free; else it is the caller's array
    Facts facts
    Rule rule                   # NO_RULE after FAILED: out of memory
    uint32_t fault
    const Bounds *bounds

cdef void head_init(Head *head, const Bounds *bounds, bint response, bint lenient) noexcept nogil
cdef void head_lend(Head *head, Field *fields, uint32_t capacity) noexcept nogil
cdef void head_free(Head *head) noexcept nogil
cdef void trailer_init(Head *head) noexcept nogil
cdef ScanResult scan_fields(Head *head, const uint8_t *text, uint32_t size) noexcept nogil
cdef ScanResult end_line(Head *head, const uint8_t *text, uint32_t size, uint32_t pos, uint32_t cap,
                         Rule too_long, Rule junk) noexcept nogil
cdef void blank_values(Field *fields, uint32_t count) noexcept nogil

cdef inline ScanResult fail(Head *head, Rule rule, uint32_t offset) noexcept nogil:
    head.rule = rule
    head.fault = offset
    return FAILED

cdef inline ScanResult more(Head *head, uint32_t pos) noexcept nogil:
    head.pos = pos
    return MORE

cdef inline bint is_ows(uint8_t byte) noexcept nogil:
    """RFC 9110 5.6.3: SP and HTAB, and nothing else."""
    return byte == 32 or byte == 9

cdef inline bint is_tolerable(uint8_t byte) noexcept nogil:
    """RFC 9110 5.5: a control that may be kept, since no reader ends a line or a text at it."""
    return byte < 32 and byte != 13 and byte != 10 and byte != 0 or byte == 127
