"""A protocol that closes its socket itself ends its own connection, and harms nobody else's."""

from __future__ import annotations

import socket

import pytest
from processes import PATIENCE_S, eventually, serving

CLOSING = """
import asyncio
import os


class Closing(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        sock = self.transport.get_extra_info("socket")
        if data == b"close":
            sock.close()
        elif data == b"detach":
            os.close(sock.detach())
        elif data == b"number":
            os.close(sock.fileno())
        else:
            self.transport.write(data)

    def connection_lost(self, exc):
        print("lost", flush=True)
"""


@pytest.fixture
def server(tmp_path):
    (tmp_path / "closing.py").write_text(CLOSING)
    # A number that no other connection gets is not missed before the grace of the stop, half of it.
    bound = ("--timeout-graceful-shutdown", "0.4")
    with serving("closing:Closing", *bound, cwd=tmp_path) as server:
        yield server


@pytest.mark.parametrize("how", [b"close", b"detach", b"number"])
def test_the_number_is_free_for_the_next_connection(server, how):
    for _ in range(3):
        with socket.create_connection(server.address, PATIENCE_S) as first:
            first.sendall(how)
            assert first.recv(10) == b""
            # The kernel gives this one the number of the first, whose end it must outlive.
            with socket.create_connection(server.address, PATIENCE_S) as second:
                for _ in range(3):
                    second.sendall(b"hello")
                    assert second.recv(10) == b"hello"
    assert "already registered" not in server.err
    eventually(lambda: "lost" in server.out, "it is told that its connection is over")


def test_a_registration_gives_way_to_who_has_its_number():
    from reactor.loop import Loop

    seen = []

    class Handler:
        def on_readable(self):
            seen.append(self)
            loop.stop()

        def on_writable(self):
            raise NotImplementedError

        on_deadline = on_writable

    with Loop() as loop:
        first, peer = socket.socketpair()
        number = first.fileno()
        stale = loop.register(first, 1, Handler())
        first.close()
        second, other = socket.socketpair()
        assert second.fileno() == number
        handler = Handler()
        current = loop.register(second, 1, handler)
        with pytest.raises(KeyError):
            loop.register(second, 1, handler)  # this one is open
        loop.unregister(stale)
        other.send(b"x")
        loop.run()
        assert seen == [handler]
        loop.unregister(current)
    for sock in (peer, second, other):
        sock.close()
