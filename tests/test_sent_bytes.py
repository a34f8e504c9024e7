"""The stamps of an answer: when its request was there, when its first and its last byte left."""

from __future__ import annotations

import socket
import threading

import pytest
from connected import DATE, Answers, OnAConnection
from driven import GET, Driven, get
from fakes import FakeJournal

from reactor import Limits, Response
from reactor.http._context import ServerContext
from reactor.http._server import ServerMachine
from reactor.net.tls import TlsTransport
from reactor.server import blocking_transport
from reactor.server.blocking_transport import BlockingTransport
from reactor.testing import FakeClock, FakeTransport

BEGAN = 1000.0  # a FakeClock's
LARGE = b"x" * 5_000_000


def stamps(record):
    """Seconds since the beginning: head whole, first byte, last byte."""
    first = record.first_byte_at
    return (
        record.head_at - BEGAN,
        None if first is None else first - BEGAN,
        record.taken_at - BEGAN,
    )


def slow(seconds, *bodies):
    """A machine whose application takes so long, by the transport's clock."""

    def answer(request):
        d.transport.clock.advance(seconds)
        return Response(200, {}, bodies[0] if bodies else b"fine")

    d = Driven(answer)
    return d


class TestByBytes:
    def test_an_application_that_takes_a_quarter_of_a_second(self):
        d = slow(0.25)
        d.feed(GET)
        [record] = d.journal.records
        assert stamps(record) == (0, 0.25, 0.25)
        assert (record.status, record.body_bytes, record.request.target) == (200, 4, "/")

    def test_pipelined_each_begins_when_the_one_before_is_answered(self):
        d = slow(0.25)
        d.feed(3 * GET)
        assert [stamps(record) for record in d.journal.records] == [
            (0, 0.25, 0.25),
            (0.25, 0.5, 0.5),
            (0.5, 0.75, 0.75),
        ]

    def test_the_first_of_a_read_has_waited_since_the_turn_began(self):
        # For who was served before it in the same turn.
        d = slow(0.25)
        d.transport.clock.advance(2)
        d.feed(GET)
        assert stamps(d.journal.records[0]) == (0, 2.25, 2.25)
        d.transport.turn = d.transport.clock.now
        d.feed(GET)
        assert stamps(d.journal.records[1]) == (2.25, 2.5, 2.5)

    def test_a_head_that_comes_in_parts_counts_from_its_last(self):
        d = slow(0.25)
        d.feed(GET[:10])
        d.transport.clock.advance(3)
        d.transport.turn = d.transport.clock.now
        d.feed(GET[10:])
        assert stamps(d.journal.records[0]) == (3, 3.25, 3.25)

    def test_a_body_comes_behind_the_head(self):
        d = slow(0.25)
        d.feed(get(b"/", b"Content-Length: 3\r\nExpect: 100-continue\r\n", b"POST"))
        d.transport.clock.advance(3)
        d.feed(b"abc")
        [record] = d.journal.records
        # What asks to continue is no byte of the answer, and none of its body.
        assert (stamps(record), record.body_bytes) == ((0, 3.25, 3.25), 4)

    def test_an_answer_in_pieces(self):
        def pieces():
            for _ in range(3):
                d.transport.clock.advance(1)
                yield b"piece"

        d = slow(0.25, pieces())
        d.feed(GET)
        assert stamps(d.journal.records[0]) == (0, 1.25, 3.25)

    def test_an_answer_that_comes_later(self):
        exchanges = []

        def answer(request):
            exchanges.append(request.exchange)
            return request.exchange

        d = Driven(answer)
        d.feed(GET)
        d.transport.clock.advance(5)
        exchanges[0].interim(103, {"Link": "</style>"})
        d.transport.clock.advance(5)
        exchanges[0].respond(Response(200, {}, b"late"))
        [record] = d.journal.records
        assert (stamps(record), record.body_bytes) == ((0, 10, 10), 4)

    def test_an_upgrade(self):
        def answer(request):
            d.transport.clock.advance(0.25)
            exchange = request.exchange
            exchange.upgrade(FakeProtocol())
            return exchange

        d = Driven(answer)
        d.feed(get(b"/", b"Connection: upgrade\r\nUpgrade: chat\r\n"))
        [record] = d.journal.records
        assert (stamps(record), record.status) == ((0, 0.25, 0.25), 101)

    def test_what_is_no_request(self):
        d = slow(0.25)
        d.feed(b"no request\r\n\r\n")
        [record] = d.journal.records
        assert (stamps(record), record.status, record.request) == ((0, 0, 0), 400, None)

    def test_a_kept_connection_counts_each_answer_for_itself(self):
        d = slow(0.25)
        for number in range(3):
            d.transport.turn = d.transport.clock.now
            d.feed(GET)
            began = 0.25 * number
            assert stamps(d.journal.records[number]) == (began, began + 0.25, began + 0.25)


