"""``reactor get``: what is asked, how answers are framed, and those that no server should give."""

from __future__ import annotations

import re

import fetching
import pytest
from fetching import OK, canned, files, free_port
from processes import run_reactor

import reactor
from reactor.errors import FetchError
from reactor.limits import Limits

get = fetching.get_once


# --- what is asked -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("", "/"),
        ("/", "/"),
        ("/a/b?x=1&y=%20", "/a/b?x=1&y=%20"),
        ("?q", "/?q"),
        ("/a#fragment", "/a"),
        ("/caf\u00e9 \u4e2d", "/caf%C3%A9%20%E4%B8%AD"),
        ("/%e4", "/%e4"),
        ("/a\r\nX: y", None),
        ("/\x1b", "/%1B"),
        ('/a"<>\\^`{|}', "/a%22%3C%3E%5C%5E%60%7B%7C%7D"),
    ],
)
def test_the_request(tmp_path, path, target):
    with canned(OK) as (url, asked):
        done = run_reactor("get", url + path, "-o", "x", cwd=tmp_path)
    if target is None:
        assert done.returncode in {0, 3}
        assert all(b"\nX:" not in request for request in asked)
        return
    assert done.returncode == 0, done
    line, *fields = asked[0].decode("ascii").split("\r\n")
    assert line == f"GET {target} HTTP/1.1"
    assert f"Host: {url.removeprefix('http://')}" in fields


# --- how the body is framed ----------------------------------------------------------------------

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        [OK],
        [OK[:-4], b"bo", b"dy"],
        [CHUNKED, b"1\r\nb\r\n3;x=y\r\nody\r\n", b"0\r\n\r\n"],
        [CHUNKED, b"4\r\nbody\r\n0\r\nX-Trailer: t\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\n\r\nbo", b"dy"],
        [b"HTTP/1.0 200 OK\r\n\r\nbody"],
        [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n", OK],
        [bytes([byte]) for byte in OK],
        [bytes([byte]) for byte in CHUNKED + b"4\r\nbody\r\n0\r\n\r\n"],
    ],
)
def test_every_framing(get, tmp_path, pieces):
    with canned(*pieces) as (url, _):
        done = get(f"{url}/page")
    assert re.match(r"HTTP/1\.[01] 200 OK\n", done.stdout)
    assert (tmp_path / "page").read_bytes() == b"body"


def test_it_ends_with_the_length_when_the_server_stays_connected(get, tmp_path):
    with canned(OK, then="wait") as (url, _):
        get(f"{url}/page")


@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [b"HTTP/1.1 200 OK\r\nContent-Le"],
        [OK[:-1]],
        [OK[:-4]],
        [CHUNKED],
        [CHUNKED, b"4\r\nbo"],
        [CHUNKED, b"4\r\nbody\r\n"],
        [CHUNKED, b"4\r\nbody\r\n0\r\n"],
        [b"HTTP/1.1 100 Continue\r\n\r\n"],
    ],
)
def test_an_early_end_leaves_no_file(get, tmp_path, pieces, then):
    (tmp_path / "page").write_text("what was there before")
    # curl's codes: nothing came, the connection was reset before the body, the body broke off.
    silent = 52 if then == "close" else 56
    in_head = not pieces or b"\r\n\r\n" not in pieces[0] or pieces[0].startswith(b"HTTP/1.1 1")
    code = silent if not pieces else 56 if in_head and then == "reset" else 18
    with canned(*pieces, then=then) as (url, _):
        get(f"{url}/page", code=code)
    assert files(tmp_path) == ["page"]
    assert (tmp_path / "page").read_text() == "what was there before"


def test_a_reset_is_no_end_of_a_body_that_ends_with_the_connection(get, tmp_path):
    with canned(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 10, then="reset") as (url, _):
        get(f"{url}/page", code=18)
    assert files(tmp_path) == []


# --- hostile answers -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pieces",
    [
        [b"220 smtp.example ESMTP\r\n"],
        [b"HTTP/2 200\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\nbody"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 1099511627776000000000\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nA: " + b"a" * 70_000 + b"\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 251 + b"\r\n"],
        [b"HTTP/1.1 200 OK\r\nA: \0\r\n\r\n"],
        [CHUNKED, b" 4\r\nbody\r\n0\r\n\r\n"],
        [CHUNKED, b"-4\r\nbody\r\n0\r\n\r\n"],
        [b"HTTP/1.1 100 Continue\r\n\r\n" * 9],
        [b"\0" * 100_000],
    ],
)
def test_no_valid_response(get, tmp_path, pieces):
    with canned(*pieces) as (url, _):
        get(f"{url}/page", code=8)
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "endless", [b"X-Field: y\r\n" * 100, b"HTTP/1.1 102 Processing\r\n\r\n" * 50, b"x" * 4096]
)
def test_an_endless_head_is_given_up(get, tmp_path, endless):
    start = b"" if endless.startswith(b"HTTP") else b"HTTP/1.1 200 OK\r\nX:"
    with canned(start, *[endless] * 1000, then="wait") as (url, _):
        get(f"{url}/page", code=8)
    assert files(tmp_path) == []


