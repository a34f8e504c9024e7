"""What a field line means for the framing of its message, and whom the message is for.

Knows: Host, Content-Length, Transfer-Encoding, Connection, Expect, Upgrade, and the names
that no trailer may have. Every rule here is judged when its line is complete, so that the
verdict cannot depend on how the line arrived. Must never know: lines, buffers, objects.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memchr, memcmp, memcpy, memset, strlen

from reactor.parser._digits cimport NUMBER, TOO_LARGE, Number, digit_of, read_decimal
from reactor.parser._rules cimport (
    CONNECT_BODY, CONTENT_LENGTH, CONTENT_LENGTH_SIZE, CONTENT_LENGTH_TWICE, ENCODING_IN_10,
    HOST, HOST_TWICE, LENGTH_AND_ENCODING, NO_RULE, TRANSFER_CODING, TRANSFER_ENCODING,
    TRANSFER_ENCODING_TWICE, Rule)

cdef extern from "_scan.h" nogil:
    const int SCAN_REGNAME, SCAN_HEX, SCAN_TOKEN
    bint scan_is(uint8_t byte, int classes)
    const uint8_t *scan_while(const uint8_t *p, const uint8_t *end, int classes)
    bint scan_same(const uint8_t *p, const char *lower, size_t size)

cdef extern from "<arpa/inet.h>" nogil:
    const int AF_INET6
    int inet_pton(int family, const char *text, void *address)

cdef enum:
    HTAB = 9
    SP = 32
    # Every int64_t, and the zeros that some senders pad with.
    LENGTH_DIGITS_MAX = 32
    IPV6_TEXT_MAX = 45
    PORT_MAX = 65535

cdef int64_t LENGTH_MAX = 0x7fffffffffffffff    # what an int64_t counts

# RFC 9110 6.5.1: no field that frames, routes or authenticates, and no hop-by-hop one. Walked
# only for trailers, which are few.
cdef const char *FORBIDDEN_TRAILERS = (
    b"authorization connection content-encoding content-length cookie expect forwarded host "
    b"keep-alive max-forwards proxy-authenticate proxy-authorization proxy-connection set-cookie "
    b"te trailer transfer-encoding upgrade www-authenticate x-forwarded-for x-forwarded-host "
    b"x-forwarded-proto ")


cdef void no_facts(Facts *facts, int version, uint32_t flags) noexcept nogil:
    memset(facts, 0, sizeof(Facts))
    facts.content_length = -1
    facts.version = version
    facts.flags = flags


cdef bint stays_open(const Facts *facts) noexcept nogil:
    """RFC 9112 9.3: close wins; 1.1 stays open by default, 1.0 only by keep-alive."""
    if facts.flags & (CLOSE | CONNECT):
        # What follows CONNECT is a tunnel or nothing; it is never the next request.
        return False
    return facts.version >= 11 or (facts.flags & KEEP_ALIVE) != 0


cdef Rule note_field(Facts *facts, const uint8_t *text, const Field *field,
                     uint32_t index) noexcept nogil:
    """Take in one field line, the index-th (from one); a rule if the line breaks one."""
    cdef const uint8_t *name = text + field.name
    cdef const uint8_t *value = text + field.value
    cdef const uint8_t *end = value + field.value_size
    cdef uint32_t key = name_key(name, field.name_size)
    if key == HOST_NAME and scan_same(name, b"host", 4):
        return note_host(facts, value, end, index)
    if key == CONNECTION_NAME and scan_same(name, b"connection", 10):
        note_connection(facts, value, end)
    elif key == CONTENT_LENGTH_NAME and scan_same(name, b"content-length", 14):
        return note_content_length(facts, value, end)
    elif key == TRANSFER_ENCODING_NAME and scan_same(name, b"transfer-encoding", 17):
        return note_transfer_encoding(facts, value, end)
    elif key == UPGRADE_NAME and scan_same(name, b"upgrade", 7):
        if facts.upgrade == 0:
            facts.upgrade = index
    elif key == EXPECT_NAME and scan_same(name, b"expect", 6):
        note_expect(facts, value, end, index)
    return NO_RULE


cdef bint note_target(Facts *facts, const uint8_t *method, uint32_t method_size,
                      const uint8_t *target, uint32_t target_size) noexcept nogil:
    """RFC 9112 3.2: which of the four forms a target may have depends on the method."""
    cdef const uint8_t *end = target + target_size
    cdef const uint8_t *authority
    if method_size == 7 and not memcmp(method, b"CONNECT", 7):
        facts.flags |= CONNECT
        return is_host(target, end, True)
    if target[0] == c'/':
        return True
    if target_size == 1 and target[0] == c'*':
        return method_size == 7 and not memcmp(method, b"OPTIONS", 7)
    # RFC 9112 3.2.2: absolute-form; of schemes other than these two this is no server.
    if target_size > 7 and scan_same(target, b"http://", 7):
        authority = target = target + 7
    elif target_size > 8 and scan_same(target, b"https://", 8):
        authority = target = target + 8
    else:
        return False
    facts.flags |= ABSOLUTE
    while target < end and target[0] != c'/' and target[0] != c'?':
        target += 1
    # RFC 9110 4.2.4: an authority with user information is an error.
    return is_host(authority, target, False)


cdef Rule note_host(Facts *facts, const uint8_t *value, const uint8_t *end,
                    uint32_t index) noexcept nogil:
    if facts.flags & RESPONSE:
        return NO_RULE
    # RFC 9112 3.2: 400 to more than one Host line, equal or not, and to an invalid one.
    if facts.host:
        return HOST_TWICE
    if not is_host(value, end, False):
        return HOST
    facts.host = index
    return NO_RULE


cdef bint is_host(const uint8_t *p, const uint8_t *end, bint port_needed) noexcept nogil:
    """RFC 9112 3.2: uri-host [ ":" port ], without user information, and not empty.

    RFC 9110 4.2.1: an empty host identifies nothing. A list ("a,b") is refused although RFC
    3986 would take it for one name; so is IPvFuture, of which there is none.
    """
    cdef const uint8_t *host = p
    if p < end and p[0] == c'[':
        p = <const uint8_t *>memchr(p, c']', end - p)
        if p == NULL or not is_ipv6(host + 1, p):
            return False
        p += 1
    else:
        p = regname_end(p, end)
        if p == host:
            return False
    if p == end:
        return not port_needed
    return p[0] == c':' and is_port(p + 1, end, port_needed)


cdef const uint8_t *regname_end(const uint8_t *p, const uint8_t *end) noexcept nogil:
    """RFC 3986 3.2.2: unreserved, percent-encoded or sub-delims."""
    p = scan_while(p, end, SCAN_REGNAME)
    while (end - p > 2 and p[0] == c'%' and scan_is(p[1], SCAN_HEX)
           and scan_is(p[2], SCAN_HEX)):
        p = scan_while(p + 3, end, SCAN_REGNAME)
    return p


cdef bint is_ipv6(const uint8_t *p, const uint8_t *end) noexcept nogil:
    cdef char text[IPV6_TEXT_MAX + 1]
    cdef uint8_t address[16]
    cdef Py_ssize_t size = end - p
    # A NUL would end the text early for inet_pton; no field value and no target has one.
    if size > IPV6_TEXT_MAX:
        return False
    memcpy(text, p, size)
    text[size] = 0
    return inet_pton(AF_INET6, text, address) == 1


cdef bint is_port(const uint8_t *p, const uint8_t *end, bint needed) noexcept nogil:
    """RFC 3986 3.2.3: *DIGIT; RFC 9110 9.3.6: CONNECT needs a port, and not 0."""
    cdef uint64_t port
    if p == end:
        return not needed
    return read_decimal(p, end, PORT_MAX, &port) == NUMBER and (port != 0 or not needed)


cdef void note_connection(Facts *facts, const uint8_t *p, const uint8_t *end) noexcept nogil:
    """RFC 9110 7.6.1: a list of case-insensitive tokens, of which three are ours."""
    cdef const uint8_t *comma
    cdef const uint8_t *last
    if is_word(p, end, b"keep-alive", 10):
        # What nearly every client says needs no walk.
        facts.flags |= KEEP_ALIVE
        return
    while p < end:
        comma = <const uint8_t *>memchr(p, c',', end - p)
        if comma == NULL:
            comma = end
        last = comma
        trim(&p, &last)
        if is_word(p, last, b"close", 5):
            facts.flags |= CLOSE
        elif is_word(p, last, b"keep-alive", 10):
            facts.flags |= KEEP_ALIVE
        elif is_word(p, last, b"upgrade", 7):
            facts.flags |= UPGRADE
        p = comma + 1


cdef Rule note_content_length(Facts *facts, const uint8_t *p, const uint8_t *end) noexcept nogil:
    cdef int64_t length
    cdef Rule rule
    if facts.flags & LENIENT:
        return note_lengths(facts, p, end)
    # RFC 9112 6.3: identical copies may be collapsed; the strict answer to all is 400.
    if facts.content_length >= 0:
        return CONTENT_LENGTH_TWICE
    if facts.flags & ENCODED:
        return LENGTH_AND_ENCODING
    rule = read_length(p, end, &length)
    if rule != NO_RULE:
        return rule
    if length and facts.flags & CONNECT:
        return CONNECT_BODY
    facts.content_length = length
    return NO_RULE


cdef Rule note_lengths(Facts *facts, const uint8_t *p, const uint8_t *end) noexcept nogil:
    """RFC 9112 6.3: for a client, equal lengths are one, on one line or on many."""
    cdef const uint8_t *comma
    cdef const uint8_t *last
    cdef int64_t length
    cdef Rule rule
    while True:
        comma = <const uint8_t *>memchr(p, c',', end - p)
        last = comma = end if comma == NULL else comma
        trim(&p, &last)
        rule = read_length(p, last, &length)
        if rule != NO_RULE:
            return rule
        if facts.flags & ENCODED:
            # RFC 9112 6.3: the coding overrides it, and nothing is read after this message.
            facts.flags |= CLOSE
        elif facts.content_length >= 0 and facts.content_length != length:
            return CONTENT_LENGTH_TWICE
        else:
            facts.content_length = length
        if comma == end:
            return NO_RULE
        p = comma + 1


cdef inline Rule read_length(const uint8_t *p, const uint8_t *end,
                             int64_t *found) noexcept nogil:
    """RFC 9112 6.2: 1*DIGIT. No sign, no list, no white space inside, no other digits."""
    cdef uint64_t length
    if end - p > LENGTH_DIGITS_MAX and digit_of(p[0]) >= 0:
        return CONTENT_LENGTH_SIZE
    cdef Number kind = read_decimal(p, end, LENGTH_MAX, &length)
    if kind == NUMBER:
        found[0] = length
        return NO_RULE
    return CONTENT_LENGTH_SIZE if kind == TOO_LARGE else CONTENT_LENGTH


cdef Rule note_transfer_encoding(Facts *facts, const uint8_t *p,
                                 const uint8_t *end) noexcept nogil:
    """RFC 9112 6.1: of all transfer codings this parser knows chunked, alone and once."""
    cdef const uint8_t *last
    cdef bint response = (facts.flags & RESPONSE) != 0
    if facts.flags & ENCODED and not response:
        return TRANSFER_ENCODING_TWICE
    if facts.flags & LENIENT:
        if p == end or is_word(p, end, b"identity", 8):
            # RFC 2616 had it: no coding at all.
            facts.flags |= CLOSE
            return NO_RULE
        if facts.content_length >= 0 or facts.version < 11 or facts.flags & ENCODED:
            # RFC 9112 6.1 and 6.3: it overrides a length, and nothing is read after the message.
            facts.flags |= CLOSE
            facts.content_length = -1
    elif facts.content_length >= 0:
        return LENGTH_AND_ENCODING
    elif facts.version < 11:
        return ENCODING_IN_10
    if facts.flags & CONNECT:
        return CONNECT_BODY
    if is_word(p, end, b"chunked", 7):
        if facts.flags & ENCODED and not (facts.flags & LENIENT and facts.flags & CHUNKED):
            # Twice chunked may be two layers; to every lenient client it is one.
            return TRANSFER_CODING
        facts.flags |= CHUNKED | ENCODED
        return NO_RULE
    last = end
    while last > p and (last - 1)[0] != c',':
        last -= 1
    trim(&last, &end)
    if is_word(last, end, b"chunked", 7):
        return TRANSFER_CODING
    # RFC 9112 6.3: a response whose last coding is another one goes on until the close; but a
    # list that ends in no coding ("chunked,") is chunked to a lenient peer.
    if not response or last == end or scan_while(last, end, SCAN_TOKEN) != end:
        return TRANSFER_ENCODING
    facts.flags = (facts.flags | ENCODED) & ~<uint32_t>CHUNKED
    return NO_RULE


cdef void note_expect(Facts *facts, const uint8_t *p, const uint8_t *end,
                      uint32_t index) noexcept nogil:
    # RFC 9110 10.1.1: a server ignores 100-continue in HTTP/1.0. Two Expect fields are a list
    # of two members, so no longer exactly this one.
    if facts.expect:
        facts.flags &= ~<uint32_t>CONTINUE
        return
    facts.expect = index
    if facts.version >= 11 and is_word(p, end, b"100-continue", 12):
        facts.flags |= CONTINUE


cdef bint may_repair(Facts *facts, const uint8_t *name, uint32_t size) noexcept nogil:
    """Whether a field of a response may have a fold or a control in its value."""
    if size == 10 and scan_same(name, b"connection", 10):
        # What it says is then not looked at; at worst it is this.
        facts.flags |= CLOSE
    # A recipient that repairs it in another way sees the message's end elsewhere.
    return not (size == 14 and scan_same(name, b"content-length", 14)
                or size == 17 and scan_same(name, b"transfer-encoding", 17))


cdef bint is_forbidden_trailer(const uint8_t *name, uint32_t size) noexcept nogil:
    cdef const char *word = FORBIDDEN_TRAILERS
    cdef const char *space
    while word[0]:
        space = <const char *>memchr(word, c' ', strlen(word))
        if <uint32_t>(space - word) == size and scan_same(name, word, size):
            return True
        word = space + 1
    return False


cdef inline bint is_word(const uint8_t *p, const uint8_t *end, const char *lower,
                         Py_ssize_t size) noexcept nogil:
    return end - p == size and scan_same(p, lower, size)


cdef inline void trim(const uint8_t **p, const uint8_t **end) noexcept nogil:
    """RFC 9110 5.6.3: OWS is SP and HTAB, and nothing else."""
    while p[0] < end[0] and (p[0][0] == SP or p[0][0] == HTAB):
        p[0] += 1
    while p[0] < end[0] and ((end[0] - 1)[0] == SP or (end[0] - 1)[0] == HTAB):
        end[0] -= 1
