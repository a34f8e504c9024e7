"""The static folder: preconditions, ranges, and precompressed siblings."""

from __future__ import annotations

import email.parser
import gzip
import os

import folders
import pytest
from folders import MODIFIED, Answer, ask, put

from reactor.apps.static import StaticFolder
from reactor.http.dates import format_date
from reactor.parser._message import Request

root = folders.root
get = folders.get


# --- preconditions and ranges ---------------------------------------------------------------------


def test_not_modified(get):
    full = get("/page.html")
    for fields in (
        {"If_None_Match": full.headers["etag"]},
        {"If_None_Match": f'"x", {full.headers["etag"]}'},
        {"If_Modified_Since": full.headers["last-modified"]},
    ):
        for method in ("GET", "HEAD"):
            answer = get("/page.html", method, **fields)
            assert (answer.status, answer.body) == (304, b"")
            assert set(answer.headers) == {"ETag", "Last-Modified", "Vary"}


def test_precondition_failed(get):
    answer = get("/page.html", If_Match='"other"')
    assert (answer.status, answer.body) == (412, b"Precondition Failed\n")
    assert get("/page.html", If_Unmodified_Since=format_date(MODIFIED - 1)).status == 412


def test_fields_that_came_twice_are_one_list(root):
    app = StaticFolder(root)
    etag = ask(app, "/page.html").headers["etag"]
    request = Request("GET", "/page.html", [("If-None-Match", '"x"'), ("If-None-Match", etag)])
    assert app.respond(request).status == 304
    request = Request("GET", "/data.bin", [("Range", "bytes=0-1"), ("Range", "bytes=4-5")])
    assert Answer(app.respond(request)).status == 200
    app.close()


def test_the_etag_changes_with_time_and_size(root, get):
    first = get("/page.html").headers["etag"]
    put(root / "page.html", b"<p>PAGE", MODIFIED + 1)
    second = get("/page.html").headers["etag"]
    put(root / "page.html", b"<p>longer", MODIFIED + 1)
    assert len({first, second, get("/page.html").headers["etag"]}) == 3


def test_one_range(get):
    answer = get("/data.bin", Range="bytes=10-19")
    assert (answer.status, answer.body) == (206, bytes(range(10, 20)))
    assert answer.headers["content-range"] == "bytes 10-19/256"
    assert answer.headers["etag"] == get("/data.bin").headers["etag"]
    assert get("/data.bin", Range="bytes=-6").body == bytes(range(250, 256))
    answer = get("/data.bin", Range="bytes=10-99999999999999999999")
    assert (answer.status, answer.body) == (206, bytes(range(10, 256)))
    assert get("/data.bin", Range="bytes=-99999999999999999999").status == 206


def test_head_ignores_range(get):
    assert get("/data.bin", "HEAD", Range="bytes=10-19").status == 200


def test_unsatisfiable_range(get):
    answer = get("/data.bin", Range="bytes=256-")
    assert (answer.status, answer.headers["content-range"]) == (416, "bytes */256")


def test_two_ranges_are_parts_that_a_mime_parser_reads(get):
    answer = get("/data.bin", Range="bytes=0-9,250-")
    assert answer.status == 206
    assert "content-range" not in answer.headers
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    parts = email.parser.BytesParser().parsebytes(head + answer.body).get_payload()
    assert [part["content-range"] for part in parts] == ["bytes 0-9/256", "bytes 250-255/256"]
    assert {part["content-type"] for part in parts} == {"application/octet-stream"}
    assert bytes(range(10)) in answer.body
    assert bytes(range(250, 256)) in answer.body


def test_too_many_ranges_get_the_whole(get):
    value = "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 18, 2))
    assert get("/data.bin", Range=value).status == 200
    assert get("/data.bin", Range="bytes=0-5,3-9").status == 200


def test_if_range(get):
    full = get("/data.bin")
    for value, status in (
        (full.headers["etag"], 206),
        (full.headers["last-modified"], 206),
        ('"other"', 200),
        (format_date(MODIFIED + 1), 200),
    ):
        assert get("/data.bin", Range="bytes=0-1", If_Range=value).status == status


