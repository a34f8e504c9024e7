"""Headers, Request and Response as objects."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from types import MappingProxyType, SimpleNamespace

import pytest
from rule_table import get

from reactor._parse import parse_request, parse_response
from reactor.errors import LocalProtocolError, ProtocolError
from reactor.parser._headers import Headers
from reactor.parser._message import Request, Response
from reactor.parser._serialise import serialise_response

LONG = "x" * 2000
PAIRS = [("Host", "a"), ("X-One", "1"), ("x-one", "2"), ("Accept", "caf\xe9")]


@pytest.fixture(params=["made", "parsed"])
def headers(request) -> Headers:
    if request.param == "made":
        return Headers(PAIRS)
    return parse_request(get(*(f"{n}: {v}" for n, v in PAIRS[1:])).encode("latin-1")).headers


# --- headers ------------------------------------------------------------------------------------


def test_names_are_found_without_regard_to_case(headers):
    for name in ("X-One", "x-one", "X-ONE", b"x-oNe"):
        assert headers[name] == headers.get(name) == "1"
        assert headers.getall(name) == ["1", "2"]
        assert name in headers


@pytest.mark.parametrize(
    "name",
    [
        "X-On",
        "X-One:",
        "",
        b"",
        "x\ron\xe9",
        "x-on\u212a",
        b"x\rone",
        "X-Onf",
        "X@One",
        "\x48ost ",
        None,
        3,
    ],
)
def test_names_that_are_not_there(headers, name):
    assert name not in headers
    assert headers.get(name) is None
    assert headers.get(name, "default") == "default"
    assert headers.getall(name) == []
    with pytest.raises(KeyError):
        headers[name]


def test_letters_fold_and_nothing_else_does():
    headers = Headers({"a^_`z|~": "1", "b^_`z|~": "2"})
    assert headers.get("A^_`Z|~") == "1"
    assert headers.getall("a^_`z|~") == ["1"]
    for other in ("A\x7e_`Z|~", "a^\x7f`z|~", "a^_@z|~", "a^_`z\\~", "a^_`z|^", "!^_`z|~"):
        assert other not in headers


def test_order_is_kept(headers):
    assert list(headers) == headers.keys() == [name for name, _ in PAIRS]
    assert headers.values() == [value for _, value in PAIRS]
    assert headers.items() == PAIRS
    assert headers.raw == tuple((n.encode("latin-1"), v.encode("latin-1")) for n, v in PAIRS)
    assert len(headers) == 4
    assert repr(headers) == f"Headers({PAIRS!r})"


def test_equal_are_the_same_fields_in_the_same_order(headers):
    assert headers == Headers([(n.upper(), v) for n, v in PAIRS])
    assert hash(headers) == hash(Headers([(n.lower(), v) for n, v in PAIRS]))
    assert headers != Headers(PAIRS[::-1])
    assert headers != Headers([*PAIRS[:3], ("Accept", "CAF\xe9")])
    assert headers != dict(PAIRS)
    assert Headers() == Headers({})


def test_they_pickle(headers):
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(headers, protocol)).raw == headers.raw


def test_they_are_a_mapping_and_immutable(headers):
    assert isinstance(headers, Mapping)
    with pytest.raises(TypeError):
        headers["a"] = "b"
    headers.__init__([("other", "fields")])
    assert headers.items() == PAIRS


def test_what_they_are_made_of():
    same = Headers([("a", "b"), (b"c", b"d")])
    assert Headers({"a": "b", b"c": b"d"}) == Headers(iter(same.items())) == Headers(same) == same
    assert Headers(MappingProxyType(dict(same.items()))) == same
    assert Headers([["a", "b"], ("c", "d")]) == same
    many = [(f"a{number}", "b") for number in range(17)]
    assert Headers(dict(many)).items() == Headers(many).items() == many
    for _ in range(2):  # of the same objects again: too long to be remembered
        assert Headers([("a", LONG)])["a"] == LONG
    assert Headers([("a", " \t b \t")]).raw == ((b"a", b"b"),)
    assert Headers([("a", "  "), ("b", "")]).values() == ["", ""]
    assert Headers([("a", "b\t ")])["a"] == Headers([("a", "\tb")])["a"] == "b"


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("", "x", "field-name"),
        ("a b", "x", "field-name"),
        ("a:", "x", "field-name"),
        ("caf\xe9", "x", "field-name"),
        ("\u20ac", "x", "field-name"),
        (b"a\r\n", "x", "field-name"),
        ("a-name-that-is-longer-than-16\0", "x", "field-name"),
        ("a", "\u20ac", "field-value"),
        *(("a", f"b{byte}c", "field-value") for byte in "\r\n\0\x01\x0b\x1f\x7f"),
        ("a", "a value that is longer than sixteen bytes\n", "field-value"),
    ],
)
def test_what_they_refuse(name, value, code):
    with pytest.raises(LocalProtocolError) as caught:
        Headers([(name, value)])
    assert caught.value.code == code
    assert isinstance(caught.value, ProtocolError)


def test_fields_of_over_two_gigabytes():
    # The same megabyte again and again: offsets are 32 bits, memory is not needed.
    megabyte = b"x" * (1 << 20)
    with pytest.raises(LocalProtocolError, match="over 2 GiB"):
        Headers([("a", megabyte)] * 2048)


def test_wrong_types():
    for fields in ([("a", 1)], [(1, "a")], [("a", None)], [("a", bytearray(b"b"))]):
        with pytest.raises(TypeError):
            Headers(fields)
    with pytest.raises(TypeError):
        Headers(3)
    with pytest.raises(ValueError, match="unpack"):
        Headers([("a", "b", "c")])


def test_known_names_are_interned_in_the_spelling_they_came_in():
    first = parse_request(get("user-agent: x", "User-Agent: y", "uSER-aGENT: z").encode()).headers
    other = Headers({"User-Agent": "y", "user-agent": "x", "uSER-aGENT": "z"})
    assert first.keys()[1:] == ["user-agent", "User-Agent", "uSER-aGENT"]
    assert first.keys()[1] is other.keys()[1]
    assert first.keys()[2] is other.keys()[0]
    assert first.raw[2][0] is other.raw[0][0]


# --- requests -----------------------------------------------------------------------------------


def made_and_parsed(method: str, target: str, fields: dict, version: int = 11) -> tuple:
    made = Request(method, target, fields, version=version)
    lines = "".join(f"{n}: {v}\r\n" for n, v in fields.items())
    parsed = parse_request(f"{method} {target} HTTP/1.{version - 10}\r\n{lines}\r\n".encode())
    return made, parsed


@pytest.mark.parametrize(
    ("target", "host", "path", "query"),
    [
        ("/", "a", "/", ""),
        ("/x?y?z", "a", "/x", "y?z"),
        ("/?", "a", "/", ""),
        ("//x", "a", "//x", ""),
        ("/caf%C3%A9%20%2f", "a", "/caf\xe9 /", ""),
        ("/%", "a", "/%", ""),
        ("/%4", "a", "/%4", ""),
        ("/%zz%4g%g4%41", "a", "/%zz%4g%g4A", ""),
        ("/%.4%4.%@4%4@%41", "a", "/%.4%4.%@4%4@A", ""),  # bytes below each run of digits
        ("/%ff?%41", "a", "/\udcff", "%41"),
        ("/%00+", "a", "/\0+", ""),
        ("/%aF%Fa", "a", "/\udcaf\udcfa", ""),
        ("http://b", "b", "/", ""),
        ("HTTP://b:8/c%20d?e", "b:8", "/c d", "e"),
        ("https://b?c/d", "b", "/", "c/d"),
        ("http://b/http://c", "b", "/http://c", ""),
    ],
)
def test_targets(target, host, path, query):
    for request in made_and_parsed("GET", target, {"Host": "a"}):
        assert (request.host, request.path, request.query) == (host, path, query)
        assert request.target == target
    # Each is found by itself too, whatever was asked before it.
    for request in made_and_parsed("GET", target, {"Host": "a"}):
        assert request.query == query
    for request in made_and_parsed("GET", target, {"Host": "a"}):
        assert request.path == path


def test_other_forms_of_target():
    for request in made_and_parsed("CONNECT", "b:1", {"Host": "a"}):
        assert (request.host, request.path, request.query) == ("b:1", "", "")
        assert request.keep_alive is False
    for request in made_and_parsed("CONNECT", "b:1", {"Host": "a"}):
        assert request.path == ""
    for request in made_and_parsed("OPTIONS", "*", {"Host": "a"}):
        assert (request.host, request.path, request.query) == ("a", "*", "")


@pytest.mark.parametrize(
    ("fields", "facts"),
    [
        ({}, {"host": None, "content_length": None, "chunked": False, "expect": None}),
        ({"Content-Length": "007"}, {"content_length": 7, "chunked": False}),
        ({"Transfer-Encoding": "Chunked"}, {"content_length": None, "chunked": True}),
        ({"Connection": "close"}, {"keep_alive": False, "upgrade": None}),
        ({"Connection": "x,, \tKEEP-alive"}, {"keep_alive": True}),
        ({"Connection": "upgrade", "Upgrade": "a, b"}, {"upgrade": "a, b", "keep_alive": True}),
        ({"Upgrade": "a"}, {"upgrade": None}),
        ({"Connection": "upgrade"}, {"upgrade": None}),
        ({"Expect": "100-Continue"}, {"expect": "100-Continue", "expect_continue": True}),
        ({"Expect": "x"}, {"expect": "x", "expect_continue": False}),
        ({"Upgrade": "a", "Connection": "upgrade", "upgrade": "b"}, {"upgrade": "a"}),
        (
            {"Expect": "100-continue", "expect": "x"},
            {"expect": "100-continue, x", "expect_continue": False},
        ),
        ({"Connection": "close\t , x"}, {"keep_alive": False}),
        # As long as a name that frames, and with its first letter.
        ({"Hose": "a b", "Connectors": "close"}, {"host": None, "keep_alive": True}),
        ({"Connection": "upgrade", "Upgrate": "x"}, {"upgrade": None}),
        ({"Expert": "100-continue"}, {"expect": None, "expect_continue": False}),
        (
            {"Content-Weight": "x", "Transfer-Encodinh": "chunked"},
            {"content_length": None, "chunked": False},
        ),
    ],
)
def test_facts(fields, facts):
    requests = [Request("POST", "/", fields)]
    if "Host" not in fields:
        requests += made_and_parsed("POST", "/", {"Host": "a", **fields})[1:]
        facts = {**facts, "host": "a"} if facts.get("host", "") is not None else facts
    for request, host in zip(requests, (None, "a"), strict=True):
        assert request.host == host
        for name, value in facts.items():
            assert name == "host" or getattr(request, name) == value, name


def test_facts_of_http_1_0():
    for fields, keep_alive in (
        ({}, False),
        ({"Connection": "keep-alive"}, True),
        ({"Connection": "keep-alive, close"}, False),
    ):
        for request in made_and_parsed("GET", "/", fields, version=10):
            assert (request.version, request.keep_alive) == (10, keep_alive)
    fields = {"Connection": "upgrade", "Upgrade": "x", "Expect": "100-continue"}
    for request in made_and_parsed("GET", "/", fields, version=10):
        assert (request.upgrade, request.expect_continue) == (None, False)
        assert request.expect == "100-continue"


def test_methods_are_interned():
    for method in ("GET", "POST", "QUERY"):
        for request in made_and_parsed(method, "/", {"Host": "a"}):
            assert request.method is method
    assert parse_request(get().replace("GET", "GOT").encode()).method == "GOT"


def test_client_is_settable_and_nothing_else():
    request = parse_request(get().encode())
    assert request.client is None
    request.client = ("127.0.0.1", 5)
    assert request.client == ("127.0.0.1", 5)
    for name in ("method", "target", "body", "headers", "complete"):
        with pytest.raises(AttributeError):
            setattr(request, name, None)
    assert repr(request) == "<Request GET / HTTP/1.1>"


def test_a_collected_body():
    request = parse_request(get("Content-Length: 2", "A: b").replace("GET /", "PUT /x?y").encode())
    request.client = "me"
    whole = request.with_body(b"hi")
    assert (whole.complete, whole.body, request.complete, request.body) == (True, b"hi", False, b"")
    for name in ("method", "target", "headers", "client", "path", "host", "end", "content_length"):
        assert getattr(whole, name) == getattr(request, name)
    response = Response(201, {"A": "b"}, reason="R").with_body(b"hi")
    assert (response.status, response.reason, response.body) == (201, "R", b"hi")
    assert response.headers == Headers({"a": "b"})
    for message in (request, response):
        with pytest.raises(TypeError):
            message.with_body(None)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("", "/"), "method"),
        (("G T", "/"), "method"),
        (("GET", ""), "target"),
        (("GET", "/ "), "target"),
        (("GET", "/\xe9"), "target"),
        (("GET", "/#"), "target"),
        (("GET", "/\r"), "target"),
        (("GET", "x"), "target-form"),
        (("CONNECT", "/"), "target-form"),
        (("GET", "/", (), b"", 20), "version"),
        (("\u20ac", "/"), "method"),
        (("GET", "/", {"Host": "a b"}), "local"),
        (("GET", "/", {"Host": "a%4", "A": ":"}), "local"),  # no escape ends in the next field
        (("GET", "/", {"Content-Length": "x"}), "local"),
        (("CONNECT", "a:1", {"Content-Length": "1"}), "local"),
        (("GET", "/", [("Content-Length", "1"), ("Transfer-Encoding", "chunked")]), "local"),
        (("GET", "/", [("Host", "a"), ("Host", "a")]), "local"),
    ],
)
def test_requests_that_no_peer_may_be_sent(arguments, code):
    with pytest.raises(LocalProtocolError) as caught:
        Request(*arguments)
    assert caught.value.code == code


# --- responses ----------------------------------------------------------------------------------


def test_a_response():
    response = Response()
    assert (response.status, response.reason, response.body) == (200, "OK", b"")
    assert (response.version, response.complete, response.keep_alive) == (11, True, True)
    assert response.headers == Headers()
    assert repr(Response(404)) == "<Response 404 Not Found>"
    assert Response(599).reason == "Unknown"
    assert Response(200, reason=b"caf\xe9").reason == "caf\xe9"
    assert Response(200, reason="caf\xe9").reason == "caf\xe9"
    parsed = parse_response(b"HTTP/1.1 200 caf\xe9\r\n\r\n")
    assert parsed.reason == "caf\xe9"


def test_headers_are_shared_not_copied():
    headers = Headers({"a": "b"})
    assert Response(200, headers).headers is headers


def test_bodies():
    file = io.BytesIO(b"x")
    parts = iter([b"a"])
    for body, content in (
        ("caf\xe9", b"caf\xc3\xa9"),
        (bytearray(b"x"), b"x"),
        (memoryview(b"x"), b"x"),
        (None, b""),
        (file, file),
        (parts, parts),
    ):
        assert Response(200, (), body).body == content
    for body in (
        SimpleNamespace(read=file.read, fileno=lambda: 3),
        SimpleNamespace(read=file.read),  # whatever can be read is streamed
    ):
        assert Response(200, (), body).body is body
    for body in (3, SimpleNamespace(fileno=lambda: 3)):
        with pytest.raises(TypeError, match="a body is"):
            Response(200, (), body)
    assert Request("POST", "/", (), "x").body == b"x"


@pytest.mark.parametrize("fields", [["ab"], (b"ab",), {"ab"}])
def test_a_name_of_two_letters_is_no_pair(fields):
    with pytest.raises(TypeError, match="a field is a pair of name and value"):
        Headers(fields)


@pytest.mark.parametrize("status", [99, 1000, -1])
def test_statuses_that_are_none(status):
    with pytest.raises(LocalProtocolError):
        Response(status)


@pytest.mark.parametrize("make", [Response, serialise_response])
@pytest.mark.parametrize("status", ["200", None, 200.0, b"200"])
def test_a_status_is_an_int(make, status):
    with pytest.raises(TypeError, match=f"a status is an int, not {type(status).__name__}"):
        make(status)


@pytest.mark.parametrize(
    ("fields", "reason"), [((), "a\r\nb"), ({"a": "b\n"}, None), ({"Content-Length": "-1"}, None)]
)
def test_responses_that_no_peer_may_be_sent(fields, reason):
    with pytest.raises(LocalProtocolError):
        Response(200, fields, reason=reason)


def test_host_means_nothing_in_a_response():
    assert Response(200, [("Host", "a b"), ("Host", "")]).status == 200
    assert [Response(s).status for s in (100, 999)] == [100, 999]


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 40])
@pytest.mark.parametrize("kind", [dict, list, tuple, iter])
def test_as_many_fields_as_are_remembered_one_less_and_one_more(count, kind):
    """16 were once read by way of the place behind an array's end (seen by UBSan)."""
    pairs = [(f"x-{number}", str(number)) for number in range(count)]
    for _ in range(2):  # the second time it is found again
        assert Headers(kind(pairs)).items() == pairs
        assert Response(200, kind(pairs)).headers.items() == pairs


