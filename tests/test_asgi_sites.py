"""The same site in six ASGI frameworks, over a real port.

The frameworks are in the extra ``compat``; without one its tests are skipped.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os

import pytest
from framework_sites import FILE, SITES, ask, big_file, connected, multipart
from processes import PATIENCE_S, eventually, serving

FRAMEWORKS = ("starlette", "fastapi", "channels", "litestar", "quart", "blacksheep")


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    return big_file(tmp_path_factory)


@pytest.fixture(scope="module", params=FRAMEWORKS)
def site(request, big):
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed: pip install -e '.[compat]'")
    with serving(
        f"{request.param}_site:app",
        cwd=SITES,
        env={"SITE_FILE": str(big)},
        traceback_expected=True,
    ) as server:
        server.framework = request.param
        yield server


@pytest.fixture
def client(site):
    with connected(site) as connection:
        yield connection


def test_pages(client):
    for _ in range(3):  # on one connection
        assert ask(client, "/page/one")[::2] == (200, b"page of one")
    assert ask(client, "/page/caf%C3%A9")[2] == "page of café".encode()
    assert ask(client, "/nowhere")[0] == 404


def test_query_strings(client):
    body = ask(client, "/query?a=1&a=2&b=%C3%A9%26+x")[2]
    assert json.loads(body) == {"a": ["1", "2"], "b": ["é& x"]}


def test_forms(client):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    body = json.loads(ask(client, "/form", b"a=1&a=2&b=%C3%A9+%26", headers)[2])
    assert body["a"] == ["1", "2"]
    assert body["b"] in (["é &"], "é &")  # BlackSheep: a list only of several


@pytest.mark.parametrize("size", [0, 10, 300_000])
def test_uploads(client, size):
    content = os.urandom(size).replace(b"--", b"..")
    body, headers = multipart((b"note", None, b"of it"), (b"file", b"x.bin", content))
    status, _, answer = ask(client, "/upload", body, headers)
    assert (status, json.loads(answer)) == (200, {"name": "x.bin", "size": size, "note": "of it"})


def test_an_upload_of_100_megabytes(client, site):
    piece = os.urandom(1_000_000)
    expected = hashlib.sha256()
    for _ in range(100):
        expected.update(piece)
    headers = {"Content-Length": "100000000", "Content-Type": "application/octet-stream"}
    status, _, answer = ask(client, "/digest", (piece for _ in range(100)), headers)
    assert (status, answer.decode()) == (200, expected.hexdigest())


def test_a_chunked_upload(client):
    content = os.urandom(100_000)
    pieces = (content[start : start + 777] for start in range(0, len(content), 777))
    answer = ask(client, "/digest", pieces, {"Content-Type": "application/octet-stream"})[2]
    assert answer.decode() == hashlib.sha256(content).hexdigest()


def test_streams(client):
    _, headers, body = ask(client, "/stream")
    assert body == b"".join(b"piece %d\n" % number for number in range(1000))
    assert headers["Transfer-Encoding"] == "chunked"
    assert headers["Content-Length"] is None


def test_server_sent_events(client):
    _, headers, body = ask(client, "/events")
    assert headers["Content-Type"].startswith("text/event-stream")
    assert body == b"data: 0\n\ndata: 1\n\ndata: 2\n\n"


def test_sessions(client):
    _, headers, body = ask(client, "/session")
    assert json.loads(body) == 1
    cookie = headers["Set-Cookie"].partition(";")[0]
    assert json.loads(ask(client, "/session", headers={"Cookie": cookie})[2]) == 2


def test_what_is_done_in_the_background_holds_no_answer_up(client):
    before = len(json.loads(ask(client, "/finished")[2]))
    assert ask(client, "/background", b"")[2] == b"soon"
    assert ask(client, "/page/after")[0] == 200  # the same connection
    eventually(lambda: len(json.loads(ask(client, "/finished")[2])) == before + 1, "it is done")


def test_the_state_of_the_lifespan(client, site):
    if site.framework == "channels":
        pytest.skip("Django has no lifespan")
    assert ask(client, "/state")[2] == b"of the lifespan"


@pytest.mark.parametrize("path", ["/file", "/static/big.bin"])
def test_files(client, path):
    for _ in range(2):
        assert ask(client, path)[::2] == (200, FILE)


def test_no_content(client):
    status, headers, body = ask(client, "/empty")
    assert (status, body) == (204, b"")
    assert headers["Content-Length"] is None
    assert ask(client, "/page/after")[0] == 200


def test_error_pages(client):
    status, _, body = ask(client, "/error")
    assert status == 500
    assert b"secret" not in body
    assert ask(client, "/page/after")[0] == 200


def test_websockets(site):
    sync = pytest.importorskip("websockets.sync.client")
    with sync.connect(f"ws://127.0.0.1:{site.port}/echo") as socket:
        for text in ("one", "é" * 1000, "x" * 300_000):
            socket.send(text)
            assert socket.recv(timeout=PATIENCE_S) == text
