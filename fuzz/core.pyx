"""One execution of the fuzzer's fast level: the scanners without a Python object in sight.

It drives `scan_head`, `scan_chunks` and `scan_fields` as the parsers do, whole and cut in pieces,
and compares a hash of everything that they found. Each piece ends where a page without access
begins. Ten to a hundred times as many executions a second as `harness.pyx`, which looks at the
objects above. Two bytes choose the mode and the cuts, the rest is what the peer sends.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.stdio cimport fprintf, stderr
from libc.stdlib cimport abort, free, malloc
from libc.string cimport memcpy, memset

from reactor.parser._bounds cimport Bounds, read_bounds
from reactor.parser._fields cimport CHUNKED, CONNECT, Facts, Field, stays_open
from reactor.parser._head cimport scan_head
from reactor.parser._lines cimport (
    DONE, FAILED, MORE, Head, ScanResult, head_free, head_init, scan_fields, trailer_init)
from reactor.parser._chunked cimport Chunked, chunked_init, scan_chunks

from reactor.limits import Limits

cdef extern from "<sys/mman.h>":
    void *mmap(void *, size_t, int, int, int, long)
    int mprotect(void *, size_t, int)
    int PROT_NONE, PROT_READ, PROT_WRITE, MAP_PRIVATE, MAP_ANONYMOUS

cdef enum:
    ROOM = 1 << 20
    PAGE = 4096
    PIECES_MAX = 6

cdef enum Stage:
    IN_HEAD, IN_LENGTH, IN_CHUNKS, IN_TRAILERS, STOPPED, BROKEN

cdef struct Machine:
    Stage stage
    bint response, last
    size_t at                   # the first byte that was not yet consumed
    size_t origin               # where the message under way starts
    int64_t remaining
    Head head
    Chunked chunks
    uint64_t found, data        # hashes: of all that was found, of the body under way
    uint32_t rule
    int64_t fault

cdef Bounds usual, small
cdef uint8_t *guard


cdef inline void note(uint64_t *hash, uint64_t value) noexcept nogil:
    hash[0] = (hash[0] ^ value) * 1099511628211u
    hash[0] ^= hash[0] >> 29


cdef void note_bytes(uint64_t *hash, const uint8_t *data, size_t size) noexcept nogil:
    cdef size_t i
    for i in range(size):
        hash[0] = (hash[0] ^ data[i]) * 1099511628211u


cdef void note_fields(Machine *it, const uint8_t *text) noexcept nogil:
    """Every offset and every byte that an object would be made of."""
    cdef uint32_t i
    cdef Field *field
    note(&it.found, it.head.count)
    for i in range(it.head.count):
        field = &it.head.fields[i]
        note(&it.found, field.name)
        note_bytes(&it.found, text + field.name, field.name_size)
        note(&it.found, field.value)
        note_bytes(&it.found, text + field.value, field.value_size)


cdef void note_head(Machine *it, const uint8_t *text) noexcept nogil:
    cdef Facts *facts = &it.head.facts
    note(&it.found, it.head.pos)
    note_bytes(&it.found, text + it.head.word, it.head.word_size)
    note_bytes(&it.found, text + it.head.target, it.head.target_size)
    note(&it.found, it.head.status)
    note(&it.found, facts.content_length)
    note(&it.found, facts.host)
    note(&it.found, facts.expect)
    note(&it.found, facts.upgrade)
    note(&it.found, facts.flags)
    note(&it.found, facts.version)
    note_fields(it, text)


cdef void start(Machine *it, const Bounds *bounds, bint response, bint lenient) noexcept nogil:
    memset(it, 0, sizeof(Machine))
    it.response = response
    head_init(&it.head, bounds, response, lenient)


cdef void fail(Machine *it, uint32_t rule, int64_t fault) noexcept nogil:
    it.stage = BROKEN
    it.rule = rule
    it.fault = fault


cdef void next_message(Machine *it) noexcept nogil:
    note(&it.found, it.data)
    it.data = 0
    it.origin = it.at
    head_init(&it.head, it.head.bounds, it.response, it.head.lenient)
    it.stage = STOPPED if it.last else IN_HEAD


cdef void frame(Machine *it) noexcept nogil:
    """Which stage follows a head; close to RFC 9112 6.3, for a client that only sends GET."""
    cdef bint open = stays_open(&it.head.facts)
    cdef int status = it.head.status
    it.last = it.head.facts.flags & CONNECT or not (open or 100 <= status < 200)
    it.last = it.last or status == 101
    it.remaining = 0
    it.stage = IN_LENGTH
    if it.response and (status < 200 or status == 204 or status == 304):
        return
    if it.head.facts.flags & CHUNKED:
        it.stage = IN_CHUNKS
        chunked_init(&it.chunks, it.head.bounds, it.head.lenient)
    elif it.head.facts.content_length >= 0:
        it.remaining = it.head.facts.content_length
    elif it.response:
        it.last = True
        it.remaining = 0x7fffffffffffffff


cdef bint step(Machine *it, const uint8_t *text, size_t size) noexcept nogil:
    """Go on with all that there is; whether there may be more to do."""
    cdef ScanResult result
    cdef Py_ssize_t used = 0, filled = 0
    cdef uint8_t *out
    cdef size_t here = size - it.at
    if it.stage == IN_HEAD:
        result = scan_head(&it.head, text + it.at, here)
        if result == FAILED:
            fail(it, it.head.rule, it.head.fault)
        elif result == DONE:
            note_head(it, text + it.at)
            it.at += it.head.pos
            frame(it)
        return result == DONE
    if it.stage == IN_LENGTH:
        used = min(<int64_t>here, it.remaining)
        note_bytes(&it.data, text + it.at, used)
        it.at += used
        it.remaining -= used
        if it.remaining == 0:
            next_message(it)
        return it.remaining == 0
    if it.stage == IN_CHUNKS:
        if here == 0:
            return False
        out = <uint8_t *>malloc(here)
        result = scan_chunks(&it.chunks, text + it.at, here, &used, out, &filled)
        note_bytes(&it.data, out, filled)
        free(out)
        if result == FAILED:
            fail(it, it.chunks.rule, it.at - it.origin + it.chunks.fault)
            return False
        it.at += used
        if result == DONE:
            trailer_init(&it.head)
            it.stage = IN_TRAILERS
        return result == DONE
    if it.stage == IN_TRAILERS:
        result = scan_fields(&it.head, text + it.at, here)
        if result == FAILED:
            fail(it, it.head.rule, it.at - it.origin + it.head.fault)
        elif result == DONE:
            note_fields(it, text + it.at)
            it.at += it.head.pos
            next_message(it)
        return result == DONE
    return False


cdef void feed(Machine *it, const uint8_t *data, size_t size) noexcept nogil:
    """All of the input so far, at the guard; what was consumed is not looked at again."""
    memcpy(guard - size, data, size)
    while step(it, guard - size, size):
        pass


cdef void check(const uint8_t *data, size_t size) noexcept nogil:
    cdef Machine whole, cut
    cdef int mode = data[0], i
    cdef uint32_t state = data[1] * 2654435761u + mode
    cdef size_t to = 0
    cdef const Bounds *bounds = &small if mode & 2 else &usual
    data += 2
    size -= 2
    start(&whole, bounds, mode & 1, mode & 4)
    feed(&whole, data, size)
    start(&cut, bounds, mode & 1, mode & 4)
    for i in range(PIECES_MAX):
        state = state * 1664525u + 1013904223u
        to += (state >> 16) % (size - to + 1) if state & 0x8000 else min(2, size - to)
        feed(&cut, data, to)
    feed(&cut, data, size)
    if whole.stage == BROKEN:
        whole.at = cut.at       # the fault says where; what was consumed before it may differ
    if (whole.stage != cut.stage or whole.at != cut.at or whole.found != cut.found
            or whole.data != cut.data or whole.rule != cut.rule or whole.fault != cut.fault):
        fprintf(stderr, "whole: stage %d at %zu rule %u fault %ld; cut: %d %zu %u %ld\n",
                <int>whole.stage, whole.at, whole.rule, <long>whole.fault,
                <int>cut.stage, cut.at, cut.rule, <long>cut.fault)
        abort()
    head_free(&whole.head)
    head_free(&cut.head)


cdef int fuzz_one(const uint8_t *data, size_t size) noexcept:
    if 2 <= size <= ROOM:
        check(data, size)
    return 0


cdef uint8_t *make_guard() except NULL:
    cdef uint8_t *base = <uint8_t *>mmap(NULL, ROOM + PAGE, PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    if mprotect(base + ROOM, PAGE, PROT_NONE) != 0:
        raise MemoryError
    return base + ROOM


read_bounds(None, &usual)
read_bounds(Limits(request_line_bytes_max=64, field_bytes_max=64, fields_bytes_max=160,
                   field_count_max=6, method_bytes_max=8, leading_empty_lines_max=2,
                   chunk_extension_bytes_max=16, chunk_extensions_bytes_max=40,
                   chunk_overhead_bytes_max=64, trailers_bytes_max=64, trailer_count_max=3),
            &small)
guard = make_guard()
address = <uintptr_t>&fuzz_one
