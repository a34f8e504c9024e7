"""Our own vectors: each rule of HTTP/1.1 framing with cases on both sides of it.

Every case is fed whole, byte by byte, at every two-way cut and with data after it, and the result
must be the same, down to the byte at which a message ends or an error is raised.
"""

from __future__ import annotations

from operator import attrgetter

from case_files import Case, own_vectors
from each_case import each_case
from parser_cases import Outcome, Run, byte_by_byte, cuts, run

from reactor._parse import parse_request, parse_response

CASES = own_vectors()
# An error stays. What shows that need not be the rest of an input that goes on for a million bytes.
ON_AFTER_AN_ERROR_BYTES = 1000
NEXT = {
    "request": b"GET /next HTTP/1.1\r\nHost: next\r\n\r\n",
    "response": b"HTTP/1.1 299 Next\r\nContent-Length: 0\r\n\r\n",
}


ACCEPTED = [case for case in CASES if case.expect == "accept"]
REJECTED = [case for case in CASES if case.expect == "reject"]
kind = attrgetter("kind")


def check(case: Case, outcome: Outcome) -> None:
    assert outcome.messages == case.messages
    if case.expect == "reject":
        assert outcome.error is not None
        assert outcome.error[0] in case.statuses
        assert case.code in (None, outcome.error[1])
        assert 0 <= outcome.error[2] <= len(case.data)
    else:
        assert outcome.error is None
    if case.leftover is not None:
        assert outcome.leftover == case.leftover


def test_there_are_enough_of_them_and_each_rule_has_both_sides():
    assert len(CASES) >= 400
    assert len({case.name for case in CASES}) == len(CASES)
    for rule in range(1, 45):
        sides = {case.expect == "reject" for case in CASES if case.rule == str(rule)}
        assert sides == {True, False}, f"rule {rule}"


@each_case(CASES, kind)
def test_whole(case):
    check(case, run(case, [case.data]))


@each_case(CASES, kind)
def test_byte_by_byte(case):
    it = Run(case)
    for at, piece in enumerate(byte_by_byte(case.data)):
        if it.error is not None and at > it.error[2] + ON_AFTER_AN_ERROR_BYTES:
            it.feed(case.data[at:])
            break
        it.feed(piece)
    ended_at = tuple(it.ends)
    outcome = it.finish()
    check(case, outcome)
    assert outcome == run(case, [case.data])
    # A message is there with its last byte: neither earlier nor later.
    assert ended_at == case.ends[: len(ended_at)]
    assert len(ended_at) == len(case.ends) or case.eof


@each_case(CASES, kind)
def test_at_every_two_way_cut(case):
    whole = run(case, [case.data])
    for cut in cuts(len(case.data)):
        assert run(case, [case.data[:cut], case.data[cut:]]) == whole, f"cut at {cut}"


@each_case(ACCEPTED, kind)
def test_with_trailing_data(case):
    if case.eof or case.leftover is not None:
        return  # the end of the input is a part of this case
    outcome = run(case, [case.data + NEXT[case.kind]])
    assert outcome.messages[: len(case.messages)] == case.messages
    assert outcome.error is None
    more = outcome.messages[len(case.messages) :]
    assert [message.start_line[1] for message in more] in (["/next"], ["Next"], [])
    if case.ends[-1] == len(case.data) and not more:
        # Nothing after it was read, so it must have said that it is the connection's last.
        assert says_close(case)


def says_close(case: Case) -> bool:
    last = case.messages[-1]
    options = b",".join(value for name, value in last.headers if name.lower() == b"connection")
    return b"close" in options.lower() or last.version == 10 or last.start_line[0] == "CONNECT"


@each_case(REJECTED, kind)
def test_nothing_is_read_after_an_error(case):
    outcome = run(case, [case.data + NEXT[case.kind] * 3])
    assert outcome.error is not None
    assert outcome.messages == case.messages


@each_case(CASES, kind)
def test_the_stateless_functions_say_the_same_of_the_head(case):
    if case.methods or not case.data:
        return  # heads alone know no request method, and an empty input has no head
    whole = run(case, [case.data])
    head = whole.messages[0] if whole.messages else None
    try:
        if case.kind == "request":
            parsed = parse_request(case.data)
        else:
            parsed = parse_response(case.data, lenient=case.lenient)
    except Exception as error:
        assert head is None
        assert (error.status, error.code, error.offset) == whole.error
        return
    if head is None:
        return
    line = (
        (parsed.method, parsed.target) if case.kind == "request" else (parsed.status, parsed.reason)
    )
    assert (line, parsed.version, parsed.headers.raw) == (
        head.start_line,
        head.version,
        head.headers,
    )
    blank_line = b"\n\r\n" if not case.lenient else b"\n"
    assert case.data[: parsed.end].endswith(blank_line)
