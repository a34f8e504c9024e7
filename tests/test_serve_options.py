"""`serve`: the options for folders, and a flag for each limit."""

import http.client
import re
import socket
import subprocess
import sys

import pytest
from processes import MODELS, environment, read_to_end, run_reactor


@pytest.mark.parametrize("model", MODELS)
def test_the_options_for_folders(serve, tmp_path, model):
    (tmp_path / "home.htm").write_text("home")
    (tmp_path / "sub").mkdir()
    options = ["--index", "home.htm", "--no-listing", "--spa", "--cors", "--header", "X-A: b"]
    server = serve(tmp_path, "--model", model, *options)
    for path, status, body in [
        ("/", 200, b"home"),
        ("/deep/link", 200, b"home"),
        ("/x.js", 404, None),
    ]:
        connection = http.client.HTTPConnection(*server.address)
        connection.request("GET", path)
        response = connection.getresponse()
        assert response.status == status
        assert body is None or response.read() == body
        assert response.getheader("access-control-allow-origin") == "*"
        assert response.getheader("x-a") == "b"
        connection.close()


@pytest.mark.parametrize(
    ("flag", "request_bytes", "status"),
    [
        (
            "--limit-request-line=64",
            b"GET /" + b"x" * 64 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"414",
        ),
        (
            "--limit-request-fields=2",
            b"GET / HTTP/1.1\r\nHost: localhost\r\nA: 1\r\nB: 2\r\n\r\n",
            b"431",
        ),
        (
            "--limit-request-field-size=20",
            b"GET / HTTP/1.1\r\nHost: " + b"a" * 20 + b"\r\n\r\n",
            b"431",
        ),
        ("--timeout-header=0.2", b"GET / HT", b"408"),
    ],
)
def test_a_limit_has_its_flag(serve, tmp_path, flag, request_bytes, status):
    server = serve(tmp_path, flag)
    with server.connect() as sock:
        sock.sendall(request_bytes)
        assert read_to_end(sock).startswith(b"HTTP/1.1 " + status)


HOST = b"Host: localhost\r\n"


def field(size):
    return b"A: %b\r\n" % (b"x" * (size - 5))


# A head of which something has so many bytes, as `Limits` counts it.
HEADS = {
    "line": lambda size: b"GET /?%b HTTP/1.1\r\n" % (b"q" * (size - 17)) + HOST + b"\r\n",
    "field": lambda size: b"GET / HTTP/1.1\r\n" + HOST + field(size) + b"\r\n",
    "fields": lambda size: (
        b"GET / HTTP/1.1\r\n" + HOST + 4 * field(8000) + field(size - 32_000 - 17) + b"\r\n"
    ),
}


@pytest.mark.parametrize(
    ("words", "counted", "most", "status"),
    [
        ((), "line", 8192, b"414"),
        (("--limit-request-line", "100"), "line", 100, b"414"),
        ((), "field", 8192, b"431"),
        (("--limit-request-field-size", "100"), "field", 100, b"431"),
        ((), "fields", 32768, b"431"),
    ],
)
@pytest.mark.parametrize("model", MODELS)
def test_a_bound_of_a_head_counts_the_ends_of_lines(
    serve, tmp_path, model, words, counted, most, status
):
    server = serve(tmp_path, "--model", model, *words)
    for size, expected in ((most, b"200"), (most + 1, status)):
        with server.connect() as sock:
            sock.sendall(HEADS[counted](size))
            assert sock.recv(12) == b"HTTP/1.1 " + expected


@pytest.mark.parametrize(
    "arguments",
    [
        ["--timeout-header", "0"],
        ["--timeout-header", "soon"],
        ["--limit-request-line", "-1"],
        ["--header", "no colon"],
        *(
            ["--header", f"{name}: x"]
            for name in (
                *("Connection", "Content-Length", "Date", "ETag", "Keep-Alive", "Proxy-Connection"),
                *("TE", "tRAILER", "Transfer-Encoding", "Upgrade"),
            )
        ),
        ["reactor.apps.echo:Echo", "--spa"],
    ],
)
def test_a_wrong_option_is_one_sentence(arguments):
    result = run_reactor("serve", *arguments)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("model", MODELS)
def test_requests_are_answered_while_nobody_reads_a_full_stderr(tmp_path, model):
    """Each failure is a traceback on stderr: some hundred of them fill its pipe."""
    (tmp_path / "failing.py").write_text("def app(request): raise ValueError(400 * 'x')")
    target = ["failing:app", "--port", "0", "--model", model]
    command = [sys.executable, "-m", "reactor", "serve", *target]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, env=environment(), text=True, **pipes) as server:
        port = int(re.search(r":(\d+)/", server.stdout.readline())[1])
        for _ in range(300):
            with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
                sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                assert sock.recv(100).startswith(b"HTTP/1.1 500 ")
        server.terminate()
        failures = server.communicate(timeout=20)[1].count("Traceback")
    assert 0 < failures < 300
