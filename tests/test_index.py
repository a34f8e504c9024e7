"""The index page: hostile names stay text, links lead back, large folders stay cheap."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from html.parser import HTMLParser
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reactor.apps import listing
from reactor.apps.index import (
    POLICY,
    Entry,
    Order,
    Page,
    crumbs,
    human_size,
    icon_for,
    render_html,
    render_json,
    visible,
)
from reactor.apps.index_style import ICONS, STYLE
from reactor.apps.listing import sort_naturally
from reactor.apps.static import StaticFolder
from reactor.parser._message import Request

ALLOWED_TAGS = {
    "html", "head", "meta", "title", "style", "body", "svg", "symbol", "path", "use", "header",
    "nav", "ol", "li", "a", "bdi", "p", "main", "table", "thead", "tbody", "tr", "th", "td",
    "small", "span", "data", "time",
}  # fmt: skip
ALLOWED_ATTRIBUTES = {
    "lang", "charset", "name", "content", "class", "aria-hidden", "aria-label", "aria-current",
    "aria-sort", "id", "viewbox", "fill-rule", "d", "href", "scope", "value", "datetime", "rel",
}  # fmt: skip

PAYLOADS = [
    b"<script>alert(1)<script>", b"<img src=x onerror=alert(1)>", b"<svg onload=alert(1)>",
    b'"><b>', b'" onmouseover="alert(1)', b"' onmouseover='alert(1)", b"&lt;b&gt;", b"&#60;b&#62;",
    b"javascript:alert(1)", b"JaVaScRiPt:alert(1)", b"data:text,x", b"vbscript:x", b"http:evil",
    b"https:", b"C:", b"a?b", b"a#b", b"a%2fb", b"%00", b"%2e%2e", b"..a", b"a;b", b"a b",
    b" lead", b"trail ", b"  ", b"new\nline", b"cr\rlf", b"tab\tx", b"\x1b[31mred\x1b[0m", b"\x07",
    b"\x7f", b"\xff\xfe", b"caf\xe9", b"\xc0\xae\xc0\xae", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
    "\u202egnp.exe".encode(), "\u2066x\u2069".encode(), "\u200f".encode(), "\u2028".encode(),
    "\ufeff".encode(), "\x85".encode(), "\u0131".encode(), "שלום".encode(), "日本".encode(),
    b"\\evil", b"a\\..\\b", b"-->", b"]]>", b"<!--", b"<style>", b"<title>", b"{{7*7}}", b"${x}",
    b"`x`", b"|x", b"*", b"~", b"-rf", b"=1+1", b"+x", b"@x", b"x" * 255,
]  # fmt: skip


def hostile_names() -> list[bytes]:
    """Every payload alone, before an extension, behind text, and between text."""
    forms = {
        before + payload + after
        for payload in PAYLOADS
        for before, after in ((b"", b""), (b"", b".txt"), (b"a", b""), (b"a", b"b"))
    }
    return sorted(form for form in forms if len(form) <= 255 and not form.startswith(b"."))


class Document(HTMLParser):
    """What a browser would see: the tags, the attributes, and each row's link and text."""

    def __init__(self, page: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.rows: list[tuple[str, str]] = []
        self.links: list[str] = []
        self._row: list[str] | None = None
        self._href = ""
        self.feed(page.decode("utf-8"))
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "a":
            self._href = dict(attrs)["href"]
            self.links.append(self._href)
        if tag == "bdi":
            self._row = []

    def handle_data(self, data):
        if self._row is not None:
            self._row.append(data)

    def handle_endtag(self, tag):
        if tag == "bdi":
            self.rows.append((self._href, "".join(self._row or [])))
            self._row = None


@pytest.fixture
def serve(tmp_path):
    app = StaticFolder(tmp_path)
    yield lambda target, **fields: app.respond(Request("GET", target, fields))
    app.close()


def make(folder, names):
    for name in names:
        with open(os.path.join(os.fsencode(folder), name), "wb") as file:
            file.write(name)


def body(response):
    if isinstance(response.body, bytes):
        return response.body
    with response.body as file:
        return file.read()


def test_200_hostile_names_stay_text_and_lead_to_their_files(tmp_path, serve):
    names = hostile_names()
    assert len(names) >= 200
    make(tmp_path, names)
    page = body(serve("/"))
    document = Document(page)
    assert document.tags <= ALLOWED_TAGS
    assert document.attributes <= ALLOWED_ATTRIBUTES
    assert {unquote_to_bytes(href) for href, _ in document.rows} == set(names)
    for href, text in document.rows:
        split = urlsplit(urljoin("http://site.example/", href))
        assert (split.scheme, split.netloc, split.query, split.fragment) == (
            "http", "site.example", "", "")  # fmt: skip
        name = unquote_to_bytes(href)
        assert text == visible(name.decode("utf-8", "surrogateescape"))
        assert body(serve("/" + href)) == name
    everything_else = page.replace(STYLE.encode(), b"").replace(ICONS.encode(), b"")
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", everything_else)


def test_200_hostile_folder_names_stay_text_in_title_and_breadcrumbs(tmp_path, serve):
    for name in hostile_names():
        folder = os.path.join(os.fsencode(tmp_path), name, b"inner")
        os.makedirs(folder)
    for row in Document(body(serve("/"))).rows:
        document = Document(body(serve(f"/{row[0]}inner/")))
        assert document.tags <= ALLOWED_TAGS
        assert document.attributes <= ALLOWED_ATTRIBUTES
        assert document.rows[0] == ("../", row[1])


def test_hostile_paths_that_exist_only_as_doubled_slashes(tmp_path, serve):
    (tmp_path / "a").mkdir()
    document = Document(body(serve("//a///")))
    for href in document.links:
        if href.startswith("."):
            assert urlsplit(urljoin("http://site.example//a///", href)).netloc == "site.example"


@pytest.mark.parametrize("path", ["/", "/a/", "/a/b/", "/a//b/", "//", "//a/", "/%3Cb%3E/x/"])
def test_breadcrumbs_lead_to_each_folder(path):
    trail = crumbs(path)
    # As RFC 3986 5.2.4 and browsers climb; urljoin would merge the empty segments.
    steps = path.split("/")[1:-1]
    climbs = [len(steps) - crumb.href.count("../") for crumb in trail]
    assert all(crumb.href.strip("./") == "" for crumb in trail)
    resolved = ["/" + "".join(step + "/" for step in steps[:climb]) for climb in climbs]
    assert resolved[-1] == path or path == "//"
    assert resolved[0] == "/"
    for crumb, where in zip(trail[1:], resolved[1:], strict=True):
        assert unquote_to_bytes(where.rstrip("/").rpartition("/")[2]).decode() == crumb.name


def test_breadcrumbs_are_bounded():
    trail = crumbs("/a" * 2000 + "/")
    assert len(trail) <= 20


@settings(derandomize=True, max_examples=300)
@given(st.text())
def test_what_is_visible_is_one_line_of_valid_unicode(name):
    shown = visible(name)
    shown.encode("utf-8")
    assert len(shown.splitlines()) <= 1
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200f")


def test_printable_names_are_shown_as_they_are():
    assert visible("Ünïcode 日本 🎉.txt") == "Ünïcode 日本 🎉.txt"


# --- what is listed -------------------------------------------------------------------------------


def entries(response):
    return json.loads(body(response))["entries"]


def names_of(serve, target="/"):
    return [entry["name"] for entry in entries(serve(target, Accept="application/json"))]


def test_folders_first_then_names_as_people_sort_them(tmp_path, serve):
    for name in ("zoo", "Alpha"):
        (tmp_path / name).mkdir()
    make(tmp_path, [b"img10.png", b"img9.png", b"IMG1.png", b"a", b"B", b"img010.png", b"2", b"10"])
    assert names_of(serve) == ["Alpha", "zoo", "2", "10", "a", "B", "IMG1.png", "img9.png",
                               "img010.png", "img10.png"]  # fmt: skip


def test_only_what_would_be_answered_is_listed(tmp_path, serve):
    root = tmp_path
    make(root, [b".env", b"file"])
    (root / ".git").mkdir()
    (root / ".well-known").mkdir()
    (root / "sub").mkdir()
    (root / "sub" / ".well-known").mkdir()
    os.mkfifo(root / "fifo")
    (root / "outside").symlink_to("/etc/passwd")
    (root / "dangling").symlink_to("nothing")
    (root / "loop").symlink_to("loop")
    (root / "inside").symlink_to("sub")
    found = names_of(serve)
    assert [name for name in found if name != "inside"] == [".well-known", "sub", "file"]
    assert names_of(serve, "/sub/") == []
    for entry in entries(serve("/", Accept="application/json")):
        response = serve("/" + entry["href"])
        assert response.status == 200
        body(response)


def test_what_goes_while_the_folder_is_read_is_left_out(tmp_path, serve, monkeypatch):
    make(tmp_path, [b"a", b"b"])
    scan = listing.FolderReader._scan

    def scan_and_lose(*args, **keys):
        names = scan(*args, **keys)
        (tmp_path / "a").unlink()
        return names

    monkeypatch.setattr(listing.FolderReader, "_scan", scan_and_lose)
    assert names_of(serve) == ["b"]


def test_without_openat2_no_link_is_listed(tmp_path, monkeypatch):
    monkeypatch.setattr("reactor.apps.path_resolution.Root._probe", lambda self: False)
    make(tmp_path, [b"file"])
    (tmp_path / "link").symlink_to("file")
    app = StaticFolder(tmp_path)
    page = json.loads(app.respond(Request("GET", "/", {"Accept": "application/json"})).body)
    assert [entry["name"] for entry in page["entries"]] == ["file"]
    app.close()


def test_sorting_by_column(tmp_path, serve):
    for index, (name, size) in enumerate([("b", 5), ("a", 5), ("c", 1)]):
        (tmp_path / name).write_bytes(b"x" * size)
        os.utime(tmp_path / name, (1000 + index, 1000 + index))
    (tmp_path / "z").mkdir()
    assert names_of(serve, "/?sort=size") == ["z", "c", "a", "b"]
    assert names_of(serve, "/?sort=size&order=desc") == ["z", "a", "b", "c"]
    assert names_of(serve, "/?sort=modified&order=desc") == ["z", "c", "a", "b"]
    assert names_of(serve, "/?order=desc") == ["z", "c", "b", "a"]
    assert names_of(serve, "/?sort=evil&order=<b>&page=-1&page=99") == ["z", "a", "b", "c"]


def test_the_query_is_never_shown(tmp_path, serve):
    page = body(serve('/?sort="><script>&page=%3Cb%3E&' + "x" * 4000))
    assert b"script" not in page
    assert b"%3Cb" not in page


def test_pages(tmp_path, serve, monkeypatch):
    monkeypatch.setattr(listing, "PAGE_ROWS", 10)
    make(tmp_path, [b"f%d" % number for number in range(25)])
    seen = [names_of(serve, f"/?page={number}") for number in (1, 2, 3)]
    assert [len(page) for page in seen] == [10, 10, 5]
    assert [*seen[0], *seen[1], *seen[2]] == [f"f{number}" for number in range(25)]
    assert names_of(serve, "/?page=99") == seen[2]
    document = Document(body(serve("/?page=2&sort=size")))
    assert "?sort=size&order=asc" in document.links
    assert "?sort=size&order=asc&page=3" in document.links


def test_a_large_folder_is_read_once_and_seen_anew_when_it_changes(tmp_path, serve, monkeypatch):
    monkeypatch.setattr(listing, "STATS_MAX", 20)
    monkeypatch.setattr(listing, "PAGE_ROWS", 10)
    make(tmp_path, [b"f%d" % number for number in range(30)])
    (tmp_path / "dir").mkdir()
    later = os.stat(tmp_path).st_ctime + 1000
    monkeypatch.setattr(listing.time, "time", lambda: later)
    now = [1000.0]
    monkeypatch.setattr(listing.time, "monotonic", lambda: now[0])
    scans = []
    scan = listing.FolderReader._scan
    monkeypatch.setattr(
        listing.FolderReader, "_scan", lambda *args, **keys: scans.append(1) or scan(*args, **keys)
    )
    assert not [link for link in Document(body(serve("/"))).links if link.startswith("?sort")]
    scans.clear()
    first = names_of(serve, "/?sort=size&order=desc")
    assert first == ["dir", *(f"f{number}" for number in range(9))]
    assert names_of(serve, "/?page=2")[0] == "f9"
    assert scans == []
    now[0] += 1000
    assert names_of(serve, "/?page=2")[0] == "f9"
    assert scans == []
    make(tmp_path, [b"a-new-one"])
    assert names_of(serve)[1] == "a-new-one"
    assert len(scans) == 1


def test_a_large_folder_that_changes_all_the_time_is_read_once_a_second(
    tmp_path, serve, monkeypatch
):
    monkeypatch.setattr(listing, "STATS_MAX", 2)
    now = [1000.0]
    monkeypatch.setattr(listing.time, "monotonic", lambda: now[0])
    make(tmp_path, [b"a", b"b", b"c"])
    stamp = os.stat(tmp_path).st_mtime_ns
    assert len(names_of(serve)) == 3
    make(tmp_path, [b"d"])
    # Even if the change left no trace, as one in the same tick does.
    os.utime(tmp_path, ns=(stamp, stamp))
    assert len(names_of(serve)) == 3
    now[0] += listing.REREAD_S
    assert len(names_of(serve)) == 4


def test_only_a_few_large_folders_are_remembered(tmp_path, monkeypatch):
    monkeypatch.setattr(listing, "STATS_MAX", 0)
    app = StaticFolder(tmp_path)
    for number in range(10):
        (tmp_path / f"d{number}").mkdir()
        make(tmp_path / f"d{number}", [b"a"])
        os.utime(tmp_path / f"d{number}", (1000, 1000))
        app.respond(Request("GET", f"/d{number}/"))
    assert len(app._folders._remembered) == listing.REMEMBERED_MAX
    app.close()


def test_a_folder_with_too_many_entries_says_so(tmp_path, serve, monkeypatch):
    monkeypatch.setattr(listing, "STATS_MAX", 5)
    monkeypatch.setattr(listing, "ENTRIES_MAX", 8)
    monkeypatch.setattr(listing, "REREAD_S", 0)
    make(tmp_path, [b"%d" % number for number in range(8)])
    assert json.loads(body(serve("/", Accept="application/json")))["complete"] is True
    make(tmp_path, [b"8"])
    assert json.loads(body(serve("/", Accept="application/json")))["complete"] is False
    assert "The first 8 files" in body(serve("/")).decode()


def test_thousands_of_entries_make_one_page(tmp_path, serve):
    for number in range(5_000):
        os.close(os.open(tmp_path / f"f{number}", os.O_CREAT | os.O_WRONLY))
    page = json.loads(body(serve("/?page=3", Accept="application/json")))
    assert (page["pages"], page["files"], len(page["entries"])) == (10, 5_000, 500)


# --- how it looks ---------------------------------------------------------------------------------


def test_the_policy_allows_this_style_sheet_and_nothing_else(serve):
    response = serve("/")
    policy = response.headers["content-security-policy"]
    style = re.search(rb"<style>(.*?)</style>", response.body, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style[1]).digest()).decode()
    assert policy == POLICY
    assert f"style-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    assert b"url(" not in response.body
    assert b"<script" not in response.body
    assert b" style=" not in response.body
    assert b"http:" not in response.body
    assert b"https:" not in response.body


def test_every_icon_exists(tmp_path, serve):
    names = [b"a.png", b"b.mp3", b"c.zip", b"d.txt", b"e.bin", b"f.pdf"]
    (tmp_path / "sub").mkdir()
    make(tmp_path / "sub", names)
    for target in ("/sub/", "/sub/?order=desc", "/"):
        page = body(serve(target)).decode()
        used = set(re.findall(r'<use href="#(\w+)"', page))
        assert used
        assert used <= set(re.findall(r'<symbol id="(\w+)"', ICONS))
    assert [icon_for(os.fsdecode(name)) for name in names] == [
        "image", "media", "archive", "text", "file", "text"]  # fmt: skip


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1, "1 B"), (999, "999 B"), (1000, "1.0 kB"), (1049, "1.0 kB"), (1050, "1.1 kB"),
     (99_949, "99.9 kB"), (99_950, "100 kB"), (999_499, "999 kB"), (999_500, "1.0 MB"),
     (5_368_709_120, "5.4 GB"), (2**63 - 1, "9.2 EB")],
)  # fmt: skip
def test_human_size(size, text):
    assert human_size(size) == text


@settings(derandomize=True)
@given(st.integers(0, 10**30), st.integers(0, 10**30))
def test_numbers_sort_by_value(a, b):
    names = [f"x{b}y", f"x{a}y"]
    sort_naturally(names)
    assert names == [f"x{number}y" for number in sorted([a, b])]


@settings(derandomize=True)
@given(st.lists(st.text(st.characters(exclude_characters="\0")), unique=True))
def test_no_name_breaks_or_is_lost_by_sorting(names):
    found = list(names)
    sort_naturally(found)
    assert sorted(found) == sorted(names)
    again = found[::-1]
    sort_naturally(again)
    assert again == found


def test_an_empty_folder_and_dates_that_nothing_can_show():
    page = Page([], Order("name", descending=False), 1, 1, 0, 0, 0)
    assert b"This folder is empty." in render_html(page, "/a/")
    odd = [Entry("past", 1, -(2**60)), Entry("future", 1, 2**60), Entry("dir", None, 0)]
    page = Page(odd, Order("name", descending=False), 1, 1, 1, 2, 2)
    assert b"9999-12-31 23:59" in render_html(page, "/")
    assert b"1970-01-01 00:00" in render_html(page, "/")
    assert len(json.loads(render_json(page, "/"))["entries"]) == 3
