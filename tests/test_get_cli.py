"""``reactor get`` as its users call it: many URLs, JSON, resuming, what is sent and shown."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import pty
import re
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import types
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import trustme
from processes import PATIENCE_S, REPOSITORY, command, environment, eventually
from rich.console import Console

from reactor.cli import main
from reactor.cli.get import progress

BIG = bytes(range(256)) * 1024
DATE = "Mon, 23 Nov 2026 15:51:40 GMT"
NOW = "Mon, 23 Nov 2026 16:51:40 GMT"


def files(folder):
    return sorted(os.listdir(folder))


def answer(body=b"body", status="200 OK", *fields):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields, "", ""]
    return "\r\n".join(lines).encode() + body


class Server:
    """Answers each request by ``respond(path, head)``, on as many connections as come.

    ``respond`` gives the bytes to send, after which the connection ends; None ends it at once.
    What was asked is in ``asked``. ``hold`` may be waited for before a byte is sent.
    """

    def __init__(self, respond, context=None):
        self.respond = respond
        self._context = context
        self.asked = []
        self.hold = threading.Event()
        self._clients = []
        self._ended = contextlib.ExitStack()
        self._listener = socket.create_server(("127.0.0.1", 0))
        scheme = "http" if context is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(client,))
                thread.start()
                self._clients.append(thread)

    def _serve(self, client):
        with client, contextlib.suppress(OSError):
            client.settimeout(PATIENCE_S)
            if self._context is not None:
                client = self._context.wrap_socket(client, server_side=True)
                self._ended.callback(client.close)
            request = b""
            while b"\r\n\r\n" not in request:
                data = client.recv(4096)
                if not data:
                    return
                request += data
            head, _, body = request.partition(b"\r\n\r\n")
            length = [line for line in head.lower().split(b"\r\n") if b"content-length" in line]
            while length and len(body) < int(length[0].split(b":")[1]):
                body += client.recv(4096)
            self.asked.append((head + b"\r\n\r\n" + body).decode("latin-1"))
            path = head.split(b" ")[1].decode()
            data = self.respond(path, head.decode("latin-1"))
            if callable(data):
                data(client)
            elif data:
                client.sendall(data)

    def close(self):
        self.hold.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for client in self._clients:
            client.join()
        self._ended.close()


@pytest.fixture
def serve_by(request):
    servers = []

    def start(respond, context=None):
        servers.append(Server(respond, context))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def get(tmp_path, monkeypatch, capfd):
    """Run ``reactor get ARGUMENTS`` in this process, in an empty folder: (code, stdout, stderr)."""
    out = tmp_path / "out"
    out.mkdir(exist_ok=True)
    monkeypatch.chdir(out)
    monkeypatch.setattr("reactor.cli.get.job._BACKOFF_FIRST_S", 0.01)

    def run(*arguments, code=0):
        try:
            ended = main(["get", *map(str, arguments)])
        except SystemExit as exit_:
            ended = exit_.code
        stdout, stderr = capfd.readouterr()
        assert ended == code, (ended, stdout, stderr)
        return stdout, stderr

    run.out = out
    return run


def echo(path, head):
    return answer(path.encode())


# --- many ----------------------------------------------------------------------------------------


def test_many_urls(get, serve_by):
    server = serve_by(echo)
    stdout, stderr = get(*[f"{server.url}{n}" for n in range(30)])
    assert files(get.out) == sorted(map(str, range(30)))
    assert all((get.out / str(n)).read_text() == f"/{n}" for n in range(30))
    assert stdout.count("HTTP/1.1 200 OK\n") == 30
    assert stderr.count("saved ") == 30


def test_many_urls_with_one_name(get, serve_by):
    server = serve_by(echo)
    get("-q", *[f"{server.url}{n}/page" for n in range(20)])
    assert files(get.out) == sorted(["page", *[f"page.{n}" for n in range(1, 20)]])
    assert {(get.out / name).read_text() for name in files(get.out)} == {
        f"/{n}/page" for n in range(20)
    }


def read_as_stdin(monkeypatch, fd):
    """The command closes it, as it closes every list that it has read."""
    monkeypatch.setattr("sys.stdin", types.SimpleNamespace(fileno=lambda: fd))


@pytest.mark.parametrize("how", ["file", "stdin"])
def test_a_list_of_urls(get, serve_by, tmp_path, monkeypatch, how):
    server = serve_by(echo)
    text = f"# a comment\n\n  {server.url}a  \r\n{server.url}b\n{server.url}c"  # no line end
    (tmp_path / "list").write_text(text)
    if how == "stdin":
        read_as_stdin(monkeypatch, os.open(tmp_path / "list", os.O_RDONLY))
    where = "-" if how == "stdin" else tmp_path / "list"
    assert get("-q", "-i", where, f"{server.url}first") == ("", "")
    assert files(get.out) == ["a", "b", "c", "first"]


def test_a_list_that_is_no_file(get):
    get("-i", "/dev/null")
    _, stderr = get("-i", ".", code=1)
    assert stderr == "reactor: cannot read .: Is a directory\n"


def test_a_list_that_comes_slowly_stops_nothing(get, serve_by, monkeypatch):
    server = serve_by(echo)
    reader, writer = os.pipe()

    def write():
        with open(writer, "w") as stream:
            for name in "abc":
                print(f"{server.url}{name}", file=stream, flush=True)
                eventually(
                    lambda name=name: name in files(get.out), f"{name} is saved before more is read"
                )

    read_as_stdin(monkeypatch, reader)
    with ThreadPoolExecutor() as other:
        written = other.submit(write)
        assert get("-q", "-i", "-") == ("", "")
        written.result()


def test_the_code_is_that_of_the_first_failure_and_each_has_its_url(get, serve_by):
    def respond(path, head):
        return answer(b"no", "404 Not Found") if "bad" in path else answer()

    server = serve_by(respond)
    urls = [f"{server.url}a", f"{server.url}bad", "ftp://x/", f"{server.url}b"]
    _, stderr = get("-P", "1", *urls, code=22)
    assert f"reactor: {server.url}bad: the server answered 404\n" in stderr
    assert "ftp://x/" in stderr
    assert files(get.out) == ["a", "b"]


def test_fail_early(get, serve_by):
    server = serve_by(lambda path, head: answer(b"no", "404 Not Found"))
    _, stderr = get("--fail-early", "-P", "1", *[f"{server.url}{n}" for n in range(9)], code=22)
    assert len(server.asked) == 1
    assert stderr.count("reactor: ") == 1


def test_as_many_at_a_time_as_was_said(get, serve_by):
    lock, counts = threading.Lock(), [0, 0]
    full = threading.Event()

    def respond(path, head):
        with lock:
            counts[0] += 1
            counts[1] = max(counts)
            if counts[0] == 3:
                full.set()
        full.wait(PATIENCE_S)
        with lock:
            counts[0] -= 1
        return answer()

    server = serve_by(respond)
    get("-q", "-P", "3", *[f"{server.url}{n}" for n in range(12)])
    assert counts[1] == 3


# --- what is said of a file ----------------------------------------------------------------------


def test_no_more_at_a_time_than_there_are_descriptors_for(serve_by, tmp_path):
    server = serve_by(echo)
    urls = "".join(f"{server.url}{number}\n" for number in range(300))
    limit = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (256, 256))
    done = subprocess.run(
        command("get", "-P", "300", "-i", "-"),
        input=urls,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment(),
        check=False,
        preexec_fn=limit,
    )
    assert done.returncode == 0, done.stderr
    assert "32 transfers at a time" in done.stderr
    assert len(files(tmp_path)) == 300


def test_json(get, serve_by):
    server = serve_by(
        lambda path, head: answer(b"no", "404 Not Found") if "bad" in path else answer(b"body")
    )
    host = server.url.removeprefix("http://")
    stdout, stderr = get(
        "--json",
        "--sha256=-",
        "-P1",
        f"{server.url}page",
        f"{server.url}bad",
        "x://me:pw@a/",
        code=22,
    )
    told = {line["url"]: line for line in map(json.loads, stdout.splitlines())}
    good, bad, none = (told[url] for url in (f"{server.url}page", f"{server.url}bad", "x://a/"))
    assert good | {"timings": None, "address": None} == {
        "url": f"http://{host}page",
        "method": "GET",
        "status": 200,
        "exit_code": 0,
        "error": None,
        "file": "page",
        "size": 4,
        "received": 4,
        "resumed_from": 0,
        "sha256": hashlib.sha256(b"body").hexdigest(),
        "attempts": 1,
        "redirects": [],
        "address": None,
        "timings": None,
    }
    assert good["address"] is not None
    assert 0 <= good["timings"]["first_byte"] <= good["timings"]["total"]
    assert (bad["status"], bad["exit_code"], bad["file"]) == (404, 22, None)
    assert bad["error"].endswith("the server answered 404")
    assert (none["status"], none["exit_code"]) == (None, 3)
    assert "saved" not in stderr
    assert "pw" not in stdout + stderr


def test_sha256(get, serve_by):
    server = serve_by(lambda path, head: answer(BIG, "200 OK", 'ETag: "v1"'))
    digest = hashlib.sha256(BIG).hexdigest()
    get(f"{server.url}page", "--sha256", digest.upper())
    assert files(get.out) == ["page"]
    _, stderr = get(f"{server.url}other", "--sha256", "0" * 64, code=1)
    assert digest in stderr
    assert files(get.out) == ["page"]
    get(f"{server.url}other", "--sha256", "0" * 63, code=2)


def test_stdout_gets_the_body_and_stderr_the_header(get, serve_by):
    server = serve_by(lambda path, head: answer(f"<{path}>".encode()))
    stdout, stderr = get("-o", "-", f"{server.url}a", f"{server.url}b")
    assert stdout == "</a></b>"
    assert stderr.count("HTTP/1.1 200 OK\n") == 2
    assert files(get.out) == []


def test_quiet_and_head(get, serve_by):
    def respond(path, head):
        return (
            b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"
            if head.startswith("HEAD")
            else answer()
        )

    server = serve_by(respond)
    assert get("-q", f"{server.url}page") == ("", "")
    stdout, stderr = get("-I", f"{server.url}page")
    assert stdout == "HTTP/1.1 200 OK\nContent-Length: 99\n\n"
    get("-X", "HEAD", f"{server.url}other")
    assert files(get.out) == ["page"]
    _, stderr = get("-q", "--retry=0", "http://127.0.0.1:1/", code=7)
    assert stderr.startswith("reactor: http://127.0.0.1:1/: ")


def test_verbose_shows_the_exchange_and_no_secret(get, serve_by):
    server = serve_by(lambda path, head: answer(b"", "200 OK", "Set-Cookie: id=hush", "X-A: b"))
    secrets = ["-H", "Cookie: id=hush", "-u", "me:hush", "-H", "Proxy-Authorization: hush"]
    stdout, stderr = get("-v", *secrets, "-o", "/dev/null", "-H", "X-Mine: 1", f"{server.url}page")
    assert stdout == ""
    assert "> GET /page HTTP/1.1\n" in stderr
    assert "> X-Mine: 1\n" in stderr
    assert stderr.count("HTTP/1.1 200 OK") == 1
    assert "< X-A: b\n" in stderr
    assert "< HTTP/1.1 200 OK\n" in stderr
    assert "hush" not in stderr
    assert "Cookie: id=hush\r\n" in server.asked[0]


# --- what is sent --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "line", "fields", "body"),
    [
        (["-d", "a=1"], "POST", ["Content-Type: application/x-www-form-urlencoded"], "a=1"),
        (["-d", "a=1", "-d", "b=@x"], "POST", ["Content-Length: 8"], "a=1&b=@x"),
        (["-d", "@data"], "POST", ["Content-Length: 7"], "content"),
        (["-d", "x", "-X", "PATCH"], "PATCH", [], "x"),
        (["-d", "x", "-H", "content-type: a/b"], "POST", ["content-type: a/b"], "x"),
        (["--json-data", "{}"], "POST", ["Content-Type: application/json"], "{}"),
        (["-T", "data"], "PUT", ["Content-Length: 7"], "content"),
        (["-X", "DELETE"], "DELETE", [], ""),
        (["-H", "User-Agent: mine"], "GET", ["User-Agent: mine"], ""),
        (["-H", "Host: other"], "GET", ["Host: other"], ""),
        (["-u", "me:a:b"], "GET", ["Authorization: Basic bWU6YTpi"], ""),
    ],
)
def test_what_is_sent(get, serve_by, arguments, line, fields, body):
    server = serve_by(lambda path, head: answer())
    (get.out / "data").write_text("content")
    get(*arguments, "-o", "/dev/null", f"{server.url}page")
    head, _, sent = server.asked[0].partition("\r\n\r\n")
    assert head.startswith(f"{line} /page HTTP/1.1\r\n")
    lines = head.split("\r\n")
    assert set(fields) <= set(lines)
    names = [field.partition(":")[0].lower() for field in lines[1:]]
    assert len(names) == len(set(names))
    assert sent == body


def test_netrc(get, serve_by, monkeypatch, tmp_path):
    server = serve_by(lambda path, head: answer())
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password hush\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    get("-n", "-o", "/dev/null", f"{server.url}page")
    assert "Authorization: Basic bWU6aHVzaA==" in server.asked[0]
    netrc.write_text('machine 127.0.0.1 password "hush\n')
    _, stderr = get("-n", f"{server.url}page", code=1)
    assert "hush" not in stderr
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    get("-n", f"{server.url}page", code=1)


@pytest.mark.parametrize(
    "arguments",
    [
        ["-d", "a", "-T", "x", "http://a/"],
        ["-I", "-d", "a", "http://a/"],
        ["-o", "-", "--json", "http://a/"],
        ["--sha256", "0" * 64, "http://a/", "http://b/"],
        ["-o", "x", "-i", "list"],
        ["-H", "no colon", "http://a/"],
        ["-H", "A: b\r\nEvil: c", "http://a/"],
        ["-P", "0", "http://a/"],
        ["-P", "9999", "http://a/"],
        ["--retry", "-1", "http://a/"],
        ["--max-time", "0", "http://a/"],
        ["--max-time", "nan", "http://a/"],
    ],
)
def test_options_that_cannot_be(get, arguments):
    _, stderr = get(*arguments, code=2)
    assert stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["-d", "@none", "http://a/"],
        ["-i", "none"],
        ["-T", "none", "http://a/"],
        ["--cacert", "none", "https://a/"],
    ],
)
def test_files_that_are_not_there(get, arguments):
    _, stderr = get(*arguments, code=1)
    assert "cannot read none: " in stderr


@pytest.mark.parametrize("arguments", [["-d", "@-"], ["--json-data", "@-"], ["-T", "-"]])
def test_stdin_is_closed(get, monkeypatch, arguments):
    monkeypatch.setattr("sys.stdin", None)
    _, stderr = get(*arguments, "http://127.0.0.1:1/", code=1)
    assert stderr.endswith("-: stdin is closed\n")


@pytest.mark.parametrize("field", ["Content-Length: 1", "transfer-encoding: chunked"])
def test_a_body_is_framed_in_one_way(get, field):
    _, stderr = get("-d", "xyz", "-H", field, "http://127.0.0.1:1/", code=3)
    assert "Content-Length and Transfer-Encoding follow from the body" in stderr


# --- where it is saved ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["text", "."])
def test_certificates_that_are_none_are_said_once(get, tmp_path, name):
    (get.out / "text").write_text("no certificate")
    _, stderr = get("--cacert", name, "https://a/1", "https://a/2", code=1)
    assert stderr.count("\n") == 1
    assert f"cannot read {name}: " in stderr


@pytest.mark.parametrize("option", ["--json", "--retry=0"])
def test_a_full_stdout_is_said(serve_by, tmp_path, option):
    server = serve_by(echo)
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*command("get"), option, f"{server.url}page"],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=environment(),
            check=False,
        )
    assert done.returncode == 23
    assert done.stderr.endswith(b": cannot write to stdout: No space left on device\n")


def test_a_folder_that_is_removed_keeps_nothing(get, serve_by):
    def respond(path, head):
        def send(client):
            client.sendall(answer(BIG, "200 OK", 'ETag: "1"')[:-1])
            eventually(lambda: len(files(get.out)) == 2, "a part and its sidecar")
            shutil.rmtree(get.out)

        return send

    _, stderr = get("--retry=0", f"{serve_by(respond).url}page", code=18)
    assert "kept" not in stderr


def test_content_disposition_only_when_asked(get, serve_by):
    field = 'Content-Disposition: attachment; filename="../.x/evil.sh"'
    server = serve_by(lambda path, head: answer(b"body", "200 OK", field))
    get(f"{server.url}page")
    get("-J", f"{server.url}page")
    get("-J", f"{server.url}page", "-o", "mine")
    assert files(get.out) == ["evil.sh", "mine", "page"]


def test_a_folder_that_cannot_be_written(get, serve_by):
    server = serve_by(lambda path, head: answer(BIG))
    os.mkdir("closed")
    for target, word in (("closed/none/x", "No such file"), ("/proc/x", "")):
        _, stderr = get("-o", target, f"{server.url}page", code=23)
        assert stderr.startswith(f"reactor: {server.url}page: cannot write {target}: {word}")
        assert stderr.count("\n") == 1


def as_others_are(*argv):
    """A command for which permissions count, whoever starts it: root gives up its right to pass."""
    if os.geteuid() != 0:
        return argv
    return ("setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--", *argv)


def test_a_read_only_folder(serve_by, tmp_path):
    server = serve_by(lambda path, head: answer(BIG))
    tmp_path.chmod(0o555)
    done = subprocess.run(
        as_others_are(*command("get", f"{server.url}page")),
        cwd=tmp_path,
        env=environment(PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 23, done
    assert "cannot write page: Permission denied" in done.stderr
    assert files(tmp_path) == []


# --- what breaks off -----------------------------------------------------------------------------

VERSIONED = ['ETag: "v1"', f"Last-Modified: {DATE}", f"Date: {NOW}"]


class Breaking:
    """Serves BIG with validators and ranges, and breaks off at the sizes given, in turn."""

    def __init__(self, *sizes, etag='"v1"', body=BIG, ranges=True):
        self.sizes = list(sizes)
        self.etag = etag
        self.body = body
        self.ranges = ranges

    def __call__(self, path, head):
        fields = dict(
            line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line
        )
        start, status, more = 0, "200 OK", []
        if self.ranges and fields.get("if-range") == self.etag:
            start = int(fields["range"].removeprefix("bytes=").rstrip("-"))
            status = "206 Partial Content"
            more = [f"Content-Range: bytes {start}-{len(self.body) - 1}/{len(self.body)}"]
            if start >= len(self.body):
                more = [f"Content-Range: bytes */{len(self.body)}"]
                return answer(b"", "416 Range Not Satisfiable", *more)
        versioned = [f"ETag: {self.etag}", *VERSIONED[1:]]
        whole = answer(self.body[start:], status, *versioned, *more)
        size = self.sizes.pop(0) if self.sizes else None
        if size is None:
            return whole
        return whole[: whole.index(b"\r\n\r\n") + 4 + size]


def test_what_has_no_version_is_asked_for_anew_not_for_its_rest(get, serve_by):
    whole = answer(BIG)
    answers = [whole[:-1000], whole]
    server = serve_by(lambda path, head: answers.pop(0))
    get(f"{server.url}page")
    assert [f"{name}:" in server.asked[1] for name in ("Range", "If-Range")] == [False, False]
    assert (get.out / "page").read_bytes() == BIG
    assert files(get.out) == ["page"]


def test_a_body_that_broke_off_is_continued_by_the_next_try(get, serve_by):
    server = serve_by(Breaking(100_000, 50_000))
    _, stderr = get(f"{server.url}page")
    assert files(get.out) == ["page"]
    assert (get.out / "page").read_bytes() == BIG
    ranges = [r for r in "\n".join(server.asked).split("\r\n") if r.startswith("Range: ")]
    assert ranges == ["Range: bytes=100000-", "Range: bytes=150000-"]
    assert "trying again" in stderr
    assert f"saved page ({len(BIG)} bytes, from byte 150000)" in stderr


@pytest.mark.parametrize("size", [10, 100_000, len(BIG) - 1])
def test_continue(get, serve_by, size):
    server = serve_by(Breaking(size))
    _, stderr = get("--retry=0", f"{server.url}page", code=18)
    assert stderr.endswith(f"its end; {size} bytes are kept, --continue fetches the rest\n")
    assert files(get.out) == ["page.part", "page.part.json"]
    assert (get.out / "page.part").read_bytes() == BIG[:size]
    digest = hashlib.sha256(BIG).hexdigest()
    stdout, _ = get("--continue", "--json", "--sha256", digest, f"{server.url}page")
    told = json.loads(stdout)
    assert (told["resumed_from"], told["size"], told["received"]) == (
        size,
        len(BIG),
        len(BIG) - size,
    )
    assert files(get.out) == ["page"]
    assert (get.out / "page").read_bytes() == BIG


def test_continue_when_the_file_has_changed(get, serve_by):
    breaking = Breaking(100_000)
    server = serve_by(breaking)
    get("--retry=0", f"{server.url}page", code=18)
    breaking.etag, breaking.body = '"v2"', BIG[::-1]
    get("--continue", f"{server.url}page")
    assert (get.out / "page").read_bytes() == BIG[::-1]
    assert files(get.out) == ["page"]


def test_continue_with_a_server_without_ranges(get, serve_by):
    server = serve_by(Breaking(100_000, ranges=False))
    get("--retry=0", f"{server.url}page", code=18)
    get("--continue", f"{server.url}page")
    assert (get.out / "page").read_bytes() == BIG
    # With the date as well, since some servers compare with nothing else.
    assert [f"If-Range: {DATE}" in asked for asked in server.asked] == [False, False, True]


@pytest.mark.parametrize(("length_known", "status"), [(True, 206), (False, 416)])
def test_continue_what_has_all_its_bytes(get, serve_by, length_known, status):
    server = serve_by(Breaking(len(BIG) - 1))
    get("--retry=0", f"{server.url}page", code=18)
    with open(get.out / "page.part", "ab") as part:
        part.write(BIG[-1:])
    sidecar = get.out / "page.part.json"
    if not length_known:
        sidecar.write_text(sidecar.read_text().replace(str(len(BIG)), "null"))
    stdout, _ = get("--continue", f"{server.url}page")
    assert stdout.startswith(f"HTTP/1.1 {status} ")
    assert len(server.asked) == 2
    assert (get.out / "page").read_bytes() == BIG
    assert files(get.out) == ["page"]


@pytest.mark.parametrize(
    "lie",
    [
        "Content-Range: bytes 0-262143/262144",
        "Content-Range: bytes 99999-262143/262144",
        "Content-Range: bytes 100000-262143/*",
        "X-No: Content-Range",
    ],
)
def test_a_lying_answer_to_a_range_is_not_believed(get, serve_by, lie):
    def respond(path, head):
        if "Range: " in head:
            return answer(b"evil" * 40_536, "206 Partial Content", *VERSIONED, lie)
        return breaking(path, head)

    breaking = Breaking(100_000)
    server = serve_by(respond)
    get("--retry=0", f"{server.url}page", code=18)
    get("--continue", f"{server.url}page")
    assert (get.out / "page").read_bytes() == BIG
    assert "Range" not in server.asked[-1]


def test_a_part_that_was_not_asked_for(get, serve_by):
    fields = [*VERSIONED, "Content-Range: bytes 5-8/100"]
    server = serve_by(lambda path, head: answer(b"part", "206 Partial Content", *fields))
    get(f"{server.url}page", code=8)
    assert files(get.out) == []
    get(f"{server.url}page", "-H", "Range: bytes=5-8")
    assert (get.out / "page").read_bytes() == b"part"


def test_stdout_cannot_be_continued(get, serve_by):
    server = serve_by(Breaking(100_000))
    stdout, _ = get("-o", "-", f"{server.url}page", code=18)
    assert stdout.encode("utf-8", "surrogateescape").startswith(BIG[:100])
    assert len(server.asked) == 1


class Slow:
    """Sends the most of BIG, and waits; ``part`` is where it goes."""

    def __init__(self, get, serve_by):
        self.part = get.out / "page.part"
        self.server = serve_by(lambda path, head: self.send)

    def send(self, client):
        client.sendall(Breaking()("/", "")[:200_000])
        self.server.hold.wait(PATIENCE_S)

    def comes(self):
        eventually(
            lambda: self.part.exists() and self.part.stat().st_size > 190_000, "the body comes"
        )

    def is_continued(self, get):
        assert files(get.out) == ["page.part", "page.part.json"]
        self.server.respond = Breaking()
        get("--continue", f"{self.server.url}page")
        assert "Range: bytes=1" in self.server.asked[-1]
        assert (get.out / "page").read_bytes() == BIG
        assert files(get.out) == ["page"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_what_can_be_continued(get, serve_by, number, code):
    slow = Slow(get, serve_by)

    def interrupt():
        slow.comes()
        os.kill(os.getpid(), number)

    with ThreadPoolExecutor() as other:
        done = other.submit(interrupt)
        assert get("-q", f"{slow.server.url}page", code=code) == ("", "")
        done.result()
    slow.is_continued(get)


def test_a_kill_leaves_what_can_be_continued(get, serve_by):
    slow = Slow(get, serve_by)
    with subprocess.Popen(
        command("get", "-q", f"{slow.server.url}page"), cwd=get.out, env=environment()
    ) as process:
        slow.comes()
        process.kill()
    slow.is_continued(get)


def test_max_time(get, serve_by):
    server = serve_by(lambda path, head: lambda client: server.hold.wait(PATIENCE_S))
    _, stderr = get("--max-time=0.2", "--retry=0", f"{server.url}page", code=28)
    assert stderr.startswith(f"reactor: {server.url}page: ")


# --- whom it believes ----------------------------------------------------------------------------


def test_certificates(get, serve_by, tmp_path):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")

    def respond(path, head):
        # Closed with a close_notify: the client may not take anything else for an end.
        return lambda client: (client.sendall(answer(BIG)), client.unwrap())

    server = serve_by(respond, context)
    _, stderr = get("-q", f"{server.url}page", code=60)
    assert "--cacert" in stderr
    assert files(get.out) == []
    assert get("-q", "--cacert", tmp_path / "ca.pem", f"{server.url}page") == ("", "")
    _, stderr = get("-q", "-k", f"{server.url}page")
    assert stderr.startswith("reactor: WARNING: --insecure: ")
    assert {(get.out / name).read_bytes() for name in files(get.out)} == {BIG}
    assert files(get.out) == ["page", "page.1"]


# --- what is written about it -------------------------------------------------------------------


def test_every_option_and_every_field_is_documented(get, serve_by):
    page = (REPOSITORY / "docs" / "get.md").read_text(encoding="utf-8")
    usage, _ = get("--help")
    options = set(re.findall(r"^  (-\w|--[\w-]+)", usage, re.MULTILINE))
    named = set(re.findall(r"`(-\w|--[\w-]+)[^`|]*`", page))
    assert options - named - {"-h"} == set()
    assert named - set(re.findall(r"(?<![\w-])--?[\w-]+", usage)) == set()
    server = serve_by(echo)
    stdout, _ = get("--json", f"{server.url}page")
    fields = page.partition("## The object of `--json`")[2]
    assert set(re.findall(r"`(\w+)`", fields)) >= set(json.loads(stdout))


# --- on a terminal -------------------------------------------------------------------------------


def test_bars_on_a_terminal_and_nothing_that_drives_it(get, serve_by, monkeypatch):
    def slowly(client):
        client.sendall(answer(BIG)[:-1])
        server.hold.wait(PATIENCE_S)
        client.sendall(BIG[-1:])

    def look():
        seen = b""
        with contextlib.suppress(OSError):  # the other end has gone
            while data := os.read(master, 4096):
                seen += data
                if all(name in seen for name in (b"one", b"two[31m", b"three", b"262.1/262.1 kB")):
                    server.hold.set()
        return seen

    server = serve_by(lambda path, head: slowly)
    master, slave = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with ThreadPoolExecutor() as other:
        looking = other.submit(look)
        with open(slave, "w") as terminal, monkeypatch.context() as patched:
            patched.setattr("sys.stderr", terminal)
            get(
                "--max-time",
                PATIENCE_S,
                *[f"{server.url}{name}" for name in ("one", "two%1b[31m", "three")],
            )
        seen = looking.result()
    os.close(master)
    assert b"two\x1b[31m" not in seen
    assert seen.count(b"saved ") == 3
    assert files(get.out) == ["one", "three", "two[31m"]


def test_a_bar_is_one_line_with_room_for_what_the_terminal_echoes(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    bars = progress._make_bars()
    bars.add_task("name" * 50, total=4_000_000, completed=1_000_000)
    drawn = io.StringIO()
    Console(file=drawn, width=60).print(bars.get_renderable())
    [line] = drawn.getvalue().splitlines()
    assert len(line) <= 58
    assert "1.0/4.0 MB" in line
    assert "━" in line
