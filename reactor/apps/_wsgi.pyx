"""What a WSGI call costs each time besides its environ: its start_response.

What is policy is `wsgi.py`'s: what becomes of the result, and who closes it. Here is
what would cost more than the application: the checks of what it says.
"""

cimport cython
from cpython.dict cimport PyDict_GetItemWithError
from cpython.object cimport PyObject

from reactor.parser._headers cimport Headers, as_headers
from reactor.parser._length cimport has_content, status_has_content
from reactor.parser._message cimport Request, Response, fill_response
from reactor.parser._reasons cimport reason_of
from reactor.apps._environ cimport Environs

cdef extern from "Python.h":
    object PyMethod_New(object function, object self)

from reactor.errors import LocalProtocolError
from reactor.http.body import not_bytes
from reactor.parser._digits import parse_digits

cdef enum:
    # Beyond these an application that makes up statuses pays itself.
    STATUSES_MAX = 256

cdef dict statuses = {}     # "404 Not Found": (404, its reason or None if that is the usual one)
KEPT_STATUSES = statuses    # for tests of the bound


# --- one call of the application ----------------------------------------------------------

@cython.final
@cython.auto_pickle(False)
cdef class WsgiCaller:
    cdef object application
    cdef object lazy
    cdef Py_ssize_t unsent_bytes_max
    cdef public Environs environs

    def __init__(self, application, lazy, Environs environs not None, Py_ssize_t unsent_bytes_max):
        self.application = application
        self.lazy = lazy
        self.environs = environs
        self.unsent_bytes_max = unsent_bytes_max

    def respond(self, Request request not None):
        cdef WsgiCall call = WsgiCall.__new__(WsgiCall)
        cdef Environs environs = self.environs
        if environs is None:
            raise RuntimeError("nobody has said for which server the environs are")
        call.request = request
        call.unsent_bytes_max = self.unsent_bytes_max
        cdef object result = self.application(environs.of(request),
                                              PyMethod_New(START_RESPONSE, call))
        if type(result) is list or type(result) is tuple:
            return call.response(joined(result))
        return self.lazy(call, result, request)


@cython.final
@cython.freelist(64)
@cython.auto_pickle(False)
cdef class WsgiCall:
    cdef Request request
    cdef Headers headers        # None: start_response was not called yet
    cdef int code
    cdef object reason
    cdef object exchange        # by which what is written is sent; None: nothing was
    cdef Py_ssize_t unsent_bytes_max
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
        self.headers = as_headers(checked_headers(headers))
        self.code = parsed[0]
        self.reason = parsed[1]
        return self

    def __call__(self, data):
        if self.returned:
            raise AssertionError("write was called after the application had returned")
        if not isinstance(data, bytes):
            raise TypeError(f"write takes bytes, not {type(data).__name__}")
        if data:
            self.check_started()
            if has_content(self.request.method_text, self.code):
                self.push(data)
            self.begun = True

    cdef int push(self, bytes data) except -1:
        if self.exchange is None:
            self.exchange = self.request.exchange
            if self.exchange is None:
                raise RuntimeError("write was called for a request that came by no connection")
            self.exchange.begin(self.made(b""), data)
        else:
            self.exchange.send(data)
        self.exchange.flush()  # no turn of the loop will, while the application runs
        if self.exchange.unsent > self.unsent_bytes_max:
            raise ValueError("more was written than is kept in memory: return an iterable instead")
        return 0

    @property
    def bodyless(self):
        self.check_started()
        return not status_has_content(self.code)

    cpdef object response(self, body):
        self.check_started()
        self.begun = self.returned = True
        return self.made(body)

    cdef Response made(self, body):
        # What frameworks leave in a 204 or 304 is dropped, as in a HEAD: it is no fault of theirs.
        if not status_has_content(self.code):
            body = b""
        # Not Response(): a status that was parsed is one, and to look at arguments takes time.
        cdef Response response = Response.__new__(Response)
        fill_response(response, self.code, self.headers, body, self.reason)
        return response

    cdef int check_started(self) except -1:
        if self.headers is None:
            raise AssertionError("start_response was not called before the body began")
        return 0


cdef bytes joined(object body):
    """All of `body`, a list or tuple."""
    cdef object piece
    for piece in body:
        if not isinstance(piece, bytes):
            raise not_bytes(piece)
    return body[0] if len(body) == 1 else b"".join(body)


# To bind it takes a quarter of the time that the look-up of a bound one takes.
cdef object START_RESPONSE = WsgiCall.start_response


cdef tuple parse_status(str status):
    cdef PyObject *found = PyDict_GetItemWithError(statuses, status)
    if found != NULL:
        return <tuple>found
    number = parse_digits(status[:3], 3)
    # PEP 3333 has a reason behind it; other servers, so applications, can do without.
    if number is None or len(status) < 3 or (len(status) > 3 and status[3] != c' '):
        raise LocalProtocolError(f"{status!r} is no status: write '200 OK'", "status")
    cdef int code = number
    if code < 100:
        raise LocalProtocolError(f"status {status!r} is not between 100 and 999", "status")
    cdef str reason = status[4:]
    cdef tuple parsed = (code, None if not reason or reason == reason_of(code) else reason)
    if len(statuses) < STATUSES_MAX:
        statuses[status] = parsed
    return parsed


cdef list checked_headers(object headers):
    """A list of tuples of two str, made of any iterable of pairs if it is none (PEP 3333 has just
    that; other servers take the rest too)."""
    cdef object field
    cdef list fields
    if type(headers) is list:
        fields = <list>headers
    elif isinstance(headers, (str, bytes, dict)):
        raise TypeError(f"headers are pairs of name and value, not a {type(headers).__name__}")
    else:
        fields = list(headers)
    for i in range(len(fields)):
        field = fields[i]
        if not isinstance(field, tuple):
            if not isinstance(field, list):
                raise TypeError(f"a header is a tuple of name and value, not {field!r}")
            if fields is headers:
                fields = list(headers)
            field = fields[i] = tuple(field)
        if len(<tuple>field) != 2:
            raise TypeError(f"a header is a tuple of name and value, not {field!r}")
        if not (isinstance((<tuple>field)[0], str) and isinstance((<tuple>field)[1], str)):
            raise TypeError(f"name and value of a header are str: {field!r}")
    return fields
