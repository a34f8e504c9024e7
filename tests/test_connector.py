"""Connections that are made: addresses that are tried, and who wins."""

import errno
import socket

import pytest
import wire

from reactor.limits import DEFAULT_LIMITS
from reactor.net import Protocol
from reactor.net.connector import interleave

reactor = wire.reactor


class TestConnector:
    def connect(self, reactor, addresses, limits=DEFAULT_LIMITS):
        outcome = []

        class Caller(Protocol):
            def connection_made(self, transport):
                outcome.append(transport.get_extra_info("socket").getpeername()[:2])
                transport.abort()
                reactor.stop()

        reactor.connect(addresses, Caller, lambda e: (outcome.append(e), reactor.stop()), limits)
        reactor.run()
        [result] = outcome
        return result

    @pytest.fixture
    def listening(self):
        with socket.create_server(("127.0.0.1", 0)) as sock:
            yield sock.getsockname()

    @pytest.fixture
    def refusing(self):
        with socket.socket() as sock:  # bound, never listening
            sock.bind(("127.0.0.1", 0))
            yield sock.getsockname()

    def test_the_first_that_answers_wins(self, reactor, listening, refusing):
        addresses = [(socket.AF_INET, refusing), (socket.AF_INET, listening)]
        assert self.connect(reactor, addresses) == listening

    def test_the_last_error_is_told_when_none_answers(self, reactor, refusing):
        error = self.connect(reactor, [(socket.AF_INET, refusing)] * 2)
        assert isinstance(error, ConnectionRefusedError)

    def test_no_address_is_an_error(self, reactor):
        assert self.connect(reactor, []).errno == errno.EADDRNOTAVAIL

    def test_an_address_that_is_silent_is_joined_by_the_next_one(self, reactor, listening):
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            fillers = [socket.socket() for _ in range(3)]
            for filler in fillers:  # its backlog is full: it answers nobody any more
                filler.setblocking(False)
                filler.connect_ex(full.getsockname())
            addresses = [(socket.AF_INET, full.getsockname()), (socket.AF_INET, listening)]
            limits = DEFAULT_LIMITS.replace(connect_attempt_delay_s=0.02)
            assert self.connect(reactor, addresses, limits) == listening
            limits = DEFAULT_LIMITS.replace(connect_timeout_s=0.05)
            error = self.connect(reactor, addresses[:1], limits)
            assert isinstance(error, TimeoutError)
            for filler in fillers:
                filler.close()

    def test_a_family_that_is_not_supported_is_skipped(self, reactor, listening):
        addresses = [(9999, ("::1", 1)), (socket.AF_INET, listening)]
        assert self.connect(reactor, addresses) == listening

    def test_a_cancelled_connector_never_calls_back(self, reactor, listening):
        called = []
        connector = reactor.connect([(socket.AF_INET, listening)], Protocol, called.append)
        connector.cancel()
        reactor.run_once(timeout=0)
        assert called == []

    def test_families_take_turns(self):
        v6, v4 = socket.AF_INET6, socket.AF_INET
        mixed = [(v6, 1), (v6, 2), (v6, 3), (v4, 4), (v4, 5)]
        assert interleave(mixed) == [(v6, 1), (v4, 4), (v6, 2), (v4, 5), (v6, 3)]
