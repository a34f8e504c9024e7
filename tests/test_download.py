"""`Download` and `save`: a URL into a file from Python, and the one policy of trying again."""

from __future__ import annotations

import hashlib
import io
import re
import time
from pathlib import Path

import pytest
import transfers
from fetching import Server
from transfers import HERE, QUICK, response

from reactor.client import Download, Proxies, save, saving
from reactor.client.request import IDEMPOTENT
from reactor.errors import FetchError
from reactor.limits import DEFAULT_LIMITS

bench = transfers.bench

BODY = bytes(range(256)) * 1000
PAGE = Path(__file__).resolve().parent.parent / "docs/client.md"


def head(length, status="200 OK", *fields):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {length}", HERE, *fields]
    return "\r\n".join([*lines, "", ""]).encode()


class Breaking:
    """Answers with BODY, which breaks off after so many bytes, once for each of the ``cuts``."""

    def __init__(self, *cuts):
        self.cuts = list(cuts)

    def __call__(self, request):
        start, status, more = 0, "200 OK", ['ETag: "v"']
        if (asked := request.headers.get("range")) is not None:
            start = int(re.search(r"\d+", asked)[0])
            status = "206 Partial Content"
            more.append(f"Content-Range: bytes {start}-{len(BODY) - 1}/{len(BODY)}")
        rest = head(len(BODY) - start, status, *more) + BODY[start:]
        if not self.cuts:
            return rest
        return rest[: len(rest) - len(BODY) + start + self.cuts.pop(0)], "close"


@pytest.fixture
def site(bench):
    """A site whose answer may be a pair: what comes, and then the end of the connection."""

    def make(answer):
        def bytes_of(request):
            found = answer(request)
            if isinstance(found, tuple):
                server = servers[-1]
                bench.reactor.call_later(0.05, lambda: server.transport.close())
                return found[0]
            return found

        made = bench.site(bytes_of)
        servers = made.servers = []
        received = transfers.Server.data_received

        def data_received(server, data):
            servers.append(server)
            received(server, data)

        patched.setattr(transfers.Server, "data_received", data_received)
        return made

    with pytest.MonkeyPatch.context() as patched:
        yield make


def fetch(bench, url, sink, client=None, **options):
    """Runs a download to its end."""
    download = Download(
        client or bench.client(QUICK.replace(drain_bytes_max=1000)),
        url,
        sink,
        on_done=lambda _: bench.reactor.stop(),
        **options,
    )
    download.start()
    bench.run()
    return download


# --- into a file ---------------------------------------------------------------------------------


def test_a_file_with_progress_and_hash(bench, site, tmp_path):
    path, sizes = tmp_path / "file", []
    path.write_bytes(b"old")
    done = fetch(
        bench,
        site(Breaking()).url,
        path,
        sha256=hashlib.sha256(BODY).hexdigest().upper(),
        on_head=lambda download: sizes.append(download.response.status),
        on_progress=lambda download: sizes.append((download.size, download.total)),
    )
    assert done.error is None
    assert (done.saved_as, path.read_bytes()) == (str(path), BODY)
    assert (sizes[0], sizes[-1]) == (200, (len(BODY), len(BODY)))
    assert [*tmp_path.iterdir()] == [path]


def test_another_hash_leaves_no_file(bench, site, tmp_path):
    done = fetch(bench, site(Breaking()).url, tmp_path / "file", sha256="0" * 64)
    assert done.error.exit_code == 1
    assert done.sha256 == hashlib.sha256(BODY).hexdigest()
    assert not [*tmp_path.iterdir()]


def test_what_is_no_hash_is_refused_at_once(bench):
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        Download(bench.client(), "http://a/", "x", sha256="abc")


@pytest.mark.parametrize(
    ("url", "path", "code"), [("ftp://a/", "x", 3), ("http://me:hush@h:x/", "x", 3), ("", "x", 3)]
)
def test_a_bad_url_is_told_later_and_once(bench, url, path, code):
    told = []
    download = Download(bench.client(), url, path, on_done=told.append)
    download.start()
    assert not told
    for _ in range(3):
        bench.reactor.run_once(0)
    assert told == [download]
    assert download.error.exit_code == code
    assert "hush" not in str(download.error)


def test_a_path_that_cannot_be_is_an_error_with_its_name(bench, site, tmp_path):
    done = fetch(bench, site(Breaking()).url, tmp_path / "none" / "file")
    assert done.error.exit_code == 23
    assert f"cannot write {tmp_path}/none/file: No such file" in done.error.message


