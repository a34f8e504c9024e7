"""``python -m reactor get``, against every server that a user may meet, and some he should not."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.server
import os
import re
import socket
import subprocess
import threading
from dataclasses import dataclass

import pytest
from processes import (
    PATIENCE_S,
    command,
    environment,
    eventually,
    has_ipv6,
    needs,
    run_reactor,
    serving,
)

import reactor
from reactor.cli import main
from reactor.client.names import NAME_BYTES_MAX, name_from_url
from reactor.client.url import Url
from reactor.errors import FetchError
from reactor.limits import Limits


@dataclass
class Done:
    code: int
    stdout: str
    stderr: str


@pytest.fixture
def get(tmp_path, monkeypatch, capfd):
    """Run ``reactor get ARGUMENTS`` in this process, in a folder; how it ended, as it should."""

    def run(*arguments, cwd=tmp_path, code=0):
        monkeypatch.chdir(cwd)
        try:
            ended = main(["get", "--retry=0", *map(str, arguments)])
        except SystemExit as exit_:
            ended = exit_.code
        done = Done(ended, *capfd.readouterr())
        assert done.code == code, done
        if code:
            assert re.fullmatch(r"reactor( get)?: [^\n]+\n", done.stderr), done.stderr
        return done

    return run


def files(folder):
    return sorted(os.listdir(folder))


@contextlib.contextmanager
def canned(*pieces, then="close", host="127.0.0.1"):
    """A server that answers its one client with these pieces; what it received is in ``asked``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    asked = []

    def answer():
        with contextlib.suppress(OSError):
            client, _ = listener.accept()
            with client:
                client.settimeout(PATIENCE_S)
                request = b""
                while b"\r\n\r\n" not in request and (data := client.recv(4096)):
                    request += data
                asked.append(request)
                for piece in pieces:
                    client.sendall(piece)
                if then == "wait":
                    client.recv(1)
                elif then == "reset":
                    reset_on_close(client)

    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.bind((host, 0))
        listener.listen()
        listener.settimeout(PATIENCE_S)
        thread = threading.Thread(target=answer)
        thread.start()
        port = listener.getsockname()[1]
        try:
            yield f"http://{f'[{host}]' if ':' in host else host}:{port}", asked
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes an accept that nobody came to
            thread.join()


