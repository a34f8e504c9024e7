"""What a TCP protocol of a user writes, raises, and waits for: as on asyncio, in both models."""

from __future__ import annotations

import os
import socket
import threading

import pytest
from processes import MODELS, PATIENCE_S, eventually, serving

from reactor.testing import FakeTransport

RAW = """
import asyncio
import os
import threading

import reactor


class Base(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, exc):
        print(f"lost {exc!r};", flush=True)


class Waiting(Base):
    # Asks on with a second byte, which comes when the first line is there, before it returns.
    def data_received(self, data):
        for line in (b"one", b"two", b"three"):
            self.transport.write(line)
            with open("fifo", "rb") as fifo:
                fifo.read()
        self.transport.close()


class Ours(reactor.Protocol):
    connection_made = Base.connection_made
    data_received = Waiting.data_received


KINDS = {b"value": ValueError, b"exit": SystemExit, b"file": FileNotFoundError}


class Raising(Base):
    def data_received(self, data):
        self.transport.write(b"221 bye" + b"." * 300_000)
        raise KINDS[data[:5].strip()]

    def eof_received(self):
        self.transport.write(b"at the end")
        raise ValueError


class Paused(Base):
    def data_received(self, data):
        self.transport.pause_reading()
        if data == b"for ever":
            self.transport.write(b"paused")
            return
        def resume():
            open("fifo", "rb").close()
            self.transport.write(b"resumed")
            self.transport.resume_reading()
        self.data_received = self.transport.write
        self.transport.write(b"paused")
        threading.Thread(target=resume).start()


class Nan(Base):
    def connection_made(self, transport):
        said = []
        for call, *seconds in (
            (transport.set_deadline, float("nan")),
            (transport.extend_deadline, float("nan"), 1),
            (transport.extend_deadline, 1, float("nan")),
        ):
            try:
                call(*seconds)
            except ValueError:
                said.append("refused")
        transport.write(" ".join(said).encode())
        transport.set_deadline(-1)
        self.transport = transport

    def deadline_expired(self):
        self.transport.write(b", over at once")
        self.transport.close()
"""


@pytest.fixture
def raw(tmp_path):
    (tmp_path / "raw.py").write_text(RAW)
    os.mkfifo(tmp_path / "fifo")
    return tmp_path


def to_end(client):
    received = b""
    while data := client.recv(65536):
        received += data
    return received


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", ["Waiting", "Ours"])
def test_what_is_written_leaves_before_the_method_returns(raw, model, name):
    with (
        serving(f"raw:{name}", "--model", model, cwd=raw) as server,
        server.connect() as client,
    ):
        client.sendall(b"go")
        for line in (b"one", b"two", b"three"):
            # The method goes on when this has come.
            assert client.recv(100) == line
            open(raw / "fifo", "wb").close()
        assert client.recv(1) == b""


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("how", [b"value", b"exit ", b"file "])
def test_what_was_written_before_an_exception_arrives(raw, model, how):
    target = "raw:Raising"
    with serving(target, "--model", model, cwd=raw, traceback_expected=True) as server:
        with server.connect() as client:
            # More than a read takes: what is not read must not reset what was written.
            client.sendall(how + b"x" * 200_000)
            assert to_end(client) == b"221 bye" + b"." * 300_000
        eventually(lambda: ";" in server.out, "it is told that its connection is over")
        assert "lost None" not in server.out
        eventually(lambda: "Traceback" in server.err, "it is reported")


@pytest.mark.parametrize("model", MODELS)
def test_what_was_written_before_an_exception_at_the_end_arrives(raw, model):
    target = "raw:Raising"
    with (
        serving(target, "--model", model, cwd=raw, traceback_expected=True) as server,
        server.connect() as client,
    ):
        client.shutdown(socket.SHUT_WR)
        assert to_end(client) == b"at the end"


def test_a_paused_one_is_waited_for_until_another_thread_resumes_it(raw):
    with (
        serving("raw:Paused", "--model", "threads", cwd=raw) as server,
        server.connect() as client,
    ):
        client.sendall(b"go")
        assert client.recv(100) == b"paused"
        client.sendall(b"more")
        open(raw / "fifo", "wb").close()
        assert client.recv(7) == b"resumed"
        assert client.recv(100) == b"more"


@pytest.mark.parametrize("model", MODELS)
def test_a_stop_ends_who_has_paused_for_ever(raw, model):
    # Half of it is the grace, for one that does not look at its end.
    bound = ("--timeout-graceful-shutdown", "0.5")
    with serving("raw:Paused", "--model", model, *bound, cwd=raw) as server:
        with server.connect() as client:
            client.sendall(b"for ever")
            assert client.recv(100) == b"paused"
            asked = threading.Thread(target=server.stop)
            asked.start()
            assert client.recv(100) == b""
        asked.join(PATIENCE_S)
        assert server.process.returncode == 0


@pytest.mark.parametrize("model", MODELS)
def test_a_deadline_is_no_nan_and_one_below_zero_is_over(raw, model):
    with (
        serving("raw:Nan", "--model", model, cwd=raw) as server,
        server.connect() as client,
    ):
        assert to_end(client) == b"refused refused refused, over at once"


def test_the_fake_transport_refuses_it_too():
    transport = FakeTransport(object())
    with pytest.raises(ValueError, match="nan"):
        transport.set_deadline(float("nan"))
    transport.set_deadline(-1)
    assert transport.deadline == 0
