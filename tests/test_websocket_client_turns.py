"""What the WebSockets of clients inflate in a turn of their loop."""

import gc
import re
import zlib

from reactor import Inet, Limits, Reactor, WebSocket
from reactor.client import Client
from reactor.client.websocket import connect, turns_of
from reactor.http.deflate import OFFER
from reactor.http.websocket import accept_value
from reactor.net import Protocol
from reactor.parser._frames import frame

SIZE = 2 << 20
LIMITS = Limits(websocket_inflate_per_turn_all_max=256 << 10)  # four shares


class Bomber(Protocol):
    """A server that opens a WebSocket and sends one message of zeros."""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        key = re.search(rb"Sec-WebSocket-Key: (.*)\r\n", data)
        if key is None:
            return  # a Close
        compressor = zlib.compressobj(9, zlib.DEFLATED, -12)
        packed = compressor.compress(bytes(SIZE)) + compressor.flush(zlib.Z_SYNC_FLUSH)
        lines = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {accept_value(key[1].decode())}",
            f"Sec-WebSocket-Extensions: {OFFER.replace('client_max_window_bits;', '')}",
        ]
        self.transport.write("\r\n".join([*lines, "", ""]).encode())
        self.transport.write(frame(2, packed[:-4], deflated=True))


class Takes(WebSocket):
    def __init__(self, received):
        self.received = received

    def on_message(self, data):
        self.received.append(len(data))


def test_a_bomb_of_a_server_leaves_others_their_turn_and_so_do_many():
    with Reactor() as reactor:
        listener = reactor.listen(Inet("127.0.0.1", 0), Bomber)
        url = f"ws://127.0.0.1:{listener.addresses[0].port}/"
        clients = [Client(reactor, LIMITS) for _ in range(4)]
        received, failures, turns = [], [], 0
        for client in clients:
            connect(client, url, Takes(received), failures.append)
        while len(received) < len(clients) and not failures:
            reactor.run_once(5)
            turns += 1
        assert (received, failures) == ([SIZE] * 4, [])
        assert turns >= len(clients) * SIZE // LIMITS.websocket_inflate_per_turn_all_max
        for client in clients:
            client.close()


def test_the_turns_are_of_a_loop_and_go_with_it():
    with Reactor() as one, Reactor() as other:
        clients = [Client(one), Client(one), Client(other)]
        assert turns_of(clients[0]) is turns_of(clients[1])
        assert turns_of(clients[0]) is not turns_of(clients[2])
        for client in clients:
            client.close()
    from reactor.client import websocket

    gc.collect()
    before = len(websocket._turns)
    del one, other, client, clients
    gc.collect()
    assert len(websocket._turns) == before - 2
