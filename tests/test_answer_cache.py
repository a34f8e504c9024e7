"""Remembered answers: the same object while nothing changed, never a stale one."""

from __future__ import annotations

import errno
import os
import socket
from types import SimpleNamespace

import pytest

from reactor.apps import answer_cache, path_resolution
from reactor.apps._plain_request import plain_get
from reactor.apps._stamps import FileStamps
from reactor.apps.static import StaticFolder
from reactor.http.dates import format_date
from reactor.limits import DEFAULT_LIMITS
from reactor.net import Connection, Reactor
from reactor.parser._message import Request
from reactor.server import protocol_factory

MODIFIED = 1_700_000_000


@pytest.fixture
def clock(monkeypatch):
    """Time stands still; files count as settled at once (ctime cannot be set back)."""
    now = SimpleNamespace(value=1000.0)
    monkeypatch.setattr(answer_cache.time, "monotonic", lambda: now.value)
    monkeypatch.setattr(answer_cache, "SETTLED_S", -(10**6))
    return now


@pytest.fixture
def app(tmp_path, clock):
    put(tmp_path / "a.txt", b"first")
    app = StaticFolder(tmp_path)
    yield app
    app.close()


def put(path, data, modified=MODIFIED):
    path.write_bytes(data)
    os.utime(path, (modified, modified))


def get(app, target="/a.txt", method="GET", **fields):
    headers = [(name.replace("_", "-"), value) for name, value in fields.items()]
    return app.respond(Request(method, target, headers))


def test_an_unchanged_file_is_answered_with_the_same_response(app):
    first = get(app)
    assert first.body == b"first"
    assert get(app) is first


def test_each_path_and_each_accept_encoding_has_its_own(app):
    first = get(app)
    assert get(app, "/a.txt?v=2") is first  # a file does not look at its query
    assert get(app, "/./a.txt") is not first
    assert get(app, Accept_Encoding="br") is not first
    request = Request("GET", "/a.txt", [("Accept-Encoding", "br"), ("Accept-Encoding", "gzip")])
    assert app.respond(request) is not get(app, Accept_Encoding="br")


@pytest.mark.parametrize(
    "change",
    [
        lambda path: put(path, b"other", MODIFIED + 1),
        lambda path: put(path, b"longer one", MODIFIED),
        lambda path: (put(path.with_name("b"), b"other"), os.replace(path.with_name("b"), path)),
        lambda path: (path.unlink(), put(path, b"other!")),
    ],
)
def test_a_change_is_seen_at_once(app, tmp_path, change):
    get(app)
    change(tmp_path / "a.txt")
    assert get(app).body == (tmp_path / "a.txt").read_bytes()


def test_what_is_gone_is_missing(app, tmp_path):
    get(app)
    (tmp_path / "a.txt").unlink()
    assert get(app).status == 404


def test_a_file_of_this_moment_is_not_remembered(app, monkeypatch):
    monkeypatch.setattr(answer_cache, "SETTLED_S", 10**6)
    assert get(app) is not get(app)


def test_an_answer_is_made_anew_after_a_while(app, clock):
    first = get(app)
    clock.value += answer_cache.REMEMBERED_S
    second = get(app)
    assert second is not first
    assert get(app) is second


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"Range": "bytes=0-1"}, 206),
        ({"If_Modified_Since": format_date(MODIFIED)}, 304),
        ({"If_Unmodified_Since": format_date(MODIFIED - 1)}, 412),
        ({"If_None_Match": "*"}, 304),
        ({"If_Match": '"x"'}, 412),
    ],
)
def test_conditions_are_never_answered_from_memory(app, fields, status):
    body = get(app, **fields).body
    if hasattr(body, "close"):
        body.close()
    plain = get(app)
    response = get(app, **fields)
    assert response.status == status
    if hasattr(response.body, "close"):
        response.body.close()
    assert get(app) is plain


def test_other_methods_are_not_answered_from_memory(app):
    get(app)
    assert get(app, method="POST").status == 405
    head = get(app, method="HEAD")
    assert head.headers == get(app).headers
    head.body.close()


def test_siblings(app, tmp_path, clock):
    plain = get(app, Accept_Encoding="gzip")
    assert plain.body == b"first"
    put(tmp_path / "a.txt.gz", b"packed")
    # Not stale, only not the smallest: the sibling is found when the answer is made anew.
    assert get(app, Accept_Encoding="gzip").body in {b"first", b"packed"}
    clock.value += answer_cache.REMEMBERED_S
    packed = get(app, Accept_Encoding="gzip")
    assert packed.body == b"packed"
    assert get(app, Accept_Encoding="gzip") is packed
    # A change of the original alone takes its sibling out of use at once.
    put(tmp_path / "a.txt", b"newer", MODIFIED + 5)
    assert get(app, Accept_Encoding="gzip").body == b"newer"