def test_a_sink_of_ones_own(bench, site):
    class Memory(saving.Sink):
        label = "memory"
        body = b""

        def write(self, data):
            self.body += data

        def finish(self, on_saved):
            on_saved("memory")

    sink = Memory()
    done = fetch(bench, site(Breaking()).url, lambda url: sink)
    assert (done.error, done.saved_as, sink.body) == (None, "memory", BODY)


# --- a body that breaks off ----------------------------------------------------------------------


def test_it_goes_on_where_it_broke_off(bench, site, tmp_path):
    made = site(Breaking(100_000, 50_000))
    done = fetch(bench, made.url, tmp_path / "file")
    assert (done.error, (tmp_path / "file").read_bytes()) == (None, BODY)
    asked = [request.headers.get("range") for request, _ in made.requests]
    assert asked == [None, "bytes=100000-", "bytes=150000-"]
    assert (done.attempts, done.resumed_from, done.received) == (3, 150_000, len(BODY))


def test_tries_of_the_request_and_of_the_body_count_together(bench, site, tmp_path):
    breaking, count = Breaking(*[1000] * 9), iter(range(99))

    def answer(request):
        return response(status="503 Busy") if next(count) % 2 == 0 else breaking(request)

    made, said = site(answer), []
    client = bench.client(retries=3, note=said.append)
    done = fetch(bench, made.url, tmp_path / "file", client)
    # 503, broke off, 503, broke off: one request and three tries.
    assert (len(made.requests), done.error.exit_code, done.attempts) == (4, 18, 2)
    assert ["503" in sentence for sentence in said] == [True, False, True]
    assert done.kept == (tmp_path / "file.part").stat().st_size == 2000
    assert fetch(bench, made.url, tmp_path / "file", retries=0).error.exit_code == 22


def test_the_pause_is_the_clients_with_jitter(bench, site, tmp_path):
    said = []
    limits = DEFAULT_LIMITS.replace(retry_pause_s=20, response_timeout_s=5)
    download = Download(
        bench.client(limits, note=lambda text: (said.append(text), bench.reactor.stop())),
        site(Breaking(10, 10)).url,
        tmp_path / "file",
    )
    download.start()
    bench.run()
    [pause] = re.findall(r"trying again in ([\d.]+) s", said[0])
    assert 10 <= float(pause) <= 20
    assert download.cancel() == 10


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "POST", "PATCH"])
def test_what_may_be_repeated_is_one_set(bench, site, tmp_path, method):
    upload = io.BytesIO(b"skipped" + BODY)
    upload.seek(7)
    made = site(Breaking(100))
    sink = saving.NullSink() if method == "HEAD" else tmp_path / "file"
    done = fetch(bench, made.url, sink, method=method, body=upload)
    again = method in IDEMPOTENT
    if method == "HEAD":
        assert (done.error, len(made.requests)) == (None, 1)  # it has no body that could break off
        return
    assert len(made.requests) == (2 if again else 1)
    assert (done.error is None) == again
    assert [body for _, body in made.requests] == [BODY] * len(made.requests)
    # A range is asked for by GET only (RFC 9110 14.2), and by none that sends something.
    assert made.requests[-1][0].headers.get("range") is None


def test_a_post_that_was_redirected_to_a_get_is_not_repeated(bench, site, tmp_path):
    breaking = Breaking(100)

    def answer(request):
        if request.method == "POST":
            return response(status="303 See Other", Location="/there")
        return breaking(request)

    made = site(answer)
    done = fetch(bench, made.url, tmp_path / "file", method="POST", body=b"once")
    assert [request.method for request, _ in made.requests] == ["POST", "GET"]
    assert done.error.exit_code == 18


def test_a_client_that_is_closed_meanwhile_is_told(bench, site, tmp_path):
    told = []
    client = bench.client(QUICK.replace(retry_pause_s=0.2))
    client.note = lambda text: bench.reactor.call_soon(client.close)
    download = Download(client, site(Breaking(10)).url, tmp_path / "file", on_done=told.append)
    download.start()
    give_up = time.monotonic() + 10
    while not told and time.monotonic() < give_up:
        bench.reactor.run_once(0.05)
    assert download.error.exit_code == 42
    assert download.kept == 10


# --- the page of a failure -----------------------------------------------------------------------

