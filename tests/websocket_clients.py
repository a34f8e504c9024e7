"""A client that blocks, for tests: our codec on a socket, masked."""

import socket

from processes import PATIENCE_S
from websocket_handshakes import opening
from websockets_driven import CLOSE, of_client

from reactor.parser._frames import FrameReader


class Client:
    """Connected when it is made; ``frames`` that came and were not asked for yet."""

    def __init__(self, port, path="/", **fields):
        self.sock = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        fields.setdefault("Host", f"127.0.0.1:{port}")
        self.sock.sendall(opening(f"GET {path} HTTP/1.1", **fields))
        self.reader = FrameReader(False, 1 << 30)
        self.frames = []
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.sock.recv(65_536)
        self.head, _, behind = data.partition(b"\r\n\r\n")
        self.status = int(self.head.split()[1])
        if self.status == 101:
            self.frames += self.reader.read(behind)

    def send(self, text):
        self.sock.sendall(of_client(1, text.encode()))

    def frame(self):
        """The next one; None at the end."""
        while not self.frames:
            data = self.sock.recv(65_536)
            if not data:
                return None
            self.frames += self.reader.read(data)
        return self.frames.pop(0)

    def text(self):
        opcode, data = self.frame()
        assert opcode == 1, (opcode, data)
        return data

    def closed(self):
        """The code and the reason of the server's Close, which is answered; then a clean end."""
        opcode, payload = self.frame()
        assert opcode == CLOSE, (opcode, payload)
        self.sock.sendall(of_client(CLOSE, payload[:2]))
        assert self.frame() is None
        self.sock.close()
        return int.from_bytes(payload[:2], "big"), payload[2:].decode()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.sock.close()
