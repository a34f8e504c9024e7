"""Other projects' cases: llhttp, picohttpparser, httparse, and the origin of our framing vectors.

The files are not ours and are not in the repository; without them these tests skip. Where a source
project judges otherwise than a strict server must, the judgement is in ``VERDICT_BY_TAG`` (the tags
are the corpus's own) or, case by case and with the rule that decides, in ``STRICTER``.
"""

from __future__ import annotations

import base64
import re
from dataclasses import replace

import pytest
from case_files import CORPUS, Case, corpus
from parser_cases import Run, byte_by_byte, cuts, run

from reactor._parse import parse_request, parse_response
from reactor.errors import RemoteProtocolError

SOURCES = ("framing", "llhttp", "picohttpparser", "httparse")
HEADS_ONLY = ("picohttpparser", "httparse")
ALL = [case for source in SOURCES for case in corpus(source)]

VERDICT_BY_TAG = {
    "truncated": "incomplete",
    "until-eof-body": "accept at eof",
    "protocol-switch-after-message": "first message",
    "first-message-accepted-then-error": "first message",
    "only-data-after-connection-close-is-refused": "accept",
    "token-method-not-in-llhttp-list": "accept",
    "leading-empty-lines": "accept",
    "bare-lf": "reject",
    "obs-fold": "reject",
    "obs-fold-or-leading-space": "reject",
    "te-with-cl": "reject",
    "empty-chunk-extension": "reject",
    "http09-or-no-version": "reject",
    "not-http-protocol": "reject",
    "http2-preface": "reject",
    "transfer-encoding-not-just-chunked": "reject",
    "non-ascii-in-target": "reject",
    "several-spaces-in-request-line": "reject",
    # The source's callback told its parser that there is no body: there is none of that here, so
    # that the second head is the beginning of the first message's body.
    "callback-said-no-body": "incomplete",
}

# (source:part of the name or a pattern of the input) -> verdict, rule.
STRICTER = [
    (rb"(?mi)^host:[ \t]*\r?$", "reject", "15: an http URI has a host, so Host is not empty"),
    (r"llhttp:request/method:135 M-SEARCH", "reject", "6: asterisk-form is for OPTIONS"),
    (r"llhttp:request/method:96 CONNECT with body", "reject", "38: content of CONNECT is refused"),
    (r"llhttp:request/uri:165 Fragment", "reject", "6: no fragment in a target"),
    (r"llhttp:request/uri:222 ", "reject", "6: userinfo (absolute-form-authority-validation)"),
    (r"llhttp:response/sample:(40 RTSP|60 ICE)", "reject", "7: another protocol"),
    (r"llhttp:response/sample:645 ", "reject", "7: HTTP/0.9 has no status line"),
    (r"llhttp:response/sample:291 ", "lenient", "RFC 9112 4: the SP before an absent reason"),
    (r"llhttp:response/sample:118 Google", "incomplete", "its Content-Length is larger"),
    (r"llhttp:response/content-length:168 ", "incomplete", "its Content-Length is larger"),
    (r"llhttp:response/transfer-encoding:284 ", "incomplete", "it ends before its last CRLF"),
    (r"httparse:.*urltest_174$", "reject", "6: none of the four target forms"),
    (r"httparse:.*urltest_23[12]$", "reject", "6: none of the four target forms"),
    (r"httparse:.*response_reason_missing_no_space", "lenient", "RFC 9112 4: the SP"),
    (
        r"httparse:.*test_response_(newlines|empty_lines_prefix_lf_only|no_cr)$",
        "lenient",
        "1: bare LF",
    ),
    (r"picohttpparser:test_response parse multiline", "reject", "10: obs-fold"),
    (r"picohttpparser:test_response accept missing trailing", "lenient", "RFC 9112 4: the SP"),
    (r"picohttpparser:test_response accept multiple spaces", "reject", "4: one SP"),
    (r"picohttpparser:test_response incomplete 11$", "reject", "1: bare LF"),
    (r"framing:(cl-short-body|ch-last-no-end)$", "incomplete", "not all of it is there"),
]


