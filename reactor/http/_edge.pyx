"""What is believed of a request before the application sees it.

Behind a proxy every connection is the proxy's, so what it says of the client counts, but only if
the server was told to trust it: anybody can write these fields. All of them are removed, whoever
wrote them, so that an application cannot take a forged one for a true one. Which hosts the server
answers for is looked at after that.

Must never know: sockets; how addresses and hosts are compared (`server/edge.py`).
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy

from reactor.parser._arrival cimport Arrival, CertifiedHosts
from reactor.parser._fields cimport Field
from reactor.parser._headers cimport text_in
from reactor.parser._names cimport latin1

from reactor.errors import RemoteProtocolError
from reactor.parser.forwarded import parse_forwarded

cdef extern from "_scan.h" nogil:
    bint scan_same(const uint8_t *p, const char *lower, size_t size)

cdef enum Spoken:
    # What a proxy may write: what is not one of the first four is removed all the same.
    NOTHING, STANDARD, FOR, PROTO, HOST, OTHER

cdef tuple SCHEMES = ("http", "https")


cdef Spoken spoken(const uint8_t *name, uint32_t size) noexcept:
    """Which of a proxy's fields this name is."""
    if size == 9:
        if scan_same(name, b"forwarded", 9):
            return STANDARD
        return OTHER if scan_same(name, b"x-real-ip", 9) else NOTHING
    if size < 13 or not scan_same(name, b"x-forwarded-", 12):
        return NOTHING
    if size == 15 and scan_same(name + 12, b"for", 3):
        return FOR
    if size == 17 and scan_same(name + 12, b"proto", 5):
        return PROTO
    return HOST if size == 16 and scan_same(name + 12, b"host", 4) else OTHER


cdef class Edge:

    def __init__(self, hosts=None, trusted=None, standard=False, entries_max=32):
        self.hosts = hosts
        self.trusted = trusted
        self.standard = standard
        self.entries_max = entries_max
        self.known_host = b""

    cdef int judge(self, Request request) except -1:
        if self.trusted is not None:
            self.forward(request)
        if self.hosts is not None:
            self.check_host(request)
        return 0

    # --- what a proxy says ----------------------------------------------------------------

    cdef int forward(self, Request request) except -1:
        """Take what a trusted proxy says, and take all of these fields away."""
        cdef const uint8_t *text = text_in(request.block, request.count)
        cdef const Field *field = request.field(1)
        cdef list said = []
        cdef list removed = []
        cdef Spoken kind
        cdef uint32_t i
        for i in range(request.count):
            kind = spoken(text + field[i].name, field[i].name_size)
            if kind != NOTHING:
                removed.append(i)
                said.append((<int>kind, latin1(text + field[i].value, field[i].value_size)))
        peer = request.peer
        if removed:
            if self.trusted.holds(peer):
                self.believe(request, said)
            remove_fields(request, removed)
        return 0

    def believe(self, Request request not None, list said not None):
        cdef object whole, client
        if self.standard:
            elements = parse_forwarded(", ".join([value for kind, value in said
                                                  if kind == STANDARD]))
            whole = [] if elements is None else elements
            hop = whole[len(whole) - 1] if whole else None
            client, at = self.walked(request.peer, [element.node for element in whole])
            element = whole[at] if at is not None else hop
            proto, host = (None, None) if element is None else (element.proto, element.host)
        else:
            nodes = listed(said, FOR)
            client, at = self.walked(request.peer, nodes)
            proto = beside(listed(said, PROTO), nodes, at)
            host = beside(listed(said, HOST), nodes, at)
        before = request.arrived
        scheme = "http" if before is None else before.scheme
        proxy = None if before is None else before.peer
        if client is not request.peer:
            proxy = request.peer if proxy is None else proxy
            request.peer = client   # from here on: who is at the other end is `arrival.peer`
        proto = None if proto is None else small(proto)
        request.arrived = Arrival(
            proto if proto in SCHEMES else scheme, host if is_host(host) else None, proxy,
            None if before is None else before.tls)

    def walked(self, peer, list nodes not None):
        """The client, and where in the list it stands: the first from the right that is not
        trusted; where something stands that is no address, the one who wrote it."""
        cdef Py_ssize_t index, first = max(0, len(nodes) - self.entries_max)
        client, at = peer, None
        for index in range(len(nodes) - 1, first - 1, -1):
            text = nodes[index]
            node, trusted = (None, False) if text is None else self.trusted.look(text)
            if node is None:
                break
            client, at = node, index
            if not trusted:
                break
        return client, at

    # --- for whom it is -------------------------------------------------------------------

    cdef int check_host(self, Request request) except -1:
        cdef object host = request.host
        if host is None:
            return 0  # HTTP/1.0: no browser speaks it
        if not self.hosts.allows(host):
            raise RemoteProtocolError(
                421, "host",
                "this server does not answer for this host; --allowed-host HOST lets it")
        if request.arrived is None or request.arrived.host is None:
            # The last thing, which cannot fail: the context looks at the bytes themselves.
            self.known_host = host.encode("latin-1")
        return 0


