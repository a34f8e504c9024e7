"""One execution of the fuzzer: the parser against itself, under sanitizers.

The input is placed so that it ends where a page without access begins: reading one byte too far is
a crash, not luck. Oracles: the whole input and the same input in pieces give the same messages and
the same error; the stateless functions agree with the stateful ones; an error stays; what the
parser holds is bounded. Two bytes choose the mode and the cuts, the rest is what the peer sends.
"""

from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.stdint cimport uint8_t, uintptr_t
from libc.stdio cimport fprintf, stderr
from libc.stdlib cimport abort
from libc.string cimport memcpy

import traceback

from reactor._parse import parse_request, parse_response
from reactor.errors import RemoteProtocolError
from reactor.parser._framing import RequestParser, ResponseParser
from reactor.parser._parts import Body, End
from reactor.limits import Limits

cdef extern from "<sys/mman.h>":
    void *mmap(void *, size_t, int, int, int, long)
    int mprotect(void *, size_t, int)
    int PROT_NONE, PROT_READ, PROT_WRITE, MAP_PRIVATE, MAP_ANONYMOUS

cdef extern from "Python.h":
    int PyBUF_READ

cdef enum:
    ROOM = 1 << 20
    PAGE = 4096

# Small bounds, so that the fuzzer reaches them with short inputs.
SMALL = Limits(request_line_bytes_max=64, field_bytes_max=64, fields_bytes_max=160,
               field_count_max=6, method_bytes_max=8, leading_empty_lines_max=2,
               chunk_extension_bytes_max=16, chunk_extensions_bytes_max=40,
               chunk_overhead_bytes_max=64, trailers_bytes_max=64, trailer_count_max=3)
METHODS = ("GET", "HEAD", "CONNECT", "GET")

cdef uint8_t *guard


cdef uint8_t *make_guard() except NULL:
    cdef uint8_t *start = <uint8_t *>mmap(NULL, ROOM + PAGE, PROT_READ | PROT_WRITE,
                                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    if mprotect(start + ROOM, PAGE, PROT_NONE) != 0:
        raise MemoryError
    return start + ROOM


cdef object at_the_guard(const uint8_t *data, size_t size):
    """A view of a copy of ``data`` whose end is the end of accessible memory."""
    memcpy(guard - size, data, size)
    return PyMemoryView_FromMemory(<char *>guard - size, size, PyBUF_READ)


cdef class Run:
    cdef object parser, head, error
    cdef list messages, parts
    cdef bint is_request, expecting
    cdef int asked
    cdef bytes why

    def __init__(self, int mode):
        self.is_request = not mode & 1
        limits = SMALL if mode & 2 else None
        if self.is_request:
            self.parser = RequestParser(limits)
        else:
            self.parser = ResponseParser(limits, lenient=bool(mode & 4))
        self.asked = mode >> 4 & 3
        self.messages, self.parts = [], []
        self.head = self.error = None
        self.expecting = False

    cdef feed(self, const uint8_t *data, size_t size):
        if size:
            self.parser.feed(at_the_guard(data, size))
        self.drain()

    cdef drain(self):
        try:
            while True:
                if not self.is_request and not self.expecting:
                    self.parser.expect(METHODS[self.asked & 3])
                    self.asked += 1
                    self.expecting = True
                event = self.parser.next()
                if event is None:
                    break
                if self.error is not None:
                    raise AssertionError(f"{event!r} after {self.error!r}")
                self.take(event)
        except RemoteProtocolError as error:
            said = (error.status, error.code, error.offset)
            if self.error is not None and said != self.error:
                raise AssertionError(f"{said} is not {self.error}, which should have stayed")
            self.error = said
        if self.parser.buffered > 140_000:
            raise AssertionError(f"{self.parser.buffered} bytes held")

    cdef take(self, event):
        if isinstance(event, Body):
            self.parts.append(bytes(event.data))
        elif isinstance(event, End):
            self.done(b"".join(self.parts), event.trailers.raw)
        elif event.complete:
            self.head = event
            self.done(event.body, ())
        else:
            self.head = event

    cdef done(self, body, trailers):
        head = self.head
        if self.is_request:
            line = (head.method, head.target, head.version, head.keep_alive, head.host)
        else:
            line = (head.status, head.reason, head.version, head.keep_alive)
            if head.status >= 200 or head.status == 101:
                self.expecting = False
        self.messages.append((line, head.headers.raw, body, trailers))
        self.head, self.parts = None, []

    cdef object outcome(self, bint eof):
        if eof and self.error is None:
            try:
                self.parser.eof()
            except RemoteProtocolError as error:
                self.error = (error.status, error.code, error.offset)
            else:
                self.drain()
        return self.messages, self.error


cdef object in_pieces(const uint8_t *data, size_t size, int mode, int seed):
    """Feed pieces whose lengths come from a small generator; seed 0 is byte by byte at first."""
    cdef size_t at = 0, step
    cdef unsigned int state = seed * 2654435761u + 1
    run = Run(mode)
    while at < size:
        state = state * 1664525u + 1013904223u
        step = 1 if seed == 0 and at < 60 else 1 + (state >> 24) * (state >> 16 & 7) // 4
        step = min(step, size - at)
        (<Run>run).feed(data + at, step)
        at += step
    return (<Run>run).outcome(mode & 8)


cdef check(const uint8_t *data, size_t size):
    if size < 2 or size > 200_000:
        return
    cdef int mode = data[0], seed = data[1]
    data, size = data + 2, size - 2
    whole = Run(mode)
    (<Run>whole).feed(data, size)
    one = (<Run>whole).outcome(mode & 8)
    many = in_pieces(data, size, mode, seed)
    if one != many:
        raise AssertionError(f"whole {one!r}\npieces {many!r}")
    stateless(data, size, mode, one)


cdef stateless(const uint8_t *data, size_t size, int mode, outcome):
    """The function that knows heads only agrees on the first head."""
    limits = SMALL if mode & 2 else None
    view = at_the_guard(data, size)
    messages, error = outcome
    try:
        if mode & 1:
            head = parse_response(view, 0, limits, lenient=bool(mode & 4))
        else:
            head = parse_request(view, 0, limits)
    except RemoteProtocolError as said:
        if messages or (said.status, said.code, said.offset) != error:
            raise AssertionError(f"stateless {said!r}, stateful {outcome!r}") from None
        return
    if messages:
        if head is None or head.headers.raw != messages[0][1]:
            raise AssertionError(f"stateless {head!r}, stateful {outcome!r}")
        dict(head.headers.items())


cdef int fuzz_one(const uint8_t *data, size_t size) noexcept:
    try:
        check(data, size)
    except BaseException:
        traceback.print_exc()
        fprintf(stderr, "the input above breaks an oracle\n")
        abort()
    return 0


guard = make_guard()
address = <uintptr_t>&fuzz_one
