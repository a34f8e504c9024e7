"""What a client with a WebSocket sees of a server that runs: for the table of options."""

from processes import PATIENCE_S
from websocket_handshakes import head_of, opening
from websockets_driven import CLOSE, of_client

from reactor.parser._frames import FrameReader

OFFER = "permessage-deflate; client_max_window_bits"


def handshake(server, **fields):
    """The status and the fields of the answer."""
    with server.connect() as sock:
        sock.settimeout(PATIENCE_S)
        sock.sendall(opening(Host=f"127.0.0.1:{server.port}", **fields))
        first, answer, _ = head_of(sock.recv(65_536))
        return int(first.split()[1]), answer


def first_frame(server, data=b""):
    """What the server sends first: an opcode, or the code of a Close."""
    with server.connect() as sock:
        sock.settimeout(PATIENCE_S)
        sock.sendall(opening(Host=f"127.0.0.1:{server.port}") + data)
        _, _, behind = head_of(sock.recv(65_536))
        reader, found = FrameReader(False, 1 << 20), []
        while not reader.read(behind, found):
            behind = sock.recv(65_536)
            if not behind:
                return None
        [(opcode, payload), *_] = found
        return int.from_bytes(payload[:2], "big") if opcode == CLOSE else opcode


def echoed(opcode, payload):
    return lambda server: first_frame(server, of_client(opcode, payload))


def close_after_pings(server):
    """The code of the Close that a silent client gets."""
    with server.connect() as sock:
        sock.settimeout(PATIENCE_S)
        sock.sendall(opening(Host=f"127.0.0.1:{server.port}"))
        data = b""
        while chunk := sock.recv(65_536):
            data += chunk
        frames = FrameReader(False, 1 << 20).read(head_of(data)[2])
        return int.from_bytes(frames[-1][1][:2], "big")


def deflates(server):
    return "Sec-WebSocket-Extensions" in handshake(server, Sec_WebSocket_Extensions=OFFER)[1]
