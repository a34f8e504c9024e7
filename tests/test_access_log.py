"""The journal: what is refused is counted always, and said so often as is of use."""

import logging
import os
import re
import socket
import sys

import pytest
from processes import MODELS, eventually, read_to_end, serving, started

from reactor.errors import RemoteProtocolError
from reactor.limits import Limits
from reactor.server.access_log import AccessLog
from reactor.testing import FakeClock

PEER = ("192.0.2.7", 1234)


def refuse(log, code="header-timeout"):
    log.refused(PEER, RemoteProtocolError(408, code, "too slow", 17))


def test_a_refusal_names_peer_reason_and_byte(caplog):
    caplog.set_level(logging.INFO)
    log = AccessLog(None)
    refuse(log)
    [record] = caplog.records
    assert record.getMessage() == "refused 192.0.2.7: 408 header-timeout: too slow (at byte 17)"
    assert log.refusals == {"header-timeout": 1}


def test_a_flood_of_refusals_is_counted_and_not_written_down(caplog, monkeypatch):
    clock = FakeClock()
    monkeypatch.setattr("reactor.log.rate.time.monotonic", clock)
    caplog.set_level(logging.INFO)
    log = AccessLog(None, Limits(refusal_lines_per_second_max=3))
    for _ in range(10):
        refuse(log)
    clock.advance(1)
    refuse(log)
    assert [record.getMessage()[:14] for record in caplog.records] == [
        *["refused 192.0."] * 3,
        "refused 7 more",
        "refused 192.0.",
    ]
    assert log.refusals == {"header-timeout": 11}


def test_how_most_connections_end_is_counted_and_said_to_who_debugs(caplog):
    caplog.set_level(logging.INFO)
    log = AccessLog(None)
    refuse(log, "keep-alive-timeout")
    assert caplog.records == []
    caplog.set_level(logging.DEBUG)
    refuse(log, "keep-alive-timeout")
    assert [record.levelname for record in caplog.records] == ["DEBUG"]
    assert log.refusals == {"keep-alive-timeout": 2}


PIECES = """
from reactor import Response

def endless():
    while True:
        yield b"x" * 65_536

def app(request):
    return Response(200, {}, endless() if request.path == "/stream" else b"y" * 50_000_000)
"""


class TestWhatWasSent:
    """A line is written at the end, and says what the kernel has taken of the body."""

    @pytest.mark.parametrize("version", [b"1.0", b"1.1"])
    @pytest.mark.parametrize("kind", ["/stream", "/bytes", "file"])
    @pytest.mark.parametrize("model", MODELS)
    def test_of_a_client_that_leaves(self, model, kind, version, tmp_path):
        (tmp_path / "pieces.py").write_text(PIECES)
        with (tmp_path / "large").open("wb") as file:
            file.truncate(50_000_000)
        target = tmp_path if kind == "file" else "pieces:app"
        path = b"/large" if kind == "file" else kind.encode()
        with serving(target, "--model", model, cwd=tmp_path) as server:
            sock = server.connect(source_address=("127.0.0.1", 0))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.sendall(b"GET %s HTTP/%s\r\nHost: a\r\n\r\n" % (path, version))
            assert len(sock.recv(1000)) > 100
            assert server.access_log == []
            sock.close()
            [line] = eventually(lambda: server.access_log, "the line is there")
            taken = int(re.search(r'" 200 (\d+) "', line)[1])
            assert 0 < taken < 50_000_000

    @pytest.mark.parametrize("model", MODELS)
    def test_of_a_file_that_shrinks(self, model, tmp_path):
        with (tmp_path / "large").open("wb") as file:
            file.truncate(50_000_000)
        with serving(tmp_path, "--model", model) as server:
            with server.connect() as sock:
                sock.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
                received = sock.recv(1000)
                os.truncate(tmp_path / "large", 1000)
                received += read_to_end(sock)
            [line] = eventually(lambda: server.access_log, "the line is there")
        body = received.partition(b"\r\n\r\n")[2]
        assert len(body) < 50_000_000
        assert f'" 200 {len(body)} "' in line

    @pytest.mark.parametrize("model", MODELS)
    def test_of_a_whole_answer(self, model, tmp_path):
        (tmp_path / "note").write_bytes(b"12345")
        with serving(tmp_path, "--model", model) as server:
            with server.connect() as sock:
                for method in (b"GET", b"HEAD", b"GET"):
                    sock.sendall(b"%s /note HTTP/1.1\r\nHost: a\r\n\r\n" % method)
                    assert sock.recv(1000).startswith(b"HTTP/1.1 200")
                # Kept alive: the lines do not wait for the connection's end.
                lines = eventually(lambda: server.access_log[2:] and server.access_log, "3 lines")
            assert [line.split('" 200 ')[1].split()[0] for line in lines] == ["5", "0", "5"]


def test_a_log_that_fails_is_said_once_and_harms_no_answer(tmp_path):
    program = """
import sys
from reactor import Response, serve

def write(line):
    raise ZeroDivisionError("no log today")

serve(lambda request: Response(200, {}, "fine"), port=0, model=sys.argv[1], access_log=write,
      on_listening=lambda socks: print(f"on http://127.0.0.1:{socks[0].getsockname()[1]}/",
                                       flush=True))
"""
    for model in MODELS:
        with (
            started([sys.executable, "-c", program, model]) as server,
            server.connect() as sock,
        ):
            for _ in range(3):
                sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert sock.recv(1000).endswith(b"\r\n\r\nfine")
        assert server.err.count("no log today") == 1
