"""The scope of an ASGI request (HTTP and WebSocket, specification 2.5).

An application owns its scope: the dict, the list of headers, the state and the extensions are new
ones for each request, since middlewares write into them. What is in them is shared. What a header
section that comes again came to is kept (`_sections.pyx`), and copied.

Must never know: who is asked, or what becomes of the answer.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_Copy
from cpython.list cimport PyList_GetSlice, PyList_New, PyList_SET_ITEM
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_DecodeUTF8
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memchr

from reactor.apps._sections cimport KEPT_MAX, Section, SectionCache, same
from reactor.parser._fields cimport ABSOLUTE, Field
from reactor.parser._headers cimport text_in
from reactor.parser._message cimport Request
from reactor.parser._names cimport ascii, known_bytes, sliced
from reactor.parser._target cimport percent_decode, query_mark

cdef object NOBODY = object()

cdef enum:
    # The longest names that are made small on the stack: longer ones are in nobody's table.
    NAME_MAX = 64


@cython.final
@cython.auto_pickle(False)
cdef class Scopes(SectionCache):

    def __init__(self, dict template not None, dict extensions not None, str root_path not None=""):
        self.template = PyDict_Copy(template)
        self.template["root_path"] = root_path
        self.extensions = PyDict_Copy(extensions)
        # RFC 9110 15.2 and RFC 9112 7: no interim responses for HTTP/1.0, and no chunks.
        self.extensions_before_1_1 = {
            name: value for name, value in extensions.items()
            if name not in ("http.response.early_hint", "http.response.trailers")}
        self.root_path = root_path
        self.raw_root_path = root_path.encode()
        self.state = {}

    def served_at(self, str scheme not None, server):
        self.cached = [None] * KEPT_MAX
        self.template["scheme"] = scheme
        self.template["server"] = server

    def extend(self, str name not None, dict value not None):
        self.extensions[name] = self.extensions_before_1_1[name] = value

    def make(self, Request request not None, local=None):
        return self.of(request, local)

    cdef dict of(self, Request request, object local):
        """``local``: what the client has connected to, where that is not always the same."""
        cdef dict scope = self.copied(request)
        if local is not None:
            scope["server"] = local
        if request.arrived is not None:
            add_arrival(scope, request)
        scope["state"] = PyDict_Copy(self.state)
        if request.facts.version == 11:
            scope["extensions"] = PyDict_Copy(self.extensions)
        else:
            scope["http_version"] = "1.0"
            scope["extensions"] = PyDict_Copy(self.extensions_before_1_1)
        if request.arrived is not None and request.arrived.tls is not None:
            scope["extensions"]["tls"] = PyDict_Copy(request.arrived.tls.extension)
        return scope

    cdef dict copied(self, Request request):
        cdef CachedScope cached = <CachedScope>self.find(request)
        cdef dict scope
        if cached is None or cached.busy:
            scope = PyDict_Copy(self.template)
            scope["method"] = request.method_text
            scope["client"] = client_of(request)
            self.add_target(scope, request)
            scope["headers"] = field_list(request)
            return scope
        # An allocation may run the collector, and that somebody's code: what is half one request's
        # must not be copied for another.
        cached.busy = True
        try:
            cached.take(self, request)
            scope = PyDict_Copy(cached.scope)
        finally:
            cached.busy = False
        scope["headers"] = PyList_GetSlice(cached.fields, 0, len(cached.fields))
        return scope

    cdef Section made(self, Request request):
        cdef CachedScope cached = CachedScope.__new__(CachedScope)
        cached.scope = PyDict_Copy(self.template)
        cached.fields = field_list(request)
        cached.peer = NOBODY
        cached.target = b""
        return cached

    cdef int add_target(self, dict scope, Request request) except -1:
        cdef Py_ssize_t size
        cdef const uint8_t *p
        cdef const uint8_t *mark
        cdef const uint8_t *end
        cdef str path, target
        if request.facts.flags & ABSOLUTE or not request.target_size:
            target = request.origin_target() or "/"
            p = <const uint8_t *>PyUnicode_AsUTF8AndSize(target, &size)
        else:
            p = text_in(request.block, request.count) + request.target_at
            size = request.target_size
        end = p + size
        mark = query_mark(p, end)
        path = path_text(p, mark - p)
        if self.root_path:
            scope["path"] = self.root_path + path
            scope["raw_path"] = self.raw_root_path + p[:mark - p]
        else:
            scope["path"] = path
            scope["raw_path"] = sliced(p, mark - p)
        scope["query_string"] = b"" if mark == end else sliced(mark + 1, end - mark - 1)
        return 0


@cython.final
@cython.auto_pickle(False)
cdef class CachedScope(Section):

    cdef int take(self, Scopes scopes, Request request) except -1:
        """Make it the scope of this request, but for what each has its own of."""
        cdef const uint8_t *target = text_in(request.block, request.count) + request.target_at
        if request.peer is not self.peer:
            self.peer = NOBODY  # for as long as it is half done
            self.scope["client"] = client_of(request)
            self.peer = request.peer
        if request.method_text is not self.method:
            self.scope["method"] = request.method_text
            self.method = request.method_text
        if not same(self.target, target, request.target_size):
            self.target = b""
            scopes.add_target(self.scope, request)
            self.target = target[:request.target_size]
        return 0


cdef int add_arrival(dict scope, Request request) except -1:
    """Into this request's own: what a proxy says is not in the header section that is remembered."""
    cdef str scheme = request.arrived.scheme
    cdef list fields = scope["headers"]
    if scope["type"] != "http":
        scheme = "wss" if scheme == "https" else "ws"
    scope["scheme"] = scheme
    if request.arrived.host is not None and request.facts.host:
        fields[request.facts.host - 1] = (b"host", request.arrived.host.encode("ascii"))
    return 0


cdef inline object client_of(Request request):
    return request.peer if type(request.peer) is tuple else None


cdef str path_text(const uint8_t *p, Py_ssize_t size):
    """Percent-decoded, then UTF-8; what is none becomes U+FFFD, as urllib's unquote does it."""
    if memchr(p, c'%', size) == NULL:
        return ascii(p, size)
    cdef bytes decoded = PyBytes_FromStringAndSize(NULL, size)
    cdef uint8_t *first = <uint8_t *>PyBytes_AS_STRING(decoded)
    return PyUnicode_DecodeUTF8(<const char *>first, percent_decode(p, size, first), "replace")


cdef list field_list(Request request):
    """Pairs of bytes, the names in small letters."""
    cdef const uint8_t *text = text_in(request.block, request.count)
    cdef const Field *field = request.field(1)
    cdef list fields = PyList_New(request.count)
    cdef object pair
    cdef uint32_t i
    for i in range(request.count):
        pair = (small_name(text + field.name, field.name_size),
                sliced(text + field.value, field.value_size))
        Py_INCREF(pair)
        PyList_SET_ITEM(fields, i, pair)
        field += 1
    if request.facts.flags & ABSOLUTE and request.facts.host:
        # RFC 9112 3.2.2: the target's authority replaces what Host says.
        fields[request.facts.host - 1] = (b"host", request.host.encode("ascii"))
    return fields


cdef bytes small_name(const uint8_t *p, uint32_t size):
    cdef uint8_t[NAME_MAX] small
    cdef uint32_t i
    if size > NAME_MAX:
        return p[:size].lower()
    for i in range(size):
        small[i] = p[i] | 0x20 if c'A' <= p[i] <= c'Z' else p[i]
    return known_bytes(small, size)