def reset_on_close(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


# --- against other servers -----------------------------------------------------------------------


def test_our_own_server(get, site_server, site, tmp_path):
    done = get(f"{site_server.url}big.bin")
    assert done.stdout.startswith("HTTP/1.1 200 OK\n")
    assert "Content-Length: 8388608\n" in done.stdout
    assert done.stdout.endswith("\n\n")
    assert files(tmp_path) == ["big.bin"]
    digests = {
        hashlib.sha256((place / "big.bin").read_bytes()).digest() for place in (tmp_path, site)
    }
    assert len(digests) == 1


def test_pythons_http_server(get, site, tmp_path):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    handler = functools.partial(Quiet, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            done = get(f"http://127.0.0.1:{server.server_port}/big.bin")
        finally:
            server.shutdown()
            thread.join()
    assert done.stdout.startswith("HTTP/1.0 200 OK\nServer: SimpleHTTP/")
    assert (tmp_path / "big.bin").read_bytes() == (site / "big.bin").read_bytes()


def test_nginx(get, site, tmp_path):
    program = needs("nginx")
    port = free_port()
    work = tmp_path / "nginx"
    out = tmp_path / "out"
    work.mkdir()
    out.mkdir()
    names = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{name}_temp_path {work}/{name};" for name in names)
    user = "user root;" if os.geteuid() == 0 else ""  # its default user cannot enter our folders
    (work / "nginx.conf").write_text(
        f"{user} daemon off; master_process off; pid {work}/pid; error_log stderr; events {{}} "
        f"http {{ {paths} access_log off; gzip on; gzip_types *; "
        f"server {{ listen 127.0.0.1:{port}; root {site}; "
        "location = /chunked { ssi on; ssi_types *; try_files /note.txt =404; } } }"
    )
    process = subprocess.Popen(
        [program, "-p", work, "-e", "stderr", "-c", work / "nginx.conf"], stderr=subprocess.DEVNULL
    )
    try:
        eventually(lambda: connects(port), "nginx listens")
        done = get(f"http://127.0.0.1:{port}/big.bin", cwd=out)
        assert "Server: nginx" in done.stdout
        done = get(f"http://127.0.0.1:{port}/chunked", cwd=out)
        assert "Transfer-Encoding: chunked\n" in done.stdout
        get(f"http://127.0.0.1:{port}/none", cwd=out, code=22)
    finally:
        process.terminate()
        process.wait()
    assert files(out) == ["big.bin", "chunked"]
    assert (out / "big.bin").read_bytes() == (site / "big.bin").read_bytes()
    assert (out / "chunked").read_bytes() == b"a note\n"


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def connects(port):
    with contextlib.suppress(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S).close()
        return True
    return False


def test_the_tutorials_thread_per_connection_server(get, tmp_path):
    """Step by step what the tutorials print: bind, listen, accept, a thread, answer, close."""
    page = b"<html><body>Hello from a thread</body></html>"

    def serve_client(client_socket):
        client_socket.recv(1024)
        client_socket.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
        client_socket.send(page)
        client_socket.close()

    def accept_clients():
        while True:
            try:
                client_socket, _ = server_socket.accept()
            except OSError:
                return
            thread = threading.Thread(target=serve_client, args=(client_socket,))
            thread.start()
            threads.append(thread)

    threads = []
    server_socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server_socket.bind(("127.0.0.1", 0))
    server_socket.listen(5)
    accepting = threading.Thread(target=accept_clients)
    accepting.start()
    try:
        done = get(f"http://127.0.0.1:{server_socket.getsockname()[1]}/")
    finally:
        server_socket.shutdown(socket.SHUT_RDWR)
        accepting.join()
        server_socket.close()
        for thread in threads:
            thread.join()
    assert done.stdout == "HTTP/1.1 200 OK\nContent-Type: text/html\n\n"
    assert (tmp_path / "index.html").read_bytes() == page


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")
def test_ipv6(get, folder, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with serving(folder, "--bind", "[::1]:0") as server:
        get(f"{server.url}sub/note.txt", cwd=out)
    assert (out / "note.txt").read_bytes() == b"a note\n"


# --- what is asked -------------------------------------------------------------------------------

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("", "/"),
        ("/", "/"),
        ("/a/b?x=1&y=%20", "/a/b?x=1&y=%20"),
        ("?q", "/?q"),
        ("/a#fragment", "/a"),
        ("/caf\u00e9 \u4e2d", "/caf%C3%A9%20%E4%B8%AD"),
        ("/%e4", "/%e4"),
        ("/a\r\nX: y", None),
        ("/\x1b", "/%1B"),
        ('/a"<>\\^`{|}', "/a%22%3C%3E%5C%5E%60%7B%7C%7D"),
    ],
)
def test_the_request(tmp_path, path, target):
    with canned(OK) as (url, asked):
        done = run_reactor("get", url + path, "-o", "x", cwd=tmp_path)
    if target is None:
        assert done.returncode in {0, 3}
        assert all(b"\nX:" not in request for request in asked)
        return
    assert done.returncode == 0, done
    line, *fields = asked[0].decode("ascii").split("\r\n")
    assert line == f"GET {target} HTTP/1.1"
    assert f"Host: {url.removeprefix('http://')}" in fields


# --- how the body is framed ----------------------------------------------------------------------

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        [OK],
        [OK[:-4], b"bo", b"dy"],
        [CHUNKED, b"1\r\nb\r\n3;x=y\r\nody\r\n", b"0\r\n\r\n"],
        [CHUNKED, b"4\r\nbody\r\n0\r\nX-Trailer: t\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\n\r\nbo", b"dy"],
        [b"HTTP/1.0 200 OK\r\n\r\nbody"],
        [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n", OK],
        [bytes([byte]) for byte in OK],
        [bytes([byte]) for byte in CHUNKED + b"4\r\nbody\r\n0\r\n\r\n"],
    ],
)
def test_every_framing(get, tmp_path, pieces):
    with canned(*pieces) as (url, _):
        done = get(f"{url}/page")
    assert re.match(r"HTTP/1\.[01] 200 OK\n", done.stdout)
    assert (tmp_path / "page").read_bytes() == b"body"


def test_it_ends_with_the_length_when_the_server_stays_connected(get, tmp_path):
    with canned(OK, then="wait") as (url, _):
        get(f"{url}/page")


