"""docs/examples: each program is started, as its docstring says, and does what it is there for."""

from __future__ import annotations

import json
import re
import shlex
import socket
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from processes import PATIENCE_S, environment, serving

from reactor import get
from reactor.client import Client
from reactor.net import Reactor

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "docs" / "examples"
NAMES = {path.name for path in EXAMPLES.glob("*.py")}


def served(name, *options):
    return serving(f"{name}:app", "--app-dir", str(EXAMPLES), *options)


def program(name, *arguments):
    """Its output, when it has ended by itself."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *map(str, arguments)],
        env=environment(), capture_output=True, text=True, timeout=PATIENCE_S, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout


@contextmanager
def listening(name, *arguments):
    """The port of a program that says where it listens, while it runs."""
    command = [sys.executable, EXAMPLES / name, *arguments]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        try:
            yield int(re.fullmatch(r"listening on (\d+)\n", process.stdout.readline())[1])
        finally:
            process.kill()


def post(url, value):
    """The status and the body of an answer to a JSON object."""
    got = []
    with Reactor() as reactor, Client(reactor) as client:
        client.request(
            "POST", url, body=json.dumps(value).encode(),
            headers={"Content-Type": "application/json"},
            on_head=lambda head, _: got.append(head.status), on_body=got.append,
            on_done=lambda error: reactor.stop(),
        )  # fmt: skip
        reactor.run()
    return got[0], b"".join(got[1:])


def talk(port, said, until):
    """What comes back over TCP, as far as ``until``."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)) as sock:
        sock.sendall(said)
        got = b""
        while until not in got and (data := sock.recv(65536)):
            got += data
        return got


def test_a_handler():
    with served("handler") as server:
        assert get(f"{server.url}rooms/attic").body == b"17.5 degrees\n"
        assert get(f"{server.url}rooms/hall").status == 404
        assert post(f"{server.url}rooms", {"hall": 19})[0] == 200
        assert get(f"{server.url}rooms/hall").body == b"19 degrees\n"


def test_flask(tmp_path):
    pytest.importorskip("flask")
    (tmp_path / "a.css").write_text("p{}")
    with served("flask_app", "--static", f"/static={tmp_path}") as server:
        assert get(f"{server.url}?name=Ada").body == b"Hello, Ada!\n"
        assert get(f"{server.url}static/a.css").body == b"p{}"
        assert post(f"{server.url}notes", {"text": "two words"}) == (201, b'{"words":2}\n')


def test_fastapi():
    pytest.importorskip("fastapi")
    with served("fastapi_app") as server:
        assert get(f"{server.url}slow").body == b'{"waited":true}'
        assert post(f"{server.url}orders", {"drink": "tea"}) == (200, b'{"said":"1 x tea"}')
        assert post(f"{server.url}orders", {})[0] == 422


def test_a_chat():
    client = pytest.importorskip("websockets.sync.client")
    with served("chat") as server:
        assert b"<!doctype html>" in get(server.url).body
        url = f"ws://127.0.0.1:{server.port}/chat"
        with client.connect(url) as ada, client.connect(url) as bob:
            ada.send("hello")
            assert [one.recv(timeout=PATIENCE_S) for one in (ada, bob)] == ["hello", "hello"]


def test_server_sent_events():
    with served("ticker") as server:
        assert b"EventSource" in get(server.url).body
        asked = b"GET /ticks HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 6\r\n\r\n"
        until = b"id: 8\ndata: tick 8\n\n"
        got = talk(server.port, asked, until)
        assert b"retry: 1000\n\n" in got
        assert b"tick 6" not in got
        assert until in got


def test_a_tcp_proxy():
    with (
        served("handler") as server,
        listening("tcp_proxy.py", "0", "127.0.0.1", str(server.port)) as port,
    ):
        assert get(f"http://127.0.0.1:{port}/rooms/attic").body == b"17.5 degrees\n"
        server.stop()
        # Nobody is behind it: no end that looks as if all were sent.
        with pytest.raises(ConnectionResetError):
            talk(port, b"", b"nothing")


def test_a_crawler(tmp_path):
    (tmp_path / "index.html").write_text("<a href=a.html>")
    (tmp_path / "a.html").write_text("<a href='/'> <a href=b.html#x> <a href=no>")
    (tmp_path / "b.html").write_text('<a href="http://other.example/">')
    with serving(str(tmp_path)) as server:
        lines = program("crawler.py", server.url).splitlines()
    found = {line.removeprefix("200 ").replace(server.url, "/") for line in lines}
    assert found == {"/", "/a.html", "/b.html", "404 /no"}


def test_a_parser_of_captured_bytes(tmp_path):
    capture = tmp_path / "captured"
    capture.write_bytes(
        b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"
        b"GET /b HTTP/1.1\r\nHost : a\r\n\r\n"
    )
    first, broken = program("captured.py", capture).splitlines()[:2]
    assert first == "POST /a 2 bytes"
    assert re.fullmatch(r"400 at byte \d+: [\w-]+", broken)
    capture.write_bytes(b"GET /a HTTP/1.1\r\nHo")
    assert program("captured.py", capture) == "19 bytes are not a whole request\n"


def test_an_embedded_server():
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", EXAMPLES / "embedded.py"],
        env=environment(), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert "1 passed" in done.stdout, done.stdout


@pytest.mark.parametrize("which", ["threads", "selector"])
def test_two_servers(which):
    asked = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
    with listening("two_servers.py", which) as port:
        got = talk(port, asked * 2, b"Hello, /x\nHTTP")
        assert got.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"Hello, /x\n" in got


def test_each_is_tried_here_and_linked():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(NAMES) == 10
    here = Path(__file__).read_text()
    for name in NAMES:
        assert f'"{name.removesuffix(".py")}' in here, name
        assert f"(docs/examples/{name})" in readme, name


def test_what_their_docstrings_say_can_be_typed():
    for path in sorted(EXAMPLES.glob("*.py")):
        [line, *_] = re.findall(r"^ *python (.*)$", path.read_text(), re.M)
        words = shlex.split(line)
        if words[:3] == ["-m", "reactor", "serve"]:
            assert words[3:6] == ["--app-dir", "docs/examples", f"{path.stem}:app"]
        else:
            assert f"docs/examples/{path.name}" in words
