"""An HDR histogram of latencies: 1 ns to 1 h, three significant digits.

Values share a count with those that differ from them by less than a thousandth. A bucket has
2,048 slots of equal width; each bucket's slots are twice as wide as those of the one before,
so its lower half is covered by the bucket before it already, and only 1,024 of them are kept.
To record is a shift and an increment; to merge is to add.

`encode` gives the compressed V2 form of HdrHistogram, as text: wrk2, Locust's plots and every
HdrHistogram library read it. Knows nothing of where the values come from.
"""

from cpython.mem cimport PyMem_Calloc, PyMem_Free
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

import base64
import binascii
import struct
import zlib

cdef extern from * nogil:
    int leading_zeros "__builtin_clzll"(unsigned long long value)

cdef enum:
    DIGITS = 3
    HALF = 1024             # slots that a bucket adds
    SLOTS = 2048            # the first power of two that tells 1,999 from 2,000
    SLOTS_LOG2 = 11
    BUCKETS = 32            # 2048 << 31 is the first over an hour of nanoseconds
    LENGTH = (BUCKETS + 1) * HALF
    VARINT_BYTES_MAX = 9    # of a count; the ninth has eight bits

cdef int64_t VALUE_MAX = 3_600_000_000_000      # an hour: no answer is waited for so long

# The cookies of the V2 encoding, with the word size that its readers expect (0x10).
cdef object COOKIE = 0x1C849303 | 0x10
cdef object COOKIE_COMPRESSED = 0x1C849304 | 0x10
# cookie, length, normalizing offset, digits, lowest, highest, ratio of integer to double
cdef object HEADER = struct.Struct(">iiiiqqd")
cdef object OUTER = struct.Struct(">ii")
# One byte a count would be a full histogram of small counts; nothing valid is far above it.
cdef object PACKED_BYTES_MAX = HEADER.size + LENGTH * VARINT_BYTES_MAX


cdef inline int slot_of(int64_t value) noexcept nogil:
    # The bucket is how far the value is above what the first can hold, in bits.
    cdef int bucket = 64 - SLOTS_LOG2 - leading_zeros(<uint64_t>value | (SLOTS - 1))
    return (bucket << (SLOTS_LOG2 - 1)) + <int>(value >> bucket)


cdef inline int64_t highest_of(int slot) noexcept nogil:
    """The highest value that shares this slot."""
    cdef int bucket = (slot >> (SLOTS_LOG2 - 1)) - 1
    if bucket < 0:
        return slot
    return ((<int64_t>(slot - (bucket << (SLOTS_LOG2 - 1))) + 1) << bucket) - 1


