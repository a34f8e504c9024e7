"""join and split, and the stateless parser."""

from __future__ import annotations

import random
import re
import tracemalloc

import pytest
from each_case import each_case
from rule_table import RULES, get, input_of, post, rule_of
from rule_table_responses import RESPONSE_RULES

import reactor
from reactor._parse import join, parse_request, parse_response, split_head, split_message
from reactor.errors import RemoteProtocolError
from reactor.limits import Limits

HEAD_RULES = [rule for rule in RULES if "chunk" not in rule.text]
HEADS = [(rule, text) for rule in HEAD_RULES for text, _ in rule.takes]
REFUSED = [
    (rule, *refused)
    for rule in HEAD_RULES
    for refused in rule.refuses
    if "chunked\r\n\r\n" not in refused[0]
]

# --- the stateless parser -----------------------------------------------------------------------


def test_what_a_request_says():
    request = parse_request(get("A: 1", "a:  2 ").encode() + b"rest")
    assert (request.method, request.target, request.version) == ("GET", "/", 11)
    assert request.headers.raw == ((b"Host", b"a"), (b"A", b"1"), (b"a", b"2"))
    assert (request.complete, request.body, request.end) == (True, b"", len(get("A: 1", "a:  2 ")))
    assert request.headers is request.headers


@each_case(HEADS, rule_of, input_of)
def test_a_head_is_taken_as_soon_as_it_is_there_and_not_before(case):
    _, text = case
    data = text.encode("latin-1")
    request = parse_request(data)
    assert data[: request.end].endswith(b"\r\n\r\n")
    for size in range(request.end):
        assert parse_request(data[:size]) is None
    for buffer in (bytearray, memoryview):
        assert parse_request(buffer(data)).headers == request.headers
    assert request.complete == (request.end == len(data) and not request.chunked)


@each_case(REFUSED, rule_of, input_of)
def test_a_broken_head_is_refused_as_soon_as_that_is_sure(case):
    _, text, status, code = case
    data = text.replace("§", "").encode("latin-1")
    answers = []
    soon = min(len(data), text.index("§") + 400)
    for size in (*range(soon), len(data)):
        try:
            answers.append(parse_request(data[:size]))
        except RemoteProtocolError as error:
            answers.append((error.status, error.code, error.offset))
    refusals = [answer for answer in answers if answer is not None]
    assert set(refusals) == {(status, code, text.index("§"))}
    assert answers == [None] * (len(answers) - len(refusals)) + refusals


@pytest.mark.parametrize("rule", RESPONSE_RULES, ids=lambda rule: rule.text)
def test_heads_of_responses(rule):
    for text, _ in rule.takes:
        response = parse_response(text.encode("latin-1"), lenient=rule.lenient)
        assert 100 <= response.status <= 999
    for text, status, code in rule.refuses:
        if "§" in re.split("(?<=\r\n\r\n)|(?<=\n\n)", text)[0]:
            with pytest.raises(RemoteProtocolError) as caught:
                parse_response(text.replace("§", "").encode("latin-1"), lenient=rule.lenient)
            error = caught.value
            assert (error.status, error.code, error.offset) == (status, code, text.index("§"))


def test_a_length_that_chunks_override_is_none():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n"
    response = parse_response(head, lenient=True)
    assert (response.content_length, response.keep_alive) == (None, False)


def test_what_a_response_says():
    response = parse_response(b"HTTP/1.0 404 Not  Found \r\nA: b\r\n\r\n")
    assert (response.status, response.reason, response.version) == (404, "Not  Found ", 10)
    assert (response.headers["a"], response.keep_alive, response.complete) == ("b", False, False)


@pytest.mark.parametrize(
    ("head", "complete"),
    [
        (b"HTTP/1.1 199 X", True),
        (b"HTTP/1.1 200 X", False),
        (b"HTTP/1.1 204 X", True),
        (b"HTTP/1.1 205 X", False),
        (b"HTTP/1.1 304 X", True),
        (b"HTTP/1.1 303 X", False),
        (b"HTTP/1.1 200 X\r\nContent-Length: 0", True),
        (b"HTTP/1.1 200 X\r\nContent-Length: 1", False),
    ],
)
def test_which_responses_end_with_their_head(head, complete):
    assert parse_response(head + b"\r\n\r\n").complete is complete


def test_start_and_end_are_offsets_in_the_buffer():
    data = b"xx" + get().encode()
    assert parse_request(data, 2).end == len(data)
    assert parse_request(data, len(data)) is None
    assert parse_response(b"xHTTP/1.1 204 No\r\n\r\n", 1).end == 20
    with pytest.raises(RemoteProtocolError) as caught:
        parse_request(b"xxGET\0", start=2)
    assert caught.value.offset == 3
    for start in (-1, len(data) + 1):
        with pytest.raises(ValueError, match="outside"):
            parse_request(data, start)


def test_limits_and_types():
    small = Limits(field_count_max=1)
    assert parse_request(get().encode(), limits=small).headers["host"] == "a"
    with pytest.raises(RemoteProtocolError) as caught:
        parse_request(get("A: b").encode(), 0, small)
    assert (caught.value.status, caught.value.code) == (431, "field-count")
    for wrong in ("text", None, 3):
        with pytest.raises(TypeError):
            parse_request(wrong)


