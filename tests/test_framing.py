"""RequestParser and ResponseParser: each rule from both sides, fed in every way; and manners."""

from __future__ import annotations

import re
import tracemalloc
from functools import partial
from pathlib import Path

import pytest
from each_case import each_case
from feeding import Outcome, every_way, outcome, request_parser, response_parser
from rule_table import RULES, Rule, chunked, get, input_of, post, rule_of
from rule_table_bodies import BODY_RULES
from rule_table_responses import RESPONSE_RULES

from reactor.errors import RemoteProtocolError
from reactor.limits import Limits
from reactor.parser._framing import RequestParser, ResponseParser
from reactor.parser._headers import Headers
from reactor.parser._parts import Body, End
from reactor.parser._rules import RULES as RULES_AND_CODES

ALL = (*RULES, *BODY_RULES, *RESPONSE_RULES)
TAKEN = [(rule, text, count) for rule in ALL for text, count in rule.takes]
REFUSED = [(rule, *refused) for rule in ALL for refused in rule.refuses]


def maker(rule: Rule):
    return (lambda: response_parser(lenient=rule.lenient)) if rule.responses else request_parser


def feed_all(rule: Rule, data: bytes) -> Outcome:
    return every_way(maker(rule), data, rule.methods)


# --- every rule, from both sides ----------------------------------------------------------------


@each_case(TAKEN, rule_of, input_of)
def test_takes(case):
    rule, text, count = case
    result = feed_all(rule, text.encode("latin-1"))
    assert result.error is None
    assert len(result.messages) == count


@each_case(REFUSED, rule_of, input_of)
def test_refuses(case):
    rule, text, status, code = case
    data = text.replace("§", "", 1).encode("latin-1")
    assert feed_all(rule, data).error == (status, code, text.index("§") - starts_at(rule, data))


def starts_at(rule: Rule, data: bytes) -> int:
    """Where the message that is refused begins: errors count from there."""
    parser, left = maker(rule)(), data
    for method in rule.methods[:1]:
        parser.expect(method)
    parser.feed(left)
    start = 0
    while True:
        try:
            event = parser.next()
        except RemoteProtocolError:
            return start
        if event is not None and not isinstance(event, (Body, End)) and event.complete:
            start = len(data) - parser.buffered
        elif event is None:
            return start


@each_case(TAKEN, rule_of, input_of)
def test_trailing_data_changes_nothing(case):
    rule, text, _ = case
    data = text.encode("latin-1")
    alone = outcome(maker(rule)(), [data], rule.methods)
    more = outcome(maker(rule)(), [data + b"\r\n"], rule.methods)
    assert more.error is None
    until_close = rule.number == 48
    assert until_close or more.messages == alone.messages


def test_every_rule_has_both_sides():
    codes = {code for *_, code in REFUSED}
    assert codes == {code for _, code, _, source in RULES_AND_CODES if source} - {"incomplete"}
    assert {rule.number for rule in ALL} | {16, 36} == set(range(1, 50))
    assert all(rule.takes for rule in ALL)


def test_the_table_of_rules_is_in_the_order_of_its_enumeration():
    declared = (Path(__file__).parents[1] / "reactor" / "parser" / "_rules.pxd").read_text()
    names = re.findall(r"^    ([A-Z][A-Z0-9_]*)$", declared, re.MULTILINE)
    codes = [code.upper().replace("-", "_").replace(".", "") for _, code, _, _ in RULES_AND_CODES]
    assert names[:1] == ["NO_RULE"]
    assert names[1:] == codes[1:]


# --- what comes out -----------------------------------------------------------------------------


def pulled(parser) -> list:
    return list(iter(parser.next, None))


def test_a_whole_message_is_one_object():
    parser = RequestParser()
    parser.feed(post("Content-Length: 5", body="hello").encode())
    [request] = pulled(parser)
    assert (request.complete, request.body, request.content_length) == (True, b"hello", 5)
    assert request.end == len(post("Content-Length: 5"))
    parser.feed(chunked("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n").encode())
    [request] = pulled(parser)
    assert (request.complete, request.body, request.chunked) == (True, b"hello!", True)


