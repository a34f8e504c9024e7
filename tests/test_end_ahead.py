"""A client that goes while nothing of it is read: its application is told all the same."""

import socket
import sys
import threading

import pytest
from processes import PATIENCE_S

from reactor import Inet, Reactor, Response
from reactor.http._context import ServerContext
from reactor.http._server import ServerMachines
from reactor.limits import Limits

HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other selectors do not tell it")


class Keeping:
    """Keeps its exchanges, and answers none."""

    body_bytes_max = 1 << 30

    def __init__(self, streams):
        self.streams_bodies = streams
        self.exchanges = []
        self.told = threading.Event()

    def respond(self, request):
        exchange = request.exchange
        exchange.on_disconnect = self.told.set
        self.exchanges.append(exchange)
        return exchange


class Journal:
    wants_answers = False

    def __getattr__(self, name):
        return lambda *arguments: None


@pytest.fixture(params=[False, True], ids=["pipelined", "uploading"])
def served(request):
    app = Keeping(request.param)
    context = ServerContext(app, Limits(), lambda: b"Mon, 23 Nov 2026 12:00:00 GMT", Journal())
    reactor = Reactor()
    listener = reactor.listen(Inet("127.0.0.1", 0), ServerMachines(context))
    thread = threading.Thread(target=reactor.run)
    thread.start()
    yield app, listener.addresses[0].port, reactor
    reactor.call_soon_threadsafe(reactor.stop)
    thread.join()
    reactor.close()


@pytest.mark.parametrize("reset", [False, True])
def test_it_is_told(served, reset):
    app, port, reactor = served
    sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
    if app.streams_bodies:
        # The application does not ask for the body: it stays in the kernel.
        sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n" + b"x" * 50)
    else:
        sock.sendall(HEAD + HEAD)  # the second is held, and then nothing is read
    while not app.exchanges:
        threading.Event().wait(0.005)
    assert not app.told.is_set()
    if reset:
        linger = b"\x01\0\0\0\0\0\0\0"
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        sock.close()
    else:
        sock.shutdown(socket.SHUT_WR)
    assert app.told.wait(PATIENCE_S)
    if not reset:
        # It still reads: the answer arrives, and so does that of what it had sent before.
        reactor.call_soon_threadsafe(app.exchanges[0].respond, Response(200, {}, "late"))
        assert sock.recv(65536).endswith(b"late")
    sock.close()