def ruling(case: Case) -> str:
    """What our parser must make of a case."""
    for pattern, verdict, _rule in STRICTER:
        subject = case.data if isinstance(pattern, bytes) else case.name
        if re.search(pattern, subject) and case.expect == "accept":
            return verdict
    verdicts = {VERDICT_BY_TAG[tag] for tag in case.raw["why"] if tag in VERDICT_BY_TAG}
    return "reject" if "reject" in verdicts else verdicts.pop() if verdicts else case.expect


def with_host(case: Case) -> Case:
    """A case made for a parser that does not look at Host; a server must (RFC 9112 3.2)."""
    if case.kind == "response" or ruling(case) == "reject" or HOST_LINE.search(case.data):
        return case
    data = re.sub(rb"(?m)^([^\r\n ]+ [^\r\n ]+ HTTP/1\.1\r\n)", rb"\1Host: a\r\n", case.data)
    return replace(case, data=data)


HOST_LINE = re.compile(rb"(?mi)^host:")


def ids(case: Case) -> str:
    return case.name.replace(" ", "_")


needs_corpus = pytest.mark.skipif(not ALL, reason=f"no corpus at {CORPUS} (set REACTOR_CORPUS)")
STREAMS = [with_host(case) for case in ALL if case.name.split(":")[0] not in HEADS_ONLY]
HEADS = [with_host(case) for case in ALL if case.name.split(":")[0] in HEADS_ONLY]
HOSTLESS = [
    case
    for case in ALL
    if case.raw["lacks_host"] and case.expect == "accept" and ruling(case) == "accept"
]


@needs_corpus
def test_the_corpus_is_the_one_that_we_know():
    assert len(ALL) == 223 + 214 + 63 + 300


@needs_corpus
@pytest.mark.parametrize("case", STREAMS, ids=ids)
def test_messages(case):
    verdict = ruling(case)
    if verdict in ("accept at eof", "lenient"):
        case = replace(case, eof=case.kind == "response", lenient=verdict == "lenient")
        verdict = "accept"
    it = Run(case)
    it.feed(case.data)
    unfinished = b"".join(it.parts)
    outcome = it.finish()
    if verdict == "reject":
        assert outcome.error is not None
    elif verdict == "incomplete":
        assert outcome == run(case, [])
    else:
        assert len(outcome.messages) >= max(1, case.raw["messages"] or 0)
        assert verdict == "first message" or outcome.error is None
        body = case.raw.get("body_base64")
        if body and not case.eof:
            said = b"".join(message.body for message in outcome.messages) + unfinished
            assert said == base64.b64decode(body)
    for cut in cuts(len(case.data)):
        assert run(case, [case.data[:cut], case.data[cut:]]) == outcome, f"cut at {cut}"
    assert run(case, byte_by_byte(case.data)) == outcome


@needs_corpus
@pytest.mark.parametrize("case", HEADS, ids=ids)
def test_heads(case):
    def parse(data: bytes):
        try:
            if case.kind == "request":
                return parse_request(data)
            return parse_response(data, lenient=verdict == "lenient")
        except RemoteProtocolError as error:
            return error

    verdict = ruling(case)
    result = parse(case.data)
    if verdict == "reject":
        assert isinstance(result, RemoteProtocolError)
    elif verdict == "incomplete":
        assert result is None
    else:
        assert result.end == len(case.data)
        # A head is there with its last byte, and no earlier piece of it is an error.
        assert all(parse(case.data[:cut]) is None for cut in range(len(case.data)))


@needs_corpus
@pytest.mark.parametrize("case", HOSTLESS, ids=ids)
def test_a_request_of_http_11_without_host_is_a_400(case):
    outcome = run(case, [case.data])
    assert outcome.messages == ()
    assert outcome.error[:1] == (400,)
