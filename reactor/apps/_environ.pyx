"""The environ of a WSGI request (PEP 3333): a dict of some thirty entries, which costs more to make
than all the rest of a call.

What a header section that comes again came to is kept (`_sections.pyx`), as the environ that it
makes of a server's template; later ones begin with a copy of that, which CPython makes in one piece.
An application owns its environ: what is kept is never handed out, only copied.

Two headers never reach an application. One whose name holds "_": in CGI's alphabet it could
not be told from the one with "-", so a client could forge what a proxy in front has set. And
"Proxy": as HTTP_PROXY it would be taken for this process's own setting (CVE-2016-5385).
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_Copy, PyDict_GetItemWithError, PyDict_SetDefault
from cpython.object cimport PyObject, PyTypeObject
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy

from reactor.apps._sections cimport same
from reactor.parser._digits cimport DECIMAL_MAX, write_decimal
from reactor.parser._fields cimport ABSOLUTE, CHUNKED, CONNECT, Field
from reactor.parser._headers cimport text_in
from reactor.parser._message cimport Request
from reactor.parser._names cimport (
    PyUnicode_1BYTE_DATA, PyUnicode_GET_LENGTH, ascii, known_str, latin1)
from reactor.parser._target cimport percent_decode, query_mark

cdef extern from "Python.h":
    Py_ssize_t PyDict_GET_SIZE(dict entries)
    bint PyUnicode_CHECK_INTERNED(object text)

import sys
from io import BytesIO

from reactor.log.output import unwaiting

cdef enum:
    # Beyond these a client that makes up names pays itself.
    KEYS_MAX = 512
    KEY_SLOTS = 1024

cdef struct Key:
    PyObject *name
    PyObject *key

cdef dict keys = {}             # header name, as spelled: its key, or None if it is dropped
cdef Key[KEY_SLOTS] known_keys  # of `keys`: whose names are the same object in every request
KEPT_KEYS = keys                # for tests of the bound

cdef dict process = sys.__dict__    # a name in it is found in a third of getattr's time
cdef object NOBODY = object()
cdef tuple NOTHING = ()


# --- environs -----------------------------------------------------------------------------

@cython.final
@cython.auto_pickle(False)
cdef class Environs(SectionCache):

    def __init__(self, dict template not None):
        self.stderr = process.get("stderr")
        self.template = PyDict_Copy(template)
        # An application that writes what nobody reads must not wait until somebody does.
        self.template["wsgi.errors"] = unwaiting(self.stderr)
        self.method = self.template.get("REQUEST_METHOD")
        self.root_path = self.template.get("SCRIPT_NAME", "")
        self.rooted = bool(self.root_path)

    def make(self, Request request not None):
        return self.of(request)

    cdef dict of(self, Request request):
        cdef dict environ
        cdef CachedEnviron cached = <CachedEnviron>self.find(request)
        cdef bytes body = request.content       # None: in a file
        cdef object stderr = process.get("stderr")
        if cached is not None and not cached.busy:
            environ = cached.copied(request)
        else:
            environ = PyDict_Copy(self.template)
            add_fields(environ, request)
            add_peer(environ, request.peer)
            add_target(environ, request)
            if request.method_text is not self.method:
                environ["REQUEST_METHOD"] = request.method_text
        if body is None:
            environ["wsgi.input"] = request.reader
        else:
            environ["wsgi.input"] = BytesIO(body) if body else new_empty()
        if stderr is not self.stderr:
            environ["wsgi.errors"] = unwaiting(stderr)  # somebody has replaced it since
        if request.facts.version != 11:
            environ["SERVER_PROTOCOL"] = "HTTP/1.0"
        if body is None or body or request.facts.flags & CHUNKED:
            # RFC 9112 7.1.3: with the coding taken off, the length is known and the field is gone.
            environ["CONTENT_LENGTH"] = str(request.reader.size if body is None else len(body))
            environ.pop("HTTP_TRANSFER_ENCODING", None)
        if self.rooted:
            take_off_root(environ, self.root_path)
        if request.arrived is not None:
            environ["wsgi.url_scheme"] = request.arrived.scheme
            if request.arrived.host is not None:
                environ["HTTP_HOST"] = request.arrived.host
            if request.arrived.tls is not None and request.arrived.tls.environ is not None:
                environ.update(request.arrived.tls.environ)
        return environ

    cdef Section made(self, Request request):
        cdef CachedEnviron cached = CachedEnviron.__new__(CachedEnviron)
        cached.environ = PyDict_Copy(self.template)
        add_fields(cached.environ, request)
        cached.peer = NOBODY
        cached.target = b""
        return cached


@cython.final
@cython.auto_pickle(False)
cdef class CachedEnviron(Section):

    cdef dict copied(self, Request request):
        # An allocation may run the garbage collector, that somebody's code, and that let another
        # thread go on: what is half one request's must not be copied for another. CPython 3.11
        # happens to copy the entries before it allocates; nothing promises that.
        self.busy = True
        try:
            self.take(request)
            return PyDict_Copy(self.environ)
        finally:
            self.busy = False

    cdef int take(self, Request request) except -1:
        """Make it the environ of this request: all that a client asks in a row, and all that
        comes from it, differs by little."""
        cdef const uint8_t *target = text_in(request.block, request.count) + request.target_at
        cdef bint queried
        if request.peer is not self.peer:
            self.peer = NOBODY  # for as long as it is half done
            add_peer(self.environ, request.peer)
            self.peer = request.peer
        if request.method_text is not self.method:
            self.environ["REQUEST_METHOD"] = request.method_text
            self.method = request.method_text
        if not same(self.target, target, request.target_size):
            self.target = b""
            queried = add_target(self.environ, request)
            if self.queried and not queried:
                self.environ["QUERY_STRING"] = ""
            self.queried = queried
            self.target = target[:request.target_size]
        return 0


cdef inline object new_empty():
    """BytesIO(), in a third of its time."""
    return (<PyTypeObject *>BytesIO).tp_new(BytesIO, <PyObject *>NOTHING, NULL)


cdef int add_peer(dict environ, object peer) except -1:
    cdef object host = "", port = ""
    if type(peer) is tuple:
        host = (<tuple>peer)[0]
        port = decimal((<tuple>peer)[1])
    environ["REMOTE_ADDR"] = host
    environ["REMOTE_PORT"] = port
    return 0


cdef str decimal(unsigned int number):
    """str(number), in a fifth of its time: the port of the peer is in every environ."""
    cdef uint8_t[DECIMAL_MAX] digits
    cdef uint8_t *end = digits + DECIMAL_MAX
    cdef uint8_t *first = write_decimal(end, number)
    return ascii(first, end - first)


cdef int take_off_root(dict environ, str root) except -1:
    """A proxy may leave the path of the mount where it is, or have taken it off."""
    cdef str path = environ["PATH_INFO"]
    if path.startswith(root) and (len(path) == len(root) or path[len(root)] == "/"):
        environ["PATH_INFO"] = path[len(root):]
    return 0


cdef int add_fields(dict environ, Request request) except -1:
    cdef const uint8_t *text = text_in(request.block, request.count)
    cdef const Field *field = request.field(1)
    cdef const Field *end = field + request.count
    cdef object key, value
    cdef Py_ssize_t size = PyDict_GET_SIZE(environ)
    while field < end:
        key = key_of(text + field.name, field.name_size)
        if key is not None:
            value = latin1(text + field.value, field.value_size)
            PyDict_SetDefault(environ, key, value)
            if PyDict_GET_SIZE(environ) == size:
                # RFC 9110 5.3: a list in several lines is one list; RFC 6265 5.4: cookies end
                # in ";".
                environ[key] += ("; " if key == "HTTP_COOKIE" else ",") + value
            else:
                size += 1
        field += 1
    return 0


cdef object key_of(const uint8_t *p, uint32_t size):
    cdef str name = known_str(p, size)
    cdef Key *slot = &known_keys[(<size_t><void *>name >> 4) & (KEY_SLOTS - 1)]
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


cdef bint add_target(dict environ, Request request) except -1:
    """Returns whether it has a query: if not, QUERY_STRING stays what it is."""
    cdef str target = request.get_target()
    environ["REQUEST_URI"] = target
    if request.facts.flags & ABSOLUTE:
        # RFC 9112 3.2.2: the target's authority replaces what Host says.
        environ["HTTP_HOST"] = request.host
        target = request.origin_target()
    elif request.facts.flags & CONNECT or target == "*":
        environ["PATH_INFO"] = ""  # PEP 3333 has no other way to say that there is no path
        return False
    # A target is ASCII, and visible ASCII only.
    cdef const uint8_t *p = PyUnicode_1BYTE_DATA(target)
    cdef const uint8_t *end = p + PyUnicode_GET_LENGTH(target)
    cdef const uint8_t *mark = query_mark(p, end)
    environ["PATH_INFO"] = path_text(p, mark - p)
    if mark == end:
        return False
    environ["QUERY_STRING"] = ascii(mark + 1, end - mark - 1)
    return True


cdef str path_text(const uint8_t *p, Py_ssize_t size):
    """Percent-decoded (RFC 3986 2.1); PEP 3333: each character stands for one byte."""
    if memchr(p, c'%', size) == NULL:
        return ascii(p, size)
    cdef bytes decoded = PyBytes_FromStringAndSize(NULL, size)
    cdef uint8_t *first = <uint8_t *>PyBytes_AS_STRING(decoded)
    return latin1(first, percent_decode(p, size, first))
