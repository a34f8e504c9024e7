"""A TCP proxy on the raw seam: what comes from one side goes to the other, with backpressure.

python docs/examples/tcp_proxy.py 127.0.0.1:9000 127.0.0.1:8000
"""

import socket
import sys

from reactor import Inet, Protocol, Reactor


class Side(Protocol):
    """One of two connections; `other` is there as soon as both are open."""

    def __init__(self):
        self.transport = self.other = None

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.other.transport.write(data)

    def eof_received(self):
        self.other.transport.write_eof()
        return True  # the other direction goes on

    def pause_writing(self):
        # This side takes no more: the other is not read meanwhile.
        self.other.transport.pause_reading()

    def resume_writing(self):
        self.other.transport.resume_reading()

    def connection_lost(self, exc):
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


class Client(Side):
    def __init__(self, reactor, upstream):
        super().__init__()
        self.reactor, self.upstream = reactor, upstream

    def connection_made(self, transport):
        self.transport = transport
        transport.pause_reading()  # until there is somebody to send it to
        self.reactor.connect(self.upstream, self.server, self.refused)

    def server(self):
        self.other = Server()
        self.other.other = self
        return self.other

    def refused(self, error):
        print(f"{self.upstream}: {error}", file=sys.stderr)
        self.transport.abort()


class Server(Side):
    def connection_made(self, transport):
        self.transport = transport
        self.other.transport.resume_reading()


def main(port, host, port_behind):
    upstream = Inet(host, int(port_behind))
    listener = socket.create_server(("127.0.0.1", int(port)))
    print("listening on", listener.getsockname()[1], flush=True)
    with Reactor() as reactor:
        reactor.serve([listener], lambda: Client(reactor, upstream))
        reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