cdef int check_certified(Request request, Edge edge) except -1:
    """RFC 9110 15.5.20: the client has made sure of one of these hosts, so that is whom it talks
    to; what it says to another is for somebody else's ears."""
    cdef CertifiedHosts hosts = request.arrived.hosts
    if hosts is None or is_known(
            request, <const uint8_t *>PyBytes_AS_STRING(hosts.known),
            PyBytes_GET_SIZE(hosts.known)):
        return 0
    cdef object host = request.host
    if host is None:
        return 0  # HTTP/1.0, which has one host only
    if edge is not None and edge.trusted is not None and edge.trusted.holds(request.peer):
        request.arrived.hosts = None  # a proxy asks for itself, and passes on for whom its clients have
        return 0
    if not hosts.allows(host):
        raise RemoteProtocolError(
            421, "misdirected",
            "the certificate of this connection is not for this host: connect for it anew (a proxy "
            "that passes hosts on is named by --trusted-proxy)")
    hosts.known = host.encode("latin-1")
    return 0


cdef list listed(list said, Spoken kind):
    """The entries of all lines of this field."""
    cdef list entries = []
    for which, value in said:
        if which == kind:
            entries += [entry for entry in [text.strip(" \t") for text in value.split(",")]
                        if entry]
    return entries


cdef object beside(list entries, list nodes, object at):
    """What was said together with the client, if each proxy has said it; else what the last one
    has: both were written by one that is trusted."""
    if not entries:
        return None
    if at is None or len(entries) != len(nodes):
        at = len(entries) - 1
    return entries[at]


cdef str small(str text):
    return text.lower() if text.isascii() else text


cdef bint is_host(object host) except -1:
    """Whether it could stand in a Host field (RFC 9112 3.2): no byte that is none of its own."""
    cdef Py_UCS4 c
    if not host or len(host) > 255:
        return False
    for c in <str>host:
        if not (c'a' <= c <= c'z' or c'A' <= c <= c'Z' or c'0' <= c <= c'9'
                or c in "-._~:[]%!$&'()*+;="):
            return False
    return True


cdef int remove_fields(Request request, list removed) except -1:
    """In a block of its own: the text stays as it is, where the target and all else lie."""
    cdef uint32_t count = request.count
    cdef uint32_t left = count - <uint32_t>len(removed)
    cdef Py_ssize_t text_size = PyBytes_GET_SIZE(request.block) - count * sizeof(Field)
    cdef bytes block = PyBytes_FromStringAndSize(NULL, left * sizeof(Field) + text_size)
    cdef Field *to = <Field *>PyBytes_AS_STRING(block)
    cdef const Field *field = request.field(1)
    cdef uint32_t i, gone = 0
    cdef uint32_t host = request.facts.host, expect = request.facts.expect
    cdef uint32_t upgrade = request.facts.upgrade
    for i in range(count):
        if gone < <uint32_t>len(removed) and <uint32_t>removed[gone] == i:
            gone += 1
            # What framing knows by number is never one of these.
            request.facts.host -= host > i + 1
            request.facts.expect -= expect > i + 1
            request.facts.upgrade -= upgrade > i + 1
        else:
            to[i - gone] = field[i]
    memcpy(to + left, field + count, text_size)
    request.block = block
    request.count = left
    request.header_view = None
    return 0