def test_a_body_that_is_not_all_there_comes_in_parts():
    parser = RequestParser()
    parser.feed(post("Content-Length: 5", body="he").encode())
    head, part = pulled(parser)
    assert (head.complete, head.body, part.data) == (False, b"", b"he")
    parser.feed(b"llo" + get().encode())
    part, end, request = pulled(parser)
    assert (part.data, end.trailers.raw, request.method) == (b"llo", (), "GET")


def test_trailers_come_at_the_end_and_not_among_the_headers():
    parser = RequestParser()
    parser.feed(chunked("2\r\nhi\r\n0\r\nDigest: x\r\n\r\n").encode())
    head, part, end = pulled(parser)
    assert (head.complete, part.data, end.trailers) == (False, b"hi", Headers({"digest": "x"}))
    assert "digest" not in head.headers
    assert repr(part), repr(end) == ("<Body of 2 bytes>", "<End [('Digest', 'x')]>")


def test_data_before_a_broken_chunk_is_delivered():
    parser = RequestParser()
    parser.feed(chunked("2\r\nhi\r\nX").encode())
    assert not parser.next().complete
    assert parser.next().data == b"hi"
    with pytest.raises(RemoteProtocolError):
        parser.next()


def test_the_end_before_the_data_of_a_broken_body_was_pulled():
    parser = RequestParser()
    parser.feed(chunked("2\r\nhi\r\nX").encode())
    assert not parser.next().complete
    assert parser.buffered == 2  # what it holds for the next pull
    parser.eof()
    assert parser.next().data == b"hi"
    for ask in (parser.next, parser.eof):
        with pytest.raises(RemoteProtocolError, match="chunk size"):
            ask()


def test_the_end_after_the_rest_was_handed_over():
    parser = RequestParser()
    assert (parser.next(), parser.leftover()) == (None, b"")
    parser.eof()
    assert parser.next() is None


def test_it_stops_at_the_end_of_each_message():
    parser = RequestParser()
    parser.feed(get().encode() * 3)
    parser.next()
    assert parser.buffered == 2 * len(get())


def test_any_buffer_is_food():
    for buffer in (bytearray, memoryview):
        parser = RequestParser()
        parser.feed(buffer(get().encode()))
        assert parser.next().method == "GET"
    with pytest.raises(TypeError):
        RequestParser().feed("text")
    with pytest.raises(BufferError):
        RequestParser().feed(memoryview(get().encode())[::2])


def test_events_are_values_of_their_own():
    assert Body(b"x").data == b"x"
    assert End().trailers.raw == ()
    assert repr(End(Headers({"a": "b"}))) == "<End [('a', 'b')]>"
    with pytest.raises(AttributeError):
        Body(b"x").data = b"y"


# --- errors, and the end of the input -----------------------------------------------------------


def test_an_error_stays_the_same():
    parser = RequestParser()
    parser.feed(b"GET / HTTP/2.0")
    seen = set()
    for _ in range(3):
        with pytest.raises(RemoteProtocolError) as caught:
            parser.next()
        seen.add(caught.value.args)
        parser.feed(get().encode())
    with pytest.raises(RemoteProtocolError) as caught:
        parser.eof()
    assert seen == {caught.value.args}
    assert (parser.buffered, parser.leftover()) == (0, b"")
    with pytest.raises(RemoteProtocolError):
        parser.next()


@pytest.mark.parametrize(
    "data",
    [
        "G",
        "GET / HTTP/1.1\r\nHost: a\r\n",
        post("Content-Length: 2", body="x"),
        chunked("1"),
        chunked("1\r\nx"),
        chunked("0\r\n"),
        chunked("0\r\nA: b\r\n"),
    ],
)
def test_the_end_in_the_middle_of_a_message(data):
    result = every_way(request_parser, data.encode())
    assert result.error == (400, "incomplete", len(data))
    assert result.messages == ()


def test_the_end_before_the_messages_were_pulled():
    parser = RequestParser()
    parser.feed(get().encode() + b"GET")
    parser.eof()
    assert parser.next().complete
    for _ in range(2):
        with pytest.raises(RemoteProtocolError, match="closed in the middle"):
            parser.next()


@pytest.mark.parametrize("data", ["", "\r\n", "\r\n\r", get(), get() + "\r\n"])
def test_the_end_between_messages(data):
    assert every_way(request_parser, data.encode()).error is None


