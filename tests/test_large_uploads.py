"""Bodies over 512 KiB at real servers: in both models, to both kinds of applications."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest
from processes import MODELS, eventually, exchange, read_to_end, serving, serving_limited

from reactor import Response
from reactor.server.body_files import BodyFiles

K = 1024

NATIVE = """
import hashlib
from reactor import Response

def app(request):
    stream = hashlib.sha256()
    while piece := request.stream.read(50_000):
        stream.update(piece)
    kind = type(request.stream).__name__
    whole = hashlib.sha256(request.body)
    return Response(200, {}, f"{kind} {stream.hexdigest()} {whole.hexdigest()}")

def echo(request):
    return Response(200, {}, request.stream)
"""
WSGI = """
import hashlib

def app(environ, start_response):
    found = hashlib.sha256()
    for line in environ["wsgi.input"]:
        found.update(line)
    start_response("200 OK", [])
    found = found.hexdigest()
    size = environ["CONTENT_LENGTH"]
    return [f"{type(environ['wsgi.input']).__name__} {found} {size}".encode()]

def echo(environ, start_response):
    start_response("200 OK", [])
    return environ["wsgi.file_wrapper"](environ["wsgi.input"])
"""
MIB = 1 << 20


@pytest.fixture(scope="module", params=MODELS)
def servers(request, tmp_path_factory):
    """Both kinds of applications, each with its echo, and an empty folder for bodies."""
    root = tmp_path_factory.mktemp("large")
    (root / "native.py").write_text(NATIVE)
    (root / "wsgi.py").write_text(WSGI)
    (root / "bodies").mkdir()
    options = ("--model", request.param, "--body-dir", str(root / "bodies"), "--no-access-log")
    with (
        serving("native:app", *options, cwd=root) as native,
        serving("native:echo", *options, cwd=root) as native_echo,
        serving("wsgi:app", *options, cwd=root) as wsgi,
        serving("wsgi:echo", *options, cwd=root) as wsgi_echo,
    ):
        yield {
            "native": native,
            "native echo": native_echo,
            "wsgi": wsgi,
            "wsgi echo": wsgi_echo,
            "bodies": root / "bodies",
        }


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def upload(data, version=b"1.1", chunked=False):
    length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(data)
    if chunked:
        pieces = (data[start : start + 30_000] for start in range(0, len(data), 30_000))
        data = b"".join(map(chunk, pieces)) + b"0\r\n\r\n"
    head = b"POST / HTTP/%s\r\nHost: a\r\nConnection: close\r\n%s\r\n\r\n"
    return head % (version, length) + data


@pytest.mark.parametrize(("version", "chunked"), [(b"1.0", False), (b"1.1", False), (b"1.1", True)])
@pytest.mark.parametrize("size", [512 * K, 512 * K + 1, 3 * MIB])
class TestOnARealServer:
    def test_a_native_handler(self, servers, version, chunked, size):
        data = os.urandom(size)
        answer = exchange(servers["native"].address, upload(data, version, chunked))
        kind, stream, whole = answer.rpartition(b"\r\n\r\n")[2].decode().split()
        assert kind == ("BytesIO" if size == 512 * K else "BodyFile")
        assert stream == whole == hashlib.sha256(data).hexdigest()
        assert os.listdir(servers["bodies"]) == []

    def test_a_wsgi_application(self, servers, version, chunked, size):
        data = os.urandom(size)
        answer = exchange(servers["wsgi"].address, upload(data, version, chunked))
        kind, found, length = answer.rpartition(b"\r\n\r\n")[2].decode().split()
        assert kind == ("BytesIO" if size == 512 * K else "BodyFile")
        assert (found, length) == (hashlib.sha256(data).hexdigest(), str(size))

    @pytest.mark.parametrize("kind", ["native echo", "wsgi echo"])
    def test_it_can_be_sent_back(self, servers, version, chunked, size, kind):
        # Without chunks, since HTTP/1.0 has none: what is asked is whether the bytes come.
        data = os.urandom(size)
        answer = exchange(servers[kind].address, upload(data, version, chunked))
        head, _, body = answer.partition(b"\r\n\r\n")
        if b"chunked" in head:
            body = b"".join(unchunked(body))
        assert hashlib.sha256(body).digest() == hashlib.sha256(data).digest()


def unchunked(body):
    while body:
        size, _, body = body.partition(b"\r\n")
        yield body[: int(size, 16)]
        body = body[int(size, 16) + 2 :]


def test_descriptors_are_given_back(servers):
    for kind in ("native", "wsgi", "native echo", "wsgi echo"):
        server = servers[kind]
        exchange(server.address, upload(b"x" * MIB))
        before = server.descriptors()
        for _ in range(5):
            exchange(server.address, upload(b"x" * MIB))
            with server.connect() as sock:
                sock.sendall(upload(b"x" * MIB)[: 700 * K])  # and leaves
        assert server.descriptors() == before
        eventually(
            lambda server=server: "deleted" not in str(server.open_descriptors()), "no file is open"
        )


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("kind", ["native", "wsgi"])
def test_a_full_disk_on_a_real_server(model, kind, tmp_path):
    (tmp_path / "app.py").write_text({"native": NATIVE, "wsgi": WSGI}[kind])
    folder = tmp_path / "bodies"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(folder)], capture_output=True
    )
    if done.returncode:
        pytest.skip("to make a small disk takes a root that may mount")
    try:
        with serving(
            "app:app", "--model", model, "--body-dir", str(folder), cwd=tmp_path
        ) as server:
            assert f"large bodies go to {folder}, which is memory)" in server.out
            data = os.urandom(MIB)
            with server.connect() as first:
                # One that holds a half of the disk, and is not to be lost.
                request = upload(data)
                first.sendall(request[:-1])
                eventually(lambda: used(folder) >= MIB, "all of it is on the disk")
                answer = exchange(server.address, upload(bytes(3 * MIB)))
                assert answer.startswith(b"HTTP/1.1 507 Insufficient Storage\r\n")
                first.sendall(request[-1:])
                assert hashlib.sha256(data).hexdigest().encode() in read_to_end(first)
            answer = exchange(server.address, upload(data))
            assert hashlib.sha256(data).hexdigest().encode() in answer
            eventually(lambda: "No space left on device" in server.err, "the operator is told")
            assert server.err.count("could not be written") == 1
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def used(folder):
    status = os.statvfs(folder)
    return (status.f_blocks - status.f_bfree) * status.f_frsize


FULL = """
import resource
from reactor import Response

resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

def app(request):
    return Response(200, {}, str(len(request.body)))
"""


@pytest.mark.parametrize("model", MODELS)
def test_a_file_that_may_not_become_so_large_is_a_full_disk(model, tmp_path):
    (tmp_path / "full.py").write_text(FULL)
    with serving("full:app", "--model", model, "--body-dir", str(tmp_path), cwd=tmp_path) as server:
        for size, status in ((MIB, b"200"), (2 * MIB, b"507"), (MIB, b"200")):
            answer = exchange(server.address, upload(bytes(size)))
            assert answer.startswith(b"HTTP/1.1 " + status)


@pytest.mark.parametrize("model", MODELS)
def test_with_few_descriptors_bodies_stay_in_memory(model, tmp_path):
    (tmp_path / "native.py").write_text(NATIVE)
    limits = {"reserved_descriptors": 10_000_000, "body_files_max": 1000}
    with serving_limited("native:app", model, limits, cwd=tmp_path) as server:
        data = os.urandom(MIB)
        answer = exchange(server.address, upload(data))
    kind, stream, _ = answer.rpartition(b"\r\n\r\n")[2].decode().split()
    assert (kind, stream) == ("BytesIO", hashlib.sha256(data).hexdigest())


class TestTheFolder:
    def test_one_that_is_not_there_is_said_at_the_start(self, tmp_path):
        (tmp_path / "native.py").write_text(NATIVE)
        done = subprocess.run(
            [sys.executable, "-m", "reactor", "serve", "native:app", "--body-dir", "missing"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 3
        assert "no file for a request's body can be made in 'missing': No such file" in done.stderr

    @pytest.mark.parametrize("target", ["native:app", "."])
    def test_memory_is_said_for_applications_only(self, target, tmp_path):
        if not os.path.isdir("/dev/shm") or not BodyFiles("/dev/shm").is_in_memory:
            pytest.skip("no tmpfs at its usual place")
        (tmp_path / "native.py").write_text(NATIVE)
        with serving(target, "--body-dir", "/dev/shm", cwd=tmp_path) as server:
            assert ("go to /dev/shm, which is memory" in server.out) == (target != ".")

    def test_a_temporary_folder_that_is_none_leaves_bodies_in_memory(self, tmp_path, monkeypatch):
        from reactor.errors import ConfigurationError
        from reactor.server import Server, body_files

        def none():
            raise ConfigurationError("there is no temporary folder that can be written to")

        monkeypatch.setattr(body_files, "_temporary_folder", none)
        server = Server(lambda request: Response(200), port=0)
        assert server.body_files is None
        server.close()
