"""Regular files whose size is not their length: /proc says 0, /sys says a page."""

from __future__ import annotations

import http.client
import os
import socket

import pytest
from processes import MODELS, read_to_end, run_reactor, serving

from reactor.client.request import Upload

PROC, SYS = "/proc/version", "/sys/class/net/lo/mtu"
APP = """
from reactor import Response

def native(request):
    return Response(200, {}, open(request.path, "rb"))

def wsgi(environ, start_response):
    file = open(environ["PATH_INFO"], "rb")
    start_response("200 OK", [])
    return environ["wsgi.file_wrapper"](file)
"""
pytestmark = pytest.mark.skipif(
    not (os.path.exists(PROC) and os.path.exists(SYS)), reason="needs /proc and /sys"
)


def content(path):
    with open(path, "rb") as file:
        return file.read()


def ask(address, path, method="GET", **fields):
    connection = http.client.HTTPConnection(*address)
    connection.request(method, path, headers=fields)
    response = connection.getresponse()
    body = response.read()  # raises if the message breaks off
    connection.close()
    return response, body


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    return request.param


@pytest.fixture(scope="module", params=["native", "wsgi"])
def app_server(request, model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("app")
    (folder / "files_app.py").write_text(APP)
    (folder / "empty").write_bytes(b"")
    with open(folder / "sparse", "wb") as file:
        file.truncate(100_000)
    with serving(f"files_app:{request.param}", "--model", model, cwd=folder) as server:
        server.folder = folder
        yield server


@pytest.mark.parametrize("path", [PROC, SYS])
def test_an_application_sends_all_of_it(app_server, path):
    assert os.stat(path).st_size != len(content(path))  # else this shows nothing
    response, body = ask(app_server.address, path)
    assert (response.status, body) == (200, content(path))
    assert response.getheader("content-length") is None
    assert ask(app_server.address, path, "HEAD")[1] == b""


@pytest.mark.parametrize("path", [PROC, SYS])
def test_http_1_0_gets_it_until_the_connection_ends(app_server, path):
    with socket.create_connection(app_server.address) as sock:
        sock.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        assert read_to_end(sock).endswith(b"\r\n\r\n" + content(path))


@pytest.mark.parametrize(("name", "size"), [("empty", 0), ("sparse", 100_000)])
def test_a_file_without_a_block_on_the_disk_keeps_its_length(app_server, name, size):
    response, body = ask(app_server.address, str(app_server.folder / name))
    assert response.getheader("content-length") == str(size)
    assert body == bytes(size)


@pytest.mark.parametrize("path", [PROC, SYS])
def test_a_folder_sends_all_of_it_and_promises_nothing(model, path):
    folder, name = os.path.split(path)
    with serving(folder, "--model", model) as server:
        for fields in ({}, {"Range": "bytes=0-1"}, {"If-None-Match": "*"}):
            response, body = ask(server.address, f"/{name}", **fields)
            assert (response.status, body) == (200, content(path))
            assert response.getheader("accept-ranges") == "none"
            for field in ("content-length", "etag", "last-modified"):
                assert response.getheader(field) is None
        response, body = ask(server.address, f"/{name}", "HEAD")
        assert (response.status, body) == (200, b"")


@pytest.mark.parametrize("path", [PROC, SYS])
def test_an_upload_has_all_of_it(serve, tmp_path, path):
    (tmp_path / "echoing.py").write_text(
        "from reactor import Response\ndef app(request): return Response(200, {}, request.body)\n"
    )
    server = serve("echoing:app", cwd=tmp_path)
    done = run_reactor("get", "--retry", "0", "-T", path, "-o", "-", f"{server.url}")
    assert (done.returncode, done.stdout.encode()) == (0, content(path))


@pytest.mark.parametrize("size", [0, 1, 100])
def test_an_upload_of_a_file_keeps_its_length(tmp_path, size):
    (tmp_path / "file").write_bytes(b"x" * size)
    for start in (0, size, size + 1):
        with open(tmp_path / "file", "rb") as file:
            file.seek(start)
            upload = Upload(file)
            assert upload.length == max(0, size - start)
            assert b"".join(upload.pieces()) == b"x" * upload.length
