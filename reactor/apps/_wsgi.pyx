"""What a WSGI call costs each time: its environ, and its start_response.

What is policy is `wsgi.py`'s: what becomes of the result, and who closes it. Here is
what would cost more than the application: a dict of some thirty entries, built from the head
where it lies, and the checks of what the application says.

Two headers never reach an application. One whose name holds "_": in CGI's alphabet it could
not be told from the one with "-", so a client could forge what a proxy in front has set. And
"Proxy": as HTTP_PROXY it would be taken for this process's own setting (CVE-2016-5385).
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_Copy, PyDict_GetItemWithError, PyDict_SetDefault
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memchr

from reactor._fields cimport ABSOLUTE, CHUNKED, CONNECT, Field
from reactor._headers cimport Headers, as_headers, text_in
from reactor._message cimport Request, Response, reason_of
from reactor._names cimport known_str, latin1

cdef extern from "Python.h":
    bint PyUnicode_CHECK_INTERNED(object text)

import sys
from io import BytesIO
from itertools import chain

from reactor.errors import LocalProtocolError

cdef enum:
    # Beyond these a client that makes up names, or an application statuses, pays itself.
    KEYS_MAX = 512
    STATUSES_MAX = 256
    SLOTS = 1024

cdef struct Key:
    PyObject *name
    PyObject *key

cdef dict keys = {}         # header name, as spelled: its key, or None if it is dropped
cdef Key[SLOTS] known_keys  # those of `keys` whose names are the same object in every request
cdef dict statuses = {}     # "404 Not Found": (404, its reason or None if that is the usual one)
KEPT = (keys, statuses)     # for tests of the bounds


# --- environ ------------------------------------------------------------------------------

cpdef dict environ_of(dict template, Request request):
    cdef dict environ = PyDict_Copy(template)
    cdef bytes body = request.content
    environ["REQUEST_METHOD"] = request.word
    environ["wsgi.input"] = BytesIO(body)
    environ["wsgi.errors"] = sys.stderr
    if request.facts.version != 11:
        environ["SERVER_PROTOCOL"] = "HTTP/1.0"
    if type(request.peer) is tuple:
        environ["REMOTE_ADDR"] = (<tuple>request.peer)[0]
        environ["REMOTE_PORT"] = decimal((<tuple>request.peer)[1])
    add_headers(environ, request)
    add_target(environ, request)
    if body or request.facts.flags & CHUNKED:
        # RFC 9112 7.1.3: with the coding taken off, the length is known and the field is gone.
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
    return environ


cdef str decimal(unsigned int number):
    """str(number), in a fifth of its time: the port of the peer is in every environ."""
    cdef char[10] digits
    cdef int at = 10
    while True:
        at -= 1
        digits[at] = c'0' + number % 10
        number //= 10
        if number == 0:
            return latin1(<const uint8_t *>digits + at, 10 - at)


cdef int add_headers(dict environ, Request request) except -1:
    cdef const uint8_t *text = text_in(request.block, request.count)
    cdef const Field *field = request.field(1)
    cdef const Field *end = field + request.count
    cdef object key, value
    cdef Py_ssize_t before
    while field < end:
        key = key_of(text + field.name, field.name_size)
        if key is not None:
            value = latin1(text + field.value, field.value_size)
            before = len(environ)
            PyDict_SetDefault(environ, key, value)
            if len(environ) == before:
                # RFC 9110 5.3: a list in several lines is one list; RFC 6265 5.4: cookies end
                # in ";".
                environ[key] += ("; " if key == "HTTP_COOKIE" else ",") + value
        field += 1
    return 0


cdef object key_of(const uint8_t *p, uint32_t size):
    cdef str name = known_str(p, size)
    cdef Key *slot = &known_keys[(<size_t><void *>name >> 4) & (SLOTS - 1)]
    if slot.name == <PyObject *>name:
        return <object>slot.key
    cdef PyObject *found = PyDict_GetItemWithError(keys, name)
    cdef object key = made_key(name) if found == NULL else <object>found
    if found == NULL and len(keys) < KEYS_MAX:
        keys[name] = key
        if PyUnicode_CHECK_INTERNED(name):
            # One object for all requests, and `keys` keeps it: its address tells it.
            slot.name = <PyObject *>name
            slot.key = <PyObject *>key
    return key


cdef object made_key(str name):
    # A name is a token, so ASCII: upper() makes no other letters out of it.
    if "_" in name:
        return None
    cdef str key = name.upper().replace("-", "_")
    if key == "CONTENT_TYPE" or key == "CONTENT_LENGTH":
        return key
    return None if key == "PROXY" else "HTTP_" + key


cdef int add_target(dict environ, Request request) except -1:
    cdef str target = request.get_target()
    environ["REQUEST_URI"] = target
    if request.facts.flags & ABSOLUTE:
        # RFC 9112 3.2.2: the target's authority replaces what Host says.
        environ["HTTP_HOST"] = request.host
        target = request.origin_target()
    elif request.facts.flags & CONNECT or target == "*":
        return 0  # PEP 3333 has no other way to say that there is no path
    cdef Py_ssize_t size, path_size
    cdef const uint8_t *p = <const uint8_t *>PyUnicode_AsUTF8AndSize(target, &size)
    cdef const uint8_t *mark = <const uint8_t *>memchr(p, c'?', size)
    path_size = size
    if mark != NULL:
        path_size = mark - p
        environ["QUERY_STRING"] = latin1(mark + 1, size - path_size - 1)
    environ["PATH_INFO"] = path_text(p, path_size)
    return 0


cdef str path_text(const uint8_t *p, Py_ssize_t size):
    """Percent-decoded (RFC 3986 2.1); PEP 3333: each character stands for one byte."""
    if memchr(p, c'%', size) == NULL:
        return latin1(p, size)
    cdef bytes decoded = PyBytes_FromStringAndSize(NULL, size)
    cdef uint8_t *first = <uint8_t *>PyBytes_AS_STRING(decoded)
    cdef uint8_t *to = first
    cdef const uint8_t *end = p + size
    while p < end:
        if p[0] == c'%' and end - p > 2 and hex_digit(p[1]) >= 0 and hex_digit(p[2]) >= 0:
            to[0] = hex_digit(p[1]) << 4 | hex_digit(p[2])
            p += 3
        else:
            to[0] = p[0]
            p += 1
        to += 1
    return latin1(first, to - first)


cdef inline int hex_digit(uint8_t byte) noexcept:
    if c'0' <= byte <= c'9':
        return byte - c'0'
    return (byte | 0x20) - c'a' + 10 if c'a' <= (byte | 0x20) <= c'f' else -1


# --- one call of the application ----------------------------------------------------------

@cython.final
@cython.auto_pickle(False)
cdef class Caller:
    cdef object application
    cdef object lazy
    cdef Py_ssize_t written_bytes_max
    cdef public dict template

    def __init__(self, application, lazy, dict template not None, Py_ssize_t written_bytes_max):
        self.application = application
        self.lazy = lazy
        self.template = template
        self.written_bytes_max = written_bytes_max

    def respond(self, Request request not None):
        cdef Call call = Call.__new__(Call)
        call.written_left = self.written_bytes_max
        cdef object result = self.application(environ_of(self.template, request),
                                              call.start_response)
        if type(result) is list or type(result) is tuple:
            return call.response(call.joined(result))
        return self.lazy(call, result, request)


@cython.final
@cython.freelist(64)
@cython.auto_pickle(False)
cdef class Call:
    cdef Headers headers        # None: start_response was not called yet
    cdef int code
    cdef object reason
    cdef list written           # None: nothing yet
    cdef Py_ssize_t written_left
    cdef readonly bint begun    # a piece of the body is there: the headers count as sent
    cdef public bint returned

    def start_response(self, status, headers, exc_info=None):
        cdef tuple parsed
        if exc_info is not None:
            try:
                if self.begun:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None     # or traceback and frame would keep each other alive
        elif self.headers is not None:
            raise AssertionError("start_response was called a second time, without exc_info")
        if not isinstance(status, str):
            raise TypeError(f"a status is a str, not {type(status).__name__}")
        parsed = parse_status(status)
        check_headers(headers)
        self.headers = as_headers(headers)
        self.code = parsed[0]
        self.reason = parsed[1]
        return self.write

    def write(self, data):
        if self.returned:
            raise AssertionError("write was called after the application had returned")
        if not isinstance(data, bytes):
            raise TypeError(f"write takes bytes, not {type(data).__name__}")
        self.written_left -= len(data)
        if self.written_left < 0:
            raise ValueError("more was written than is kept in memory: return an iterable instead")
        if self.written is None:
            self.written = []
        self.written.append(data)
        if data:
            self.begun = True

    cdef bytes joined(self, body):
        """What was written, and then all of `body`, a list or tuple."""
        cdef object piece
        if self.written is not None:
            body = [*self.written, *body]
        for piece in body:
            if not isinstance(piece, bytes):
                raise TypeError(f"a body yields bytes, not {type(piece).__name__}")
        return body[0] if len(body) == 1 else b"".join(body)

    def before(self, pieces):
        return pieces if self.written is None else chain(self.written, pieces)

    @property
    def bodyless(self):
        self.check_started()
        return self.code == 204 or self.code == 304

    cpdef object response(self, body):
        self.check_started()
        self.begun = self.returned = True
        # What frameworks leave in a 204 or 304 is dropped, as in a HEAD: it is no fault of theirs.
        if self.code == 204 or self.code == 304:
            body = b""
        return Response(self.code, self.headers, body, self.reason)

    cdef int check_started(self) except -1:
        if self.headers is None:
            raise AssertionError("start_response was not called before the body began")
        return 0


cdef tuple parse_status(str status):
    cdef PyObject *found = PyDict_GetItemWithError(statuses, status)
    if found != NULL:
        return <tuple>found
    cdef int code = 0
    cdef Py_UCS4 digit
    if len(status) < 4 or status[3] != c' ':
        raise LocalProtocolError(f"{status!r} is no status: write '200 OK'", "status")
    for digit in status[:3]:
        if not c'0' <= digit <= c'9':
            raise LocalProtocolError(f"{status!r} is no status: write '200 OK'", "status")
        code = code * 10 + <int>digit - c'0'
    cdef str reason = status[4:]
    cdef tuple parsed = (code, None if reason == reason_of(code) else reason)
    if len(statuses) < STATUSES_MAX:
        statuses[status] = parsed
    return parsed


cdef int check_headers(object headers) except -1:
    cdef object field
    if type(headers) is not list:
        raise TypeError(f"headers are a list, not {type(headers).__name__}")
    for field in <list>headers:
        if not isinstance(field, tuple) or len(<tuple>field) != 2:
            raise TypeError(f"a header is a tuple of name and value, not {field!r}")
        if not (isinstance((<tuple>field)[0], str) and isinstance((<tuple>field)[1], str)):
            raise TypeError(f"name and value of a header are str: {field!r}")
    return 0