def test_what_the_server_says_drives_no_terminal(get, tmp_path):
    head = b"HTTP/1.1 200 \x9b31mO\xffK\r\nA: \xe9\x85\xc2\x9b\r\nContent-Length: 0\r\n\r\n"
    with canned(head) as (url, _):
        done = get(f"{url}/page")
    assert not set(done.stdout) & {
        chr(code) for code in (*range(10), *range(11, 32), *range(127, 160))
    }
    assert done.stdout.count("\n") == 4


def test_a_header_that_the_terminals_encoding_lacks(tmp_path):
    env = {"PYTHONIOENCODING": "ascii"}
    with canned(b"HTTP/1.1 200 OK\r\nA: \xe9\r\nContent-Length: 0\r\n\r\n") as (url, _):
        done = run_reactor("get", f"{url}/page", cwd=tmp_path, env=env)
    assert done.returncode == 0
    assert "A: \\xe9\n" in done.stdout


# --- status --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 404, 500, 999])
def test_an_error_status_leaves_no_file(get, tmp_path, status):
    answer = b"HTTP/1.1 %d Sorry\r\nContent-Length: 4\r\n\r\nbody" % status
    with canned(answer) as (url, _):
        done = get(f"{url}/page", code=22)
    assert done.stdout.startswith(f"HTTP/1.1 {status} Sorry\n")
    assert str(status) in done.stderr
    assert files(tmp_path) == []


def test_the_command_itself(tmp_path):
    with canned(OK) as (url, _):
        done = run_reactor("get", f"{url}/page", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "saved page (4 bytes)\n")
    assert done.stdout == "HTTP/1.1 200 OK\nContent-Length: 4\n\n"


def test_a_status_without_a_body_ends_with_its_head(get, tmp_path):
    with canned(b"HTTP/1.1 204 X\r\n\r\n", then="wait") as (url, _):
        get(f"{url}/page")
    with canned(b"HTTP/1.1 304 X\r\n\r\n", then="wait") as (url, _):
        get(f"{url}/other", code=22)
    with canned(b"HTTP/1.1 304 X\r\n\r\n", then="wait") as (url, _):
        get(f"{url}/other", "-H", 'If-None-Match: "x"')
    assert files(tmp_path) == ["page"]


@pytest.mark.parametrize("status", [300, 304, 305, 399])
def test_a_redirect_to_nowhere_is_no_file(get, tmp_path, status):
    answer = b"HTTP/1.1 %d X\r\nContent-Length: 4\r\n\r\nbody" % status
    with canned(answer) as (url, _):
        get(f"{url}/page", code=22)
    assert files(tmp_path) == []


# --- what cannot be fetched: one sentence, its own exit code -------------------------------------


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", 3),
        ("https://127.0.0.1:1/", 7),
        ("ftp://127.0.0.1/", 3),
        ("http:///path", 3),
        ("http://127.0.0.1:1\\@no-such-host.invalid/", 3),
        ("http://", 3),
        ("http://[::1/", 3),
        ("http://127.0.0.1:x/", 3),
        ("http://127.0.0.1:65536/", 3),
        ("http://127.0.0.1:-1/", 3),
        ("http://user:secret@127.0.0.1:1/", 7),
        ("http://caf\u00e9.invalid/", 6),
        ("http://127.0.0.1:1/\udcff", 7),
        ("http://no-such-host.invalid/", 6),
        ("http://a..b/", 6),
        ("http://" + "a" * 300 + "/", 3),
    ],
)
def test_what_is_no_url_that_can_be_fetched(get, tmp_path, url, code):
    done = get(url, code=code)
    assert files(tmp_path) == []
    assert "secret" not in done.stderr


def test_server_not_started(get, tmp_path):
    done = get(f"http://127.0.0.1:{free_port()}/", code=7)
    assert "is the server started?" in done.stderr


def test_no_url_or_two_for_one_file(get, tmp_path):
    get(code=2)
    get("http://a/", "http://b/", "-o", "file", code=2)


# --- from Python ---------------------------------------------------------------------------------


def test_get_from_python():
    with canned(b"HTTP/1.1 404 No\r\nA: b\r\nContent-Length: 4\r\n\r\nbody") as (url, _):
        response = reactor.get(url)
    assert (response.status, response.headers["a"], response.body) == (404, "b", b"body")


@pytest.mark.parametrize("pieces", [[], [b"HTTP/1.1 200 OK\r\n"], [OK[:-1]]])
def test_a_server_that_says_no_more_is_given_up(pieces):
    limits = Limits(response_timeout_s=0.05)
    with canned(*pieces, then="wait") as (url, _), pytest.raises(FetchError) as caught:
        reactor.get(url, limits)
    assert caught.value.exit_code == 28


def test_an_error_of_the_caller_is_the_callers():
    from reactor.client import fetch

    error = ConnectionResetError("mine")

    def on_body(data):
        raise error

    with canned(OK) as (url, _), pytest.raises(ConnectionResetError) as caught:
        fetch(url, lambda head: None, on_body)
    assert caught.value is error
