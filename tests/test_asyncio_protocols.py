"""Classes written for asyncio, on asyncio itself and on both models: they cannot tell which."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from contextlib import contextmanager

import pytest
from processes import MODELS, PATIENCE_S, exchange, read_to_end, serving

from reactor.net._endpoint import Endpoint

CLASSES = '''
import asyncio
import json


def outcome(call):
    try:
        return repr(call())
    except Exception as error:
        return type(error).__name__


class Asker(asyncio.Protocol):
    """Tells what each method that asyncio.Transport documents says, and ends."""

    def connection_made(self, t):
        self.t = t

    def data_received(self, data):
        t = self.t
        told = {
            "is_closing": outcome(t.is_closing),
            "is_reading": outcome(t.is_reading),
            "protocol": t.get_protocol() is self,
            "peer": t.get_extra_info("peername")[0],
            "socket": t.get_extra_info("socket").fileno() > 0,
            "sockname": t.get_extra_info("sockname")[0],
            "nothing": t.get_extra_info("no such thing", "default"),
            "half": t.can_write_eof(),
            "size": t.get_write_buffer_size(),
            "usual": outcome(t.get_write_buffer_limits),
        }
        for high, low in ((100, None), (None, 10), (70, 7), (0, None), (None, None)):
            t.set_write_buffer_limits(high, low)
            told[f"limits {high} {low}"] = outcome(t.get_write_buffer_limits)
        told["wrong"] = outcome(lambda: t.set_write_buffer_limits(high=1, low=2))
        told["negative"] = outcome(lambda: t.set_write_buffer_limits(high=-1))
        told["text"] = outcome(lambda: t.write("text"))
        told["pause"] = outcome(t.pause_reading), outcome(t.pause_reading)
        told["paused"] = outcome(t.is_reading)
        told["resume"] = outcome(t.resume_reading), outcome(t.resume_reading)
        told["resumed"] = outcome(t.is_reading)
        t.write(b"")
        t.writelines([b"[", bytearray(b"lines"), memoryview(b", ")])
        t.writelines(iter([]))
        t.set_protocol(Finisher(t, told))
        told["set"] = type(t.get_protocol()).__name__


class Finisher(asyncio.Protocol):
    """Carries on from there, and half-closes."""

    def __init__(self, t, told):
        self.t, self.told = t, told

    def data_received(self, data):
        t = self.t
        t.write(data + json.dumps(self.told).encode())
        t.write_eof()
        late = outcome(lambda: t.write(b"late")), outcome(lambda: t.writelines([b"late"]))
        assert late == ("RuntimeError", "RuntimeError"), late
        t.write_eof()

    def eof_received(self):
        self.t.close()
        assert self.t.is_closing()
        assert not self.t.is_reading()
        self.t.close()


class Buffered(asyncio.BufferedProtocol):
    """Echoes through one small buffer that it keeps; says how it was called at the end."""

    def connection_made(self, t):
        self.t = t
        self.buffer = bytearray(1000)
        self.largest = 0

    def get_buffer(self, sizehint):
        return memoryview(self.buffer)

    def buffer_updated(self, nbytes):
        self.largest = max(self.largest, nbytes)
        self.t.write(bytes(self.buffer[:nbytes]))

    def pause_writing(self):
        self.t.pause_reading()

    def resume_writing(self):
        self.t.resume_reading()

    def eof_received(self):
        self.t.write(b"largest %d" % self.largest)


class Switching(asyncio.Protocol):
    """The first byte is an ordinary protocol's, the rest a BufferedProtocol's."""

    def connection_made(self, t):
        self.t = t

    def data_received(self, data):
        self.t.write(b"now ")
        buffered = Buffered()
        buffered.connection_made(self.t)
        self.t.set_protocol(buffered)


class Empty(asyncio.BufferedProtocol):
    def get_buffer(self, sizehint):
        return bytearray()


class ReadOnly(asyncio.BufferedProtocol):
    def get_buffer(self, sizehint):
        return b"cannot be written to"


class Failing(asyncio.BufferedProtocol):
    def get_buffer(self, sizehint):
        return bytearray(10)

    def buffer_updated(self, nbytes):
        raise ValueError("the protocol's own")


class Leaving(asyncio.BufferedProtocol):
    """Ends instead of giving a buffer."""

    def connection_made(self, t):
        self.t = t

    def get_buffer(self, sizehint):
        self.t.write(b"goodbye")
        self.t.close()
        return bytearray(10)

    def buffer_updated(self, nbytes):
        pass


async def nothing():
    pass


class Tasks(asyncio.Protocol):
    def connection_made(self, t):
        work = nothing()
        try:
            asyncio.create_task(work)
        finally:
            work.close()


class Loop(asyncio.Protocol):
    def __init__(self):
        self.loop = asyncio.get_running_loop()


class OldLoop(asyncio.Protocol):
    def data_received(self, data):
        asyncio.get_event_loop().call_later(1, print, "never")
'''


@pytest.fixture
def classes(tmp_path):
    (tmp_path / "written_for_asyncio.py").write_text(CLASSES)
    return tmp_path


@contextmanager
def on_asyncio(name):
    """The address of an asyncio server of that class, in a thread of this process."""
    namespace = {"__name__": "written_for_asyncio"}
    exec(CLASSES, namespace)
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(namespace[name], "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE_S)
        server.close()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


@contextmanager
def on_ours(name, model, folder, **options):
    target = f"written_for_asyncio:{name}"
    with serving(target, "--model", model, cwd=folder, **options) as server:
        yield server


def talk(address, *parts):
    """Send the parts, each after the answer to the one before has begun; what came of it."""
    with socket.create_connection(address, timeout=PATIENCE_S) as sock:
        answer = b""
        for part in parts:
            sock.sendall(part)
            if part is not parts[-1]:
                answer += sock.recv(1000)
        sock.shutdown(socket.SHUT_WR)
        return answer + read_to_end(sock)


@pytest.mark.parametrize("model", MODELS)
def test_every_documented_method_says_what_it_says_on_asyncio(classes, model):
    with on_asyncio("Asker") as address:
        reference = talk(address, b"?", b"]")
    with on_ours("Asker", model, classes) as server:
        answer = talk(server.address, b"?", b"]")
    assert reference.startswith(b"[lines, ]")
    assert answer[:9] == reference[:9]
    assert json.loads(answer[9:]) == json.loads(reference[9:])


@pytest.mark.parametrize("model", MODELS)
def test_a_buffered_protocol_is_given_no_more_than_it_has_room_for(classes, model):
    data = bytes(range(256)) * 2000
    with (
        on_ours("Buffered", model, classes) as server,
        socket.create_connection(server.address, timeout=PATIENCE_S) as sock,
    ):

        def send():
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        assert read_to_end(sock) == data + b"largest 1000"
        sender.join()


@pytest.mark.parametrize("model", MODELS)
def test_a_protocol_may_be_followed_by_a_buffered_one(classes, model):
    with on_asyncio("Switching") as address:
        reference = talk(address, b"1", b"23")
    with on_ours("Switching", model, classes) as server:
        assert talk(server.address, b"1", b"23") == reference == b"now 23largest 2"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Empty", "get_buffer() returned an empty buffer"),
        ("ReadOnly", "Error"),
        ("Failing", "the protocol's own"),
    ],
)
def test_a_buffered_protocol_that_fails_costs_its_connection(classes, model, name, said):
    with on_ours(name, model, classes, traceback_expected=True) as server:
        for _ in range(2):
            # The end may be there before the client has sent anything.
            with (
                socket.create_connection(server.address, timeout=PATIENCE_S) as sock,
                pytest.raises(ConnectionError),
            ):
                sock.sendall(b"1")
                assert sock.recv(1) == b""
                raise ConnectionResetError("an end is as good")
        server.stop()
    assert server.err.count("Traceback") == 2
    assert said in server.err


@pytest.mark.parametrize("model", MODELS)
def test_a_buffered_protocol_may_end_instead(classes, model):
    with on_ours("Leaving", model, classes) as server:
        assert exchange(server.address, b"1") == b"goodbye"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", ["Tasks", "Loop", "OldLoop"])
def test_a_class_that_needs_asyncios_loop_is_told_what_to_do(classes, model, name):
    with on_ours(name, model, classes, traceback_expected=True) as server:
        with socket.create_connection(server.address, timeout=PATIENCE_S) as sock:
            sock.sendall(b"1")
            try:
                assert sock.recv(1) == b""
            except ConnectionError:
                pass
        server.stop()
    assert "RuntimeError" in server.err
    assert "reactor serves a TCP protocol without asyncio's loop." in server.err
    assert "transport.call_soon" in server.err
    assert "reactor.aio.new_event_loop" in server.err


def test_the_advice_is_for_that_error_only(classes):
    with on_ours("Failing", "reactor", classes, traceback_expected=True) as server:
        exchange_or_reset(server.address)
        server.stop()
    assert "without asyncio's loop" not in server.err


def exchange_or_reset(address):
    try:
        exchange(address, b"1")
    except ConnectionError:
        pass


@pytest.mark.parametrize("model", MODELS)
def test_the_tutorials_client_is_greeted(serve, model):
    """It sends names without a line end, and waits for each answer."""
    server = serve("reactor.apps.echo:Greeter", "--model", model)
    with server.connect() as sock:
        assert sock.recv(1024).startswith(b"Welcome!")
        for name in (b"Michael", b"Tracy", b"Sarah"):
            sock.sendall(name)
            assert sock.recv(1024) == b"Hello, " + name + b"!\r\n"
        sock.sendall(b"nc ends its lines\n")
        assert sock.recv(1024) == b"Hello, nc ends its lines!\r\n"
        sock.sendall(b"exit")
        assert read_to_end(sock) == b"Goodbye!\r\n"
    assert exchange(server.address, b"x" * 2000).endswith(b"That is a long name. Goodbye!\r\n")


def test_an_endpoint_alone_carries_nothing():
    end = Endpoint()
    for call in (
        lambda: end.write(b"x"),
        end.pause_reading,
        end.resume_reading,
        lambda: end.set_deadline(1),
        lambda: end.set_deadline(None),
        lambda: end.writelines([b"x"]),
    ):
        with pytest.raises(NotImplementedError):
            call()
    assert end.get_protocol() is None
    assert end.get_extra_info("socket") is None