cdef class Histogram:

    def __cinit__(self):
        self.counts = <int64_t *>PyMem_Calloc(LENGTH, sizeof(int64_t))
        if self.counts == NULL:
            raise MemoryError()
        self.smallest = VALUE_MAX

    def __dealloc__(self):
        PyMem_Free(self.counts)

    cdef void record_ns(self, int64_t value) noexcept nogil:
        value = max(0, min(value, VALUE_MAX))
        self.counts[slot_of(value)] += 1
        self.total += 1
        self.smallest = min(self.smallest, value)
        self.largest = max(self.largest, value)

    def record(self, int64_t value):
        self.record_ns(value)

    def __len__(self):
        return self.total

    @property
    def min(self):
        return self.smallest if self.total else 0

    @property
    def max(self):
        return highest_of(slot_of(self.largest))

    @property
    def mean(self):
        cdef int slot
        cdef double total = 0
        for slot in range(LENGTH):
            if self.counts[slot]:
                total += <double>self.counts[slot] * middle_of(slot)
        return total / self.total if self.total else 0.0

    def percentile(self, double percent):
        cdef int64_t wanted, seen = 0
        cdef int slot
        if not 0 <= percent <= 100:
            raise ValueError(f"a percentile is from 0 to 100, not {percent}")
        wanted = max(1, <int64_t>(percent / 100 * self.total + 0.5))
        for slot in range(LENGTH):
            seen += self.counts[slot]
            if seen >= wanted:
                return highest_of(slot)
        return 0

    def buckets(self):
        cdef int slot
        return [(highest_of(slot), self.counts[slot])
                for slot in range(LENGTH) if self.counts[slot]]

    def merge(self, Histogram other):
        cdef int slot
        for slot in range(LENGTH):
            self.counts[slot] += other.counts[slot]
        self.total += other.total
        self.smallest = min(self.smallest, other.smallest)
        self.largest = max(self.largest, other.largest)

    def clear(self):
        memset(self.counts, 0, LENGTH * sizeof(int64_t))
        self.total = self.largest = 0
        self.smallest = VALUE_MAX

    def encode(self):
        payload = self.pack_counts()
        header = HEADER.pack(COOKIE, len(payload), 0, DIGITS, 1, VALUE_MAX, 1.0)
        packed = zlib.compress(header + payload)
        return base64.b64encode(OUTER.pack(COOKIE_COMPRESSED, len(packed)) + packed).decode("ascii")

    @classmethod
    def decode(cls, text):
        cdef Histogram histogram = cls()
        histogram.unpack_counts(unwrap(text))
        return histogram

    cdef object pack_counts(self):
        """Counts from the lowest; a run of zeros is one number, its negative length."""
        cdef bytearray packed = bytearray()
        cdef int slot = 0
        cdef int end = slot_of(self.largest) + 1
        cdef int first
        while slot < end:
            first = slot
            while slot < end and self.counts[slot] == 0:
                slot += 1
            if slot > first:
                put_varint(packed, first - slot)
            else:
                put_varint(packed, self.counts[slot])
                slot += 1
        return packed

    cdef int unpack_counts(self, bytes packed) except -1:
        cdef Py_ssize_t at = 0
        cdef int64_t number
        cdef int64_t slot = 0
        while at < len(packed):
            number = get_varint(packed, &at)
            if number < 0:
                # Not the negation: that of the smallest number does not exist.
                if number < -LENGTH or slot - number > LENGTH:
                    raise ValueError("the histogram has counts above an hour")
                slot -= number
                continue
            if slot >= LENGTH:
                raise ValueError("the histogram has counts above an hour")
            if number:
                self.counts[slot] = number
                self.total += number
                # To the slot only: the encoding does not have the values themselves.
                self.smallest = min(self.smallest, lowest_of(<int>slot))
                self.largest = highest_of(<int>slot)
            slot += 1
        return 0


cdef inline int64_t lowest_of(int slot) noexcept nogil:
    return 0 if slot == 0 else highest_of(slot - 1) + 1


cdef inline double middle_of(int slot) noexcept nogil:
    return (<double>lowest_of(slot) + highest_of(slot)) / 2


cdef bytes unwrap(object text):
    """The packed counts, out of the base64, the compression and the header of `encode`."""
    try:
        data = base64.b64decode(text, validate=True)
        cookie, size = OUTER.unpack_from(data)
        if cookie != COOKIE_COMPRESSED or size != len(data) - OUTER.size:
            raise ValueError("it is no compressed V2 histogram")
        inflate = zlib.decompressobj()
        raw = inflate.decompress(data[OUTER.size:], PACKED_BYTES_MAX)
        if not inflate.eof:
            raise ValueError("it does not end where it must")
        cookie, size, offset, digits, lowest, highest, _ = HEADER.unpack_from(raw)
        if cookie != COOKIE or size != len(raw) - HEADER.size:
            raise ValueError("its length is wrong")
        if (offset, digits, lowest, highest) != (0, DIGITS, 1, VALUE_MAX):
            raise ValueError("its range is not 1 ns to 1 h with 3 digits")
    except (ValueError, struct.error, binascii.Error, zlib.error) as error:
        raise ValueError(f"cannot decode the histogram {text!r:.40}: {error}") from error
    return raw[HEADER.size:]


cdef int put_varint(bytearray packed, int64_t number) except -1:
    """Zigzag, then seven bits a byte, lowest first; a ninth byte has all eight."""
    cdef uint64_t rest = (<uint64_t>number << 1) ^ <uint64_t>(number >> 63)
    cdef int count = 1
    while rest >= 0x80 and count < VARINT_BYTES_MAX:
        packed.append(rest & 0x7F | 0x80)
        rest >>= 7
        count += 1
    packed.append(rest)
    return 0


cdef int64_t get_varint(bytes packed, Py_ssize_t *at) except? -1:
    cdef uint64_t number = 0
    cdef uint64_t byte = 0x80
    cdef int count = 0
    while byte & 0x80 and count < VARINT_BYTES_MAX:
        if at[0] == len(packed):
            raise ValueError("the histogram breaks off within a number")
        byte = <unsigned char>packed[at[0]]
        at[0] += 1
        count += 1
        number |= (byte if count == VARINT_BYTES_MAX else byte & 0x7F) << (7 * (count - 1))
    return <int64_t>(number >> 1) ^ -<int64_t>(number & 1)
