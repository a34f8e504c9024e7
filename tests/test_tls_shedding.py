"""Over TLS, who makes room for others: `test_shedding.py` has the rest."""

from __future__ import annotations

import socket
from contextlib import ExitStack

from processes import eventually
from tls_wire import issued, wire

from reactor.limits import DEFAULT_LIMITS
from reactor.net import Protocol

__all__ = ["issued", "wire"]


class Writer(Protocol):
    """Writes as often as it is told to, and is idle."""

    taken, whole, done, lost = 0, False, False, False

    def connection_made(self, transport):
        self.transport = transport
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)

    def data_received(self, data):
        for _ in range(int(data)):
            self.transport.write(1000 * b"x")
            # The kernel has all of it, and may be full now.
            self.taken += not self.transport.get_write_buffer_size()
        self.whole = self.taken == int(data)
        self.done = True

    def is_idle(self):
        return True

    def connection_lost(self, exc):
        self.lost = True


def test_whoever_takes_nothing_is_let_go_without_a_signed_end(wire):
    """The alert does not fit into the kernel any more. It is not waited for: others wait."""
    made = []

    def factory():
        made.append(Writer())
        return made[-1]

    limits = DEFAULT_LIMITS.replace(connections_max=5, write_timeout_s=100)
    with wire.serving(factory, limits), ExitStack() as stack:

        def writes(count):
            number = len(made)
            stack.enter_context(wire.client(window=4096)).sendall(b"%d" % count)
            eventually(lambda: len(made) > number and made[number].done, "it has written")
            return made[number]

        most = writes(1000).taken
        assert 0 < most < 1000
        # One of these leaves the kernel full, and nothing over.
        full = [writes(count) for count in range(most - 2, most + 2)]
        idle = [writer for writer in full if writer.whole]
        assert idle
        writes(1)
        eventually(lambda: all(writer.lost for writer in idle), "all who were idle are gone")
