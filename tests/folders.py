"""What the tests of the static folder share: a small site, and an app that is asked for it."""

from __future__ import annotations

import os

import pytest

from reactor.apps.static import StaticFolder
from reactor.parser._message import Request

MODIFIED = 1_700_000_000


@pytest.fixture
def root(tmp_path):
    put(tmp_path / "page.html", b"<p>page")
    put(tmp_path / "data.bin", bytes(range(256)))
    put(tmp_path / "folder" / "index.html", b"<p>index")
    put(tmp_path / "bare" / "note.txt", b"note")
    return tmp_path


def put(path, data, modified=MODIFIED):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (modified, modified))


class Answer:
    """A response with its body read as a server would send it."""

    def __init__(self, response):
        self.status, self.headers = response.status, response.headers
        body = response.body
        if hasattr(body, "read"):
            with body:
                self.body = body.read(int(self.headers["content-length"]))
        elif isinstance(body, bytes):
            self.body = body
        else:
            self.body = b"".join(body)
            body.close()
        if "content-length" in self.headers:
            assert len(self.body) == int(self.headers["content-length"])


@pytest.fixture
def get(root):
    app = StaticFolder(root)
    yield lambda target, method="GET", **fields: ask(app, target, method, **fields)
    app.close()


def ask(app, target, method="GET", **fields):
    headers = [(name.replace("_", "-"), value) for name, value in fields.items()]
    return Answer(app.respond(Request(method, target, headers)))