def test_more_fields_than_fit_on_the_stack():
    fields = [f"X-{number}: {number}" for number in range(99)]
    request = parse_request(get(*fields).encode())
    assert request.headers.values()[1:] == [str(number) for number in range(99)]
    with pytest.raises(RemoteProtocolError):
        parse_request(get(*fields, "X@").encode())


@pytest.mark.parametrize(("first", "code"), [("x", "content-length"), ("1", "content-length-size")])
def test_a_length_of_many_characters_is_judged_by_the_first(first, code):
    with pytest.raises(RemoteProtocolError) as raised:
        parse_request(get(f"Content-Length: {first}{'x' * 40}").encode())
    assert raised.value.code == code


def test_without_memory_it_says_so():
    memory = pytest.importorskip("_testcapi")
    data = get(*(f"X-{number}: {number}" for number in range(150)))
    data, limits = data.encode(), Limits(field_count_max=200)
    parse_request(data, limits=limits)
    failures = 0
    for number in range(8):
        count = None
        memory.set_nomemory(number, number + 1)
        try:
            count = parse_request(data, 0, limits)
        except MemoryError:
            failures += 1
        finally:
            memory.remove_mem_hooks()
        assert count is None or len(count.headers) == 151
    assert failures >= 3


def test_memory_for_many_fields_is_given_back():
    data = get(*(f"X-{number}: {number}" for number in range(99))).encode()
    parse_request(data)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(100):
            assert parse_request(data).headers["x-98"] == "98"
        kept = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert kept < 100 * 16


ALL_BYTES = [bytes([byte]) for byte in range(256)]
TARGET = frozenset(range(0x21, 0x7F)) - {0x23}  # RFC 9112 3.2: no fragment
TCHAR = frozenset(b"!#$%&'*+-.^_`|~") | {n for n in range(128) if chr(n).isalnum()}
VALUE = frozenset(range(0x20, 0x100)) - {0x7F} | {0x09}


@pytest.mark.parametrize(
    ("around", "taken"),
    [
        (b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n", TARGET),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX%sY: a\r\n\r\n", TCHAR),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: a%sb\r\n\r\n", VALUE),
    ],
    ids=["target", "name", "value"],
)
def test_each_byte_in_short_and_in_long_text(around, taken):
    # Sixteen bytes go at a time: each byte stands in one, and in what is left over.
    for before, after in ((b"", b""), (b"a" * 19, b"b" * 19), (b"a" * 16, b"b" * 3)):
        for byte in ALL_BYTES:
            text = before + byte + after
            try:
                request = parse_request(around % text)
            except RemoteProtocolError:
                assert ord(byte) not in taken
                continue
            parts = {request.target, *request.headers, *request.headers.values()}
            whole = text.decode("latin-1")
            found = not parts.isdisjoint((f"/{whole}", f"X{whole}Y", f"a{whole}b"))
            assert found == (ord(byte) in taken), byte  # a colon ends a name


def test_the_package_shows_them():
    assert reactor.parse_request is parse_request
    assert reactor.split_message is split_message


# --- join and split -----------------------------------------------------------------------------


def test_join():
    assert join([b"a", bytearray(b"b"), memoryview(b"c")]) == b"abc"
    assert join(iter([])) == b""


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (b"", None),
        (b"\r\n\r", None),
        (b"\r\n\r\n", (b"", b"")),
        (b"a\r\n\r\nb\r\n\r\nc", (b"a", b"b\r\n\r\nc")),
        (b"\n\r\n\r\n", (b"\n", b"")),
        (b"\r\r\n\r\n", (b"\r", b"")),
        (b"a\r\n\n\r\n", None),
        (b"\r\n\r\r\n\r\n", (b"\r\n\r", b"")),
        (b"abc\n\n\n\n\r\n\r\nx", (b"abc\n\n\n\n", b"x")),
    ],
)
def test_split(data, parts):
    assert split_head(data) == parts
    assert split_head(bytearray(data)) == parts
    for cut in range(len(data) + 1):
        assert split_message([data[:cut], data[cut:]]) == parts
    assert split_message(data[i : i + 1] for i in range(len(data))) == parts


def test_split_is_what_join_and_split_of_bytes_say():
    chance = random.Random(20261123)
    for _ in range(3000):
        data = bytes(chance.choices(b"\r\n\r\na", k=chance.randrange(16)))
        cuts = sorted(chance.choices(range(len(data) + 1), k=chance.randrange(6)))
        chunks = [
            chance.choice((bytes, bytearray, memoryview))(data[a:b])
            for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)
        ]
        head, blank_line, body = data.partition(b"\r\n\r\n")
        assert split_message(chunks) == ((head, body) if blank_line else None)


def test_split_of_what_is_no_message():
    assert split_message(()) is None
    with pytest.raises(TypeError):
        split_message(["text"])
    with pytest.raises(TypeError):
        split_message(3)
    with pytest.raises(BufferError):
        split_message([b"a", memoryview(b"abcd")[::2]])


def test_chunks_are_left_alone():
    chunks = [bytearray(b"a\r\n\r"), b"\nb"]
    assert split_message(chunks) == (b"a", b"b")
    chunks[0].append(0)
    assert chunks == [bytearray(b"a\r\n\r\0"), b"\nb"]


def test_a_body_may_wait_for_more():
    request = parse_request(post("Content-Length: 3", body="abc").encode())
    assert (request.complete, request.body, request.content_length) == (False, b"", 3)
