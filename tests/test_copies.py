"""Messages and their parts as values: they compare, copy and pickle."""

import copy
import pickle

import pytest

import reactor
from reactor import Body, End, Headers, Request, RequestParser, Response, ResponseParser

COPIES = [
    copy.copy,
    copy.deepcopy,
    *(
        lambda value, protocol=protocol: pickle.loads(pickle.dumps(value, protocol))
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
    ),
]


def parsed(parser, data, method=None):
    if method:
        parser.expect(method)
    parser.feed(data)
    return parser.next()


VALUES = {
    "body": lambda: Body(b"abc"),
    "end": End,
    "trailers": lambda: End(Headers({"Digest": "x"})),
    "made request": lambda: Request("POST", "/a?b=%20", [("Host", "a"), ("X", "\xe9")], b"abc"),
    "1.0 request": lambda: Request("GET", "http://other.org/x", {"Host": "a"}, version=10),
    "parsed request": lambda: parsed(
        RequestParser(),
        b"PUT /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n",
    ),
    "connect": lambda: parsed(
        RequestParser(), b"CONNECT a.org:443 HTTP/1.1\r\nHost: a.org\r\n\r\n"
    ),
    "made response": lambda: Response(404, {"Content-Type": "text/plain"}, "no", "Not Here"),
    "1.0 response": lambda: parsed(ResponseParser(), b"HTTP/1.0 200 OK\r\n\r\nuntil the end"),
    "head": lambda: parsed(
        ResponseParser(), b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD"
    ),
    "upgrade": lambda: parsed(
        ResponseParser(),
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    ),
    "lenient": lambda: parsed(
        ResponseParser(lenient=True),
        b"HTTP/1.1 200\nContent-Length: 5\nContent-Length: 5\nFold: a\n b\n\n",
    ),
}


def facts(value):
    """All that can be read of it."""
    kind = type(value)
    # A stream is an object of the request's own, with a place in the body.
    names = [name for name in dir(kind) if not name.startswith("_") and name != "stream"]
    return {name: getattr(value, name) for name in names if not callable(getattr(kind, name, None))}


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("name", VALUES)
def test_a_copy_is_equal_and_says_the_same(name, copied):
    value = VALUES[name]()
    if isinstance(value, Request):
        value.client = ("192.0.2.7", 1234)
    twin = copied(value)
    assert twin is not value
    assert type(twin) is type(value)
    assert twin == value
    assert hash(twin) == hash(value)
    assert facts(twin) == facts(value)


def test_what_differs_is_not_equal():
    values = [make() for make in VALUES.values()]
    for one in values:
        assert one != object()
        assert [other for other in values if other == one] == [one]
    base = ("GET", "/", {"Host": "a"}, b"x")
    for other in (
        Request("PUT", *base[1:]),
        Request("GET", "/b", *base[2:]),
        Request("GET", "/", {"Host": "b"}, b"x"),
        Request("GET", "/", {"Host": "a"}, b"y"),
        Request(*base, version=10),
    ):
        assert other != Request(*base)
    assert Request(*base) == Request(b"GET", b"/", [(b"HOST", b"a")], "x")
    assert Response(200, (), b"", "OK") == Response(200)
    assert Response(200, (), b"", "Fine") != Response(200)
    assert Body(b"a") != Body(b"b")
    assert End(Headers({"a": "1"})) != End()


def test_a_response_whose_body_is_a_file_shares_it_when_copied(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"content")
    with path.open("rb") as file:
        assert copy.copy(Response(200, (), file)).body is file


def test_parts_are_public_and_match():
    assert reactor.Body is Body
    match Body(b"abc"), End(Headers({"a": "1"})):
        case Body(data), End(trailers):
            assert data == b"abc"
            assert trailers["a"] == "1"
        case _:
            pytest.fail("no match")
