"""Messages out of a byte stream, sans-IO."""

from typing import Literal, final

from typing_extensions import disjoint_base

from reactor.limits import Limits
from reactor.parser._input import ParserInput
from reactor.parser._message import Request, Response
from reactor.parser._parts import Body, End

@disjoint_base
class MessageParser(ParserInput):
    """What both parsers do: ``feed`` bytes as they arrive, pull messages with ``next``.

    Limits hold what a message is, not how it was cut: the same bytes give the same messages
    and the same error at the same offset, fed whole or byte by byte. The time is linear in
    the bytes fed; the memory held between pulls is at most the limits plus what was fed.
    """

    def next(self) -> Request | Response | Body | End | None:
        """The next event; None if it takes more bytes, or if no more will come.

        Interim responses (1xx) are Responses, always complete.

        Raises:
            RemoteProtocolError: after all messages before it, and then every time.
        """

    def eof(self) -> None:
        """The peer closed. Ends a body that the close delimits; then ``next`` gives its End.

        Raises:
            RemoteProtocolError: in the middle of a message. If messages wait to be pulled,
                it is raised by ``next`` after them.
        """

    def leftover(self) -> bytes:
        """The bytes that were not parsed, which another protocol owns from here on.

        For after an accepted Upgrade or CONNECT. The parser stops.

        >>> p = RequestParser()
        >>> p.feed(b"CONNECT a.org:443 HTTP/1.1\\r\\nHost: a.org:443\\r\\n\\r\\n\\x16\\x03")
        >>> p.next().method, p.next(), p.leftover()
        ('CONNECT', None, b'\\x16\\x03')
        """

    @property
    def state(self) -> Literal["IDLE", "HEAD", "BODY", "SWITCHED", "CLOSED", "BROKEN"]:
        """Where in the stream it is, as far as it was pulled.

        IDLE: between messages, and nothing is held. HEAD: a head has begun, or bytes wait to be
        pulled. BODY: the last head's End is still to come. SWITCHED: what follows is another
        protocol's (`leftover`). CLOSED: nothing that follows is looked at. BROKEN: a rule was
        broken, `next` raises.

        >>> p = RequestParser()
        >>> p.feed(b"PUT / HTTP/1.0\\r\\nContent-Length: 3\\r\\n\\r\\n")
        >>> p.state, p.next().complete, p.state
        ('HEAD', False, 'BODY')
        >>> p.feed(b"abc")
        >>> p.next(), p.next(), p.state
        (<Body of 3 bytes>, <End []>, 'CLOSED')
        """

    @property
    def buffered(self) -> int:
        """How many bytes are held."""

@final
class RequestParser(MessageParser):
    """Requests out of what a client sends: strict, and without a switch to be less so.

    >>> p = RequestParser()
    >>> p.feed(b"POST / HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 5\\r\\n\\r\\nhelloGET /next HTT")
    >>> r = p.next()
    >>> r.method, r.complete, r.body
    ('POST', True, b'hello')
    >>> p.next() is None
    True
    >>> p.feed(b"P/1.1\\r\\nHost: a\\r\\n\\r\\n")
    >>> p.next().target
    '/next'

    A body that is not all there comes in parts:

    >>> p.feed(b"PUT / HTTP/1.1\\r\\nHost: a\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n")
    >>> p.feed(b"3\\r\\nabc\\r\\n")
    >>> p.next().complete, p.next().data, p.next()
    (False, b'abc', None)
    >>> p.feed(b"2\\r\\nde\\r\\n0\\r\\nDigest: x\\r\\n\\r\\n")
    >>> p.next().data, p.next().trailers.items()
    (b'de', [('Digest', 'x')])
    """

    def __init__(self, limits: Limits | None = None) -> None: ...
    def next(self) -> Request | Body | End | None: ...

@final
class ResponseParser(MessageParser):
    """Responses out of what a server sends.

    Args:
        lenient: for a client; also take what leaves no doubt about where the message ends:
            lines that end in a bare LF, folds and controls (they become spaces), no reason,
            equal lengths, ... docs/client.md has the table. Some of it ends the connection.

    >>> p = ResponseParser()
    >>> p.expect("HEAD")
    >>> p.feed(b"HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\n")
    >>> p.next().complete
    True
    >>> p.expect("GET")
    >>> p.feed(b"HTTP/1.1 200 OK\\r\\n\\r\\nuntil the close")
    >>> p.next().complete, p.next().data
    (False, b'until the close')
    >>> p.eof()
    >>> p.next()
    <End []>
    """

    def __init__(self, limits: Limits | None = None, lenient: bool = False) -> None: ...
    def next(self) -> Response | Body | End | None: ...
    def expect(self, method: str) -> None:
        """Say which method the next final response answers: HEAD and CONNECT change framing.

        Called again before that response, it says so of the one after it, and so on: once for each
        request that is sent, in order.
        """
