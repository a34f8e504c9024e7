"""The static folder: which file answers which request, and with which fields."""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import time
from urllib.parse import urljoin, urlsplit

import folders
import pytest
from folders import ask, put
from processes import open_descriptors

from reactor.apps import content, static
from reactor.apps.mime import media_type
from reactor.apps.path_resolution import Root, quote, split_target
from reactor.apps.static import StaticFolder
from reactor.errors import ConfigurationError, LocalProtocolError
from reactor.http.dates import format_date

root = folders.root
get = folders.get


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
