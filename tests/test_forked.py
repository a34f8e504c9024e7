"""What an application forks ends with the application's call, and takes nothing from its parent."""

from __future__ import annotations

import http.client
import os
import signal
import socket

import pytest
from processes import MODELS, PATIENCE_S, eventually, serving

FORKING = r"""
import asyncio
import os
import sys

from reactor import Response


def after_fork(how):
    child = os.fork()
    if child:
        return child
    os.write(1, f"child {how}\n".encode())
    if how == "exit":
        sys.exit(7)
    if how == "words":
        sys.exit("some words")
    if how == "raise":
        raise ValueError("of the child")
    if how == "signal":
        import time
        time.sleep(60)
    return 0


def code_of(child):
    return str(os.waitstatus_to_exitcode(os.waitpid(int(child), 0)[1]))


def native(request):
    how = request.path[1:]
    return Response(200, {}, code_of(how) if how.isdigit() else str(after_fork(how)))


def wsgi(environ, start_response):
    how = environ["PATH_INFO"][1:]
    body = code_of(how) if how.isdigit() else str(after_fork(how))
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body.encode()]


def late(environ, start_response):
    if environ["PATH_INFO"][1:].isdigit():
        return wsgi(environ, start_response)
    start_response("200 OK", [])

    def pieces():
        yield b""
        yield str(after_fork(environ["PATH_INFO"][1:])).encode()

    return pieces()


class Raw(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        how = data.decode()
        answer = code_of(how) if how.isdigit() else str(after_fork(how))
        self.transport.write(answer.encode() + b".")
"""

CODES = {"exit": 7, "words": 1, "raise": 1, "return": 0}


@pytest.fixture
def forking(tmp_path):
    (tmp_path / "forking.py").write_text(FORKING)
    return tmp_path


def ask(address, path):
    connection = http.client.HTTPConnection(*address, timeout=PATIENCE_S)
    connection.request("GET", f"/{path}")
    body = connection.getresponse().read()
    connection.close()
    return int(body)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("app", ["native", "wsgi", "late"])
def test_a_forked_child_ends_and_its_parent_serves_on(forking, model, app):
    target = f"forking:{app}"
    with serving(target, "--model", model, cwd=forking, traceback_expected=True) as server:
        for how, code in CODES.items():
            child = ask(server.address, how)
            assert child not in (0, server.pid)
            assert ask(server.address, child) == code
        assert "some words" in eventually(lambda: server.err, "the words of a child")
        # One signal is enough: nobody else reads what it has written.
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(PATIENCE_S) == 0
    assert server.out.count("child exit") == 1


@pytest.mark.parametrize("model", MODELS)
def test_a_child_of_a_raw_protocol_ends_too(forking, model):
    target = "forking:Raw"
    with serving(target, "--model", model, cwd=forking, traceback_expected=True) as server:
        with socket.create_connection(server.address, PATIENCE_S) as client:
            for how, code in CODES.items():
                client.sendall(how.encode())
                child = answer(client)
                assert child > 0
                client.sendall(b"%d" % child)
                assert answer(client) == code
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(PATIENCE_S) == 0


def answer(client):
    """One number up to its full stop, byte by byte: what is behind it is a child's."""
    text = b""
    while not text.endswith(b"."):
        byte = client.recv(1)
        assert byte, f"the connection ended behind {text!r}"
        text += byte
    return int(text[:-1])


@pytest.mark.parametrize("model", MODELS)
def test_a_signal_to_the_parent_stops_it_while_a_child_lives(forking, model):
    with serving("forking:native", "--model", model, cwd=forking) as server:
        child = ask(server.address, "signal")
        try:
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(PATIENCE_S) == 0
        finally:
            os.kill(child, signal.SIGKILL)
