"""`Client`: redirects, and failures that are tried again."""

from __future__ import annotations

import pytest
import transfers
from transfers import HERE, hello, response

from reactor import Limits, parse_response
from reactor.client.request import pause_before

bench = transfers.bench


# --- redirects and retries -----------------------------------------------------------------------


def test_redirects_drop_secrets_at_another_origin(bench):
    other = bench.site(hello)
    site = bench.site(
        lambda request: response(
            status="302 Found", Location=f"{other.url}/end" if request.path == "/2" else "/2"
        )
    )
    secrets = [("Authorization", "Basic secret"), ("Cookie", "a=b"), ("X", "y")]
    result = bench.get(f"{site.url}/1", headers=secrets)
    assert result.body == b"hello"
    assert result.transfer.url == f"{other.url}/end"
    assert result.transfer.redirects == [f"{site.url}/1", f"{site.url}/2"]
    assert [r.headers.get("cookie") for r, _ in site.requests] == ["a=b", "a=b"]
    [(request, _)] = other.requests
    assert request.headers.get("authorization") is None
    assert request.headers.get("cookie") is None
    assert request.headers["x"] == "y"
    assert request.host == f"127.0.0.1:{other.port}"


@pytest.mark.parametrize(
    ("status", "method", "after", "body"),
    [
        (301, "POST", "GET", b""),
        (302, "POST", "GET", b""),
        (303, "PUT", "GET", b""),
        (307, "POST", "POST", b"data"),
        (308, "PUT", "PUT", b"data"),
    ],
)
def test_what_a_redirect_makes_of_the_method(bench, status, method, after, body):
    site = bench.site(
        lambda request: (
            hello(request)
            if request.path == "/2"
            else response(status=f"{status} Go", Location="2")
        )
    )
    assert bench.get(f"{site.url}/1", method, body=b"data").body == b"hello"
    request, sent = site.requests[1]
    assert (request.method, sent) == (after, body)


def test_redirects_have_an_end(bench):
    site = bench.site(lambda request: response(status="302 Found", Location="/again"))
    assert bench.get(site.url).error.exit_code == 47
    assert len(site.requests) == 11


def test_passing_failures_are_tried_again(bench):
    count = iter(range(100))
    site = bench.site(
        lambda request: (
            hello(request) if next(count) == 2 else response(status="503 Busy", Retry_After="0")
        )
    )
    assert bench.get(site.url).body == b"hello"
    assert len(site.requests) == 3


def test_a_server_that_asks_for_an_hour_is_not_waited_for(bench):
    site = bench.site(lambda request: response(status="503 Busy", Retry_After="3600"))
    assert bench.get(site.url).head.status == 503
    assert len(site.requests) == 1


@pytest.mark.parametrize(
    ("fields", "now", "pause"),
    [
        (["Retry-After: 7"], 0, 7),
        (["Retry-After: 61"], 0, None),
        ([f"Retry-After: {'9' * 400}"], 0, None),
        # By the server's own clock, whatever ours says.
        ([HERE, "Retry-After: Wed, 25 Nov 2026 08:00:30 GMT"], 0, 30),
        ([HERE, "Retry-After: Wed, 25 Nov 2026 09:00:00 GMT"], 0, None),
        ([HERE, "Retry-After: Wed, 25 Nov 2026 07:00:00 GMT"], 0, 0),
        (["Retry-After: Thursday, 01-Jan-70 00:00:30 GMT"], 10, 20),
        (["Retry-After: Thu Jan  1 00:00:30 1970"], 10, 20),
    ],
)
def test_how_long_a_server_asks_to_be_left_alone(fields, now, pause):
    told = parse_response("\r\n".join(["HTTP/1.1 503 X", *fields, "", ""]).encode())
    assert pause_before(1, told, Limits(), now) == pause


@pytest.mark.parametrize("value", ["", "-1", "1.5", "1e9", "soon", "\u0661", "Wed, 25 Nov"])
def test_a_retry_after_that_is_none_is_a_usual_pause(value):
    told = parse_response(f"HTTP/1.1 503 X\r\nRetry-After: {value}\r\n\r\n".encode())
    limits = Limits()
    assert limits.retry_pause_s / 2 <= pause_before(1, told, limits) <= limits.retry_pause_s


def test_max_time_bounds_everything(bench):
    site = bench.site(lambda request: b"")
    assert bench.get(site.url, max_time_s=0.05).error.exit_code == 28


# --- content codings -----------------------------------------------------------------------------


def test_a_pause_is_told_before_it_is_made_and_interim_responses_are_traced(bench):
    answers = [response(status="503 Later"), b"HTTP/1.1 103 Hints\r\n\r\n" + response(b"hello")]
    site = bench.site(lambda request: answers.pop(0))
    notes, heads = [], []
    client = bench.client(note=notes.append, trace=heads.append)
    assert bench.get(site.url, client=client).body == b"hello"
    assert notes == [f"{site.url}: the server answered 503; trying again in 0.0 s"]
    assert [head.status for head in heads if not isinstance(head, bytes)] == [503, 103, 200]