TOO_LONG_FOR_A_STEP = 40  # bytes are looked at one, eight and sixteen at a time


@pytest.mark.parametrize("size", range(1, TOO_LONG_FOR_A_STEP))
def test_a_bad_byte_is_found_wherever_it_is(size):
    for at in range(size):
        before, after = "a" * at, "a" * (size - at - 1)
        for bad in "\0\n\r\x1f\x7f":
            with pytest.raises(LocalProtocolError):
                Headers({"X": f"{before}{bad}{after}"})
        for bad in "\0\n :@[{\x7f\xe9":
            with pytest.raises(LocalProtocolError):
                Headers({f"{before}{bad}{after}": "1"})
        for good in "!`-09AZaz~":
            assert f"{before}{good}{after}" in Headers({f"{before}{good}{after}": "1"})


@pytest.mark.parametrize("size", range(TOO_LONG_FOR_A_STEP))
def test_text_that_is_not_ascii_comes_as_it_was_written(size):
    values = [
        "a" * at + letter + "a" * (size - at - 1) for at in range(size) for letter in "\x80\xe9\xff"
    ]
    for value in [*values, "\x80" * size][: len(values) + bool(size)]:
        made = Headers({"X": value})
        received = parse_request(
            b"GET / HTTP/1.1\r\nHost: h\r\nX: %b\r\n\r\n" % value.encode("latin-1")
        )
        assert made["x"] == received.headers["x"] == value
        # Equal, and yet another one to whoever asks CPython what it holds.
        assert not made["x"].isascii()
    plain = "a" * size
    assert Headers({"X": plain})["x"] == plain


