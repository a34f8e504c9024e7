"""What is counted of answers, at the end of each: additions to the values of a slot.

The tables say what the places of a row are; whoever shows them reads the names from here. What
has no place of its own is counted with its like, so that no client can make a row grow.

Must never know: who reads what is counted.
"""

from libc.math cimport INFINITY
from libc.stdint cimport int64_t, uint8_t, uint64_t

from reactor.parser._message cimport Request
from reactor.http._sent_bytes cimport AnswerRecord, Stamps
from reactor.process._page cimport (
    CODES as CODES_AT, DURATIONS, DURATIONS_LAST, LATENCY, LATENCY_NS, METHODS as METHODS_AT,
    REFUSALS, WRITING, Slot)

from reactor.parser import _rules

cdef extern from *:
    """
    static inline int reactor_highest_bit(unsigned long long value)
    {
        return 63 - __builtin_clzll(value);
    }
    """
    int highest_bit "reactor_highest_bit"(uint64_t) noexcept

# OpenTelemetry's of http.server.request.duration: the 14 that its semantic conventions advise.
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", "_OTHER")
CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
# The codes that are seen; then, for all others, the classes.
CODES = (
    "101", "200", "201", "202", "204", "206", "301", "302", "303", "304", "307", "308", "400", "401",
    "403", "404", "405", "406", "408", "409", "410", "412", "413", "414", "415", "416", "417", "421",
    "422", "426", "429", "431", "500", "501", "502", "503", "504", "505", "507", *CLASSES)
# What a connection can end by, by the peer's fault; "other" for what has no place yet.
REASONS = (
    *sorted({code for _, code, _, _ in _rules.RULES[1:]} | {
        "body-disk", "body-room", "body-size", "body-timeout", "connect", "expect",
        "header-timeout", "interim", "keep-alive-timeout", "misdirected", "peer-user",
        "proxy-header", "proxy-timeout", "proxy-untrusted", "silent-timeout", "upgrade",
        "write-timeout", "ws-body", "ws-close-code", "ws-continuation", "ws-control-fragment",
        "ws-control-size", "ws-deflate", "ws-extensions", "ws-inflate-ratio", "ws-interleaved",
        "ws-key", "ws-length", "ws-mask", "ws-memory", "ws-message-size", "ws-method", "ws-opcode",
        "ws-origin", "ws-ping-timeout", "ws-reserved-bit", "ws-unsent", "ws-upgrade", "ws-utf8",
        "ws-version"}),
    "other")

cdef enum:
    BUCKETS = 14
    METHOD_OTHER = 9
    CODE_COUNT = 39
    # What was slow is of interest for a minute: some seconds more or less do not matter.
    LOOK_AGAIN_S = 5

cdef double BOUNDS[BUCKETS]
cdef uint8_t CODE_PLACES[500]            # of a status, in CODES
cdef str GET = METHODS[0]   # as the parser has it, from the same literal: one object
cdef dict METHOD_PLACES = {name: place for place, name in enumerate(METHODS)}
cdef dict REASON_PLACES = {name: place for place, name in enumerate(REASONS)}


cdef int fill_tables() except -1:
    cdef int place
    for place, bound in enumerate(BUCKETS_S):
        BOUNDS[place] = bound
    for place in range(500):
        CODE_PLACES[place] = CODE_COUNT + place // 100
    for place, code in enumerate(CODES[:CODE_COUNT]):
        CODE_PLACES[<int>int(code) - 100] = place
    return 0


fill_tables()


cdef class AnswerCounts:

    def __cinit__(self, Slot slot not None, on_slow=None):
        self.slot = slot
        self.values = slot.values
        self.on_slow = on_slow
        self.slow_from = self.look_at = INFINITY if on_slow is None else 0

    cdef int method_place(self, Request request) except -1:
        if request is None:
            return METHOD_OTHER     # what was refused before it was one
        if request.method_text is GET:
            return 0
        return METHOD_PLACES.get(request.method_text, METHOD_OTHER)

    cdef bint answered(self, const Stamps *stamps) noexcept:
        """Whether `was_slow` wants to be told of it."""
        cdef int64_t *values = self.values
        cdef double seconds = stamps.taken_at - stamps.head_at
        cdef int64_t took_ns = <int64_t>(seconds * 1e9)
        cdef unsigned int status = min(max(stamps.status, 100), 599) - 100
        cdef unsigned int place = status // 100     # of its class
        values[WRITING] -= 1
        values[CODES_AT + CODE_PLACES[status]] += 1
        values[METHODS_AT + stamps.method] += 1
        values[LATENCY + place * (BUCKETS + 1) + bucket_of(seconds)] += 1
        values[LATENCY_NS + place] += took_ns
        values[DURATIONS + step_of(took_ns)] += 1
        return seconds > self.slow_from or stamps.taken_at > self.look_at

    cdef int was_slow(self, AnswerRecord record) except -1:
        cdef Stamps *stamps = &record.stamps
        self.slow_from = self.on_slow(record, stamps.taken_at - stamps.head_at)
        self.look_at = stamps.taken_at + LOOK_AGAIN_S
        return 0

    def refused(self, code):
        self.values[REFUSALS + <int>REASON_PLACES.get(code, len(REASONS) - 1)] += 1


cdef int bucket_of(double seconds) noexcept:
    cdef int place = 0
    while place < BUCKETS and seconds > BOUNDS[place]:
        place += 1
    return place


cdef int step_of(int64_t took_ns) noexcept:
    """Four steps for each doubling, in microseconds: `server/status/quantiles.py` has their ends."""
    cdef uint64_t us = <uint64_t>max(took_ns, 0) // 1000
    cdef int bit
    if us < 4:
        return <int>us
    bit = highest_bit(us)
    return min((bit - 1) * 4 + <int>((us >> (bit - 2)) & 3), DURATIONS_LAST - DURATIONS)
