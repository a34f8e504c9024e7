"""The HTTP machine when its server stops: what each state does, without a socket."""

from __future__ import annotations

import pytest
from driven import GET, Driven

from reactor import Limits, Response

CLOSE = b"Connection: close\r\n"


def draining(d, grace_s=5.0):
    d.context.drain(grace_s)
    d.machine.finish()
    return d


def test_an_idle_machine_waits_for_one_more_request_and_says_close():
    d = Driven()
    assert CLOSE not in d.feed(GET)
    draining(d)
    assert d.transport.deadline == 5.0
    assert not d.transport.closed
    assert d.machine.is_idle()
    assert CLOSE in d.feed(GET)
    assert d.transport.closed


def test_a_silent_machine_has_the_grace_too():
    d = draining(Driven())
    assert d.transport.deadline == 5.0
    assert CLOSE in d.feed(GET)


@pytest.mark.parametrize("asked", [True, False])
def test_the_end_of_the_grace_closes_without_a_word(asked):
    d = Driven()
    if asked:
        d.feed(GET)
    draining(d)
    d.machine.deadline_expired()
    assert d.transport.closed
    assert not d.transport.lingers
    assert d.transport.take() == b""
    assert d.journal.refusals == []


def test_a_head_under_way_keeps_its_own_deadline():
    d = Driven(limits=Limits(header_timeout_s=7))
    d.feed(GET[:-1])
    draining(d)
    assert d.transport.deadline == 7
    assert CLOSE in d.feed(GET[-1:])
    assert d.transport.closed


def test_an_answer_whose_head_said_keep_alive_is_followed_by_one_more():
    d = Driven(lambda request: Response(200, {}, (piece for piece in (b"a", b"b"))))
    d.transport.full = True
    assert CLOSE not in d.feed(GET)
    draining(d)
    d.transport.resume()
    while d.transport.run_soon():
        pass
    assert d.transport.take().endswith(b"0\r\n\r\n")
    assert not d.transport.closed
    assert d.transport.deadline == 5.0
    assert CLOSE in d.feed(GET)
    while d.transport.run_soon():
        pass
    assert d.transport.closed


def test_all_that_was_pipelined_is_answered_and_the_last_says_close():
    d = Driven()
    draining(d)
    sent = d.feed(GET * 10)
    assert sent.count(b"HTTP/1.1 200 ") == 10
    assert sent.count(CLOSE) == 1
    assert CLOSE in sent.rpartition(b"HTTP/1.1 200 ")[2]
    assert d.transport.closed


def test_a_request_that_has_only_begun_to_come_is_waited_for():
    d = draining(Driven())
    assert CLOSE not in d.feed(GET + GET[:5])
    assert not d.transport.closed
    assert CLOSE in d.feed(GET[5:])
    assert d.transport.closed


def test_what_waits_in_the_socket_is_another_request():
    d = draining(Driven())
    d.transport.has_input = lambda: True
    assert CLOSE not in d.feed(GET)
    d.transport.has_input = lambda: False
    assert CLOSE in d.feed(GET)


def test_the_end_of_the_peer_that_waits_in_the_socket_is_none():
    d = draining(Driven())
    d.machine.eof_received()
    assert d.transport.closed


@pytest.mark.parametrize("content_type", ["text/event-stream", "Text/Event-Stream;charset=utf-8"])
def test_an_event_stream_ends_by_its_last_chunk(content_type):
    closed = []

    def endless():
        try:
            while True:
                yield b"data: x\n\n"
        finally:
            closed.append(True)

    d = Driven(lambda request: Response(200, {"Content-Type": content_type}, endless()))
    d.machine.data_received(GET)  # not `feed`: it would go on for ever
    d.transport.run_soon()
    draining(d)
    assert not closed
    d.context.end_streams()
    d.machine.end_stream()
    assert d.transport.take().endswith(b"\r\n0\r\n\r\n")
    assert d.transport.closed
    assert closed


def test_an_event_stream_that_begins_too_late_ends_after_its_first_piece():
    pieces = (b"data: x\n\n" for _ in range(9))
    d = Driven(lambda request: Response(200, {"Content-Type": "text/event-stream"}, pieces))
    draining(d)
    d.context.end_streams()
    sent = d.feed(GET)
    assert sent.count(b"data: x") == 1
    assert sent.endswith(b"\r\n0\r\n\r\n")
    assert d.transport.closed


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "text/event-streams"[:16]},
        {"Content-Type": "text/event-stream", "Content-Length": "900"},
        {},
    ],
)
def test_what_is_no_event_stream_goes_on(headers):
    d = Driven(lambda request: Response(200, headers, (b"x" * 9 for _ in range(100))))
    d.machine.data_received(GET)
    draining(d)
    d.context.end_streams()
    d.machine.end_stream()
    assert not d.transport.closed
    while d.transport.run_soon():
        pass
    assert d.transport.take().count(9 * b"x") == 100


def test_before_the_stop_begins_only_heads_say_it():
    d = Driven(limits=Limits(keep_alive_timeout_s=15, silent_timeout_s=20))
    d.feed(GET)
    silent = Driven(limits=d.context.limits)
    for driven in (d, silent):
        driven.context.drain(None)
        assert driven.context.draining
    assert (d.transport.deadline, silent.transport.deadline) == (15, 20)
    assert d.machine.is_idle()
    assert not silent.machine.is_idle()  # nobody makes room who has just come
    silent.transport.turn += silent.context.limits.silent_grace_s
    assert silent.machine.is_idle()
    assert CLOSE in d.feed(GET)
    assert d.transport.closed


def test_who_is_idle_behind_the_delay_has_the_grace():
    d = Driven(lambda request: Response(200, {}, (piece for piece in (b"a", b"b"))))
    d.transport.full = True
    assert CLOSE not in d.feed(GET)
    d.context.drain(None)
    d.transport.resume()
    while d.transport.run_soon():
        pass
    assert d.transport.deadline == d.context.limits.keep_alive_timeout_s
    draining(d, 3.0)
    assert d.transport.deadline == 3.0