def test_removed_sibling(app, tmp_path):
    put(tmp_path / "a.txt.gz", b"packed")
    assert get(app, Accept_Encoding="gzip").body == b"packed"
    (tmp_path / "a.txt.gz").unlink()
    assert get(app, Accept_Encoding="gzip").body == b"first"


def test_a_link_is_not_remembered_by_its_own_stamp(app, tmp_path):
    put(tmp_path / "b.txt", b"second")
    (tmp_path / "link.txt").symlink_to("a.txt")
    if get(app, "/link.txt").status == 404:
        pytest.skip("this kernel or sandbox has no openat2")
    put(tmp_path / "a.txt", b"FIRST", MODIFIED)
    assert get(app, "/link.txt").body == b"FIRST"


def test_a_folder_swapped_for_a_link_leads_nowhere(app, tmp_path):
    (tmp_path / "folder").mkdir()
    put(tmp_path / "folder" / "x.txt", b"inside")
    assert get(app, "/folder/x.txt").body == b"inside"
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    (tmp_path / "folder").rename(outside)
    (tmp_path / "folder").symlink_to(outside)
    # The same inode, so the same bytes may still be given; anything else there may not.
    assert get(app, "/folder/x.txt").body in {b"inside", b"Not Found\n"}
    put(outside / "x.txt", b"SECRET", MODIFIED)
    assert get(app, "/folder/x.txt").status == 404
    put(outside / "y.txt", b"SECRET", MODIFIED)
    assert get(app, "/folder/y.txt").status == 404


def test_index_pages_and_what_is_missing_are_not_remembered(app, tmp_path):
    assert get(app, "/") is not get(app, "/")
    assert get(app, "/missing").status == 404
    assert len(app._answers._answers) == 0


def test_the_memory_is_bounded(app, monkeypatch):
    monkeypatch.setattr(answer_cache, "ANSWERS_MAX", 8)
    for number in range(50):
        get(app, Accept_Encoding=f"x-{number}")
        assert len(app._answers._answers) <= 8
    assert get(app, Accept_Encoding="x-49") is get(app, Accept_Encoding="x-49")


def test_extra_headers_are_remembered_too(tmp_path, clock):
    put(tmp_path / "a.txt", b"x")
    app = StaticFolder(tmp_path, headers=[("Cache-Control", "no-store")])
    assert get(app).headers["cache-control"] == "no-store"
    assert get(app) is get(app)
    app.close()


def large(letter, more=0):
    return letter * (answer_cache.WHOLE_BYTES_MAX + 1 + more)


@pytest.fixture
def path(app, tmp_path):
    """A large file that the app has answered with once."""
    if not app._root.openat2:
        pytest.skip("this kernel or sandbox has no openat2")
    path = tmp_path / "large.txt"
    put(path, large(b"1"))
    assert whole(get(app, "/large.txt")) == large(b"1")
    return path


def whole(response):
    with response.body as file:
        assert file.size == int(response.headers["content-length"])
        return file.read()


def test_of_a_large_file_the_head_is_remembered_and_nothing_held_open(app, path):
    descriptors = len(os.listdir("/proc/self/fd"))
    first, second = get(app, "/large.txt"), get(app, "/large.txt")
    assert first.headers is second.headers
    assert first.body is not second.body
    assert whole(first) == whole(second) == large(b"1")
    assert len(os.listdir("/proc/self/fd")) == descriptors


def turned_into_a_link(path):
    put(path.with_name("b.txt"), large(b"2"))
    path.unlink()
    path.symlink_to("b.txt")


LARGE_CHANGES = {
    "rewritten in place": lambda path: put(path, large(b"2")),
    "rewritten in place, longer": lambda path: put(path, large(b"2", 5)),
    "cut, and still large": lambda path: put(path, large(b"2", -1) + b"2"),
    "replaced": lambda path: (
        put(path.with_name("b"), large(b"2")),
        os.replace(path.with_name("b"), path),
    ),
    "removed and made anew": lambda path: (path.unlink(), put(path, large(b"2"))),
    "turned into a link": turned_into_a_link,
}


@pytest.mark.parametrize("change", LARGE_CHANGES.values(), ids=LARGE_CHANGES)
def test_a_change_of_a_large_file_is_seen_at_once(app, path, change):
    change(path)
    for _ in range(2):
        assert whole(get(app, "/large.txt")) == path.read_bytes()


def test_a_large_file_that_became_small_or_went(app, path):
    os.truncate(path, 100)
    assert get(app, "/large.txt").body == b"1" * 100
    put(path, large(b"1"))
    assert whole(get(app, "/large.txt")) == large(b"1")
    path.unlink()
    assert get(app, "/large.txt").status == 404
    path.mkdir()
    assert get(app, "/large.txt").status == 301