def test_food_after_the_end_is_a_mistake_of_the_caller():
    parser = RequestParser()
    parser.eof()
    parser.feed(b"")
    with pytest.raises(ValueError, match="after eof"):
        parser.feed(b"x")
    assert parser.next() is None


def test_the_close_ends_a_body_even_before_it_was_pulled():
    parser = ResponseParser()
    parser.feed(b"HTTP/1.1 200 OK\r\n\r\nhello")
    parser.eof()
    head, part, end = pulled(parser)
    assert (head.keep_alive, part.data, end.trailers.raw) == (False, b"hello", ())
    assert parser.next() is None


def test_what_follows_the_last_message_is_not_kept():
    parser = RequestParser()
    parser.feed(get("Connection: close").encode() + b"x" * 9000)
    assert parser.next() is not None
    parser.feed(b"y" * 9000)
    assert (parser.buffered, parser.next(), parser.leftover()) == (0, None, b"")
    parser.eof()


# --- other protocols ----------------------------------------------------------------------------


def test_an_accepted_upgrade_leaves_the_rest_to_its_owner():
    parser = RequestParser()
    parser.feed(get("Connection: upgrade", "Upgrade: ws").encode() + b"\x81\x05hello")
    assert parser.next().upgrade == "ws"
    assert parser.leftover() == b"\x81\x05hello"
    parser.feed(b"more")
    assert (parser.next(), parser.buffered) == (None, 0)


def test_after_connect_all_that_comes_is_the_tunnels():
    parser = RequestParser()
    parser.feed(b"CONNECT b:1 HTTP/1.1\r\nHost: b:1\r\n\r\n")
    request = parser.next()
    assert (request.target, request.host, request.keep_alive) == ("b:1", "b:1", False)
    parser.feed(get().encode())
    assert parser.next() is None
    parser.eof()
    assert parser.leftover() == get().encode()


@pytest.mark.parametrize(
    ("method", "head"),
    [
        ("GET", b"HTTP/1.1 101 Switching Protocols\r\nConnection: close\r\n\r\n"),
        ("CONNECT", b"HTTP/1.1 200 OK\r\n\r\n"),
        ("CONNECT", b"HTTP/1.1 299 OK\r\nContent-Length: 3\r\n\r\n"),
    ],
)
def test_a_response_that_switches(method, head):
    parser = ResponseParser()
    parser.expect(method)
    parser.feed(head + b"\0\1")
    assert parser.next().complete
    assert (parser.next(), parser.leftover()) == (None, b"\0\1")


def test_expect_holds_for_one_final_response():
    parser = ResponseParser()
    parser.expect("HEAD")
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
    parser.feed(b"HTTP/1.1 103 Early Hints\r\n\r\n" + head + head + b"hi")
    assert [(r.status, r.body) for r in pulled(parser)] == [(103, b""), (200, b""), (200, b"hi")]


# --- bounds of time and memory ------------------------------------------------------------------


def test_limits_are_the_callers():
    limits = Limits(
        request_line_bytes_max=40,
        field_bytes_max=20,
        fields_bytes_max=30,
        field_count_max=2,
        method_bytes_max=4,
        leading_empty_lines_max=0,
    )
    fed = {
        "\r\n": "empty-lines",
        "METHO": "method-size",
        "GET /" + "a" * 36: "request-line-size",
        "GET / HTTP/1.1\r\nHost: " + "a" * 13: None,
        "GET / HTTP/1.1\r\nHost: " + "a" * 14: "field-size",
        "GET / HTTP/1.1\r\nA: " + "a" * 14 + "\r\nB: " + "b" * 8: "fields-size",
        "GET / HTTP/1.1\r\nA:\r\nB:\r\nC": "field-count",
    }
    for text, code in fed.items():
        result = every_way(lambda: RequestParser(limits), text.encode())
        assert result.error[1] == (code or "incomplete")
    with pytest.raises(ValueError, match="below zero"):
        RequestParser(Limits(field_bytes_max=-1))
    # Two different limits, turn about: none is taken for the other.
    for _ in range(2):
        assert outcome(RequestParser(limits), [b"METHO"]).error[1] == "method-size"
        assert outcome(RequestParser(Limits()), [b"METHO"]).error[1] == "incomplete"


