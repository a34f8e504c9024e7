"""Is the answer the right one: status, length and every byte of the body.

Most answers are *plain*: their head comes in one piece and Content-Length frames the body.
Those are judged where they were received, without a Python object. Any other (chunked, cut
within the head, framed by the end of the connection, to HEAD, the first one whose body is
still to be learnt) goes through the same `ResponseParser` as the client's.

Knows: bytes and what they must be. Must never know: a socket, a clock, how many connections.
"""

from libc.string cimport memcmp

from reactor.parser._bounds cimport read_bounds
from reactor.parser._fields cimport CHUNKED, Field, stays_open
from reactor.parser._head cimport scan_head
from reactor.parser._length cimport has_content
from reactor.parser._lines cimport DONE, FAILED, MORE, Head, head_free, head_init, head_lend
from reactor.parser._message cimport Response

from reactor.errors import ProtocolError
from reactor.parser._parts import Body, End
from reactor.limits import DEFAULT_LIMITS

cdef enum:
    FIELDS = 24             # an answer with more takes memory of its own
    OPENING_MAX = 65536     # an answer that opens a WebSocket and has no end is none


cdef class Target:

    def __init__(self, str url, str method, tuple requests, int status=200, body=None,
                 length=None, bint learning=False, bytes opening=None, bytes accept=b""):
        self.url = url
        self.method = method
        if not requests:
            raise ValueError("a target has at least one request")
        self.requests = requests
        self.status = status
        self.learning = learning
        self.opening = opening
        self.accept = accept
        if opening is not None and body is None:
            raise ValueError("what a WebSocket is to send back must be known")
        self.length = -1 if length is None else length
        self.plain = has_content(method, status) and method != "CONNECT"
        if body is not None:
            self.expect(body)

    cdef bytes next_request(self):
        cdef bytes request = <bytes>self.requests[self.next]
        self.next += 1
        if self.next == len(self.requests):
            self.next = 0
        return request

    cdef int expect(self, bytes body) except -1:
        self.body = body
        self.body_data = <const uint8_t *><const char *>body
        self.length = len(body)
        self.learning = False
        return 0