@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [b"HTTP/1.1 200 OK\r\nContent-Le"],
        [OK[:-1]],
        [OK[:-4]],
        [CHUNKED],
        [CHUNKED, b"4\r\nbo"],
        [CHUNKED, b"4\r\nbody\r\n"],
        [CHUNKED, b"4\r\nbody\r\n0\r\n"],
        [b"HTTP/1.1 100 Continue\r\n\r\n"],
    ],
)
def test_an_early_end_leaves_no_file(get, tmp_path, pieces, then):
    (tmp_path / "page").write_text("what was there before")
    # curl's codes: nothing came, the connection was reset before the body, the body broke off.
    silent = 52 if then == "close" else 56
    in_head = not pieces or b"\r\n\r\n" not in pieces[0] or pieces[0].startswith(b"HTTP/1.1 1")
    code = silent if not pieces else 56 if in_head and then == "reset" else 18
    with canned(*pieces, then=then) as (url, _):
        get(f"{url}/page", code=code)
    assert files(tmp_path) == ["page"]
    assert (tmp_path / "page").read_text() == "what was there before"


def test_a_reset_is_no_end_of_a_body_that_ends_with_the_connection(get, tmp_path):
    with canned(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 10, then="reset") as (url, _):
        get(f"{url}/page", code=18)
    assert files(tmp_path) == []


# --- hostile answers -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pieces",
    [
        [b"220 smtp.example ESMTP\r\n"],
        [b"HTTP/2 200\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\nbody"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 1099511627776000000000\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nA: " + b"a" * 70_000 + b"\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 251 + b"\r\n"],
        [b"HTTP/1.1 200 OK\r\nA: \0\r\n\r\n"],
        [CHUNKED, b" 4\r\nbody\r\n0\r\n\r\n"],
        [CHUNKED, b"-4\r\nbody\r\n0\r\n\r\n"],
        [b"HTTP/1.1 100 Continue\r\n\r\n" * 9],
        [b"\0" * 100_000],
    ],
)
def test_no_valid_response(get, tmp_path, pieces):
    with canned(*pieces) as (url, _):
        get(f"{url}/page", code=8)
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "endless", [b"X-Field: y\r\n" * 100, b"HTTP/1.1 102 Processing\r\n\r\n" * 50, b"x" * 4096]
)
def test_an_endless_head_is_given_up(get, tmp_path, endless):
    start = b"" if endless.startswith(b"HTTP") else b"HTTP/1.1 200 OK\r\nX:"
    with canned(start, *[endless] * 1000, then="wait") as (url, _):
        get(f"{url}/page", code=8)
    assert files(tmp_path) == []


def test_what_the_server_says_drives_no_terminal(get, tmp_path):
    head = b"HTTP/1.1 200 \x9b31mO\xffK\r\nA: \xe9\x85\xc2\x9b\r\nContent-Length: 0\r\n\r\n"
    with canned(head) as (url, _):
        done = get(f"{url}/page")
    assert not set(done.stdout) & {
        chr(code) for code in (*range(10), *range(11, 32), *range(127, 160))
    }
    assert done.stdout.count("\n") == 4


def test_a_header_that_the_terminals_encoding_lacks(tmp_path):
    env = {"PYTHONIOENCODING": "ascii"}
    with canned(b"HTTP/1.1 200 OK\r\nA: \xe9\r\nContent-Length: 0\r\n\r\n") as (url, _):
        done = run_reactor("get", f"{url}/page", cwd=tmp_path, env=env)
    assert done.returncode == 0
    assert "A: \\xe9\n" in done.stdout


# --- status --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 404, 500, 999])
def test_an_error_status_leaves_no_file(get, tmp_path, status):
    answer = b"HTTP/1.1 %d Sorry\r\nContent-Length: 4\r\n\r\nbody" % status
    with canned(answer) as (url, _):
        done = get(f"{url}/page", code=22)
    assert done.stdout.startswith(f"HTTP/1.1 {status} Sorry\n")
    assert str(status) in done.stderr
    assert files(tmp_path) == []


def test_the_command_itself(tmp_path):
    with canned(OK) as (url, _):
        done = run_reactor("get", f"{url}/page", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "saved page (4 bytes)\n")
    assert done.stdout == "HTTP/1.1 200 OK\nContent-Length: 4\n\n"