def test_the_overhead_of_chunks_is_judged_at_its_bound():
    def code(bound: int, body: str) -> str | None:
        limits = Limits(chunk_overhead_bytes_max=bound)
        error = outcome(RequestParser(limits), [chunked(body).encode()]).error
        return error and error[1]

    # The size line of the third chunk ends with the 13th byte that is no data.
    assert code(13, "1\r\nx\r\n" * 3 + "0\r\n\r\n") is None
    assert code(12, "1\r\nx\r\n" * 3 + "0\r\n\r\n") == "chunk-overhead"
    # Eight bytes of framing to two of data are four fifths, which is not too many.
    assert code(5, "2\r\nab\r\n1\r\nx\r\n0\r\n\r\n") is None
    assert code(5, "1\r\na\r\n1\r\nx\r\n0\r\n\r\n") == "chunk-overhead"


def test_a_line_may_be_over_before_its_last_part_begins():
    for size in range(4, 13):
        limits = Limits(request_line_bytes_max=size)
        assert every_way(partial(RequestParser, limits), get().encode()).error == (
            414,
            "request-line-size",
            size,
        )
    for size in range(10, 17):
        limits = Limits(request_line_bytes_max=size)
        assert every_way(partial(ResponseParser, limits), b"HTTP/1.1 200 OK\r\n\r\n").error == (
            431,
            "status-line-size",
            size,
        )


@pytest.mark.parametrize(
    "body",
    ["", post("Content-Length: 900", body="b" * 900), chunked("300\r\n" + "b" * 768 + "\r\n")],
)
def test_without_memory_a_parser_breaks_and_does_not_guess(body):
    # Every allocation fails in turn: it gives the right messages, or says so from then on.
    memory = pytest.importorskip("_testcapi")
    stream = get(*(f"X-{number}: {number}" for number in range(90))).encode() + body.encode()
    events = RequestParser()
    events.feed(stream)
    expected = [type(event) for event in pulled(events)]
    failures = 0
    for number in range(60):
        parser, got, count = RequestParser(), [None] * len(expected), 0
        memory.set_nomemory(number, number + 1)
        try:
            parser.feed(stream)
            while (event := parser.next()) is not None:
                got[count] = type(event)
                count += 1
        except MemoryError:
            got = None
        finally:
            memory.remove_mem_hooks()
        if got is None:
            failures += 1
            try:
                assert parser.next() is None and parser.buffered == 0  # it was never fed
            except MemoryError:
                assert parser.buffered == 0
        else:
            assert got == expected
    assert failures >= 4


def test_more_fields_than_memory_was_taken_for_at_first():
    fields = [f"X-{number}: {number}" for number in range(99)]
    [request] = every_way(request_parser, get(*fields).encode()).messages
    assert request.headers[1:] == tuple(tuple(f.encode().split(b": ")) for f in fields)


def test_memory_is_bounded_by_limits_and_one_read():
    read = b"x" * 65536
    parser = RequestParser()
    parser.feed(post(f"Content-Length: {1 << 40}").encode())
    parser.next()
    tracemalloc.start()
    for _ in range(64):
        parser.feed(read)
        assert parser.buffered == len(read)
        assert parser.next().data == read
        assert (parser.next(), parser.buffered) == (None, 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * len(read)


def test_the_buffer_moves_and_grows_without_losing_a_byte():
    stream = "".join(
        post(f"Content-Length: {n}", body="b" * n) for n in range(0, 5000, 37)
    ).encode()
    whole = outcome(RequestParser(), [stream])
    assert [len(message.body) for message in whole.messages] == list(range(0, 5000, 37))
    for size in (1, 7, 700, 1025, 4097):
        pieces = [stream[i : i + size] for i in range(0, len(stream), size)]
        assert outcome(RequestParser(), pieces) == whole
    # Fed ahead of the pulling, so that what is consumed lies before what is not.
    parser, at, bodies = RequestParser(), 0, []
    while at < len(stream) or parser.buffered:
        parser.feed(stream[at : at + 3000])
        at += 3000
        event = parser.next()
        while event is not None and parser.buffered > 1500:
            bodies.append(event)
            event = parser.next()
        bodies.append(event)
    assert sum(
        len(getattr(e, "data", None) or e.body)
        for e in bodies
        if isinstance(e, Body) or getattr(e, "complete", False)
    ) == sum(range(0, 5000, 37))
