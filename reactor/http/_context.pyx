"""What all machines of a server share: the application, the limits, the journal, the parsers.

A connection that waits for its next request has nothing that is parsed. Its machine gives its
parser back, with the memory for fields that it has grown: nearly 1,000 bytes for each of
thousands of idle connections. Whoever receives next is lent it.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from reactor.http._response cimport error_response

cdef enum:
    # 0041: a parser is lent, so that an idle connection holds none. More are in use only while that
    # many messages come in parts at the same time.
    SPARE_PARSERS_MAX = 64


cdef class Dates:

    def __init__(self, made_by=None):
        self.made_by = made_by

    cdef bytes line(self):
        return b"Date: %b\r\n" % self.made_by()


cdef class ServerContext:

    def __cinit__(self):
        self.dates = Dates()
        self.bodies = BodyStore()
        self.spare = [None] * SPARE_PARSERS_MAX

    def __init__(self, app, limits, date, journal, open_body_file=None):
        self.app = app
        self.limits = limits
        self.dates = date if isinstance(date, Dates) else Dates(date)
        self.journal = journal
        self.bodies = BodyStore(limits, open_body_file)
        self.retry_after = str(limits.retry_after_s)
        self.error_fields = getattr(app, "error_fields", ())
        # What every request looks at.
        self.respond_to = app.respond
        self.streams_bodies = getattr(app, "streams_bodies", False)
        self.wants_answers = self.logs_answers = journal.wants_answers
        self.requests_per_turn = limits.requests_per_turn_max
        self.high_water = limits.write_high_water_bytes
        self.silent_timeout = limits.silent_timeout_s
        self.keep_alive_timeout = limits.keep_alive_timeout_s
        self.silent_grace = limits.silent_grace_s

    def drain(self, idle_grace_s):
        self.draining = True
        if idle_grace_s is not None:
            self.idle_grace = idle_grace_s
            self.finishing = True

    def end_streams(self):
        self.streams_end = True

    def guard(self, Edge edge):
        self.edge = edge
        self.known_host = <const uint8_t *>b"\n"
        self.known_size = -1

    def count(self, AnswerCounts counts not None):
        self.counts = counts
        self.counted = counts.values
        self.slot = counts.slot
        self.wants_answers = True

    cdef bint is_silent(self, Transport transport) except -1:
        """Whether a request was waited for so long that another may have the place. Not at once: if
        everybody who comes were shed for the next who comes, a crowd would be served nothing."""
        # None: at its end, if another thread asks.
        return transport is not None and transport.waited() >= self.silent_grace

    cdef int judge(self, Request request) except -1:
        self.edge.judge(request)
        if self.edge.trusted is None and self.edge.known_host:
            self.known_host = <const uint8_t *>PyBytes_AS_STRING(self.edge.known_host)
            self.known_size = PyBytes_GET_SIZE(self.edge.known_host)
        return 0

    cdef Response error(self, int status, str message):
        return error_response(status, message, self.retry_after, self.error_fields)

    cdef RequestParser lend_parser(self):
        """A parser at the beginning of a connection."""
        if self.spare_count == 0:
            return RequestParser(self.limits)
        self.spare_count -= 1
        return <RequestParser>self.spare[self.spare_count]

    cdef int take_back(self, RequestParser parser) except -1:
        # Into a list of fixed length: one that grows and shrinks is reallocated both ways.
        if self.spare_count < SPARE_PARSERS_MAX:
            parser.renew()
            self.spare[self.spare_count] = parser
            self.spare_count += 1
        return 0
