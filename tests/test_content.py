"""How one open file answers one request: its validator. What it sends is in
`test_static.py` and `test_static_conditions.py`."""

from __future__ import annotations

import os
import shutil

import pytest

from reactor.apps.content import entity_tag
from reactor.apps.static import StaticFolder
from reactor.parser._message import Request

MODIFIED = 1_700_000_000


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "page.html"
    path.write_bytes(b"one")
    os.utime(path, (MODIFIED, MODIFIED))
    return path


def replaced(path):
    """By another file of the same size and mtime, as ``mv`` does."""
    other = path.with_name("other")
    other.write_bytes(b"two")
    shutil.copystat(path, other)
    other.rename(path)


def written_over(path):
    """In place, with the time set back, as ``cp -p`` does."""
    # The clock of the kernel's time stamps ticks every few milliseconds: until it has moved.
    before = os.stat(path).st_ctime_ns
    while os.stat(path).st_ctime_ns == before:
        path.write_bytes(b"two")
        os.utime(path, (MODIFIED, MODIFIED))


@pytest.mark.parametrize("change", [replaced, written_over])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_file_of_the_same_size_and_mtime_is_another_version(page, change, method):
    app = StaticFolder(page.parent)
    etag = app.respond(Request(method, "/page.html")).headers["etag"]
    asked = Request(method, "/page.html", [("If-None-Match", etag)])
    assert app.respond(asked).status == 304
    change(page)
    answer = app.respond(asked)
    assert answer.status == 200
    assert answer.headers["etag"] != etag
    part = Request("GET", "/page.html", [("Range", "bytes=0-0"), ("If-Range", etag)])
    assert app.respond(part).status == 200
    app.close()


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_listing_that_is_still_the_same_is_not_sent_again(page, accept, method):
    app = StaticFolder(page.parent)
    first = app.respond(Request(method, "/", [("Accept", accept)]))
    fields = [("Accept", accept), ("If-None-Match", first.headers["etag"])]
    again = app.respond(Request(method, "/", fields))
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["vary"] == "Accept"
    assert again.headers["cache-control"] == "no-cache"
    assert "content-type" not in again.headers
    # What the folder's own time stamp does not tell: a file in it has grown.
    page.write_bytes(b"longer")
    assert app.respond(Request(method, "/", fields)).status == 200
    app.close()


def test_each_page_of_a_listing_has_its_own_tag(page):
    app = StaticFolder(page.parent)
    (page.parent / "b").write_bytes(b"large enough")
    asked = [("/", "text/html"), ("/", "application/json"), ("/?sort=size", "application/json")]
    tags = [app.respond(Request("GET", to, [("Accept", of)])).headers["etag"] for to, of in asked]
    assert len(set(tags)) == 3
    failed = app.respond(Request("GET", "/", [("If-Match", '"other"')]))
    assert (failed.status, failed.headers["content-type"]) == (412, "text/plain; charset=utf-8")
    app.close()


def status(**changes):
    """An ``os.stat_result`` of ten fields and the times in nanoseconds."""
    fields = {"mtime": 5, "size": 6, "ino": 7, "ctime": 8} | changes
    return os.stat_result(
        [0o100644, fields["ino"], 1, 1, 0, 0, fields["size"], 0, 0, 0],
        {"st_mtime_ns": fields["mtime"], "st_ctime_ns": fields["ctime"]},
    )


def test_each_trace_of_a_change_is_in_the_tag():
    tags = [entity_tag(status(), coding) for coding in ("", "gzip", "br")]
    tags += [entity_tag(status(**{name: 9})) for name in ("mtime", "size", "ino", "ctime")]
    assert len(set(tags)) == 7
    assert entity_tag(status()) == tags[0]


def test_the_tag_tells_nobody_the_inode():
    assert f"{987654321:x}" not in entity_tag(status(ino=987654321))
