"""WebSockets driven by bytes: a handler that keeps what it is told, machine and transport."""

from fakes import FakeJournal

from reactor import Limits, WebSocket
from reactor.http._websocket import WebSocketMachine
from reactor.http._websocket_sending import WebSocketContext
from reactor.parser._frames import FrameReader, frame
from reactor.testing import FakeTransport

MASK = b"\x37\xfa\x21\x3d"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def of_client(opcode, data=b"", fin=True, deflated=False):
    return frame(opcode, data, fin=fin, deflated=deflated, mask=MASK)


def close_payload(code, reason=""):
    return code.to_bytes(2, "big") + reason.encode()


class Recorder(WebSocket):
    """Keeps what it is told; ``does[name]`` is called with what the method gets."""

    def __init__(self, **does):
        self.does = does
        self.told = []

    def heard(self, name, *arguments):
        self.told.append((name, *arguments))
        if name in self.does:
            self.does[name](self, *arguments)

    def on_open(self, request):
        self.heard("open")

    def on_message(self, data):
        self.heard("message", data)

    def on_room(self):
        self.heard("room")

    def on_close(self, code, reason):
        self.heard("close", code, reason)

    @property
    def messages(self):
        return [rest[0] for name, *rest in self.told if name == "message"]


class UnsentTransport(FakeTransport):
    """As if ``unsent`` bytes waited for the peer."""

    unsent = 0

    def get_write_buffer_size(self):
        return self.unsent


class DrivenSocket:
    """One opened WebSocket, and what is seen at its other end."""

    def __init__(self, socket=None, limits=None, is_client=False, memory=None, turns=None, **codec):
        self.socket = socket or Recorder()
        self.journal = FakeJournal()
        self.context = WebSocketContext(limits or Limits(), self.journal, memory, is_client, turns)
        self.machine = WebSocketMachine(self.context, self.socket, **codec)
        self.transport = UnsentTransport(self.machine)
        self.other_end = FrameReader(is_client, 1 << 30)
        self.machine.connection_made(self.transport)

    def feed(self, data):
        self.machine.data_received(data)
        return self.sent()

    def sent(self):
        """The frames that were written since the last time."""
        return self.other_end.read(self.transport.take())

    def expire(self):
        """The deadline passes; what it was."""
        seconds, self.transport.deadline = self.transport.deadline, None
        self.machine.deadline_expired()
        return seconds

    def lose(self, exc=None):
        self.machine.connection_lost(exc)
