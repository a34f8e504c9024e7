"""The static folder: which file answers which request, and with which fields."""

from __future__ import annotations

import email.parser
import errno
import gzip
import json
import os
import re
import socket
import time
from urllib.parse import urljoin, urlsplit

import pytest
from processes import open_descriptors

from reactor.apps import content, static
from reactor.apps.mime import media_type
from reactor.apps.resolve import Root, quote, split_target
from reactor.apps.static import StaticFolder
from reactor.errors import ConfigurationError, LocalProtocolError
from reactor.http.dates import format_date
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


# --- files ----------------------------------------------------------------------------------------


def test_a_file(get):
    answer = get("/page.html")
    assert answer.status == 200
    assert answer.body == b"<p>page"
    assert dict(answer.headers.items()) == {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Length": "7",
        "Last-Modified": "Tue, 14 Nov 2023 22:13:20 GMT",
        "ETag": answer.headers["etag"],
        "Accept-Ranges": "bytes",
        "Vary": "Accept-Encoding",
    }
    assert re.fullmatch('"[0-9a-f]{16}"', answer.headers["etag"])


def test_what_does_not_compress_does_not_vary(get):
    assert "vary" not in get("/data.bin").headers
    assert get("/data.bin").headers["content-type"] == "application/octet-stream"


def test_head_has_the_same_fields(get):
    assert get("/page.html", "HEAD").headers == get("/page.html").headers


def test_the_query_does_not_choose_the_file(get):
    assert get("/page.html?v=1/../2").body == b"<p>page"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get", "BREW"])
def test_other_methods(get, method):
    answer = get("/page.html", method)
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD"


def test_an_empty_file(root, get):
    put(root / "empty.txt", b"")
    answer = get("/empty.txt")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "0")
    assert get("/empty.txt", Range="bytes=0-").status == 416


def test_a_file_of_the_future_was_modified_now(root, get):
    put(root / "future.txt", b"x", modified=time.time() + 10**6)
    answer = get("/future.txt")
    assert answer.headers["last-modified"] in {format_date(int(time.time()) - d) for d in range(60)}


def test_a_file_older_than_the_epoch(root, get):
    put(root / "old.txt", b"x", modified=-(10**6))
    assert get("/old.txt").headers["last-modified"] == "Thu, 01 Jan 1970 00:00:00 GMT"


def test_what_is_no_regular_file_is_missing(root, get):
    os.mkfifo(root / "fifo")
    listener = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(root)
    try:
        listener.bind("socket")
    finally:
        os.chdir(here)
        listener.close()
    for name in ("fifo", "socket"):
        assert get(f"/{name}").status == 404
        assert get(f"/{name}/").status == 404


def test_one_404_for_missing_hidden_and_unreadable(root, get):
    put(root / ".env", b"SECRET")
    put(root / "folder" / ".git" / "config", b"SECRET")
    put(root / "locked.txt", b"SECRET")
    (root / "locked.txt").chmod(0)
    put(root / "deep" / ".well-known" / "x", b"SECRET")
    missing = get("/missing")
    assert missing.status == 404
    assert missing.body == b"Not Found\n"
    hidden = ["/.env", "/folder/.git/config", "/folder/.git/", "/.", "/page.html/", "/page.html/x",
              "/deep/.well-known/x", "/missing/", "/" + "n" * 300]  # fmt: skip
    if os.geteuid():
        hidden.append("/locked.txt")
    for target in hidden:
        answer = get(target)
        assert (answer.status, answer.body, answer.headers) == (404, missing.body, missing.headers)


def test_well_known_is_served(root, get):
    put(root / ".well-known" / "security.txt", b"Contact:")
    assert get("/.well-known/security.txt").body == b"Contact:"
    assert get("/.well-known").headers["location"] == ".well-known/"


