"""`reactor.bench.answers`: what an independent reader calls a right answer."""

import pytest

from reactor.bench.answers import WrongAnswer, body_of, check

BODY = b"one two\r\n\r\nthree"
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n" + BODY
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKED = HEAD + b"b\r\none two\r\n\r\n\r\n5;of=3\r\nthree\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "answer",
    [PLAIN, CHUNKED, CHUNKED[:-2] + b"Trailer: x\r\n\r\n"],
    ids=["length", "chunks", "trailers"],
)
def test_an_answer_is_right_when_all_of_it_is_there(answer):
    assert [check(answer[:size], BODY) for size in range(len(answer))] == [False] * len(answer)
    assert [body_of(answer[:size]) for size in range(len(answer))] == [None] * len(answer)
    assert check(answer, BODY)
    assert body_of(answer) == BODY


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (PLAIN.replace(b"one", b"two"), "and not b'one"),
        (CHUNKED.replace(b"one", b"two"), "and not b'one"),
        (PLAIN.replace(b"16", b"17"), "17 bytes and not 16"),
        (PLAIN + b"x", "1 bytes more"),
        (PLAIN.replace(b"200 OK", b"500 Oops"), "status"),
        (PLAIN.replace(b"Content-Length: 16", b"A: b"), "neither or both"),
        (PLAIN.replace(b"\r\n", b"\r\nTransfer-Encoding: chunked\r\n", 1), "neither or both"),
        (HEAD + b"5\r\nthree!\r\n\r\n", "no chunk"),
        (HEAD + b"-5\r\nthree\r\n\r\n", "no chunk"),
        (CHUNKED + b"0\r\n\r\n", "no chunk"),
    ],
)
def test_what_is_wrong_is_said(answer, sentence):
    with pytest.raises(WrongAnswer, match=sentence):
        check(answer, BODY)
