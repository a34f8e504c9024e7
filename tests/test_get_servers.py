"""``reactor get`` against the servers that a user meets: ours, Python's, nginx, the tutorial's."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.server
import os
import socket
import subprocess
import threading

import fetching
import pytest
from fetching import files, free_port
from processes import PATIENCE_S, eventually, has_ipv6, needs, serving

get = fetching.get_once


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
