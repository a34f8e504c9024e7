"""Path safety: whatever the target says, nothing outside the root is opened."""

from __future__ import annotations

import errno
import itertools
import os
import stat

import pytest
from processes import open_descriptors
from watching import watched

from reactor.apps import path_resolution
from reactor.apps.path_resolution import Root, hidden, quote, raw_path, split_target
from reactor.apps.static import StaticFolder
from reactor.errors import ConfigurationError, LocalProtocolError
from reactor.parser._message import Request

SECRET = b"SECRET-OUTSIDE"

DOTS = (
    "..", ".", "%2e%2e", "%2E%2E", ".%2e", "%2E.", "%252e%252e", "%c0%ae%c0%ae", "%e0%80%ae%2e",
    "%uff0e%uff0e", "..%00", "..%20", ".. ", "...", "..;", "..%3b", "..%09", "..%0a", "%2e%2e%2e",
)  # fmt: skip
SEPARATORS = ("/", "//", "%2f", "%2F", "%252f", "%5c", "%5C", "\\", "/./", "%c0%af", "/%00/")
GOALS = ("outside.txt", "sibling/secret.txt", "rootling/secret.txt", "etc/passwd")
DEPTHS = (1, 2, 5)


def traversals() -> list[str]:
    """Every dot form joined by every separator, several levels up, before every goal."""
    forms = [
        lead + separator.join([dots] * depth) + separator + goal
        for dots, separator, goal, depth in itertools.product(DOTS, SEPARATORS, GOALS, DEPTHS)
        for lead in ("/",)
    ]
    inner = [
        f"/inside/{separator.join([dots] * 2)}{separator}outside.txt"
        for dots, separator in itertools.product(DOTS, SEPARATORS)
    ]
    single = [
        "//etc/passwd", "///etc/passwd", "/%2fetc/passwd", "/%2Fetc%2Fpasswd", "/%5cetc/passwd",
        "http://host/../outside.txt", "http://host//../outside.txt", "http://../outside.txt",
        "file:///etc/passwd", "http:/etc/passwd", "*", "etc/passwd", "../outside.txt", "host:80",
        "/proc/self/root/etc/passwd", "/dev/stdin", "/" + "../" * 1300 + "etc/passwd",
        "/" + "a/" * 2000 + "b", "/" + "%2e" * 2000, "/out-file", "/out-folder/secret.txt",
        "/out-relative", "/out-absolute-inside", "/loop", "/loop/x", "/loop-a/x", "/chain",
        "/proc-link/etc/passwd", "/fd-link", "/.%2e/outside.txt", "/..%2foutside.txt/",
        "/inside/file.txt/../../../outside.txt", "/inside/file.txt/x", "/%", "/%2", "/%zz", "/%2g",
        "/a%00.txt", "/file.txt%00", "/%00", "/%2e", "/%2e%2e", "/..", "/.", "/../", "/./",
        "/%00/../outside.txt", "/\x7f", "/\u0100", "/file.txt%20", "/file.txt.", "/FILE.TXT::$DATA",
    ]  # fmt: skip
    return [*forms, *inner, *single]