def test_a_status_without_a_body_ends_with_its_head(get, tmp_path):
    with canned(b"HTTP/1.1 204 X\r\n\r\n", then="wait") as (url, _):
        get(f"{url}/page")
    with canned(b"HTTP/1.1 304 X\r\n\r\n", then="wait") as (url, _):
        get(f"{url}/other", code=22)
    with canned(b"HTTP/1.1 304 X\r\n\r\n", then="wait") as (url, _):
        get(f"{url}/other", "-H", 'If-None-Match: "x"')
    assert files(tmp_path) == ["page"]


@pytest.mark.parametrize("status", [300, 304, 305, 399])
def test_a_redirect_to_nowhere_is_no_file(get, tmp_path, status):
    answer = b"HTTP/1.1 %d X\r\nContent-Length: 4\r\n\r\nbody" % status
    with canned(answer) as (url, _):
        get(f"{url}/page", code=22)
    assert files(tmp_path) == []


# --- where it is saved ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("", "index.html"),
        ("/", "index.html"),
        ("/a/", "index.html"),
        ("/page", "page"),
        ("/a/page.html?x=/y#z/w", "page.html"),
        ("/a%20b", "a b"),
        ("/caf%C3%A9", "caf\u00e9"),
        ("/..", "index.html"),
        ("/.", "index.html"),
        ("/.bashrc", "bashrc"),
        ("/..%2f..%2fetc%2fpasswd", "etcpasswd"),
        ("/%2e%2e%2fx", "x"),
        ("/a%5cb", "ab"),
        ("/a%00b%0a%1b[31m", "ab[31m"),
        ("/%e2%80%aegpj.exe", "gpj.exe"),
        ("/%ff", "index.html"),
    ],
)
def test_the_name_of_a_url(path, name):
    assert name_from_url(Url.parse(f"http://host{path}")) == name


def test_a_name_as_long_as_names_may_be(get, tmp_path):
    with canned(OK) as (url, _):
        get(f"{url}/{'n' * 255}")
    with canned(OK) as (url, _):
        get(f"{url}/{'n' * 2560}.tar")
    assert files(tmp_path) == ["n" * (NAME_BYTES_MAX - 4) + ".tar", "n" * NAME_BYTES_MAX]
    with canned(OK) as (url, _):
        get(f"{url}/x", "-o", "m" * 255)
    assert "m" * 255 in files(tmp_path)
    with canned(OK) as (url, _):
        get(f"{url}/x", "-o", "m" * 256, code=23)


def test_output_option(get, tmp_path):
    (tmp_path / "sub").mkdir()
    for output in ("there", "sub/there", str(tmp_path / "absolute")):
        with canned(OK) as (url, _):
            get(f"{url}/page", "-o", output)
        assert (tmp_path / output).read_bytes() == b"body"
    assert files(tmp_path) == ["absolute", "sub", "there"]


def test_only_a_name_that_was_given_is_replaced(get, tmp_path):
    (tmp_path / "page").write_text("old")
    (tmp_path / "link").symlink_to("page")
    with canned(OK) as (url, _):
        get(f"{url}/link")
    with canned(OK) as (url, _):
        get(f"{url}/page")
    with canned(OK) as (url, _):
        done = get(f"{url}/x", "-o", "link", code=23)
    assert "symbolic link" in done.stderr
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "page").read_text() == "old"
    assert files(tmp_path) == ["link", "link.1", "page", "page.1"]
    with canned(OK) as (url, _):
        get(f"{url}/x", "-o", "page")
    assert (tmp_path / "page").read_bytes() == b"body"


def test_a_saved_file_has_the_rights_of_any_new_file(get, tmp_path):
    with canned(OK) as (url, _):
        get(f"{url}/page")
    (tmp_path / "other").touch()
    assert (tmp_path / "page").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize("output", ["no/such/folder/page", "", "folder", "file/page", "folder/"])
def test_an_output_that_cannot_be(get, tmp_path, output):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with canned(OK) as (url, _):
        done = get(f"{url}/", f"--output={output}", code=0 if output == "" else 23)
    if output:
        assert output in done.stderr
        assert files(tmp_path) == ["file", "folder"]
        assert files(tmp_path / "folder") == []


