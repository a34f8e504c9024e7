"""Other people's WebSocket codecs, to compare ours with: what they make of the same frames."""

import importlib.util

import pytest

needs_wsproto = pytest.mark.skipif(
    not importlib.util.find_spec("wsproto"), reason="wsproto is in the test extra"
)
needs_websockets = pytest.mark.skipif(
    not importlib.util.find_spec("websockets"), reason="websockets is in the test extra"
)

CLOSE, PING, PONG = 8, 9, 10


def by_wsproto(data, masked=True):
    """(what became whole, the close code of a fault or None)."""
    from wsproto.frame_protocol import FrameProtocol, Opcode, ParseFailed

    reader, found, parts = FrameProtocol(client=not masked, extensions=[]), [], []
    reader.receive_bytes(data)
    try:
        for part in reader.received_frames():
            if part.opcode.iscontrol():
                payload = part.payload
                if part.opcode is Opcode.CLOSE:
                    payload = int(part.payload[0]), part.payload[1]
                found.append((int(part.opcode), payload))
                continue
            parts.append((part.opcode, part.payload))
            if part.message_finished:
                pieces = [bytes(p) if isinstance(p, bytearray) else p for _, p in parts]
                found.append((int(parts[0][0]), type(pieces[0])().join(pieces)))
                parts = []
    except ParseFailed as error:
        return found, int(error.code)
    return found, None


def by_websockets(data, masked=True):
    """The same of `websockets`; it gives frames, so they are put together here."""
    from websockets.frames import Close, Opcode
    from websockets.protocol import OPEN, Protocol, Side

    reader = Protocol(Side.SERVER if masked else Side.CLIENT, state=OPEN, max_size=None)
    reader.receive_data(data)
    found, parts, code = [], [], None
    for frame in reader.events_received():
        if frame.opcode is Opcode.CLOSE:
            close = Close.parse(frame.data)
            found.append((CLOSE, (int(close.code), close.reason)))
        elif frame.opcode > 8:
            found.append((int(frame.opcode), bytes(frame.data)))
        else:
            parts.append(frame)
            if frame.fin:
                whole = b"".join(bytes(part.data) for part in parts)
                try:
                    value = whole.decode() if parts[0].opcode is Opcode.TEXT else whole
                except UnicodeDecodeError:
                    return found, 1007
                found.append((int(parts[0].opcode), value))
                parts = []
    if reader.parser_exc is not None:
        code = int(reader.close_sent.code) if reader.close_sent is not None else 1002
    return found, code


def cuts(data):
    """Every way to cut it in two, and into single bytes."""
    for at in range(1, len(data)):
        yield [data[:at], data[at:]]
    yield [data[i : i + 1] for i in range(len(data))]


def read_all(reader, pieces):
    """(what became whole, the code of the fault or None) of our `FrameReader`."""
    from reactor.errors import RemoteProtocolError

    found = []
    try:
        for piece in pieces:
            reader.read(piece, found)
    except RemoteProtocolError as error:
        return found, error.status
    return found, None
