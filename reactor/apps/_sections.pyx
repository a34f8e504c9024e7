"""Header sections that come again and again, byte for byte, and what each of them came to.

Browsers and clients of an API send the same section with every request. Equal bytes make equal
entries, and nothing but the bytes is asked, so whose connection they came over is all one. What comes
once costs its mark; from its second time on it has a place, until another one takes it.

Must never know: what is made of a section.
"""

from libc.string cimport memcpy

from reactor.parser._fields cimport ABSOLUTE, CONNECT
from reactor.parser._headers cimport text_in


cdef class Section:
    pass


cdef class SectionCache:

    def __cinit__(self):
        self.cached = [None] * KEPT_MAX

    cdef Section made(self, Request request):
        """What the request's section comes to."""
        raise NotImplementedError

    cdef Section find(self, Request request):
        """What is kept of the request's header section; None if it is nothing, or not yet."""
        cdef const uint8_t *text
        cdef uint64_t mark
        cdef int slot
        cdef Section cached
        # As they came, up to the blank line. What was made here, not received, has no such text.
        cdef Py_ssize_t size = request.end_at
        if size == 0 or request.count == 0 or request.facts.flags & (ABSOLUTE | CONNECT):
            return None
        size -= request.field(1).name
        if not SECTION_MIN <= size <= SECTION_MAX:
            return None
        text = text_in(request.block, request.count) + request.field(1).name
        mark = marked(text, size)
        slot = mark >> (64 - KEPT_BITS)
        cached = <Section>self.cached[slot]
        if cached is not None and same(cached.section, text, size):
            self.missed[slot] = 0
            return cached
        if self.missed[slot] != mark:
            # One that comes once costs its mark; and it moves nobody who comes again and again.
            self.missed[slot] = mark
            return None
        cached = self.made(request)
        cached.section = text[:size]
        self.cached[slot] = cached
        return cached


cdef uint64_t marked(const uint8_t *p, Py_ssize_t size) noexcept:
    """A mark of at least 16 bytes: equal texts have equal marks. It need not resist an attacker who
    wants two texts of one mark: texts are compared before their place is used."""
    cdef const uint8_t *last = p + size - 16
    cdef uint64_t one = size, other = 0
    while p < last:
        one = with_word(one, p)
        other = with_word(other, p + 8)
        p += 16
    one = with_word(one, last)
    other = with_word(other, last + 8)
    return mixed(one ^ other >> 32 ^ other << 32)


cdef inline uint64_t with_word(uint64_t mark, const uint8_t *p) noexcept:
    cdef uint64_t word
    memcpy(&word, p, 8)
    return mixed(mark ^ word)


cdef inline uint64_t mixed(uint64_t mark) noexcept:
    """Every bit of it in the uppermost (Knuth's multiplicative hashing)."""
    return mark * 0x9E3779B97F4A7C15ULL
