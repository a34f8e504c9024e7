"""Listeners on real sockets: how many they accept, and what they make of it."""

import gc
import os
import resource
import socket
from contextlib import contextmanager, suppress

import pytest
import wire
from processes import has_ipv6
from wire import run_until

from reactor.limits import DEFAULT_LIMITS
from reactor.loop import Loop
from reactor.net import Inet, Protocol, Reactor, Unix

reactor = wire.reactor


@contextmanager
def no_descriptors():
    """This process can open nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class TestAcceptor:
    def test_at_most_so_many_accepts_a_turn(self, reactor):
        made = []
        limits = DEFAULT_LIMITS.replace(accepts_per_turn_max=4)
        listener = reactor.listen(
            Inet("127.0.0.1", 0), lambda: made.append(1) or Protocol(), limits
        )
        port = listener.addresses[0].port
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(10)]
        reactor.run_once(timeout=5)
        assert len(made) == 4
        run_until(reactor, lambda: len(made) == 10)
        for client in clients:
            client.close()
        listener.close()

    def test_out_of_descriptors_the_listener_leaves_the_selector_and_comes_back(
        self, reactor, caplog
    ):
        limits = DEFAULT_LIMITS.replace(accept_pause_s=0.02, accept_pause_max_s=0.05)
        made = []
        listener = reactor.listen(
            Inet("127.0.0.1", 0), lambda: made.append(1) or Protocol(), limits
        )
        turns = 0
        with socket.create_connection(("127.0.0.1", listener.addresses[0].port)), no_descriptors():
            until = reactor.time() + 0.1
            while reactor.time() < until:
                reactor.run_once(timeout=0.1)
                turns += 1
            assert made == []
        run_until(reactor, lambda: made == [1])
        assert len(caplog.records) == 1  # it said so, and not each time
        assert turns < 20  # it waited, it did not spin
        listener.close()

    def test_at_the_limit_the_longest_idle_are_closed_for_those_who_wait(self, reactor, caplog):
        class Idle(Protocol):
            def __init__(self):
                protocols.append(self)
                self.lost = False

            def connection_made(self, transport):
                self.transport = transport

            def is_idle(self):
                return self is not protocols[2]  # which has something under way

            def connection_lost(self, exc):
                self.lost = True

        protocols = []
        limits = DEFAULT_LIMITS.replace(connections_max=5, accepts_per_turn_max=2)
        listener = reactor.listen(Inet("127.0.0.1", 0), Idle, limits)
        port = listener.addresses[0].port
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]
        run_until(reactor, lambda: len(protocols) == 5)
        for protocol in reversed(protocols):
            protocol.transport.set_deadline(30)  # so that the last has been idle the longest
            reactor.run_once(timeout=0)
        assert len(listener) == 5  # nobody waits: nobody has to go
        clients.append(socket.create_connection(("127.0.0.1", port)))
        run_until(reactor, lambda: len(protocols) == 6)
        assert [protocol.lost for protocol in protocols] == [False, False, False, True, True, False]
        assert listener.shed == 2
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        for client in clients:
            client.close()
        listener.abort()

    def test_at_the_limit_with_nobody_idle_it_waits_and_does_not_spin(self, reactor):
        made = []
        limits = DEFAULT_LIMITS.replace(connections_max=1, accept_pause_s=0.02)
        listener = reactor.listen(
            Inet("127.0.0.1", 0), lambda: made.append(1) or Protocol(), limits
        )
        address = ("127.0.0.1", listener.addresses[0].port)
        with socket.create_connection(address) as first, socket.create_connection(address):
            turns = 0
            until = reactor.time() + 0.1
            while reactor.time() < until:
                reactor.run_once(timeout=0.1)
                turns += 1
            assert made == [1]
            assert turns < 20
            first.close()
            run_until(reactor, lambda: made == [1, 1])
        listener.abort()

    def test_a_factory_that_fails_costs_its_client_only(self, reactor, caplog):
        listener = reactor.listen(Inet("127.0.0.1", 0), lambda: 1 / 0)
        with socket.create_connection(("127.0.0.1", listener.addresses[0].port)) as client:
            client.settimeout(5)
            run_until(reactor, lambda: caplog.records)
            reactor.run_once(timeout=0)
            assert client.recv(1) == b""
        listener.close()


class TestAccepted:
    """What is accepted without a `socket.socket` in between."""

    @pytest.fixture
    def accepted(self, reactor):
        """The transport of who connects, and the Python socket that did."""

        class ConnectionOwner(Protocol):
            def connection_made(self, transport):
                made.append(transport)

        made = []

        def make(address, client=None):
            listener = reactor.listen(address, ConnectionOwner)
            [bound] = listener.addresses
            client = client or socket.socket()
            client.connect(bound.path if isinstance(bound, Unix) else (bound.host, bound.port))
            made.clear()
            run_until(reactor, lambda: made)
            return made[0], client

        return make

    @pytest.mark.parametrize("kind", ["inet", "inet6", "unix", "unix-path", "unix-abstract"])
    def test_a_peers_address_is_what_python_says(self, kind, tmp_path, accepted):
        if kind == "inet6" and not has_ipv6():
            pytest.skip("no IPv6 here")
        family, where = {
            "inet": (socket.AF_INET, Inet("127.0.0.1", 0)),
            "inet6": (socket.AF_INET6, Inet("::1", 0)),
        }.get(kind, (socket.AF_UNIX, Unix(str(tmp_path / "listener"))))
        name = {"unix-path": str(tmp_path / "client"), "unix-abstract": b"\0reactor\0test"}.get(
            kind
        )
        with socket.socket(family) as client:
            if name is not None:
                client.bind(name)
            transport, _ = accepted(where, client)
            assert transport.get_extra_info("peername") == client.getsockname()
            made = transport.get_extra_info("socket")
            assert (made.family, made.getpeername()) == (family, client.getsockname())
            assert transport.get_extra_info("socket") is made

    @pytest.mark.parametrize(
        "host", ["127.0.0.1", "127.10.200.9", "127.255.255.254", "127.0.99.100"]
    )
    def test_every_ipv4_address(self, host, accepted):
        with socket.socket() as client:
            client.bind((host, 0))
            transport, _ = accepted(Inet(host, 0), client)
            assert transport.get_extra_info("peername") == client.getsockname()

    def test_it_does_not_block_and_no_child_inherits_it(self, accepted):
        transport, client = accepted(Inet("127.0.0.1", 0))
        with client:
            descriptor = transport.get_extra_info("socket").fileno()
            assert not os.get_blocking(descriptor)
            assert not os.get_inheritable(descriptor)

    @pytest.mark.parametrize("asked", [False, True])
    def test_a_descriptor_is_closed_once_and_then_left_alone(self, reactor, accepted, asked):
        transport, client = accepted(Inet("127.0.0.1", 0))
        if asked:
            transport.get_extra_info("socket")
        with client, socket.socket() as other:
            number = descriptor_to(client.getsockname())
            transport.abort()
            reactor.run_once(timeout=0)
            with pytest.raises(ConnectionResetError):
                client.recv(1)
            os.dup2(other.fileno(), number)
            transport.abort()
            transport.close()
            del transport
            gc.collect()
            assert other.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == bytes(8)
            os.close(number)  # it is open still

    def test_a_descriptor_that_nobody_holds_is_closed(self):
        reactor = Reactor()
        listener = reactor.listen(Inet("127.0.0.1", 0), Protocol)
        with socket.create_connection(("127.0.0.1", listener.addresses[0].port)) as client:
            client.settimeout(5)
            while not len(listener):
                reactor.run_once(timeout=5)
            listener.close()
            Loop.close(reactor)  # without what Reactor does for its connections
            del reactor, listener
            gc.collect()
            assert client.recv(1) == b""


def descriptor_to(peer):
    """The number of this process's socket whose other end that is."""
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            if os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                with socket.socket(fileno=os.dup(int(name))) as copy:
                    if copy.getpeername() == peer:
                        return int(name)
    raise AssertionError("there is none")
