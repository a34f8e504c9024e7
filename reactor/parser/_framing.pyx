"""Messages out of a byte stream, sans-IO: RequestParser and ResponseParser.

Feed bytes in whatever pieces they arrive; pull messages. A message whose whole body is in
the buffer is one object; a longer one is its head, then Body after Body, then End. Pulling
stops at the end of every message, so the caller sets the pace (pipelining, backpressure).

Knows: which of the four framings of RFC 9112 6.3 a message has, and what may come after it.
Must never know: a socket, a clock, an application; what the limits of a body are (the caller
sees Content-Length first, and every Body before the next).
"""

cimport cython
from cpython.bytes cimport _PyBytes_Resize
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF
from libc.stdint cimport int64_t, uint8_t, uint32_t

from reactor.parser._bounds cimport read_bounds
from reactor.parser._fields cimport CHUNKED, CLOSE, CONNECT, Field, stays_open
from reactor.parser._head cimport scan_head
from reactor.parser._headers cimport Headers, headers_of
from reactor.parser._input cimport (
    AT_END, AT_SWITCH, BROKEN, IN_CHUNKS, IN_CLOSE, IN_HEAD, IN_LENGTH, IN_TRAILERS, STOPPED)
from reactor.parser._length cimport has_content
from reactor.parser._lines cimport (
    DONE, EMPTY, FAILED, MORE, blank_values, head_free, head_init, scan_fields, trailer_init)
from reactor.parser._message cimport Request, Response, request_of, response_of
from reactor.parser._rules cimport INCOMPLETE, NO_RULE, broken
from reactor.parser._buffer cimport buffer_data, buffer_free, buffer_size
from reactor.parser._chunked cimport chunked_init, scan_chunks
from reactor.parser._parts cimport End, body_of

cdef extern from "Python.h":
    # As pointers: an object that is resized may move, which a counted reference cannot.
    PyObject *new_bytes "PyBytes_FromStringAndSize"(const char *data, Py_ssize_t size) except NULL
    char *bytes_memory "PyBytes_AS_STRING"(PyObject *data)

cdef enum:
    LF = 10
    CR = 13
    SCAN_MAX = 0x7fffffff       # offsets of a head fit 32 bits; its bounds end far before

cdef End END = End()        # of every message without trailers


# --- the parser of either role ------------------------------------------------------------

