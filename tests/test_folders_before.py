"""`--static /PREFIX=FOLDER`: files before an application of every kind, on real servers."""

from __future__ import annotations

import pytest
from processes import MODELS, exchange, run_reactor, serving

from reactor import Server
from reactor.apps.folders_before import checked_prefix
from reactor.errors import ConfigurationError

APPS = """
from flask import Flask, request
from reactor import Response

def native(request):
    return Response(200, {}, f"native {request.method} {request.target}")

def wsgi(environ, start_response):
    start_response("200 OK", [])
    return [f"wsgi {environ['REQUEST_METHOD']} {environ['PATH_INFO']}".encode()]

async def handler(request):
    return Response(200, {}, f"handler {request.method} {request.target}")

async def asgi(scope, receive, send):
    if scope["type"] != "http":
        return
    body = f"asgi {scope['method']} {scope['path']}".encode()
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": body})

flask = Flask(__name__, static_folder=None)

@flask.route("/", defaults={"path": ""}, methods=["GET", "POST"])
@flask.route("/<path:path>", methods=["GET", "POST"])
def page(path):
    return f"flask {request.method} /{path}"
"""
# Each with the models that it is served by.
KINDS = [
    *((kind, model) for kind in ("native", "wsgi", "flask") for model in MODELS),
    *((kind, "reactor") for kind in ("handler", "asgi")),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    root = tmp_path_factory.mktemp("site")
    (root / "apps.py").write_text(APPS)
    public = root / "public"
    for folder in ("sub", "empty", "deep"):
        (public / folder).mkdir(parents=True)
    (public / "x.txt").write_text("a file")
    (public / "x.txt.gz").write_bytes(b"packed")
    (public / ".hidden").write_text("hidden")
    (public / "sub" / "index.html").write_text("the page of sub")
    (root / "secret").write_text("secret")
    (public / "way").symlink_to(root / "secret")
    (root / "deeper").mkdir()
    (root / "deeper" / "y.txt").write_text("deeper")
    return root


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: "-".join(kind))
def server(request, site):
    kind, model = request.param
    words = ["--model", model, "--static", "/static=public", "--static=/static/deep=deeper"]
    with serving(f"apps:{kind}", *words, cwd=site) as server:
        server.kind = kind
        yield server


def ask(server, target, *fields, method="GET", body=b"", version="1.1"):
    head = [
        f"{method} {target} HTTP/{version}",
        "Host: localhost",
        "Connection: close",
        *fields,
        "",
        "",
    ]
    answer = exchange(server.address, "\r\n".join(head).encode() + body)
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), head.decode("latin-1"), body


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_what_is_there_is_the_folder_s(server, version):
    status, head, body = ask(server, "/static/x.txt?v=1", version=version)
    assert (status, body) == (200, b"a file")
    assert "\r\nETag: " in head
    assert ask(server, "/static/sub/")[2] == b"the page of sub"
    assert "\r\nLocation: sub/" in ask(server, "/static/sub")[1]
    assert ask(server, "/static/deep/y.txt")[2] == b"deeper"


def test_the_folder_has_its_own_rules(server):
    _, head, body = ask(server, "/static/x.txt", "Range: bytes=2-5")
    assert (head.split(" ")[1], body) == ("206", b"file")
    etag = ask(server, "/static/x.txt")[1].partition("ETag: ")[2].partition("\r\n")[0]
    assert ask(server, "/static/x.txt", f"If-None-Match: {etag}")[0] == 304
    assert ask(server, "/static/x.txt", "Accept-Encoding: gzip")[2] == b"packed"
    status, head, body = ask(server, "/static/x.txt", method="HEAD")
    assert (status, body) == (200, b"")
    assert "\r\nContent-Length: 6" in head


@pytest.mark.parametrize(
    "target",
    [
        "/", "/static", "/staticx/x.txt", "/static/none", "/static/.hidden", "/static/way",
        "/static/../secret", "/static/%2e%2e/secret", "/static/empty/", "/static/empty",
        "/static/", "/STATIC/x.txt", "/static/x.txt/", "/static/deep/none",
    ],
)  # fmt: skip
def test_what_is_not_there_is_the_application_s(server, target):
    status, _, body = ask(server, target)
    assert status == 200
    assert body.startswith(f"{server.kind} GET /".encode())