class FakeProtocol:
    def connection_made(self, transport):
        pass


class TestWhatItCosts:
    def test_a_simple_answer_is_one_reading_of_the_clock(self):
        def readings(wants_answers):
            with OnAConnection(b"fine", wants_answers) as on:
                on.theirs.sendall(GET)
                on.turns()
                assert on.theirs.recv(1000).endswith(b"fine")
                return on.clock.readings

        assert readings(wants_answers=True) == readings(wants_answers=False) + 1

    @pytest.mark.parametrize("data", [GET, 5 * GET, b"no request\r\n\r\n"])
    def test_without_a_log_no_clock_is_read(self, data):
        journal = FakeJournal()
        journal.wants_answers = False
        machine = ServerMachine(ServerContext(Answers(), Limits(), lambda: DATE, journal))
        transport = FakeTransport(machine)
        machine.connection_made(transport)
        before = transport.clock.readings
        machine.data_received(data)
        assert b"HTTP/1.1 " in transport.take()
        assert (transport.clock.readings, journal.records) == (before, [])


class TestOnARealSocket:
    def test_a_short_answer(self):
        with OnAConnection(b"fine") as on:
            on.theirs.sendall(GET)
            on.run_until(lambda: on.journal.records)
            assert stamps(on.journal.records[0]) == (0, 0.25, 0.25)

    @pytest.mark.parametrize(("takes", "ends"), [(0.001, [3, 3, 3]), (0.25, [1, 2, 3])])
    def test_pipelined_answers_leave_together_unless_the_next_takes_its_time(self, takes, ends):
        with OnAConnection(b"fine", takes=takes) as on:
            on.theirs.sendall(3 * GET)
            on.run_until(lambda: len(on.journal.records) == 3)
            assert [stamps(record) for record in on.journal.records] == [
                pytest.approx((begin * takes, end * takes, end * takes))
                for begin, end in enumerate(ends)
            ]

    def test_a_client_that_reads_slowly(self):
        with OnAConnection(LARGE) as on:
            on.theirs.sendall(GET)
            on.turns()
            on.clock.advance(3)
            left = len(LARGE)
            while not on.journal.records:
                left -= len(on.theirs.recv(1 << 20))
                on.turns(1)
            [record] = on.journal.records
            assert (stamps(record), record.body_bytes) == ((0, 0.25, 3.25), len(LARGE))

    def test_a_client_that_leaves(self):
        with OnAConnection(LARGE) as on:
            on.theirs.sendall(GET)
            on.turns()
            on.clock.advance(3)
            on.theirs.close()
            on.run_until(lambda: on.journal.records)
            [record] = on.journal.records
            assert stamps(record) == (0, 0.25, 3.25)
            assert 0 < record.body_bytes < len(LARGE)


@pytest.mark.parametrize("body", [b"fine", LARGE, [b"one", b"two"]])
def test_in_the_threaded_model(body, monkeypatch):
    clock = FakeClock()
    monkeypatch.setattr(blocking_transport.time, "monotonic", clock)
    journal = FakeJournal()
    context = ServerContext(Answers(clock, body), Limits(), lambda: DATE, journal)
    ours, theirs = socket.socketpair()
    transport = BlockingTransport(ours, ServerMachine(context), None)
    thread = threading.Thread(target=transport.serve)
    thread.start()
    with theirs:
        theirs.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        while theirs.recv(1 << 20):
            pass
    thread.join()
    [record] = journal.records
    assert stamps(record) == (0, 0.25, 0.25)


def test_tls_has_the_clock_of_what_is_below():
    class Tls:
        transport = FakeTransport(object(), clock=FakeClock(7.0))

    Tls.transport.turn = 5.0
    above = TlsTransport(Tls())
    assert (above.time(), above.turn_began()) == (7.0, 5.0)
