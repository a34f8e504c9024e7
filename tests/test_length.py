"""What length a body has: one rule for all that is written."""

from __future__ import annotations

import pytest

from reactor.errors import LocalProtocolError
from reactor.parser._length import has_content, said_length

NONE = UNKNOWN = -1


@pytest.mark.parametrize("status", [100, 103, 199, 204, 304])
def test_a_status_without_a_body(status):
    assert not has_content("GET", status)
    with pytest.raises(LocalProtocolError, match=f"a response with status {status} has no body"):
        said_length("GET", status, NONE, 1, False)


@pytest.mark.parametrize("status", [200, 203, 205, 206, 303, 305, 404, 999])
def test_a_status_with_one(status):
    assert has_content("GET", status)
    assert has_content(None, status)
    assert not has_content("HEAD", status)
    # RFC 9110 9.1: methods are compared with case.
    assert all(has_content(method, status) for method in ("head", "POST", "H\xc9AD", "HEADS"))


@pytest.mark.parametrize(
    ("method", "status", "declared", "size", "partly", "said"),
    [
        ("GET", 200, NONE, 0, False, 0),
        ("GET", 200, NONE, 5, False, 5),
        ("GET", 200, 5, 5, False, 5),
        ("GET", 200, 5, UNKNOWN, False, 5),
        ("GET", 200, NONE, UNKNOWN, False, NONE),
        (None, 400, NONE, 5, False, 5),
        # A file may be longer than what is said of it.
        ("GET", 200, 5, 9, True, 5),
        ("GET", 200, 9, 9, True, 9),
        # RFC 9110 8.6: HEAD has the length that GET would have, or none.
        ("HEAD", 200, NONE, 5, False, 5),
        ("HEAD", 200, NONE, 0, False, NONE),
        ("HEAD", 200, NONE, 0, True, NONE),
        ("HEAD", 200, NONE, 5, True, 5),
        ("HEAD", 200, 5, 0, False, 5),
        ("HEAD", 200, 5, UNKNOWN, False, 5),
        ("HEAD", 200, 5, 5, False, 5),
        ("HEAD", 200, 9, 5, True, 9),
        ("HEAD", 200, 0, 5, True, 0),
        ("HEAD", 200, NONE, 1, True, 1),
        ("GET", 200, 0, UNKNOWN, False, 0),
        ("GET", 200, 0, 0, False, 0),
        ("GET", 200, 0, 1, True, 0),
        ("GET", 304, 1234, 0, False, 1234),
        ("GET", 304, NONE, UNKNOWN, False, NONE),
        ("GET", 204, 1234, 0, False, NONE),
        ("GET", 204, NONE, UNKNOWN, False, NONE),
    ],
)
def test_what_is_said(method, status, declared, size, partly, said):
    assert said_length(method, status, declared, size, partly) == said


@pytest.mark.parametrize(
    ("method", "declared", "size", "partly"),
    [
        ("GET", 5, 4, False),
        ("GET", 5, 6, False),
        ("GET", 5, 0, False),
        ("GET", 5, 4, True),
        ("HEAD", 5, 4, False),
        ("HEAD", 5, 1, False),
        ("GET", 0, 5, False),
    ],
)
def test_what_contradicts_itself(method, declared, size, partly):
    with pytest.raises(
        LocalProtocolError, match=f"Content-Length is {declared} but the body has {size} bytes"
    ):
        said_length(method, 200, declared, size, partly)