cdef class AnswerCheck:

    def __cinit__(self):
        read_bounds(None, &self.bounds)
        self.opened = b""
        self.stays_open = True

    cdef int reset(self) except -1:
        """Begin anew, on another connection."""
        self.target = None
        self.parser = None
        self.parsing = False
        self.pieces = None
        self.opened = b""
        self.stays_open = True
        return 0

    cdef ScanResult take(self, Target target, const uint8_t **data, Py_ssize_t *size) except? FAILED:
        """Take of ``data`` what belongs to the answer to ``target``; the rest stays in it.

        DONE: the answer is whole and right. MORE: the rest of it must come. FAILED: see `fault`.
        """
        if self.target is not None:
            return self.parse(data, size) if self.parsing else self.take_body(data, size)
        if not size[0] and not self.parsing:
            return MORE
        self.target = target
        self.offset = 0
        if target.opening is not None:
            # Its body is the bytes of a frame, and no head comes before it.
            self.remaining = target.length
            return self.take_body(data, size)
        if self.parsing:
            self.begin_parsing()
            return self.parse(data, size)
        return self.take_head(data, size)

    cdef ScanResult take_opening(self, Target target, const uint8_t **data,
                                 Py_ssize_t *size) except? FAILED:
        """Take what belongs to the answer that opens a WebSocket; the results are those of `take`."""
        cdef Py_ssize_t end, rest
        self.opened += data[0][:size[0]]
        end = self.opened.find(b"\r\n\r\n")
        rest = 0 if end < 0 else len(self.opened) - end - 4
        data[0] += size[0] - rest
        size[0] = rest
        if end < 0 and len(self.opened) < OPENING_MAX:
            return MORE
        head, self.opened = self.opened[:end], b""
        if not head.startswith(b"HTTP/1.1 101") or target.accept not in head:
            self.target = target
            return self.wrong(f"the server opens no WebSocket: {head[:60]!r}")
        return DONE

    cdef ScanResult at_end(self) except? FAILED:
        """The connection ended."""
        if not self.parsing:
            return MORE
        try:
            self.parser.eof()
            return self.pull()
        except ProtocolError as error:
            return self.wrong(str(error))

    # --- plain answers --------------------------------------------------------------------

    cdef ScanResult take_head(self, const uint8_t **data, Py_ssize_t *size) except? FAILED:
        cdef Head head
        cdef Field fields[FIELDS]
        cdef ScanResult result
        cdef Target target = self.target
        head.owned = False
        head_lend(&head, fields, FIELDS)
        head_init(&head, &self.bounds, True, False)
        result = scan_head(&head, data[0], min(size[0], 0x7fffffff))
        head_free(&head)
        if (result != DONE or target.learning or not target.plain or head.status != target.status
                or head.facts.flags & CHUNKED or head.facts.content_length < 0):
            self.begin_parsing()
            return self.parse(data, size)
        if target.length >= 0 and head.facts.content_length != target.length:
            return self.wrong(f"the body has {head.facts.content_length:,} bytes, "
                              f"not {target.length:,}")
        self.stays_open = stays_open(&head.facts)
        self.offset = 0
        self.remaining = head.facts.content_length
        data[0] += head.pos
        size[0] -= head.pos
        return self.take_body(data, size)

    cdef ScanResult take_body(self, const uint8_t **data, Py_ssize_t *size) except? FAILED:
        cdef Py_ssize_t count = min(<int64_t>size[0], self.remaining)
        if self.compare(data[0], count) == FAILED:
            return FAILED
        self.remaining -= count
        data[0] += count
        size[0] -= count
        return self.done() if self.remaining == 0 else MORE

    cdef inline ScanResult compare(self, const uint8_t *data, Py_ssize_t size) except? FAILED:
        """The next bytes of the body. The length is judged elsewhere, or first of all here."""
        cdef Target target = self.target
        if target.length >= 0 and self.offset + size > target.length:
            return self.wrong(f"the body is longer than {target.length:,} bytes")
        if target.body_data != NULL and memcmp(data, target.body_data + self.offset, size) != 0:
            return self.wrong("the body has other bytes than it must")
        self.offset += size
        return MORE

    # --- any other ------------------------------------------------------------------------

    cdef int begin_parsing(self) except -1:
        if self.parser is None:
            self.parser = ResponseParser(DEFAULT_LIMITS)
        self.parser.expect(self.target.method)
        self.parsing = True
        self.interim = 0
        self.pieces = [] if self.target.learning else None
        return 0

    cdef ScanResult parse(self, const uint8_t **data, Py_ssize_t *size) except? FAILED:
        """The parser takes all, also what is of the next answer, and keeps it."""
        if size[0]:
            self.parser.take_in(<const char *>data[0], size[0])
        data[0] += size[0]
        size[0] = 0
        try:
            return self.pull()
        except ProtocolError as error:
            return self.wrong(str(error))

    cdef ScanResult pull(self) except? FAILED:
        cdef ScanResult result = MORE
        while result == MORE:
            event = self.parser.pull()
            if event is None:
                break
            result = self.take_event(event)
        return result

    cdef ScanResult take_event(self, object event) except? FAILED:
        cdef Response head
        if type(event) is Body:
            return self.take_piece(event.data)
        if type(event) is End:
            return self.done()
        head = <Response>event
        if head.status < 200:
            self.interim += 1
            if self.interim > DEFAULT_LIMITS.interim_responses_max:
                return self.wrong("too many interim responses")
            return MORE
        if head.status != self.target.status:
            return self.wrong(f"the status is {head.status}, not {self.target.status}")
        self.stays_open = head.keep_alive
        if not head.complete:
            return MORE
        return self.done() if self.take_piece(head.body) == MORE else FAILED

    cdef ScanResult take_piece(self, bytes piece) except? FAILED:
        if self.pieces is not None:
            self.pieces.append(piece)
        return self.compare(<const uint8_t *><const char *>piece, len(piece))

    # --- verdicts -------------------------------------------------------------------------

    cdef ScanResult done(self) except? FAILED:
        cdef Target target = self.target
        if self.pieces is not None:
            body = b"".join(self.pieces)
            self.pieces = None
            if target.learning:
                target.expect(body)
            elif body != target.body:
                # Another connection's answer was learnt while this one was under way.
                return self.wrong("the body has other bytes than it must")
        elif target.length >= 0 and self.offset != target.length:
            return self.wrong(f"the body has {self.offset:,} bytes, not {target.length:,}")
        if self.parsing and not self.parser.buffered:
            self.parsing = False
        self.target = None
        return DONE

    cdef ScanResult wrong(self, str fault) except? FAILED:
        self.fault = f"{self.target.url}: {fault}"
        return FAILED
