"""The rows of docs/deploy.md's table that have no test elsewhere: kinds of targets at a reload."""

from __future__ import annotations

import signal

import pytest
from crew import crew, write_app
from processes import eventually, read_to_end

OTHERS = """
class Echo:
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)

async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        os.write(1, b"started %d\\n" % os.getpid())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        os.write(1, b"stopped %d\\n" % os.getpid())
        return await send({"type": "lifespan.shutdown.complete"})
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"%d one" % os.getpid()})
"""


@pytest.fixture
def folder(tmp_path):
    write_app(tmp_path, more=OTHERS)
    return tmp_path


def reload(server):
    server.signal(signal.SIGHUP)
    eventually(lambda: "reloaded: " in server.err, "all are new")


def test_a_tcp_connection_stays_with_the_worker_before(folder):
    words = ["--workers", "2", "--timeout-graceful-shutdown", "2"]
    with crew(folder, *words, target="crewed:Echo") as server, server.connect() as sock:
        sock.sendall(b"one")
        assert sock.recv(10) == b"one"
        reload(server)
        sock.sendall(b"two")
        assert sock.recv(10) == b"two"
        assert read_to_end(sock) == b""  # in order, after the grace of 1 s


def test_each_worker_has_a_lifespan(folder):
    with crew(folder, "--workers", "2", target="crewed:asgi") as server:
        eventually(lambda: server.out.count("started") == 2, "both have begun")
        reload(server)
        # Their words come by another pipe than those of the supervisor.
        eventually(lambda: server.out.count("started") == 4, "two more have begun")
        eventually(lambda: server.out.count("stopped") == 2, "both have ended")
        server.stop()
        lines = server.out.splitlines()
        began = sorted(line.split()[1] for line in lines if line.startswith("started"))
        ended = sorted(line.split()[1] for line in lines if line.startswith("stopped"))
        assert began == ended