def test_other_methods_are_the_application_s(server):
    status, _, body = ask(server, "/static/x.txt", "Content-Length: 3", method="POST", body=b"abc")
    assert status == 200
    assert body == f"{server.kind} POST /static/x.txt".encode()


def test_a_connection_is_kept_between_both(server):
    """Pipelined: a file, the application, the file again."""
    targets = ["/static/x.txt", "/page", "/static/x.txt"]
    data = "".join(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n" for target in targets)
    answer = exchange(server.address, data.encode(), half_close=True)
    bodies = [answer.find(b"a file"), answer.find(f"{server.kind} GET".encode())]
    assert bodies[0] < bodies[1] < answer.rfind(b"a file")
    assert answer.count(b"HTTP/1.1 200") == 3


def test_a_folder_may_stand_before_the_whole_application(site):
    with serving("apps:wsgi", "--static", "/=public", cwd=site) as server:
        assert ask(server, "/x.txt")[2] == b"a file"
        assert ask(server, "/")[2] == b"wsgi GET /"
        assert ask(server, "/sub/")[2] == b"the page of sub"
        assert ask(server, "/empty/")[2] == b"wsgi GET /empty/"


def test_options_of_folders_are_theirs(site):
    words = ["--static", "/s=public", "--listing", "--cors", "--header", "X-A: b"]
    with serving("apps:wsgi", *words, cwd=site) as server:
        _, head, _ = ask(server, "/s/x.txt")
        assert "\r\nX-A: b" in head
        assert "\r\nAccess-Control-Allow-Origin: *" in head
        assert b"x.txt" in ask(server, "/s/")[2]
        assert "X-A" not in ask(server, "/other")[1]


def test_a_folder_before_a_folder(site):
    with serving("deeper", "--static", "/s=public", cwd=site) as server:
        assert ask(server, "/s/x.txt")[2] == b"a file"
        assert ask(server, "/y.txt")[2] == b"deeper"
        assert ask(server, "/s/none")[0] == 404


def test_a_file_that_changes_is_sent_as_it_is(site):
    with serving("apps:wsgi", "--static", "/s=public", cwd=site) as server:
        path = site / "public" / "new.txt"
        assert ask(server, "/s/new.txt")[2] == b"wsgi GET /s/new.txt"
        path.write_text("one")
        assert ask(server, "/s/new.txt")[2] == b"one"
        path.unlink()
        assert ask(server, "/s/new.txt")[2] == b"wsgi GET /s/new.txt"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--static", "static=public"], "is no prefix of paths"),
        (["--static", "/a%20b=public"], "is no prefix of paths"),
        (["--static", "/static"], "write /PREFIX=FOLDER"),
        (["--static", "/s=public", "--static", "/s/=public"], "has a folder already"),
        (["--static", "/s=public", "--spa"], "is the application's"),
        (["--static", "/s=public", "--header", "Content-Length: 1"], "--header: "),
    ],
)
def test_what_is_wrong_is_one_sentence(site, words, says):
    done = run_reactor("serve", "apps:wsgi", *words, cwd=site)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done
    assert says in done.stderr


def test_what_cannot_be_served_is_said(site):
    done = run_reactor("serve", "apps:wsgi", "--static", "/s=none", cwd=site)
    assert done.returncode == 3
    assert "none" in done.stderr
    done = run_reactor("serve", "reactor.apps.echo:Echo", "--static", "/s=public", cwd=site)
    assert done.returncode == 3
    assert "not before a TCP protocol" in done.stderr


@pytest.mark.parametrize("prefix", ["", "s", "//", "/a//b", "/a?b", "/a b", "/é", "/a\\b", 1])
def test_what_is_no_prefix(prefix, tmp_path):
    with pytest.raises(ConfigurationError, match="is no prefix"):
        checked_prefix(prefix)
    with pytest.raises(ConfigurationError, match="is no prefix"):
        Server(lambda request: None, port=0, static={prefix: tmp_path})
