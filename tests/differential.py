"""The parser against an oracle, on one random connection at a time.

Two oracles: ``oracle_abnf`` must agree in both directions, on every message and on whether the rest
is an error; h11 is more lenient, so that only what our parser accepts is compared, apart from the
``H11_EXCEPTIONS``. Each function returns ``None`` or a sentence that names the difference.
"""

from __future__ import annotations

import re
from dataclasses import replace
from random import Random

import h11
from case_files import Case, Message
from message_grammar import connection, pieces
from oracle_abnf import judge_request, judge_response
from oracle_lenient import judge_lenient
from parser_cases import Outcome, Run, run

from reactor.limits import DEFAULT_LIMITS

METHODS = ("GET", "GET", "GET", "HEAD", "CONNECT")
# What makes a viable beginning of a message whole. If none does, nothing can.
ENDINGS = {
    "request": [
        form[start:] + end
        for form in (
            b"X / HTTP/1.0\r\n",
            b"X http://[::1]:1/ HTTP/1.0\r\n",
            b"CONNECT a:1 HTTP/1.0\r\n",
            b"OPTIONS * HTTP/1.0\r\n",
            b"X h://[::1.1.1.1]/ HTTP/1.0\r\n",
            b"X:\r\n",
            b"Host: a\r\n",
            b'0;a=""\r\n',
            b'0;a="\\a"\r\n',
            b'"\r\n',
            b"",
        )
        for start in range(len(form) + 1)
        for end in (
            b"\r\n",
            b"X:\r\n\r\n",
            b"Host: a\r\n\r\n",
            b"\n",
            b"0\r\n\r\n",
            b"\r\n0\r\n\r\n",
        )
    ],
    "response": [
        form[start:] + end
        for form in (b"HTTP/1.0 200 OK\r\n", b"X:\r\n", b'0;a=""\r\n', b'"\r\n', b"")
        for start in range(len(form) + 1)
        for end in (b"\r\n", b"X:\r\n\r\n", b"\n", b"0\r\n\r\n", b"\r\n0\r\n\r\n")
    ],
}


def random_case(rng: Random, kind: str) -> Case:
    """``kind``: request, response, or lenient for a response to a lenient client."""
    if kind == "request":
        return Case("random", kind, connection(rng, kind), "")
    methods = tuple(rng.choice(METHODS) for _ in range(3))
    data = connection(rng, kind)
    eof = rng.randrange(2) == 0
    return Case("random", "response", data, "", methods=methods, eof=eof, lenient=kind == "lenient")


def judge(case: Case, data: bytes):
    if case.kind == "request":
        return judge_request(data, DEFAULT_LIMITS)
    methods = tuple(method.encode() for method in case.methods)
    judge_one = judge_lenient if case.lenient else judge_response
    return judge_one(data, DEFAULT_LIMITS, methods, case.eof)


def texts(message) -> Message:
    """An oracle's message in the parser's types."""
    first, second = (
        part.decode("latin-1") if isinstance(part, bytes) else part for part in message.start_line
    )
    return Message(
        (first, second), message.version, message.headers, message.body, message.trailers
    )


def can_go_on(case: Case, begun: int) -> bool:
    """Whether some ending gives one more message than the ``begun`` whole ones."""
    return any(
        len(judge(case, case.data + ending).messages) > begun for ending in ENDINGS[case.kind]
    )


def against_abnf(rng: Random, kind: str) -> str | None:
    case = random_case(rng, kind)
    whole = run(case, [case.data])
    cut = pieces(rng, case.data)
    if run(case, cut) != whole:
        return f"cut {cut!r}: {run(case, cut)} != {whole}"
    return compare_abnf(case, whole)


def compare_abnf(case: Case, outcome: Outcome) -> str | None:
    verdict = judge(case, case.data)
    said = f"\n  input  {case.data!r} {case.methods}\n  parser {outcome}\n  oracle {verdict}"
    if outcome.messages != tuple(map(texts, verdict.messages)):
        return "the messages differ" + said
    if verdict.state == "reject":
        if outcome.error is None:
            return "the oracle rejects" + said
        if case.kind == "request" and outcome.error[0] not in verdict.statuses:
            return "the status differs" + said
    elif outcome.error is not None:
        # The end of the input in a message is an error, and so is what nothing can complete.
        if case.eof or (
            verdict.state == "incomplete" and not can_go_on(case, len(verdict.messages))
        ):
            return None
        return "the parser rejects" + said
    return None


