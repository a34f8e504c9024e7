"""Two raw TCP protocols to try a connection with.

python -m reactor serve reactor.apps.echo:Echo
python -m reactor serve reactor.apps.echo:Greeter      then: nc 127.0.0.1 8000
"""

from __future__ import annotations

from reactor.net import Protocol, Transport


class Echo(Protocol):
    """Sends back what it gets; a peer that does not read is not read from either."""

    def connection_made(self, transport: Transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)

    def pause_writing(self) -> None:
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()


class Greeter(Protocol):
    """Says Welcome, answers ``NAME`` with ``Hello, NAME!``, ends at ``exit``.

    As in the tutorial, what one read brings is a name, whether a line end follows or not; several
    lines are several names. TCP keeps no borders: a name that comes in two parts is greeted twice.
    """

    # Longer than any name.
    NAME_BYTES_MAX = 1024

    def connection_made(self, transport: Transport) -> None:
        self.transport = transport
        transport.write(b"Welcome! What is your name?\r\n")

    def data_received(self, data: bytes) -> None:
        for name in map(bytes.strip, data.splitlines()):
            if name == b"exit" or len(name) > self.NAME_BYTES_MAX:
                text = b"Goodbye!" if name == b"exit" else b"That is a long name. Goodbye!"
                self.transport.write(text + b"\r\n")
                self.transport.close()
                return
            if name:
                self.transport.write(b"Hello, " + name + b"!\r\n")

    def pause_writing(self) -> None:
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()
