"""The same site in Flask, Django, Falcon and Bottle, each served by both models."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import re
import socket

import pytest
from framework_sites import FILE, SITES, ask, big_file, connected, multipart
from processes import MODELS, eventually, serving

FRAMEWORKS = ("flask", "django", "falcon", "bottle")


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    return big_file(tmp_path_factory)


@pytest.fixture(scope="module", params=[(f, m) for f in FRAMEWORKS for m in MODELS], ids="-".join)
def site(request, big):
    framework, model = request.param
    if importlib.util.find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed")
    with serving(
        f"{framework}_site:app",
        "--model",
        model,
        cwd=SITES,
        env={"SITE_FILE": str(big)},
        traceback_expected=True,
    ) as server:
        server.framework = framework
        yield server


@pytest.fixture
def client(site):
    with connected(site) as connection:
        yield connection


def test_pages(client):
    assert ask(client, "/page/one")[::2] == (200, b"page of one")
    assert ask(client, "/page/caf%C3%A9%20x")[2] == "page of café x".encode()
    assert ask(client, "/nowhere")[0] == 404


def test_head(client, site):
    length = ask(client, "/page/one")[1]["Content-Length"]
    status, headers, body = ask(client, "/page/one", method="HEAD")
    if site.framework == "falcon":  # it answers HEAD only where it is told to
        assert status == 405
        return
    assert (status, body) == (200, b"")
    assert headers["Content-Length"] == length


def test_query_strings(client):
    _, _, body = ask(client, "/query?a=1&a=2&b=%C3%A9%26+x")
    assert json.loads(body) == {"a": ["1", "2"], "b": ["é& x"]}


def test_cookies(client):
    _, headers, body = ask(client, "/cookies", headers={"Cookie": 'a=1; b="two words"; c='})
    found = json.loads(body)
    assert (found["a"], found["b"]) == ("1", "two words")
    names = [cookie.partition("=")[0] for cookie in headers.get_all("Set-Cookie")]
    assert names == ["one", "two"]


def test_forms(client):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    _, _, body = ask(client, "/form", b"a=1&a=2&b=%C3%A9+%26", headers)
    assert json.loads(body) == {"a": ["1", "2"], "b": ["é &"]}


@pytest.mark.parametrize("size", [0, 10, 300_000])
def test_uploads(client, size):
    content = os.urandom(size).replace(b"--", b"..")
    body, headers = multipart((b"note", None, b"of it"), (b"file", b"x.bin", content))
    status, _, answer = ask(client, "/upload", body, headers)
    assert (status, json.loads(answer)) == (200, {"name": "x.bin", "size": size, "note": "of it"})


def test_a_chunked_upload(client):
    body, headers = multipart((b"note", None, b"of it"), (b"file", b"x.bin", b"x" * 100_000))
    pieces = (body[start : start + 777] for start in range(0, len(body), 777))
    status, _, answer = ask(client, "/upload", pieces, headers)
    assert (status, json.loads(answer)["size"]) == (200, 100_000)


@pytest.mark.parametrize("size", [1, 65_536, 1_000_000])
def test_bodies_come_back_as_they_were(client, size):
    content = os.urandom(size)
    headers = {"Content-Type": "application/octet-stream"}
    assert ask(client, "/echo", content, headers)[2] == content


def test_streams(client):
    _, headers, body = ask(client, "/stream")
    assert body == b"".join(b"piece %d\n" % number for number in range(1000))
    assert headers["Transfer-Encoding"] == "chunked"
    assert headers["Content-Length"] is None


def test_a_stream_in_http_1_0_ends_with_the_connection(site):
    with site.connect() as sock:
        sock.sendall(b"GET /stream HTTP/1.0\r\nHost: a\r\n\r\n")
        head, _, body = sock.makefile("rb").read().partition(b"\r\n\r\n")
    assert b"Transfer-Encoding" not in head
    assert body.startswith(b"piece 0\n")
    assert body.endswith(b"piece 999\n")


def test_files(client):
    for _ in range(2):
        status, headers, body = ask(client, "/file")
        assert (status, headers["Content-Length"]) == (200, str(len(FILE)))
        assert body == FILE


def test_ranges_of_files(client, site):
    status, _, body = ask(client, "/file", headers={"Range": "bytes=100-"})
    if site.framework in {"django", "falcon"}:  # they have none
        assert (status, body) == (200, FILE)
    else:
        assert (status, body) == (206, FILE[100:])


def test_files_in_memory(client):
    assert ask(client, "/memory-file")[2] == b"in memory"


def test_redirects(client):
    status, headers, _ = ask(client, "/redirect")
    assert status in {302, 303}
    assert headers["Location"].endswith("/page/target")


def test_no_content(client):
    status, headers, body = ask(client, "/empty")
    assert (status, body) == (204, b"")
    assert headers["Content-Length"] is None


def test_a_status_of_its_own(client):
    assert ask(client, "/teapot")[0] == 418


def test_error_pages(client):
    status, _, body = ask(client, "/error")
    assert status == 500
    assert b"secret" not in body
    assert ask(client, "/page/after")[2] == b"page of after"


def test_a_stream_that_breaks_is_not_taken_for_a_whole_one(client, site):
    with pytest.raises((http.client.IncompleteRead, http.client.RemoteDisconnected, OSError)):
        ask(client, "/broken-stream")
    client.close()
    assert ask(client, "/page/after")[0] == 200
    eventually(lambda: "in the middle" in site.err, "the traceback is on stderr")


def test_a_download_that_nobody_reads_is_closed(site):
    before = site.descriptors()
    for _ in range(20):
        with site.connect() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            sock.sendall(b"GET /file HTTP/1.1\r\nHost: a\r\n\r\n")
            assert re.match(rb"HTTP/1.1 200 ", sock.recv(1000))
    eventually(lambda: site.descriptors() <= before, "files and sockets are closed")
