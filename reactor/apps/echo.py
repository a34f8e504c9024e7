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
    """Says Welcome, answers each line ``NAME`` with ``Hello, NAME!``, ends at ``exit``."""

    LINE_BYTES_MAX = 1024

    def connection_made(self, transport: Transport) -> None:
        self.transport = transport
        self.rest = b""
        transport.write(b"Welcome! What is your name?\r\n")

    def data_received(self, data: bytes) -> None:
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            name = line.strip()
            if name == b"exit":
                self.transport.write(b"Goodbye!\r\n")
                self.transport.close()
                return
            self.transport.write(b"Hello, " + name + b"!\r\n")
        if len(self.rest) > self.LINE_BYTES_MAX:
            self.transport.write(b"That is a long name. Goodbye!\r\n")
            self.transport.close()

    def pause_writing(self) -> None:
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()