CHUNKED = b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("page", "connections"),
    [
        (head(999, "404 Not Found") + b"x" * 999, 1),
        (head(0, "404 Not Found"), 1),
        (CHUNKED + b"2\r\nno\r\n0\r\n\r\n", 1),
        (head(1001, "404 Not Found"), 2),  # the rest never comes, and is not waited for
        (CHUNKED + b"400\r\n" + b"x" * 1024, 2),
        ((head(10, "404 Not Found") + b"x", "close"), 2),
    ],
)
def test_a_failures_page_is_read_within_one_bound(bench, site, tmp_path, page, connections):
    made = site(lambda request: page if request.target == "/gone" else response(b"here"))
    client = bench.client(QUICK.replace(drain_bytes_max=1000), retries=0)
    gone = fetch(bench, f"{made.url}/gone", tmp_path / "gone", client)
    assert gone.error.message == f"{made.url}/gone: the server answered 404"
    assert gone.error.exit_code == 22
    assert fetch(bench, f"{made.url}/", tmp_path / "here", client).error is None
    assert made.connections == connections
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_a_redirects_long_page_ends_its_connection_at_once(bench, site, tmp_path):
    def answer(request):
        if request.target == "/":
            return head(1001, "302 Found", "Location: /there")  # and no body, ever
        return response(b"here")

    made = site(answer)
    assert fetch(bench, f"{made.url}/", tmp_path / "file").error is None
    assert made.connections == 2


# --- callbacks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("callback", ["on_head", "on_progress"])
@pytest.mark.parametrize("error", [OSError(28, "mine"), LookupError("mine")])
def test_what_a_callback_raises_is_the_error(bench, site, tmp_path, callback, error):
    def fail(download):
        raise error

    done = fetch(bench, site(Breaking()).url, tmp_path / "file", **{callback: fail})
    assert done.error is error


def test_what_on_done_raises_is_not_taken_for_the_sinks(bench, site, tmp_path, caplog):
    raised = []

    def fail(download):
        raised.append(download)
        bench.reactor.stop()
        raise OSError("mine")

    download = Download(bench.client(), site(Breaking()).url, tmp_path / "file", on_done=fail)
    download.start()
    bench.run()
    assert raised == [download]
    assert "OSError: mine" in caplog.text
    assert (download.error, download.saved_as) == (None, str(tmp_path / "file"))


def test_cancel_keeps_what_came_and_another_goes_on(bench, site, tmp_path):
    made = site(Breaking(100_000, 10))
    told = []
    download = Download(
        bench.client(retries=0),
        made.url,
        tmp_path / "file",
        on_progress=lambda download: download.size == 100_000 and bench.reactor.stop(),
        on_done=told.append,
    )
    download.start()
    bench.run()
    assert download.cancel() == download.kept == download.cancel() == 100_000
    assert not told
    done = fetch(bench, made.url, tmp_path / "file", resume=True)
    assert (done.error, (tmp_path / "file").read_bytes()) == (None, BODY)


def test_many_are_made_like_one(bench, site, tmp_path):
    made, done = site(lambda request: response(request.target.encode())), []

    def on_done(download):
        done.append(download.error)
        if len(done) == 3:
            bench.reactor.stop()

    folder = tmp_path
    first = Download(
        bench.client(),
        made.url,
        lambda url: saving.open_given(f"{folder}{url.target}", None),
        headers=[("A", "b")],
        on_done=on_done,
    )
    for name in "xyz":
        first.like(f"{made.url}/{name}", [("N", name)], None).start()
    bench.run()
    assert done == [None] * 3
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "x": "/x", "y": "/y", "z": "/z",
    }  # fmt: skip
    assert sorted(request.headers.get("n") for request, _ in made.requests) == ["x", "y", "z"]


# --- the page ------------------------------------------------------------------------------------

BLOCKS = re.findall(
    r"^```python\n(.*?)^```",
    PAGE.read_text(encoding="utf-8").partition("## Into a file")[2].partition("\n## ")[0],
    re.MULTILINE | re.DOTALL,
)


@pytest.mark.parametrize("number", range(2))
def test_what_docs_client_says(number, tmp_path, monkeypatch, capsys):
    server = Server(lambda path, asked: head(len(BODY)) + BODY)
    try:
        monkeypatch.chdir(tmp_path)
        block = BLOCKS[number].replace("https://example.org/", server.url)
        exec(compile(block, f"{PAGE.name} block {number}", "exec"), {})
    finally:
        server.close()
    assert (tmp_path / "big.iso").read_bytes() == BODY
    assert capsys.readouterr().out.splitlines()[-1].startswith("saved big.iso")


@pytest.mark.parametrize(("url", "code"), [("http://127.0.0.1:1/x", 7), ("gopher://a", 3)])
def test_save_raises_what_went_wrong(tmp_path, url, code):
    with pytest.raises(FetchError) as raised:
        save(url, tmp_path / "x", proxies=Proxies(None, None))
    assert raised.value.exit_code == code