def test_a_device_is_written_to_and_never_replaced(get, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        with canned(OK) as (url, _):
            get(f"{url}/page", "-o", "pipe")
        assert os.read(reader, 100) == b"body"
    finally:
        os.close(reader)
    assert files(tmp_path) == ["pipe"]
    assert not (tmp_path / "pipe").is_file()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk(get, tmp_path):
    # Through a link: nothing that goes wrong here may replace the device.
    (tmp_path / "full").symlink_to("/dev/full")
    with canned(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(200_000)) as (url, _):
        get(f"{url}/page", "-o", "full", code=23)
    assert (tmp_path / "full").is_symlink()


def test_a_file_over_the_size_limit_leaves_nothing(tmp_path):
    with canned(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(200_000)) as (url, _):
        done = subprocess.run(
            ["sh", "-c", 'ulimit -f 8; exec "$@"', "sh", *command("get", f"{url}/page")],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
    assert done.returncode == 23, done
    assert done.stderr.startswith("reactor: ")
    assert done.stderr.count("\n") == 1
    assert files(tmp_path) == []


def test_nobody_reads_the_header(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    with canned(OK) as (url, _), open(writer, "wb") as stdout:
        done = subprocess.run(
            command("get", f"{url}/page"),
            cwd=tmp_path,
            env=environment(),
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=PATIENCE_S,
        )
    assert (done.returncode, done.stderr) == (141, "")
    assert files(tmp_path) == []


def test_ctrl_c_leaves_no_file(tmp_path):
    with (
        canned(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(100_000), then="wait") as (url, _),
        subprocess.Popen(
            command("get", f"{url}/page"),
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process,
    ):
        eventually(lambda: files(tmp_path), "a file for the body")
        process.send_signal(2)
        assert process.stderr.read() == f"reactor: {url}/page: nothing is kept\n".encode()
        assert process.wait(PATIENCE_S) == 130
    assert files(tmp_path) == []


# --- what cannot be fetched: one sentence, its own exit code -------------------------------------


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", 3),
        ("page.html", 3),
        ("127.0.0.1:8000", 3),
        ("https://127.0.0.1:1/", 7),
        ("ftp://127.0.0.1/", 3),
        ("http:///path", 3),
        ("http://127.0.0.1:1\\@no-such-host.invalid/", 3),
        ("http://", 3),
        ("http://[::1/", 3),
        ("http://127.0.0.1:x/", 3),
        ("http://127.0.0.1:65536/", 3),
        ("http://127.0.0.1:-1/", 3),
        ("http://user:secret@127.0.0.1:1/", 7),
        ("http://caf\u00e9.invalid/", 6),
        ("http://127.0.0.1:1/\udcff", 7),
        ("http://no-such-host.invalid/", 6),
        ("http://a..b/", 6),
        ("http://" + "a" * 300 + "/", 3),
    ],
)
def test_what_is_no_url_that_can_be_fetched(get, tmp_path, url, code):
    done = get(url, code=code)
    assert files(tmp_path) == []
    assert "secret" not in done.stderr


def test_server_not_started(get, tmp_path):
    done = get(f"http://127.0.0.1:{free_port()}/", code=7)
    assert "is the server started?" in done.stderr


def test_no_url_or_two_for_one_file(get, tmp_path):
    get(code=2)
    get("http://a/", "http://b/", "-o", "file", code=2)


# --- from Python ---------------------------------------------------------------------------------


def test_get_from_python():
    with canned(b"HTTP/1.1 404 No\r\nA: b\r\nContent-Length: 4\r\n\r\nbody") as (url, _):
        response = reactor.get(url)
    assert (response.status, response.headers["a"], response.body) == (404, "b", b"body")


@pytest.mark.parametrize("pieces", [[], [b"HTTP/1.1 200 OK\r\n"], [OK[:-1]]])
def test_a_server_that_says_no_more_is_given_up(pieces):
    limits = Limits(response_timeout_s=0.05)
    with canned(*pieces, then="wait") as (url, _), pytest.raises(FetchError) as caught:
        reactor.get(url, limits)
    assert caught.value.exit_code == 28


def test_an_error_of_the_caller_is_the_callers():
    from reactor.client import fetch

    error = ConnectionResetError("mine")

    def on_body(data):
        raise error

    with canned(OK) as (url, _), pytest.raises(ConnectionResetError) as caught:
        fetch(url, lambda head: None, on_body)
    assert caught.value is error