def test_own_pages_say_how_they_may_be_used(get):
    for answer in (get("/missing"), get("/folder"), get("/x", "POST"), get("/bare/")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
        assert answer.headers["content-type"].endswith("charset=utf-8")


def test_out_of_descriptors_is_said_and_passes(get, monkeypatch):
    def full(*_args):
        raise OSError(errno.EMFILE, "too many")

    with monkeypatch.context() as patch:
        patch.setattr(Root, "open", full)
        answer = get("/page.html")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert get("/page.html").status == 200


def test_out_of_descriptors_at_a_sibling_closes_the_original(root, get, monkeypatch):
    before = open_descriptors()
    real = Root.open

    def full(self, names):
        if names[-1].endswith(b".br"):
            raise OSError(errno.EMFILE, "too many")
        return real(self, names)

    monkeypatch.setattr(Root, "open", full)
    assert get("/page.html", Accept_Encoding="br").status == 503
    assert open_descriptors() == before


def test_a_failing_disk_is_raised(get, monkeypatch):
    def broken(*_args):
        raise OSError(errno.EIO, "disk")

    monkeypatch.setattr(Root, "open", broken)
    with pytest.raises(OSError, match="disk"):
        get("/page.html")


def test_a_fault_while_answering_closes_the_file(get, monkeypatch):
    before = open_descriptors()
    monkeypatch.setattr(content, "format_date", lambda _seconds: "bad\r\nvalue")
    with pytest.raises(LocalProtocolError):
        get("/page.html")
    assert open_descriptors() == before


# --- folders --------------------------------------------------------------------------------------


def test_index_file(get):
    assert get("/folder/").body == b"<p>index"
    assert get("/folder/").headers["content-type"] == "text/html; charset=utf-8"


def test_listing(get):
    answer = get("/bare/")
    assert answer.status == 200
    assert b'href="note.txt"' in answer.body
    assert get("/").status == 200


def test_a_folder_without_slash_is_redirected_beside_itself(get):
    answer = get("/folder")
    assert (answer.status, answer.headers["location"]) == (301, "folder/")
    assert get("/folder?a=b").headers["location"] == "folder/?a=b"
    assert get("http://other.example/folder").headers["location"] == "folder/"


EVIL_FORMS = [
    prefix + name + suffix
    for prefix in ("/", "//", "///", "/%5c", "/%5C", "/folder//", "http://site.example//")
    for name in (
        "evil.example", "%5cevil.example", "%5C%5Cevil.example", "https:evil.example",
        "https%3Aevil.example", "javascript:alert(1)", "user@evil.example", "evil.example%0d%0aX",
        "%09evil.example", "%20evil.example", "evil.example%3f", "evil.example%23",
    )
    for suffix in ("", "?//evil.example", "?u=https://evil.example")
]  # fmt: skip


def test_no_redirect_leads_to_another_host(root, get):
    """Every form is made to exist as a folder, so that each is really redirected."""
    assert len(set(EVIL_FORMS)) >= 50
    redirected = 0
    for target in EVIL_FORMS:
        names, _ = split_target(target)
        os.makedirs(os.path.join(os.fsencode(root), *names), exist_ok=True)
        answer = get(target)
        assert answer.status == 301, target
        location = answer.headers["location"]
        assert location[0] not in "/\\", target
        assert not set("\\\r\n\t :@") & set(location.partition("?")[0]), target
        base = target if target.startswith("http") else f"http://site.example{target}"
        assert urlsplit(urljoin(base, location)).netloc == "site.example", target
        redirected += 1
    assert redirected == len(EVIL_FORMS)


def test_listing_can_be_off(root):
    app = StaticFolder(root, listing=False)
    assert ask(app, "/bare/").status == 404
    assert ask(app, "/folder/").status == 200
    assert ask(app, "/bare/note.txt").status == 200
    app.close()


def test_other_index_names(root):
    put(root / "bare" / "b.htm", b"B")
    app = StaticFolder(root, index=["a.htm", "b.htm"])
    assert ask(app, "/bare/").body == b"B"
    assert b"index.html" in ask(app, "/folder/").body
    app.close()
    app = StaticFolder(root, index="")
    assert b"index.html" in ask(app, "/folder/").body
    app.close()


def test_a_folder_named_like_the_index_is_no_index(root, get):
    (root / "bare" / "index.html").mkdir()
    assert b"note.txt" in get("/bare/").body


def test_json_listing(get):
    answer = get("/bare/", Accept="application/json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["vary"] == "Accept"
    assert get("/bare/").headers["vary"] == "Accept"
    entry = {"name": "note.txt", "href": "note.txt", "type": "file", "size": 4,
             "modified": "2023-11-14T22:13:20Z"}  # fmt: skip
    assert json.loads(answer.body)["entries"] == [entry]


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


# --- options --------------------------------------------------------------------------------------


def test_spa(root):
    put(root / "index.html", b"<p>app")
    app = StaticFolder(root, spa=True)
    assert ask(app, "/users/42").body == b"<p>app"
    assert ask(app, "/users/").body == b"<p>app"
    assert ask(app, "/page.html").body == b"<p>page"
    assert ask(app, "/missing.js").status == 404
    assert ask(app, "/.env").status == 404
    assert ask(app, "/users", "POST").status == 405
    app.close()


def test_cors(root):
    app = StaticFolder(root, cors=True)
    for target in ("/page.html", "/missing", "/folder", "/bare/"):
        fields = ask(app, target).headers
        assert fields["access-control-allow-origin"] == "*"
        exposed = fields["access-control-expose-headers"]
        assert exposed.split(", ") == ["Accept-Ranges", "Content-Range", "ETag"]
    preflight = ask(app, "/page.html", "OPTIONS", Origin="http://a.example")
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-methods"] == "GET, HEAD"
    assert ask(app, "/x", "PUT").headers["allow"] == "GET, HEAD, OPTIONS"
    app.close()


def test_headers_are_added_and_replace_ours(root):
    extra = {"Cache-Control": "max-age=60", "referrer-policy": "origin", "Vary": "Cookie"}
    app = StaticFolder(root, headers=extra.items())
    answer = ask(app, "/page.html")
    assert answer.headers["cache-control"] == "max-age=60"
    assert answer.headers.getall("vary") == ["Accept-Encoding", "Cookie"]
    assert answer.body == b"<p>page"
    index = ask(app, "/bare/")
    assert index.headers.getall("cache-control") == ["max-age=60"]
    assert ask(app, "/missing").headers.getall("referrer-policy") == ["origin"]
    assert ask(app, "/data.bin", Range="bytes=0-1").headers["cache-control"] == "max-age=60"
    app.close()


@pytest.mark.parametrize(
    "header",
    [("Content-Length", "1"), ("transfer-encoding", "chunked"), ("ETag", '"x"'), ("Location", "/"),
     ("bad name", "x"), ("X", "a\r\nb"), ("", "x")],
)  # fmt: skip
def test_headers_that_are_not_yours_to_set(root, header):
    with pytest.raises(ConfigurationError):
        StaticFolder(root, headers=[header])


def test_the_app_takes_no_body():
    assert StaticFolder.body_bytes_max == 0


def test_out_of_resources_names_only_what_passes():
    assert errno.EIO not in static._OUT_OF_RESOURCES


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (b"a.html", "text/html; charset=utf-8"),
        (b"A.HTML", "text/html; charset=utf-8"),
        (b"a.tar.gz", "application/gzip"),
        (b"a.JS", "text/javascript; charset=utf-8"),
        (b"a.json", "application/json"),
        (b"a.svg", "image/svg+xml"),
        (b"README", "text/plain; charset=utf-8"),
        (b"Makefile", "text/plain; charset=utf-8"),
        (b"a", "application/octet-stream"),
        (b"a.", "application/octet-stream"),
        (b"a.unknown", "application/octet-stream"),
        (b"\xff.png", "image/png"),
        (b"png", "application/octet-stream"),
        (b"a.\xe2\x84\xaa", "application/octet-stream"),
    ],
)
def test_media_type(name, kind):
    assert media_type(name) == kind


def test_every_name_of_every_byte_is_found_by_its_link(root, get):
    for value in range(1, 256):
        if value == 0x2F:
            continue
        name = b"x" + bytes([value])
        with open(os.path.join(os.fsencode(root), name), "wb") as file:
            file.write(name)
        assert get("/" + quote(name)).body == name
