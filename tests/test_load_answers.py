"""What the generator takes for a right answer: a scripted server and the load on one loop."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Iterator
from itertools import chain, repeat

import pytest

from reactor import Reactor
from reactor.errors import LoadError
from reactor.load import Expect, Plan
from reactor.load._generator import Load
from reactor.load.connections import Opener, resolve
from reactor.net import Inet
from reactor.net.address import bound_address
from reactor.net.listening import listen_sockets

TURNS_MAX = 20_000  # no run here takes as many


class Scripted:
    """A protocol that answers each request with given bytes, in given pieces, a turn for each."""

    def __init__(self, pieces, ends):
        self._pieces, self._ends = pieces, ends

    def connection_made(self, transport):
        self._transport = transport
        self._due = []

    def data_received(self, data):
        for _ in range(data.count(b"\r\n\r\n")):
            self._due += self._pieces
        self._transport.call_soon(self._write_next)

    def _write_next(self):
        if self._due and not self._transport.is_closing():
            self._transport.write(self._due.pop(0))
            if self._due:
                self._transport.call_soon(self._write_next)
            elif self._ends:
                self._transport.close()


def give_up(load):
    """As if the time for every answer were over."""
    for client in load.clients:
        client.overdue(time.monotonic_ns() + 1)


def load_from(pieces, requests=3, ends=False, paths=("/",), depth=1, **plan):
    """The Load after a closed loop of so many requests on two connections."""
    scripts = pieces if isinstance(pieces, Iterator) else repeat(pieces)
    with Reactor() as reactor:
        [sock] = listen_sockets(Inet("127.0.0.1", 0), 8)
        port = bound_address(sock).port
        reactor.serve([sock], lambda: Scripted(next(scripts), ends))
        urls = tuple(f"http://127.0.0.1:{port}{path}" for path in paths)
        chosen = Plan(urls, connections=2, pipeline=depth, **plan)
        opener = Opener(reactor, resolve("127.0.0.1", port, None), 2)
        load = Load(reactor, chosen.targets(), opener, 2, depth, not chosen.keep_alive)
        load.run_closed(load.clients, requests, 0, depth)
        for _ in range(TURNS_MAX):
            if not load.running or load.fault is not None:
                break
            reactor.run_once(timeout=0 if pieces == [] else 5)
            if pieces == []:
                give_up(load)
        assert not load.running, "the run did not end"
        load.close()
        return load


def hello(body=b"Hello, World!", head=b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"):
    return head % len(body) + body


EXPECTED = (Expect(body=b"Hello, World!"),)
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nHello\r\n8;x=y\r\n, World!\r\n0\r\nT: railer\r\n\r\n"
)

RIGHT = {
    "plain": [hello()],
    "interim": [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + hello()],
    "chunked": [CHUNKED],
    "many fields": [hello().replace(b"\r\n", b"\r\n" + b"A: b\r\n" * 60, 1)],
}


@pytest.mark.parametrize("pieces", RIGHT.values(), ids=RIGHT.keys())
@pytest.mark.parametrize("step", [1000, 7, 2])
def test_right_answers_however_they_are_cut(pieces, step):
    whole = b"".join(pieces)
    cut = [whole[at : at + step] for at in range(0, len(whole), step)]
    load = load_from(cut, expect=EXPECTED)
    assert (load.answered, load.errors, len(load.corrected)) == (3, {}, 3)
    assert load.bytes == 3 * len(whole)


@pytest.mark.parametrize("answer", [hello(), CHUNKED], ids=["plain", "chunked"])
@pytest.mark.parametrize("requests", [1, 8, 21])
def test_pipelined_answers(answer, requests):
    load = load_from([answer], requests, depth=4, expect=EXPECTED)
    assert (load.answered, load.errors) == (requests, {})


def test_a_body_that_the_end_of_the_connection_frames():
    answer = b"HTTP/1.0 200 OK\r\n\r\nHello, World!"
    load = load_from([answer[:25], answer[25:]], ends=True, expect=EXPECTED)
    assert (load.answered, load.errors) == (3, {})


def test_a_connection_that_the_server_ends_after_each_answer_is_replaced():
    answer = hello(head=b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n")
    load = load_from([answer], 6, ends=True, expect=EXPECTED)
    assert (load.answered, load.errors) == (6, {})


def test_a_new_connection_for_each_request():
    load = load_from([hello()], 6, keep_alive=False, expect=EXPECTED)
    assert (load.answered, load.errors) == (6, {})


def test_an_answer_to_head_has_no_body():
    load = load_from([b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n"], method="HEAD")
    assert (load.answered, load.errors) == (3, {})


def test_bodies_that_vary_are_compared_by_length_alone():
    varying = (Expect(length=13, varies=True),)
    assert load_from([hello(b"Hello, Paris!")], expect=varying).answered == 3
    assert load_from([hello(b"Hello")], expect=varying).errors == {"wrong": 3}


WRONG = {
    "another byte": (hello(b"Hello, world!"), "other bytes"),
    "the last byte": (hello(b"Hello, World?"), "other bytes"),
    "too short": (hello(b"Hello, World"), "12 bytes, not 13"),
    "too long": (hello(b"Hello, World!!"), "13"),
    "no body": (hello(b""), "0 bytes, not 13"),
    "another status": (hello().replace(b"200 OK", b"404 Not Found"), "status is 404, not 200"),
    "chunks, too short": (
        CHUNKED.replace(b"8;x=y\r\n, World!", b"7\r\n, World"),
        "12 bytes, not 13",
    ),
    "chunks, too long": (
        CHUNKED.replace(b"8;x=y\r\n, World!", b"9\r\n, World!!"),
        "longer than 13",
    ),
    "chunks, another byte": (CHUNKED.replace(b"World", b"world"), "other bytes"),
    "no HTTP": (b"220 smtp.example ESMTP\r\n", "byte"),
    "interim for ever": (b"HTTP/1.1 100 Continue\r\n\r\n" * 9 + hello(), "too many interim"),
}


@pytest.mark.parametrize(("answer", "fault"), WRONG.values(), ids=WRONG.keys())
@pytest.mark.parametrize("step", [1000, 3])
def test_wrong_answers(answer, fault, step):
    cut = [answer[at : at + step] for at in range(0, len(answer), step)]
    load = load_from(cut, expect=EXPECTED)
    assert (load.answered, load.errors) == (0, {"wrong": 3})
    assert fault in load.first_error


@pytest.mark.parametrize("answer", [hello() * 2, CHUNKED * 2, hello() + b"x", CHUNKED + b"x"])
@pytest.mark.parametrize("depth", [1, 2])
def test_an_answer_with_bytes_that_nobody_asked_for_is_wrong_and_counted_once(answer, depth):
    load = load_from([answer], 1, depth=depth, expect=EXPECTED)
    assert (load.answered, load.errors) == (0, {"wrong": 1})
    assert "nobody asked for" in load.first_error


def test_an_answer_is_counted_once_when_such_bytes_come_later():
    slow = [bytes([byte]) for byte in hello()]
    load = load_from(chain([[hello(), b"x"]], repeat(slow)), 2, expect=EXPECTED)
    assert (load.answered, load.errors) == (1, {"wrong": 1})
    assert "nobody asked for" in load.first_error


@pytest.mark.parametrize("answer", [hello()[:20], hello()[:-3], CHUNKED[:-3]])
def test_an_answer_that_breaks_off_is_closed(answer):
    load = load_from([answer], 4, ends=True, expect=EXPECTED)
    assert (load.answered, load.errors) == (0, {"closed": 4})
    assert "before its answer was whole" in load.first_error


def test_the_first_answer_is_learnt_and_the_others_must_be_like_it():
    assert load_from([hello(b"whatever")], 4, paths=("/a", "/b")).answered == 4
    # One body on the first connection, another of the same length on all others.
    for first, other in ((hello(b"one"), hello(b"two")), (CHUNKED, CHUNKED.replace(b"W", b"w"))):
        load = load_from(chain([[first]], repeat([other])), 6)
        assert load.answered + load.errors["wrong"] == 6
        assert load.errors["wrong"] >= 1
        assert "other bytes" in load.first_error


def test_an_answer_that_never_comes_is_a_timeout():
    load = load_from([], 5)
    assert (load.answered, load.errors) == (0, {"timeout": 5})
    assert load.first_error.endswith("/: no answer came in time")


def test_past_twenty_thousand_connections_source_addresses_take_turns():
    class Numbered:
        def __init__(self, number):
            self.number = number

        def connection_made(self, transport):
            peers[self.number] = transport.get_extra_info("sockname")[0]

    peers = {}
    with Reactor() as reactor:
        [sock] = listen_sockets(Inet("127.0.0.1", 0), 8)
        address = resolve("127.0.0.1", bound_address(sock).port, None)
        opener = Opener(reactor, address, 45_000)
        for number in range(4):
            opener(Numbered(number))
        sock.close()
    assert [peers[number] for number in range(4)] == [
        *("127.0.0.1", "127.0.0.2", "127.0.0.3"),
        "127.0.0.1",
    ]


def test_one_source_address_does_not_have_ports_for_so_many():
    with (
        Reactor() as reactor,
        pytest.raises(LoadError, match=r"more ports than one source address"),
    ):
        Opener(reactor, (socket.AF_INET, ("192.0.2.1", 80)), 20_001)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (errno.ECONNREFUSED, "nothing listens on 127.0.0.1:9; is the server started?"),
        (errno.EMFILE, "no descriptors are left: raise the limit (ulimit -n), or take fewer conn"),
        (errno.EADDRNOTAVAIL, "no ports are left towards 127.0.0.1:9: take fewer connections, or"),
        (errno.EAGAIN, "the backlog of 127.0.0.1:9 is full: take fewer connections"),
        (errno.EHOSTUNREACH, "cannot connect to 127.0.0.1:9: No route to host"),
    ],
)
def test_why_there_is_no_connection_is_one_sentence(code, sentence):
    with Reactor() as reactor:
        opener = Opener(reactor, resolve("127.0.0.1", 9, None), 1)
        assert opener.explain(OSError(code, os.strerror(code))).startswith(sentence)