# --- h11 --------------------------------------------------------------------------------------
# What our parser accepts and h11 does not, or reads otherwise: at most ten, each with its reason.
H11_EXCEPTIONS = [
    (
        "leading empty lines",
        re.compile(rb"\A\r\n"),
        "RFC 9112 2.2 asks a server to ignore at least one; h11 refuses all",
    ),
    (
        "long zeros",
        re.compile(rb"(?i)\ncontent-length:[ \t]*[0-9]{21}"),
        "h11 takes 20 digits of a Content-Length, we take 32: leading zeros are legal",
    ),
    (
        "coding of a response",
        re.compile(rb"(?is)\AHTTP/.*\ntransfer-encoding:(?![ \t]*chunked[ \t]*\r)"),
        "RFC 9112 6.3: such a response ends with the connection (or has no body); h11 refuses it",
    ),
]
# h11 gives the value of Transfer-Encoding in lower case, its only change to a value.
LOWERED = b"transfer-encoding"


def h11_message(case: Case, part: bytes, method: str) -> Message:
    """What h11 makes of one message; raises what h11 raises."""
    if case.kind == "request":
        conn = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    else:
        conn = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
        conn.send(
            h11.Request(
                method=method,
                target="a:1" if method == "CONNECT" else "/",
                headers=[("Host", "a"), ("Upgrade", "x"), ("Connection", "upgrade")],
            )
        )
        conn.send(h11.EndOfMessage())
    conn.receive_data(part)
    if case.eof:
        conn.receive_data(b"")
    head, body = None, []
    while True:
        event = conn.next_event()
        if isinstance(event, (h11.Request, h11.Response, h11.InformationalResponse)):
            head = event
            if isinstance(event, h11.InformationalResponse):
                return _message(case, head, b"", ())
        elif isinstance(event, h11.Data):
            body.append(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage):
            return _message(case, head, b"".join(body), event.headers)
        elif head is not None and event is h11.PAUSED:
            return _message(case, head, b"".join(body), ())
        else:
            raise h11.RemoteProtocolError(f"h11 says {event!r}")


def _message(case: Case, head, body: bytes, trailers) -> Message:
    if case.kind == "request":
        line = (head.method.decode(), head.target.decode("latin-1"))
    else:
        line = (head.status_code, head.reason.decode("latin-1"))
    version = 10 if head.http_version == b"1.0" else 11
    raw = tuple((bytes(name), bytes(value)) for name, value in head.headers.raw_items())
    return Message(
        line,
        version,
        raw,
        body,
        tuple(
            (bytes(name), bytes(value))
            for name, value in (trailers.raw_items() if trailers else ())
        ),
    )


def lowered(headers):
    return tuple(
        (name, value.lower() if name.lower() == LOWERED else value) for name, value in headers
    )


def against_h11(rng: Random, kind: str) -> str | None:
    case = random_case(rng, kind)
    it = Run(case)
    it.feed(case.data)
    outcome = it.finish()
    return compare_h11(case, outcome, it.ends)


def compare_h11(case: Case, outcome: Outcome, ends: list[int]) -> str | None:
    start, methods = 0, list(case.methods)
    for ours, end in zip(outcome.messages, ends, strict=True):
        part, start = case.data[start:end], end
        method = methods[0] if methods else "GET"
        if not (case.kind == "response" and ours.start_line[0] < 200):
            methods = methods[1:]
        if any(pattern.search(part) for _name, pattern, _why in H11_EXCEPTIONS):
            continue
        try:
            theirs = h11_message(case, part, method)
        except h11.RemoteProtocolError as error:
            return f"h11 rejects: {error}\n  input {part!r} of {case.data!r}\n  parser {ours}"
        if theirs != replace(ours, headers=lowered(ours.headers)):
            return f"h11 differs\n  input {part!r}\n  parser {ours}\n  h11    {theirs}"
    return None
