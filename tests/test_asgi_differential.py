"""The same application on uvicorn and here: what differs is in docs/asgi.md, and in this table."""

import contextlib
import re
import socket
import subprocess
import sys
from pathlib import Path

import h11
import pytest
from processes import PATIENCE_S, environment, serving

APP = """
import asyncio

START = {"type": "http.response.start", "status": 200, "headers": []}


def body(data, more=False):
    return {"type": "http.response.body", "body": data, "more_body": more}


def start(status=200, **headers):
    fields = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    return {**START, "status": status, "headers": fields}


PLAIN = {
    "/whole": [start(content_type="text/plain"), body(b"hello")],
    "/stream": [start(), body(b"a", True), body(b"", True), body(b"b")],
    "/empty": [start(), body(b"")],
    "/204": [start(204), body(b"")],
    "/204-with-a-body": [start(204), body(b"body")],
    "/304": [start(304), body(b"")],
    "/404": [start(404, x_a="1"), body(b"none")],
    "/length": [start(content_length="3"), body(b"a", True), body(b"bc")],
    "/longer-than-its-length": [start(content_length="3"), body(b"12345")],
    "/shorter-than-its-length": [start(content_length="9"), body(b"12345")],
    "/no-answer": [],
    "/only-a-start": [start()],
    "/body-first": [body(b"x")],
    "/two-starts": [start(), start(), body(b"x")],
    "/no-such-message": [{"type": "no.such.message"}],
    "/duplicates": [{**START, "headers": [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]},
                    body(b"x")],
}


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise ValueError("only http")
    path = scope["path"]
    if path in PLAIN:
        for message in PLAIN[path]:
            await send(message)
    elif path == "/raises":
        raise ZeroDivisionError
    elif path == "/raises-in-a-stream":
        await send(START)
        await send(body(b"part", True))
        raise ZeroDivisionError
    elif path == "/echo":
        data = b""
        while True:
            message = await receive()
            data += message["body"]
            if not message["more_body"]:
                break
        await send(START)
        await send(body(data))
    elif path == "/scope":
        kept = {k: v for k, v in scope.items()
                if k not in ("asgi", "client", "server", "extensions")}
        await send(START)
        await send(body(repr(sorted(kept.items())).encode()))
    elif path == "/waits":
        await receive()
        gone = (await receive())["type"]
        await send(START)
        await send(body(gone.encode()))
"""


def asked(target, method="GET", fields="", version="1.1", data="", last=True):
    fields = f"Host: 127.0.0.1\r\n{fields}{'Connection: close' if last else 'X-L: 1'}\r\n"
    return f"{method} {target} HTTP/{version}\r\n{fields}\r\n{data}".encode()


POSTED = ("/echo", "POST", "Content-Length: 3\r\n", "1.1", "abc")
CHUNKS = "Transfer-Encoding: chunked\r\n"
PROBES = {
    **{name: asked(f"/{name}") for name in re.findall(r'^    "/(.+?)": \[', APP, re.M)},
    "raises": asked("/raises"),
    "raises-in-a-stream": asked("/raises-in-a-stream"),
    "head": asked("/whole", "HEAD"),
    "head-stream": asked("/stream", "HEAD"),
    "http-1.0": asked("/whole", version="1.0"),
    "http-1.0-stream": asked("/stream", version="1.0"),
    "post": asked(*POSTED),
    "post-chunks": asked("/echo", "POST", CHUNKS, data="2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"),
    "pipelined": asked(*POSTED, last=False) + asked("/whole"),
    "scope": asked("/scope?a=%20&b", fields="X-A: 1\r\nx-a:  2\r\nX_B: 3\r\n"),
    "scope-escapes": asked("/scope").replace(b"/scope", b"/%73cope"),
    "half-closed": asked("/waits"),
}
# What is other here, and why: docs/asgi.md.
DIFFERS = {
    "two-starts",
    "longer-than-its-length",
    "shorter-than-its-length",
    "only-a-start",
    "half-closed",
}


def outcome(address, data, half_close):
    """The answers, as h11 reads them, and whether the last one broke off."""
    with socket.create_connection(address, timeout=PATIENCE_S) as sock:
        sock.sendall(data)
        if half_close:
            sock.shutdown(socket.SHUT_WR)
        sock.settimeout(3)
        received = b""
        ended = False
        with contextlib.suppress(TimeoutError, ConnectionError):
            while piece := sock.recv(65536):
                received += piece
            ended = True
    method = data.split(b" ", 1)[0].decode()
    answers = []
    client = h11.Connection(h11.CLIENT)
    client.receive_data(received)
    if ended:
        client.receive_data(b"")
    try:
        while True:
            if client.our_state is h11.IDLE:
                client.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
                client.send(h11.EndOfMessage())
            event = client.next_event()
            if isinstance(event, h11.Response):
                fields = [(k, v) for k, v in event.headers if k in FIELDS]
                answers.append([event.status_code, sorted(fields), b""])
            elif isinstance(event, h11.Data):
                answers[-1][2] += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage) and client.our_state is h11.DONE:
                if client.their_state is not h11.DONE:
                    break
                client.start_next_cycle()
                method = "GET"
            elif not isinstance(event, h11.EndOfMessage):
                break
    except h11.RemoteProtocolError:
        answers.append("broken")
    for answer in answers:
        if answer[0] == 500:
            answer[1:] = []  # whose words they are is no matter
    return answers


# Not those that frame: uvicorn sends a body of one piece without a length in chunks.
FIELDS = {b"content-type", b"set-cookie", b"x-a"}


@contextlib.contextmanager
def uvicorn(folder):
    pytest.importorskip("uvicorn")
    command = [sys.executable, "-m", "uvicorn", "probed:app", "--port", "0", "--no-access-log"]
    process = subprocess.Popen(
        command, cwd=folder, stderr=subprocess.PIPE, text=True, env=environment()
    )
    try:
        for line in process.stderr:
            if found := re.search(r"running on http://127\.0\.0\.1:(\d+)", line):
                break
        else:
            pytest.fail("uvicorn did not start")
        yield ("127.0.0.1", int(found[1]))
    finally:
        process.kill()
        process.stderr.close()
        process.wait()


def test_what_differs_from_uvicorn_is_what_is_said(tmp_path):
    (tmp_path / "probed.py").write_text(APP)
    with (
        uvicorn(tmp_path) as theirs,
        serving("probed:app", "--no-access-log", cwd=tmp_path, traceback_expected=True) as ours,
    ):
        found = {
            name: [
                outcome(address, data, name == "half-closed") for address in (ours.address, theirs)
            ]
            for name, data in PROBES.items()
        }
    differing = {name: pair for name, pair in found.items() if pair[0] != pair[1]}
    assert set(differing) == DIFFERS, {name: found[name] for name in set(differing) ^ DIFFERS}


def test_the_page_says_what_differs():
    page = (Path(__file__).parent.parent / "docs" / "asgi.md").read_text(encoding="utf-8")
    table = page.partition("## What differs from uvicorn")[2]
    for words in ("between start and body", "half-closed", "longer or shorter than its"):
        assert words in table