@pytest.fixture(params=["openat2", "walk"])
def site(request, tmp_path, monkeypatch):
    """A root beside secrets, with links that try to leave it; both ways to open."""
    root = tmp_path / "root"
    (root / "inside").mkdir(parents=True)
    (root / "file.txt").write_bytes(b"public")
    (root / "inside" / "file.txt").write_bytes(b"public")
    for folder in ("sibling", "rootling"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "secret.txt").write_bytes(SECRET)
    (tmp_path / "outside.txt").write_bytes(SECRET)
    links = {
        "out-file": tmp_path / "outside.txt",
        "out-folder": tmp_path / "sibling",
        "out-relative": "../outside.txt",
        "out-absolute-inside": root / "file.txt",
        "loop": "loop",
        "loop-a": "loop-b",
        "loop-b": "loop-a",
        "chain": "out-relative",
        "proc-link": "/proc/self/root",
        "fd-link": "/proc/self/fd/0",
        "in-file": "inside/file.txt",
        "in-folder": "inside",
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    if request.param == "walk":
        monkeypatch.setattr(Root, "_probe", lambda self: False)
    elif not Root(root).openat2:
        pytest.skip("this kernel or sandbox has no openat2")
    return root


@pytest.fixture
def opened(site, monkeypatch):
    """The real path of every file and folder that ``path_resolution`` gets a descriptor of."""
    paths: list[str] = []
    os_open, beneath = os.open, path_resolution.open_beneath

    def record(descriptor: int) -> int:
        if descriptor >= 0:
            paths.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        return descriptor

    monkeypatch.setattr(
        path_resolution.os, "open", lambda *args, **keywords: record(os_open(*args, **keywords))
    )
    monkeypatch.setattr(path_resolution, "open_beneath", lambda *args: record(beneath(*args)))
    return paths


def body_of(response) -> bytes:
    body = response.body
    if not hasattr(body, "read"):
        return body
    with body:
        return body.read()


def test_there_are_enough_traversals():
    assert len(set(traversals())) >= 1000


def test_nothing_outside_is_opened(site, opened):
    app = StaticFolder(site)
    missing = app.respond(Request("GET", "/no-such-file"))
    for target in traversals():
        try:
            request = Request("GET", target)
        except LocalProtocolError:
            # The parser refuses it too; the app must not depend on that.
            names = split_target(target)
            assert names is None or app._root.open(names[0]) is None, target
            continue
        response = app.respond(request)
        assert SECRET not in body_of(response), target
        assert response.status == 404, target
        assert response is missing, target
    strangers = [path for path in opened if path != str(site) and not path.startswith(f"{site}/")]
    assert strangers == []
    app.close()


def test_what_is_inside_is_served(site):
    app = StaticFolder(site)
    for target in ("/file.txt", "//file.txt", "/inside//file.txt", "/%66ile.txt", "/file.txt?../x",
                   "http://host/file.txt", "/inside/%66%69%6C%65%2Etxt"):  # fmt: skip
        response = app.respond(Request("GET", target))
        assert response.status == 200, target
        assert body_of(response) == b"public"
    app.close()


def test_a_link_that_stays_beneath_is_followed_only_where_the_kernel_holds_it(site):
    app = StaticFolder(site)
    expected = 200 if app._root.openat2 else 404
    for target in ("/in-file", "/in-folder/file.txt"):
        response = app.respond(Request("GET", target))
        assert response.status == expected
        if expected == 200:
            assert body_of(response) == b"public"
    app.close()


def test_look_never_follows_a_link_outside(site):
    root = Root(site)
    assert root.look([b"out-file"]) is None
    assert root.look([b"loop"]) is None
    inside = root.look([b"in-file"])
    assert (inside is not None) == root.openat2
    status = root.look([b"inside"])
    assert status is not None
    assert stat.S_ISDIR(status.st_mode)
    root.close()


@pytest.mark.parametrize(
    "names",
    [[b"..", b"outside.txt"], [b"inside", b"..", b"..", b"outside.txt"], [b".."],
     [b"/etc/passwd"], [b"/"], [b"inside/../../outside.txt"], [b"a" * 300], [b"a"] * 3000],
)  # fmt: skip
def test_the_second_guard_holds_without_the_first(site, names):
    root = Root(site)
    assert root.open(names) is None
    assert root.open_folder(names) is None
    assert root.look(names) is None
    root.close()


def test_no_descriptor_leaks(site):
    app = StaticFolder(site)
    before = open_descriptors()
    for target in traversals():
        if split_target(target) is not None and target.isascii():
            try:
                request = Request("GET", target)
            except LocalProtocolError:
                continue
            body = app.respond(request).body
            if hasattr(body, "close"):
                body.close()
    assert open_descriptors() == before
    app.close()


@pytest.fixture
def fifo_site(site):
    """A folder with a FIFO as a file, as an index file, as a sibling and behind a link."""
    (site / "app.js").write_bytes(b"original")
    for name in ("fifo.txt", "app.js.gz", "index.html"):
        os.mkfifo(site / name)
    (site / "link.txt").symlink_to("fifo.txt")
    return site


# /proc is there, or it is not (a chroot).
@pytest.mark.parametrize("by_descriptor", ["/proc/self/fd/{}", "/no/proc/{}"])
def test_a_fifo_is_never_opened(fifo_site, monkeypatch, by_descriptor):
    """Not for a moment: a writer that waits for a reader would go on."""
    monkeypatch.setattr(path_resolution, "_BY_DESCRIPTOR", by_descriptor)
    app = StaticFolder(fifo_site)
    with watched(fifo_site) as told:
        for target in ("/fifo.txt", "/link.txt", "/fifo.txt/", "/index.html", "/app.js.gz"):
            for method in ("GET", "HEAD"):
                assert app.respond(Request(method, target)).status == 404, target
        listed = app.respond(Request("GET", "/", [("Accept", "application/json")]))
        assert listed.status == 200
        assert b"fifo" not in listed.body
        original = app.respond(Request("GET", "/app.js", [("Accept-Encoding", "gzip")]))
        assert body_of(original) == b"original"
        assert told() == {"app.js"}  # the kernel does tell
    app.close()


def test_a_remembered_file_that_became_a_fifo_is_not_opened(site, monkeypatch):
    monkeypatch.setattr("reactor.apps.answer_cache.SETTLED_S", -(10**6))
    (site / "large.txt").write_bytes(bytes(100_000))
    app = StaticFolder(site)
    for _ in range(2):
        assert len(body_of(app.respond(Request("GET", "/large.txt")))) == 100_000
    (site / "large.txt").unlink()
    os.mkfifo(site / "large.txt")
    with watched(site) as told:
        assert app.respond(Request("GET", "/large.txt")).status == 404
        assert told() == set()
    app.close()


def test_without_o_path_what_is_special_is_not_opened_either(fifo_site, monkeypatch):
    monkeypatch.setattr(path_resolution, "_HAS_PATH", False)
    monkeypatch.setattr(path_resolution, "_LOOK", path_resolution._READ)
    root = Root(fifo_site, openat2=False)
    with watched(fifo_site) as told:
        assert root.open([b"fifo.txt"]) is None
        assert root.look([b"fifo.txt"]) is None
        opened = root.open([b"file.txt"])
        assert opened is not None
        opened[0].close()
        assert told() == {"file.txt"}
    root.close()


def test_an_unreadable_file_is_missing_and_trouble_is_raised(site, monkeypatch):
    root = Root(site)
    real = os.open

    def failing(path, *args, **keywords):
        if str(path).startswith("/proc/self/fd/"):
            raise OSError(errno.EIO, "disk")
        return real(path, *args, **keywords)

    before = open_descriptors()
    monkeypatch.setattr(path_resolution.os, "open", failing)
    with pytest.raises(OSError, match="disk"):
        root.open([b"file.txt"])
    assert open_descriptors() == before
    root.close()


def test_a_swapped_folder_never_leads_outside(site, tmp_path):
    """A folder that turns into a link between two requests, many times."""
    app = StaticFolder(site)
    (site / "real").mkdir()
    (site / "real" / "secret.txt").write_bytes(b"public")
    for _ in range(200):
        (site / "real").rename(site / "kept")
        (site / "real").symlink_to(tmp_path / "sibling")
        assert app.respond(Request("GET", "/real/secret.txt")).status == 404
        (site / "real").unlink()
        (site / "kept").rename(site / "real")
        assert body_of(app.respond(Request("GET", "/real/secret.txt"))) == b"public"
    app.close()


@pytest.mark.parametrize(
    ("target", "names", "slash"),
    [
        ("/", [], True),
        ("//", [], True),
        ("/a", [b"a"], False),
        ("/a/", [b"a"], True),
        ("/a//b", [b"a", b"b"], False),
        ("/a%20b", [b"a b"], False),
        ("/%25", [b"%"], False),
        ("/%252e", [b"%2e"], False),
        ("/%ff%FE", [b"\xff\xfe"], False),
        ("/a%5Cb", [b"a\\b"], False),
        ("/a%0Ab", [b"a\nb"], False),
        ("/a?b/../c", [b"a"], False),
        ("/.well-known/x", [b".well-known", b"x"], False),
        ("/%2ewell-known/x", [b".well-known", b"x"], False),
        ("http://h/a/b", [b"a", b"b"], False),
        ("http://h", [], True),
        ("HTTP://h/a?q", [b"a"], False),
    ],
)
def test_split_target(target, names, slash):
    assert split_target(target) == (names, slash)


@pytest.mark.parametrize(
    "target",
    ["", "*", "a", "host:80", "/.", "/..", "/.git", "/a/.env", "/%2egit", "/a/.well-known",
     "/.well-known/.git", "/a\\b", "/a\0b", "/%", "/%1", "/%g0", "/%0g", "/%+1", "/% 1", "/%00",
     "/%2f", "/%2F", "/a%2Fb", "/\u0100", "/\udcff", "/" + "a" * 4095,
     "/" + "%61" * 4095, "/a" * 2048, "/" * 4096],
)  # fmt: skip
def test_split_target_refuses(target):
    assert split_target(target) is None


def test_every_byte_but_nul_slash_and_leading_dot_comes_back():
    for value in range(256):
        name = b"x" + bytes([value])
        split = split_target("/" + quote(name))
        assert split == (None if value in (0, 0x2F) else ([name], False)) or value in (0, 0x2F)
        if value in (0, 0x2F):
            assert split is None


def test_quote_leaves_only_unreserved_characters():
    quoted = quote(bytes(range(1, 256)))
    unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%"
    assert set(quoted) <= set(unreserved)


def test_raw_path():
    assert raw_path("/a%2e?b?c") == "/a%2e"
    assert raw_path("http://h:1/a?b") == "/a"
    assert raw_path("http://h?b") == "/"
    assert raw_path("h:1") == ""


def test_hidden():
    assert hidden(b".", top=True)
    assert hidden(b"..", top=False)
    assert not hidden(b".well-known", top=True)
    assert hidden(b".well-known", top=False)
    assert hidden(b".well-known2", top=True)
    assert not hidden(b"a.b", top=True)


def test_a_root_that_cannot_be_opened_is_said_in_one_sentence(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="there is no folder"):
        Root(tmp_path / "missing")
    with pytest.raises(ConfigurationError, match="is not a folder"):
        Root(tmp_path / "file")


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM])
def test_an_old_kernel_or_a_sandbox_walks(tmp_path, monkeypatch, number):
    (tmp_path / "a").write_bytes(b"")
    monkeypatch.setattr(path_resolution, "open_beneath", lambda *_args: -number)
    root = Root(tmp_path)
    assert not root.openat2
    opened = root.open([b"a"])
    assert opened is not None
    opened[0].close()
    root.close()