def test_a_precondition_comes_before_the_range(get):
    etag = get("/data.bin").headers["etag"]
    assert get("/data.bin", Range="bytes=0-1", If_None_Match=etag).status == 304


def test_a_large_part_is_read_in_pieces(root):
    data = os.urandom(300_000)
    put(root / "large.bin", data)
    app = StaticFolder(root)
    request = Request("GET", "/large.bin", [("Range", "bytes=0-199999,200001-299999")])
    response = app.respond(request)
    pieces = list(response.body)
    assert max(map(len, pieces)) <= 64 * 1024
    assert sum(map(len, pieces)) == int(response.headers["content-length"])
    assert data[:200_000] in b"".join(pieces)
    response.body.close()
    response.body.close()
    app.close()


def test_a_file_cut_while_it_is_sent_is_not_padded(root):
    app = StaticFolder(root)
    request = Request("GET", "/data.bin", [("Range", "bytes=0-99,200-255")])
    response = app.respond(request)
    (root / "data.bin").write_bytes(b"short")
    sent = b"".join(response.body)
    assert len(sent) < int(response.headers["content-length"])
    response.body.close()
    app.close()


# --- precompressed siblings -----------------------------------------------------------------------


@pytest.fixture
def siblings(root):
    put(root / "app.js", b"original")
    put(root / "app.js.gz", gzip.compress(b"original"))
    put(root / "app.js.br", b"BROTLI")
    put(root / "photo.jpg", b"jpeg")
    put(root / "photo.jpg.gz", b"never")
    return root


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("", None),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip;q=1, br;q=0.9", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("zstd", None),
        ("*", "br"),
        ("identity, br;q=0.5", None),
    ],
)
def test_the_best_sibling_answers(siblings, get, accepted, coding):
    answer = get("/app.js", Accept_Encoding=accepted)
    assert answer.status == 200
    assert answer.headers.get("content-encoding") == coding
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["vary"] == "Accept-Encoding"
    bodies = {None: b"original", "br": b"BROTLI"}
    if coding in bodies:
        assert answer.body == bodies[coding]


def test_each_coding_has_its_own_etag(siblings, get):
    tags = {get("/app.js", Accept_Encoding=coding).headers["etag"] for coding in ("", "br", "gzip")}
    assert len(tags) == 3
    gzipped = get("/app.js", Accept_Encoding="gzip").headers["etag"]
    assert get("/app.js", Accept_Encoding="gzip", If_None_Match=gzipped).status == 304
    assert get("/app.js", Accept_Encoding="br", If_None_Match=gzipped).status == 200


def test_a_range_is_of_the_encoded_bytes(siblings, get):
    answer = get("/app.js", Accept_Encoding="br", Range="bytes=0-1")
    assert (answer.status, answer.body) == (206, b"BR")
    assert answer.headers["content-encoding"] == "br"


def test_a_sibling_older_than_its_original_is_not_sent(siblings, get):
    put(siblings / "app.js", b"newer!!!", MODIFIED + 1)
    answer = get("/app.js", Accept_Encoding="br, gzip")
    assert answer.body == b"newer!!!"
    assert "content-encoding" not in answer.headers


def test_no_sibling_without_its_original_or_for_what_is_compressed(siblings, get):
    put(siblings / "alone.js.gz", b"x")
    assert get("/alone.js", Accept_Encoding="gzip").status == 404
    assert get("/photo.jpg", Accept_Encoding="gzip").body == b"jpeg"
    assert "content-encoding" not in get("/app.js.gz", Accept_Encoding="gzip").headers


def test_siblings_can_be_off(siblings):
    app = StaticFolder(siblings, precompressed=False)
    answer = ask(app, "/app.js", Accept_Encoding="br")
    assert answer.body == b"original"
    assert "vary" not in answer.headers
    app.close()
