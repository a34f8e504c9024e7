"""The names that nearly every message uses, made once.

A name that is known costs a look into a table of C pointers instead of an allocation, and it
is interned: a dict finds it by identity. Known are the spellings of browsers ("User-Agent")
and of HTTP/2 gateways and libraries ("user-agent"); any other is made afresh, as it came.
Must never know what a name means.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from cpython.object cimport PyObject
from libc.string cimport memcmp

from sys import intern

cdef enum:
    SLOTS = 1024            # a power of two, at most a quarter full: short runs of collisions

cdef struct Known:
    const char *text
    uint32_t size
    PyObject *name          # str
    PyObject *raw           # bytes; owns `text`

cdef Known[SLOTS] known
# What the table points to lives as long as the module.
cdef list owned = []


cdef inline uint32_t slot_of(const uint8_t *p, uint32_t size) noexcept nogil:
    return (size * 59 + p[0] * 7 + p[size >> 1] * 31 + p[size - 1] * 131) & (SLOTS - 1)


cdef inline Known *find(const uint8_t *p, uint32_t size) noexcept nogil:
    """The slot of this spelling, or the empty one where it would be."""
    cdef uint32_t slot = slot_of(p, size)
    while known[slot].text != NULL and (known[slot].size != size
                                        or memcmp(known[slot].text, p, size)):
        slot = (slot + 1) & (SLOTS - 1)
    return &known[slot]


cdef int know(str name) except -1:
    cdef str text = intern(name)
    cdef bytes raw = name.encode("ascii")
    cdef Known *slot = find(<const uint8_t *>PyBytes_AS_STRING(raw), len(raw))
    owned.append((text, raw))
    slot.text = PyBytes_AS_STRING(raw)
    slot.size = len(raw)
    slot.name = <PyObject *>text
    slot.raw = <PyObject *>raw
    return 0


cdef str known_str(const uint8_t *p, uint32_t size):
    cdef const Known *slot = find(p, size)
    return latin1(p, size) if slot.text == NULL else <str>slot.name


cdef bytes known_bytes(const uint8_t *p, uint32_t size):
    cdef const Known *slot = find(p, size)
    return sliced(p, size) if slot.text == NULL else <bytes>slot.raw


cdef str known_method(const uint8_t *p, uint32_t size):
    # Half of all requests, without the walk.
    if size == 3 and not memcmp(p, b"GET", 3):
        return "GET"
    return known_str(p, size)


for name in """
    Accept Accept-Encoding Accept-Language Accept-Ranges Access-Control-Allow-Origin
    Access-Control-Request-Headers Access-Control-Request-Method Age Alt-Svc Authorization
    Cache-Control Connection Content-Disposition Content-Encoding Content-Language
    Content-Length Content-Range Content-Security-Policy Content-Type Cookie DNT Date ETag
    Expect Expires Forwarded From Host If-Match If-Modified-Since If-None-Match If-Range
    If-Unmodified-Since Keep-Alive Last-Modified Link Location Max-Forwards Origin Pragma
    Priority Proxy-Authorization Proxy-Connection Range Referer Referrer-Policy Retry-After
    Sec-CH-UA Sec-CH-UA-Mobile Sec-CH-UA-Platform Sec-Fetch-Dest Sec-Fetch-Mode Sec-Fetch-Site
    Sec-Fetch-User Sec-WebSocket-Accept Sec-WebSocket-Extensions Sec-WebSocket-Key
    Sec-WebSocket-Protocol Sec-WebSocket-Version Server Set-Cookie Strict-Transport-Security TE
    Traceparent Trailer Transfer-Encoding Upgrade Upgrade-Insecure-Requests User-Agent Vary Via
    Tracestate WWW-Authenticate X-Content-Type-Options X-Correlation-ID X-CSRF-Token
    X-Forwarded-For X-Forwarded-Host X-Forwarded-Port X-Forwarded-Proto X-Frame-Options X-Real-IP
    X-Request-ID X-Request-Id X-Requested-With
""".split():
    know(name)
    know(name.lower())

for name in "GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH QUERY".split():
    know(name)