def test_trouble_of_the_machine_is_not_a_missing_file(tmp_path, monkeypatch):
    root = Root(tmp_path, openat2=True)

    monkeypatch.setattr(path_resolution, "open_beneath", lambda *_args: -errno.EIO)
    with pytest.raises(OSError, match="Input/output error"):
        root.open([b"a"])
    root.close()


def test_a_race_that_the_kernel_saw_is_tried_again(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"")
    root = Root(tmp_path)
    real, tries = path_resolution.open_beneath, []

    def unsure(*args):
        tries.append(args)
        return -errno.EAGAIN if len(tries) < 3 else real(*args)

    monkeypatch.setattr(path_resolution, "open_beneath", unsure)
    if not root.openat2:
        pytest.skip("this kernel or sandbox has no openat2")
    opened = root.open([b"a"])
    assert opened is not None
    opened[0].close()
    tries.clear()
    monkeypatch.setattr(path_resolution, "_TRIES", 2)
    assert root.open([b"a"]) is None
    root.close()


def test_a_root_made_anew_is_found_at_the_first_miss(tmp_path):
    site = tmp_path / "dist"
    site.mkdir()
    app = StaticFolder(site)
    site.rmdir()
    assert app.respond(Request("GET", "/new.txt")).status == 404
    assert app.respond(Request("GET", "/")).status == 404
    site.mkdir()
    (site / "new.txt").write_bytes(b"public")
    assert b"new.txt" in app.respond(Request("GET", "/")).body
    (site / "new.txt").unlink()
    site.rmdir()
    site.mkdir()
    (site / "new.txt").write_bytes(b"public")
    assert body_of(app.respond(Request("GET", "/new.txt"))) == b"public"
    app.close()


def test_a_root_that_is_a_link_is_followed_when_it_is_turned(tmp_path, monkeypatch):
    """Also for files that both have, a moment later and with the memory of answers full."""
    now = [1000.0]
    monkeypatch.setattr("reactor.apps.static.time.monotonic", lambda: now[0])
    monkeypatch.setattr("reactor.apps.answer_cache.SETTLED_S", -(10**6))
    for release in (b"one", b"two"):
        (tmp_path / release.decode()).mkdir()
        (tmp_path / release.decode() / "a.txt").write_bytes(release)
    current = tmp_path / "current"
    current.symlink_to("one")
    app = StaticFolder(current)
    assert app.respond(Request("GET", "/a.txt")).body == b"one"
    current.unlink()
    now[0] += 2
    assert app.respond(Request("GET", "/a.txt")).body == b"one"
    current.symlink_to("two")
    now[0] += 2
    assert app.respond(Request("GET", "/a.txt")).body == b"two"
    assert app._root.follow() is False
    app.close()


def test_close_is_idempotent(tmp_path):
    root = Root(tmp_path)
    root.close()
    root.close()
