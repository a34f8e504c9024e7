"""`--header` and `--cors`: their fields are in every answer, also in those of the HTTP machine."""

from __future__ import annotations

import pytest
from processes import MODELS, exchange, serving

HOST = b"Host: a\r\nConnection: close\r\n\r\n"
REQUESTS = {
    200: b"GET / HTTP/1.1\r\n" + HOST,
    301: b"GET /sub HTTP/1.1\r\n" + HOST,
    304: b"GET / HTTP/1.1\r\nIf-None-Match: *\r\n" + HOST,
    400: b"GET / HTTP/1.1\r\n\r\n",
    404: b"GET /missing HTTP/1.1\r\n" + HOST,
    405: b"PUT / HTTP/1.1\r\n" + HOST,
    408: b"GET / HT",
    414: b"GET /" + b"x" * 10_000 + b" HTTP/1.1\r\n" + HOST,
    417: b"GET / HTTP/1.1\r\nExpect: more\r\n" + HOST,
    431: b"GET / HTTP/1.1\r\nX: " + b"x" * 10_000 + b"\r\n" + HOST,
    501: b"CONNECT a:1 HTTP/1.1\r\n" + HOST,
    505: b"GET / HTTP/2.0\r\n" + HOST,
}


@pytest.fixture(scope="module", params=MODELS)
def server(request, tmp_path_factory):
    root = tmp_path_factory.mktemp("fields")
    (root / "sub").mkdir()
    (root / "index.html").write_bytes(b"the page")
    options = ["--cors", "--header", "X-A: b", "--header", "Content-Type: text/x-mine"]
    slow = ["--timeout-header", "0.3"]
    with serving(root, "--model", request.param, *options, *slow) as running:
        yield running


def fields_of(answer):
    head = answer.partition(b"\r\n\r\n")[0].decode("latin-1")
    return [tuple(line.split(": ", 1)) for line in head.split("\r\n")[1:]]


@pytest.mark.parametrize("status", REQUESTS)
def test_every_answer_has_them(server, status):
    answer = exchange(server.address, REQUESTS[status])
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    fields = fields_of(answer)
    assert fields.count(("X-A", "b")) == 1
    assert ("Access-Control-Allow-Origin", "*") in fields
    # In place of ours of that name.
    kinds = [value for name, value in fields if name == "Content-Type"]
    assert kinds == ["text/x-mine"]
