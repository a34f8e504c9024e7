"""One execution of the fuzzer: the reader of WebSocket frames against itself, under sanitizers.

Oracles: the whole input and the same input in pieces give the same messages, and the same close code
at the same offset; a text encodes to no more than the bound; nothing is longer than the bound. Two
bytes choose the mode and the cuts, the rest is what the peer sends.
"""

from libc.stdint cimport uint8_t, uintptr_t
from libc.stdio cimport fprintf, stderr
from libc.stdlib cimport abort

import traceback

from reactor.errors import RemoteProtocolError
from reactor.http.deflate import Inflater
from reactor.limits import Limits
from reactor.parser._frames import FrameReader

USUAL = Limits()
# So that short inputs reach the bounds.
SMALL = Limits(
    websocket_inflate_ratio_max=4, websocket_inflate_free_bytes=50, websocket_inflate_per_turn_max=7)


cdef object outcome(list pieces, int mode):
    """(what became whole, (code, rule, offset) of the fault or None)."""
    most = 100 if mode & 2 else 1 << 20
    limits = SMALL if mode & 2 else USUAL
    # The largest window: where a peer reaches back behind a smaller one that it agreed to, zlib takes
    # it or not by what it has at hand.
    inflater = Inflater(15, bool(mode & 8), limits) if mode & 4 else None
    reader = FrameReader(bool(mode & 1), most, inflater)
    found = []
    error = None
    try:
        for piece in pieces:
            reader.read(piece, found)
    except RemoteProtocolError as fault:
        # What is wrong in a payload is said where a piece ends. Of what inflates the first fault is
        # seen, which may be another one where a piece holds several.
        if fault.status == 1002 or inflater is None:
            error = fault.status, fault.code, fault.offset if fault.status != 1007 else 0
        else:
            error = "what it inflates to"
    for opcode, payload in found:
        size = len(payload.encode()) if isinstance(payload, str) else len(payload)
        if size > (125 if opcode >= 8 else most) or (opcode == 1) != isinstance(payload, str):
            raise AssertionError(f"{opcode} with {size} bytes: {payload!r:.99}")
    return found, error


cdef list cut(bytes data, int seed):
    cdef unsigned int state = seed * 2654435761u + 1
    cdef size_t at = 0, step
    pieces = []
    while at < len(data):
        state = state * 1664525u + 1013904223u
        step = 1 if seed == 0 else 1 + (state >> 24) * (state >> 16 & 7) // 8
        pieces.append(data[at:at + step])
        at += step
    return pieces


cdef check(const uint8_t *data, size_t size):
    if size < 2 or size > 200_000:
        return
    sent = <bytes>(data + 2)[:size - 2]
    one = outcome([sent], data[0])
    many = outcome(cut(sent, data[1]), data[0])
    if one != many:
        raise AssertionError(f"whole {one!r}\npieces {many!r}")


cdef int fuzz_one(const uint8_t *data, size_t size) noexcept:
    try:
        check(data, size)
    except BaseException:
        traceback.print_exc()
        fprintf(stderr, "the input above breaks an oracle\n")
        abort()
    return 0


address = <uintptr_t>&fuzz_one
