"""Where a parser stands: its state, its end of input, what its responses answer."""

import pytest

from reactor import Body, End, RemoteProtocolError, Request, RequestParser, ResponseParser

HEAD = b"PUT / HTTP/1.1\r\nHost: a\r\n"
PARTIAL = [
    b"GET",
    b"GET / HTTP/1.1\r\nHost: a\r\n",
    HEAD + b"Content-Length: 3\r\n\r\nab",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n3",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nDigest: x\r\n",
]


def after(data, pulls):
    parser = RequestParser()
    parser.feed(data)
    pulled = [parser.next() for _ in range(pulls)]
    return parser, [item for item in pulled if item is not None]


@pytest.mark.parametrize("data", PARTIAL)
def test_eof_raises_for_a_part_if_nothing_waits_else_next_does_after_it(data):
    told = []
    for pulls in range(5):
        parser, pulled = after(data, pulls)
        try:
            parser.eof()
        except RemoteProtocolError as error:
            told.append((len(pulled), error.code))
            continue
        events = list(pulled)
        with pytest.raises(RemoteProtocolError) as caught:
            for _ in range(5):
                events.append(parser.next())
        assert len(events) > len(pulled)  # something was to be pulled
        assert None not in events
        assert caught.value.code == "incomplete"
    assert told
    assert {code for _, code in told} == {"incomplete"}
    assert len({count for count, _ in told}) == 1  # only when all that waited was pulled


def test_eof_of_a_partial_head_raises_at_once():
    parser = RequestParser()
    parser.feed(b"GET / HT")
    with pytest.raises(RemoteProtocolError, match="at byte 8"):
        parser.eof()
    with pytest.raises(RemoteProtocolError):
        parser.next()


def test_eof_of_a_broken_head_that_nobody_pulled_raises_what_is_wrong_with_it():
    parser = RequestParser()
    parser.feed(b"GET / HTTP/1.1\r\nBad Line\r\n\r\n")
    with pytest.raises(RemoteProtocolError) as caught:
        parser.eof()
    assert caught.value.code != "incomplete"


@pytest.mark.parametrize("cut", [False, True])
def test_eof_loses_nothing_that_waits(cut):
    data = b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n"
    parser = RequestParser()
    for piece in [data[i : i + 1] for i in range(len(data))] if cut else [data]:
        parser.feed(piece)
    parser.eof()
    parser.eof()
    assert [parser.next().target, parser.next().target, parser.next()] == ["/1", "/2", None]


def test_eof_between_messages_and_of_a_body_that_ends_with_the_connection():
    parser = RequestParser()
    parser.eof()
    assert parser.next() is None
    parser = ResponseParser()
    parser.feed(b"HTTP/1.1 200 OK\r\n\r\nabc")
    assert not parser.next().complete
    parser.eof()
    assert parser.next() == Body(b"abc")
    assert parser.next() == End()


def test_expect_queues():
    parser = ResponseParser()
    for method in ("HEAD", "GET", "HEAD", "CONNECT"):
        parser.expect(method)
    parser.feed(
        b"HTTP/1.1 100 Continue\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"HTTP/1.1 200 OK\r\n\r\ntunnel"
    )
    assert [parser.next().body for _ in range(5)] == [b"", b"", b"abc", b"", b""]
    assert parser.next() is None
    assert parser.leftover() == b"tunnel"


def test_state():
    parser = RequestParser()
    assert parser.state == "IDLE"
    parser.feed(b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n")
    assert parser.state == "HEAD"
    assert parser.next() is None
    assert parser.state == "HEAD"
    parser.feed(b"\r\n")
    assert isinstance(parser.next(), Request)
    assert parser.state == "BODY"
    parser.feed(b"1\r\na\r\n0\r\n\r\n")
    assert parser.next() == Body(b"a")
    assert parser.state == "BODY"  # its End is still to come
    assert parser.next() == End()
    assert parser.state == "IDLE"
    parser.feed(b"GET / HTTP/1.0\r\n\r\n")
    parser.next()
    assert parser.state == "CLOSED"
    parser = RequestParser()
    parser.feed(b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\nx")
    parser.next()
    assert parser.state == "SWITCHED"
    parser.leftover()
    assert parser.state == "CLOSED"
    parser = RequestParser()
    parser.feed(b"\0")
    with pytest.raises(RemoteProtocolError):
        parser.next()
    assert parser.state == "BROKEN"


def chunked(data=b""):
    parser = RequestParser()
    parser.feed(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    assert isinstance(parser.next(), Request)
    parser.feed(data)
    return parser


def test_what_came_before_the_end_is_given_out_after_it():
    parser = chunked(b"2\r\nab\r\n")
    parser.eof()
    assert (parser.state, parser.buffered) == ("BODY", 2)
    assert parser.next() == Body(b"ab")
    with pytest.raises(RemoteProtocolError, match="closed in the middle"):
        parser.next()


def test_a_last_chunk_before_the_end_ends_the_body():
    parser = chunked(b"0\r\n\r\n")
    parser.eof()
    assert (parser.state, parser.next()) == ("BODY", End())