def test_a_large_file_is_not_opened_outside_the_root(app, path):
    outside = path.parent.parent / f"{path.parent.name}-outside"
    # Moved, so that it is still the same file by device, inode, size and times.
    os.replace(path, outside)
    path.symlink_to(outside)
    assert get(app, "/large.txt").status == 404
    path.unlink()
    path.symlink_to(f"../{outside.name}")
    assert get(app, "/large.txt").status == 404


def test_large_siblings(app, path):
    put(path.with_name("large.txt.gz"), large(b"z"))
    packed = get(app, "/large.txt", Accept_Encoding="gzip")
    assert whole(packed) == large(b"z")
    assert get(app, "/large.txt", Accept_Encoding="gzip").headers is packed.headers
    # A change of the original alone takes its sibling out of use at once.
    put(path, large(b"2"), MODIFIED + 5)
    assert whole(get(app, "/large.txt", Accept_Encoding="gzip")) == large(b"2")


def test_a_large_file_without_openat2_is_not_remembered(tmp_path, clock):
    app = StaticFolder(tmp_path)
    app._root.openat2 = False
    put(tmp_path / "large.txt", large(b"1"))
    assert whole(get(app, "/large.txt")) == large(b"1")
    assert len(app._answers._answers) == 0
    app.close()


def test_out_of_descriptors_a_large_file_is_not_lost(app, path, monkeypatch):
    def refuse(*_):
        return -errno.EMFILE

    monkeypatch.setattr(path_resolution, "open_beneath", refuse)
    with monkeypatch.context() as limited:
        limited.setattr(app._root, "reopen", lambda stamps: None)
        assert get(app, "/large.txt").status == 503
    monkeypatch.undo()
    assert whole(get(app, "/large.txt")) == large(b"1")


@pytest.mark.parametrize("change", LARGE_CHANGES.values(), ids=LARGE_CHANGES)
def test_on_one_connection_head_and_bytes_are_of_one_file(app, path, change):
    requests = [b"GET /large.txt HTTP/1.1\r\nHost: a\r\n\r\n"] * 4
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.settimeout(5)
    with Reactor() as reactor, theirs:
        Connection(reactor, ours, protocol_factory(app, DEFAULT_LIMITS, None)(), "peer").open()
        for number, request in enumerate(requests):
            if number == 2:
                change(path)
            theirs.sendall(request)
            assert answered(reactor, theirs) == path.read_bytes()
        theirs.close()
        reactor.run_once(timeout=5)


def answered(reactor, theirs):
    """The body of the next answer, as long as its head says."""
    data = b""
    while b"\r\n\r\n" not in data:
        reactor.run_once(timeout=5)
        data += theirs.recv(1 << 20)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        reactor.run_once(timeout=5)
        body += theirs.recv(1 << 20)
    assert len(body) == length
    return body


def test_evidence(tmp_path):
    put(tmp_path / "a", b"1")
    folder = os.open(tmp_path, os.O_RDONLY)
    status = os.stat(tmp_path / "a")
    stamps = FileStamps(folder, [b"a", b"."])
    assert stamps.holds(folder)
    assert stamps.identifies(status.st_dev, status.st_ino)
    assert not stamps.identifies(status.st_dev, status.st_ino + 1)
    assert stamps.changed_s >= int(status.st_ctime)
    (tmp_path / "b").write_bytes(b"")
    assert not stamps.holds(folder)
    with pytest.raises(OSError, match="gone"):
        FileStamps(folder, [b"a", b"missing"])
    with pytest.raises(ValueError, match="no path"):
        FileStamps(folder, [])
    with pytest.raises(TypeError, match="once"):
        stamps.__init__(folder, [b"a"])
    # FileStamps of nothing proves nothing.
    empty = FileStamps.__new__(FileStamps)
    assert not empty.holds(folder)
    assert not empty.identifies(status.st_dev, status.st_ino)
    os.close(folder)


@pytest.mark.parametrize("name", [
    "Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since",
])  # fmt: skip
@pytest.mark.parametrize("spelled", [str.lower, str.upper, str])
def test_a_condition_or_a_range_is_no_plain_get(name, spelled):
    assert plain_get(Request("GET", "/a", [("Accept", "*/*"), (spelled(name), "x")])) is None


@pytest.mark.parametrize("name", ["If-Range", "Rangf", "If-Matcg", "X-If-None-Match", "Cookie"])
def test_other_fields_leave_it_plain(name):
    assert plain_get(Request("GET", "/a?b", [(name, "x")])) == ("/a", None)


def test_only_a_get_is_plain():
    assert plain_get(Request("HEAD", "/a")) is None
    assert plain_get(Request("get", "/a")) is None


def test_every_accept_encoding_tells_answers_apart():
    fields = [("accept-encoding", "br"), ("Accept-Encoding", "gzip"), ("ACCEPT-ENCODING", "")]
    keys = [plain_get(Request("GET", "/a", fields[:count])) for count in range(4)]
    assert len(set(keys)) == 4
    assert keys[1] == ("/a", b"br")