@cython.auto_pickle(False)
cdef class MessageParser(ParserInput):

    def __dealloc__(self):
        head_free(&self.head)

    cdef void bytes_lost(self):
        self.break_off(NO_RULE, 0)

    def next(self):
        return self.pull()

    def eof(self):
        self.ended = True
        if not self.hungry and self.held is None:
            self.look_ahead()
        if self.stage == BROKEN and self.held is None:
            raise broken(self.rule, self.fault)
        if self.hungry:
            self.at_end_of_input()

    cdef int look_ahead(self) except -1:
        """Find out whether anything waits to be pulled; if not, it is `hungry`."""
        cdef ScanResult result
        cdef Py_ssize_t size = buffer_size(&self.buffer)
        if self.stage == IN_HEAD:
            result = scan_head(&self.head, buffer_data(&self.buffer), min(size, SCAN_MAX))
            if result == DONE:
                self.begin()  # the caller that pulls it scans it
            elif result == FAILED:
                self.break_off(self.head.rule, self.head.fault)
            else:
                self.hungry = True
        elif self.stage == IN_CHUNKS or self.stage == IN_TRAILERS:
            self.held = self.decode()
            self.hungry = self.held is None and self.stage <= IN_TRAILERS
        elif self.stage < AT_END:
            self.hungry = size == 0
        return 0

    def leftover(self):
        cdef bytes rest = self.take(buffer_size(&self.buffer))
        if self.stage != BROKEN:
            self.stop(STOPPED)
        return rest

    @property
    def state(self):
        if self.stage == BROKEN:
            return "BROKEN"
        if self.held is not None or self.stage in (IN_LENGTH, IN_CHUNKS, IN_TRAILERS, IN_CLOSE, AT_END):
            return "BODY"
        if self.stage == IN_HEAD:
            return "HEAD" if buffer_size(&self.buffer) else "IDLE"
        return "SWITCHED" if self.stage == AT_SWITCH else "CLOSED"

    @property
    def buffered(self):
        return buffer_size(&self.buffer) + (0 if self.held is None else len(self.held))

    cdef bint is_fresh(self) noexcept:
        """Between messages, with nothing held: nothing that came before matters any more."""
        return self.stage == IN_HEAD and buffer_size(&self.buffer) == 0

    cdef void renew(self):
        """Begin anew, as for another connection; the memory for fields stays."""
        self.ended = self.hungry = False
        if self.is_fresh():
            return
        buffer_free(&self.buffer)
        self.held = None
        self.method = self.methods = self.refused_line = None
        self.begin()

    cdef bytes first_line(self):
        """Of the head that is in the buffer, refused or not whole, without its end; None: it has not
        come whole, or is longer than it may be."""
        cdef Py_ssize_t size = min(buffer_size(&self.buffer), <Py_ssize_t>self.bounds.line + 2)
        cdef const uint8_t *p = buffer_data(&self.buffer)
        cdef const uint8_t *line = p
        cdef const uint8_t *end
        if size == 0:
            return self.refused_line
        end = p + size
        while p < end and (p[0] == CR or p[0] == LF):
            p += 1      # RFC 9112 2.2: an empty line before a request is ignored
        line = p
        while p < end and p[0] != LF:
            p += 1
        if p >= end:
            return None     # else it has a byte: what an empty line ends with was left out
        return line[:p - line - ((p - 1)[0] == CR)]

    cdef object pull(self):
        """The next event; None if it takes more bytes, or if nothing will ever come."""
        try:
            return self.pull_event()
        except MemoryError:
            # What was consumed for the event is lost: to go on would frame what follows anew.
            self.break_off(NO_RULE, 0)
            raise

    cdef object pull_event(self):
        cdef bytes data = self.held
        if data is not None:
            self.held = None
            return body_of(data)
        if self.stage == IN_HEAD:
            return self.pull_head()
        data = self.pull_data()
        if data:
            return body_of(data)
        if self.stage == AT_END:
            return self.finish()
        if self.stage == BROKEN:
            raise broken(self.rule, self.fault)
        if self.stage == STOPPED or self.stage == AT_SWITCH:
            return None
        return self.starve()

    cdef object pull_head(self):
        cdef ScanResult result
        cdef Message message
        cdef const uint8_t *text = buffer_data(&self.buffer)
        result = scan_head(&self.head, text, min(buffer_size(&self.buffer), SCAN_MAX))
        if result == MORE:
            return self.starve()
        if result == FAILED:
            self.break_off(self.head.rule, self.head.fault)
            raise broken(self.rule, self.fault)
        message = response_of(&self.head, text) if self.response else request_of(&self.head, text)
        if self.response:
            self.frame_response(<Response>message)
        else:
            self.frame_request(<Request>message)
        self.consume(self.head.pos)
        self.start_body(message)
        return message

    cdef bytes pull_data(self):
        """The next bytes of the body under way, None if there are none now."""
        cdef bytes data
        if self.stage == IN_LENGTH:
            data = self.take(min(self.remaining, <int64_t>buffer_size(&self.buffer)))
            self.remaining -= len(data)
            if self.remaining == 0:
                self.stage = AT_END
            return data
        if self.stage == IN_CLOSE:
            return self.take(buffer_size(&self.buffer))
        if self.stage == IN_CHUNKS or self.stage == IN_TRAILERS:
            return self.decode()
        return None

    cdef object starve(self):
        """Nothing more can be made of what is there."""
        self.hungry = True
        if self.ended:
            self.at_end_of_input()
            if self.stage == AT_END:
                return self.finish()
        return None

    # RFC 9112 6.3: the length of a body, by the first rule that fits.

    cdef void frame_request(self, Request message):
        cdef uint32_t flags = message.facts.flags
        # RFC 9110 7.8: an Upgrade changes nothing before it is accepted; then leftover().
        if flags & CONNECT:
            self.after = AT_SWITCH
        else:
            self.after = IN_HEAD if stays_open(&message.facts) else STOPPED
        if flags & CHUNKED:
            self.stage = IN_CHUNKS
        else:
            self.stage = IN_LENGTH if message.facts.content_length > 0 else AT_END

    cdef void frame_response(self, Response message):
        cdef int status = message.status_code
        cdef bint tunnel = self.method == "CONNECT" and 200 <= status < 300
        cdef bint bodyless = not has_content(self.method, status)
        self.after = IN_HEAD if stays_open(&message.facts) else STOPPED
        if status == 101 or tunnel:
            self.after = AT_SWITCH
        elif status < 200:
            # An interim response ends nothing, whatever it says about the connection.
            self.after = IN_HEAD
        if status >= 200:
            self.method = self.methods.pop(0) if self.methods else None
        if bodyless or tunnel:
            self.stage = AT_END
        elif message.facts.flags & CHUNKED:
            self.stage = IN_CHUNKS
        elif message.facts.content_length >= 0:
            self.stage = IN_LENGTH if message.facts.content_length else AT_END
        else:
            self.stage = IN_CLOSE
            self.after = STOPPED
            message.facts.flags |= CLOSE

    cdef int start_body(self, Message message) except -1:
        """Give the message its body, if all of it is there."""
        cdef bytes data = None
        if self.stage == IN_LENGTH:
            self.remaining = message.facts.content_length
            if self.remaining <= buffer_size(&self.buffer):
                data = self.take(self.remaining)
                self.stage = AT_END
        elif self.stage == IN_CHUNKS:
            chunked_init(&self.chunks, &self.bounds, self.lenient)
            data = self.decode()
        # Trailers come at the End and nowhere else, so such a message is never one object.
        message.complete = self.stage == AT_END and self.trailers is None
        if message.complete:
            if data is not None:
                message.content = data
            self.end_message()
        else:
            self.held = data
        return 0

    cdef bytes decode(self):
        """The data of all chunks in the buffer, None if there is none; sets the stage."""
        cdef bytes data = None
        if self.stage == IN_CHUNKS:
            data = self.decode_chunks()
        if self.stage == IN_TRAILERS:
            self.scan_trailers()
        return data

    cdef bytes decode_chunks(self):
        cdef Py_ssize_t size = buffer_size(&self.buffer)
        cdef Py_ssize_t used, filled
        cdef PyObject *data
        cdef bytes decoded
        if size == 0:
            return None
        data = new_bytes(NULL, size)
        cdef ScanResult result = scan_chunks(&self.chunks, buffer_data(&self.buffer), size, &used,
                                             <uint8_t *>bytes_memory(data), &filled)
        if result == FAILED:
            self.break_off(self.chunks.rule, self.origin + self.chunks.fault)
        else:
            self.consume(used)
        if result == DONE:
            trailer_init(&self.head)
            self.stage = IN_TRAILERS
        _PyBytes_Resize(&data, filled)
        decoded = <bytes>data
        Py_DECREF(decoded)
        return decoded if filled else None

    cdef int scan_trailers(self) except -1:
        """RFC 9112 7.1.2: field lines, kept apart from the headers."""
        cdef const uint8_t *text = buffer_data(&self.buffer)
        cdef ScanResult result = scan_fields(&self.head, text, buffer_size(&self.buffer))
        if result == FAILED:
            self.break_off(self.head.rule, self.origin + self.head.fault)
        elif result == DONE:
            if self.head.count:
                self.trailers = headers_of(self.head.fields, self.head.count, text, self.head.pos)
                if self.head.repaired:
                    blank_values(<Field *>self.trailers.fields(), self.head.count)
            self.consume(self.head.pos)
            self.stage = AT_END
        return 0

    # The life of a message.

    cdef void begin(self):
        head_init(&self.head, &self.bounds, self.response, self.lenient)
        self.origin = 0
        self.trailers = None
        self.stage = IN_HEAD

    cdef void end_message(self):
        if self.after == IN_HEAD:
            self.begin()
        else:
            self.stop(self.after)

    cdef object finish(self):
        end = END if self.trailers is None else End(self.trailers)
        self.end_message()
        return end

    cdef void stop(self, Stage stage):
        """Parse no more. What follows a switch is another protocol's, and is kept for it."""
        self.stage = stage
        self.trailers = None
        head_free(&self.head)
        if stage != AT_SWITCH:
            buffer_free(&self.buffer)

    cdef void break_off(self, Rule rule, int64_t fault):
        """The peer broke a rule: RFC 9112 2.2 and 11.2, never look for where it goes on."""
        self.rule = rule
        self.fault = fault
        if self.stage == IN_HEAD:
            try:
                self.refused_line = self.first_line()
            except MemoryError:
                pass
        self.stop(BROKEN)

    cdef int at_end_of_input(self) except -1:
        """RFC 9112 8: only between messages, or where the close is the framing."""
        if self.stage == IN_CLOSE:
            self.stage = AT_END
        elif self.stage == IN_HEAD and self.head.step == EMPTY:
            self.stop(STOPPED)
        elif self.stage <= IN_TRAILERS:
            self.break_off(INCOMPLETE, self.origin + buffer_size(&self.buffer))
            raise broken(self.rule, self.fault)
        return 0


# --- the two roles ------------------------------------------------------------------------

@cython.final
@cython.auto_pickle(False)
cdef class RequestParser(MessageParser):

    def __init__(self, limits=None):
        read_bounds(limits, &self.bounds)
        self.begin()


@cython.final
@cython.auto_pickle(False)
cdef class ResponseParser(MessageParser):

    def __init__(self, limits=None, bint lenient=False):
        read_bounds(limits, &self.bounds)
        self.response = True
        self.lenient = lenient
        self.begin()

    def expect(self, str method not None):
        # RFC 9112 6.3: the answers to HEAD and CONNECT are framed by their requests.
        if self.method is None:
            self.method = method
        elif self.methods is None:
            self.methods = [method]
        else:
            self.methods.append(method)