def test_a_set_of_fields_that_recurs_is_found_whatever_came_between():
    pairs = [("X-Set", "always"), ("X-More", "the same")]
    for number in range(1000):
        value = f"{number} of its own"
        assert Response(200, [("X-Set", "always"), ("X-Id", value)]).headers["x-id"] == value
    # It takes its place from a set that was there only once.
    found = [Response(200, pairs).headers for _ in range(40)]
    assert found[-1] is found[-2]


def test_a_set_too_large_to_be_remembered_is_made_each_time():
    pairs = [("X-Set", LONG)]
    found = [Response(200, pairs).headers for _ in range(40)]
    assert len({id(headers) for headers in found}) == len(found)
    assert found[-1] == found[0]


def test_a_body_may_be_asynchronous():
    class Pieces:
        def __aiter__(self):
            return self

    pieces = Pieces()
    assert Response(200, {}, pieces).body is pieces


def test_without_memory_for_many_fields_it_says_so():
    memory = pytest.importorskip("_testcapi")
    pairs = [(f"X-{number}", "1") for number in range(40)]
    failures = 0
    for number in range(50):
        made = None
        memory.set_nomemory(number, number + 1)
        try:
            made = Headers(pairs)
        except MemoryError:
            failures += 1
        finally:
            memory.remove_mem_hooks()
        assert made is None or made.items() == pairs
    assert failures >= 3
