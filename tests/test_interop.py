"""`serve` against clients that are not ours: curl, `http.client`, and the tutorial's steps."""

from __future__ import annotations

import hashlib
import http.client
import os
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from processes import PATIENCE_S, exchange, needs, read_to_end, serving

HANDLER = """
import hashlib
from reactor import Response

def app(request):
    if request.path == "/chunks":
        return Response(200, [("Content-Type", "text/plain")], iter([b"a" * 10, b"", b"b" * 5000]))
    digest = hashlib.sha256(request.body).hexdigest()
    return Response(200, [("X-Method", request.method)], f"{len(request.body)} {digest}")
"""


@pytest.fixture(scope="session")
def handler_server(tmp_path_factory, site_server):
    folder = tmp_path_factory.mktemp("handler")
    (folder / "digest.py").write_text(HANDLER)
    with serving("digest:app", "--model", site_server.model, cwd=folder) as server:
        yield server


# --- the tutorial's client, step by step ---------------------------------------------------------


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_the_tutorials_steps(site_server, site, tmp_path, capsys, version):
    """Create, connect, send, receive until the end, join, split, print, save."""
    client_socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    client_socket.settimeout(PATIENCE_S)
    client_socket.connect(site_server.address)
    client_socket.send(
        f"GET / HTTP/{version}\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    )
    chunks = []
    while True:
        chunk = client_socket.recv(1024)
        if not chunk:
            break
        chunks.append(chunk)
    client_socket.close()
    response = b"".join(chunks)
    header, page = response.split(b"\r\n\r\n", 1)
    print(header.decode())
    with open(tmp_path / "page.html", "wb") as file:
        file.write(page)
    assert capsys.readouterr().out.startswith("HTTP/1.1 200 OK\r\n")
    assert (tmp_path / "page.html").read_bytes() == (site / "index.html").read_bytes()


def test_the_tutorials_client_that_never_says_close_is_let_go(serve, site):
    """Tutorials receive until the end of a kept-alive connection: it comes when the client
    half-closes, or when the connection has been idle too long."""
    server = serve(site)
    answer = exchange(server.address, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", half_close=True)
    assert answer.endswith(b"<p>the page")


# --- curl ----------------------------------------------------------------------------------------


def curl(*arguments, **options):
    done = subprocess.run(
        [needs("curl"), "-sS", "--max-time", str(PATIENCE_S), *map(str, arguments)],
        capture_output=True,
        **options,
    )  # fmt: skip
    assert done.returncode == 0, done
    return done.stdout


def test_curl_shows_header_and_page(site_server):
    out = curl("--include", site_server.url)
    head, _, body = out.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Type: text/html" in head
    assert body.endswith(b"the page")


def test_curl_head(site_server):
    head = curl("--head", f"{site_server.url}big.bin")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Length: 8388608\r\n" in head


def test_curl_keeps_its_connection(site_server):
    urls = [f"{site_server.url}note.txt", "--output", "/dev/null"] * 5
    assert curl("--write-out", "%{num_connects}", *urls) == b"10000"


def test_curl_http10_and_a_range(site_server, site):
    assert curl("--http1.0", f"{site_server.url}note.txt") == b"a note\n"
    part = curl("--range", "1000-1999", f"{site_server.url}big.bin")
    assert part == (site / "big.bin").read_bytes()[1000:2000]


def test_curl_downloads_and_resumes(site_server, site, tmp_path):
    path = tmp_path / "big.bin"
    whole = (site / "big.bin").read_bytes()
    path.write_bytes(whole[:3_000_000])
    curl("--continue-at", "-", "--output", path, f"{site_server.url}big.bin")
    assert path.read_bytes() == whole


@pytest.mark.parametrize("size", [0, 1, 1024, 1_500_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_curl_uploads(handler_server, tmp_path, size, chunked):
    # Over 1 MiB curl sends Expect: 100-continue and waits for the answer to it.
    data = os.urandom(size)
    (tmp_path / "body").write_bytes(data)
    extra = ["--header", "Transfer-Encoding: chunked"] if chunked else []
    out = curl("--data-binary", f"@{tmp_path}/body", *extra, handler_server.url)
    assert out.decode() == f"{size} {hashlib.sha256(data).hexdigest()}"


def test_curl_reads_chunks(handler_server):
    assert curl(f"{handler_server.url}chunks") == b"a" * 10 + b"b" * 5000
    assert curl("--http1.0", f"{handler_server.url}chunks") == b"a" * 10 + b"b" * 5000


def test_curl_by_unix_socket(serve, site, tmp_path):
    serve(site, "--bind", f"unix:{tmp_path}/s.sock")
    out = curl("--unix-socket", tmp_path / "s.sock", "http://localhost/note.txt")
    assert out == b"a note\n"


# --- http.client ---------------------------------------------------------------------------------


def test_http_client_keeps_its_connection(site_server, site):
    connection = http.client.HTTPConnection(*site_server.address, timeout=PATIENCE_S)
    ports = set()
    for path, status, body in [
        ("/", 200, (site / "index.html").read_bytes()),
        ("/big.bin", 200, (site / "big.bin").read_bytes()),
        ("/none", 404, None),
        ("/empty.txt", 200, b""),
        ("/note.txt", 200, b"a note\n"),
    ]:
        connection.request("GET", path)
        response = connection.getresponse()
        received = response.read()
        assert response.status == status
        assert body is None or received == body
        ports.add(connection.sock.getsockname()[1])
    connection.request("HEAD", "/big.bin")
    response = connection.getresponse()
    assert (response.read(), response.headers["Content-Length"]) == (b"", "8388608")
    connection.close()
    assert len(ports) == 1


@pytest.mark.parametrize("size", [0, 1, 70_000, 1_000_000])
def test_http_client_posts(handler_server, size):
    data = os.urandom(size)
    connection = http.client.HTTPConnection(*handler_server.address, timeout=PATIENCE_S)
    for body in (data, iter([data[: size // 2], data[size // 2 :]] if size else [])):
        connection.request(
            "POST",
            "/",
            body,
            encode_chunked=True,
            headers={"Transfer-Encoding": "chunked"} if body is not data else {},
        )
        response = connection.getresponse()
        assert response.read().decode() == f"{size} {hashlib.sha256(data).hexdigest()}"
        assert response.headers["X-Method"] == "POST"
    connection.request("GET", "/chunks")
    assert connection.getresponse().read() == b"a" * 10 + b"b" * 5000
    connection.close()


# --- many at once, and pipelining ----------------------------------------------------------------


def test_many_clients_at_once(site_server, site):
    expected = hashlib.sha256((site / "big.bin").read_bytes()).digest()

    def fetch(_):
        answer = exchange(site_server.address, b"GET /big.bin HTTP/1.0\r\n\r\n")
        return hashlib.sha256(answer.partition(b"\r\n\r\n")[2]).digest()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(fetch, range(16))) == {expected}


def test_pipelined_requests_are_answered_in_order(serve, site_server, tmp_path):
    (tmp_path / "echo_path.py").write_text(
        "from reactor import Response\ndef app(request): return Response(200, [], request.path)\n"
    )
    server = serve("echo_path:app", "--model", site_server.model, "--no-access-log", cwd=tmp_path)
    count = 2000
    requests = b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % i for i in range(count))
    with server.connect() as sock, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(sock.sendall, requests)
        reader = sock.makefile("rb")
        for i in range(count):
            assert reader.readline() == b"HTTP/1.1 200 OK\r\n"
            length = 0
            while (line := reader.readline()) != b"\r\n":
                if line.startswith(b"Content-Length: "):
                    length = int(line[16:])
            assert reader.read(length) == b"/%d" % i
        sending.result()
        reader.close()


# --- raw TCP -------------------------------------------------------------------------------------


def test_echo(serve, site_server):
    server = serve("reactor.apps.echo:Echo", "--model", site_server.model)
    data = os.urandom(3_000_000)
    with server.connect() as sock, ThreadPoolExecutor(1) as pool:

        def send():
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)

        sending = pool.submit(send)
        assert read_to_end(sock) == data
        sending.result()


def test_greeter(serve, site_server):
    server = serve("reactor.apps.echo:Greeter", "--model", site_server.model)
    answer = exchange(server.address, b"Ann\nBob\r\nexit\nnever\n")
    assert answer.startswith(b"Welcome")
    assert b"Hello, Ann!\r\nHello, Bob!\r\n" in answer
    assert b"never" not in answer


def test_an_asyncio_protocol_runs_unchanged(serve, site_server, tmp_path):
    (tmp_path / "asyncio_echo.py").write_text(
        """
import asyncio

class EchoServerProtocol(asyncio.Protocol):
    def connection_made(self, transport):
        peername = transport.get_extra_info("peername")
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)
        self.transport.close()
"""
    )
    server = serve("asyncio_echo:EchoServerProtocol", "--model", site_server.model, cwd=tmp_path)
    assert exchange(server.address, b"Hello World!") == b"Hello World!"
