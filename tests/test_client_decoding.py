"""What a client decodes of a body in a turn of the loop: a bounded part, and others in between."""

from __future__ import annotations

import gzip
from collections import Counter

import pytest
import transfers
from transfers import QUICK, hello, response

from reactor import Inet
from reactor.net import Protocol

bench = transfers.bench

MIB = 1 << 20
MOST = QUICK.decoded_per_turn_max
BOMB = gzip.compress(bytes(20 * MIB))


class Turns:
    """What comes in each turn of the loop."""

    def __init__(self, bench):
        self.bench, self.bytes = bench, Counter()

    def __call__(self, data):
        self.bytes[self.bench.reactor.turn_began] += len(data)

    @property
    def total(self):
        return sum(self.bytes.values())


def bomb_of(form):
    if form == "a length":
        return response(BOMB, Content_Encoding="gzip")
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
    if form == "chunks":
        return head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (
            len(BOMB),
            BOMB,
        )
    return head + b"\r\n" + BOMB


class Closes(Protocol):
    """A server whose answer ends with the connection."""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(bomb_of("the end"))
        self.transport.close()


@pytest.mark.parametrize("form", ["a length", "chunks", "the end"])
def test_a_bomb_is_decoded_in_many_turns(bench, form):
    turns = Turns(bench)
    if form == "the end":
        listener = bench.reactor.listen(Inet("127.0.0.1", 0), Closes)
        url = f"http://127.0.0.1:{listener.addresses[0].port}"
    else:
        url = bench.site(lambda request: bomb_of(form)).url
    result = bench.get(url, client=bench.client(compressed=True), on_body=turns)
    assert result.error is None
    assert turns.total == 20 * MIB
    assert max(turns.bytes.values()) <= 2 * MOST  # what is read, and where it goes on


def test_others_are_answered_in_between(bench):
    site = bench.site(lambda request: hello(request) if request.path == "/" else bomb_of("chunks"))
    client = bench.client(compressed=True)
    turns = Turns(bench)
    seen = []

    def first(data):
        if not seen:
            seen.append("begun")
            bench.ask(client, site.url, on_body=lambda data: seen.append(turns.total))
        turns(data)

    bench.ask(client, site.url + "/bomb", on_body=first)
    bench.run()
    assert seen[0] == "begun"
    assert seen[1] < 10 * MIB
    assert turns.total == 20 * MIB


def test_codings_that_come_to_nothing_are_undone_in_many_turns(bench):
    """A few bytes are 2 MB of empty gzips, which are nothing."""
    empty = gzip.compress(b"", mtime=0)
    body = gzip.compress(empty * 100_000)
    site = bench.site(lambda request: response(body, Content_Encoding="gzip, gzip"))
    result = bench.ask(bench.client(compressed=True), site.url)
    while result.head is None:
        bench.reactor.run_once(1)
    turns = 0
    while not result.done:
        bench.reactor.run_once(1)
        turns += 1
    assert result.error is None
    assert turns >= 100_000 * len(empty) // MOST - 2


def test_a_user_that_pauses_gets_no_more_of_what_was_received(bench):
    site = bench.site(lambda request: bomb_of("a length"))
    turns = Turns(bench)
    result = None

    def on_body(data):
        turns(data)
        result.transfer.pause()
        bench.reactor.call_soon(check, turns.total)

    def check(total):
        assert turns.total == total
        result.transfer.resume()

    result = bench.ask(bench.client(compressed=True), site.url, on_body=on_body)
    bench.run()
    assert result.error is None
    assert turns.total == 20 * MIB


@pytest.mark.parametrize("raises", [False, True])
def test_one_that_is_given_up_in_the_middle_decodes_no_more(bench, raises):
    site = bench.site(lambda request: bomb_of("a length"))
    turns = Turns(bench)

    def on_body(data):
        turns(data)
        if turns.total >= 2 * MIB:
            if raises:
                raise ZeroDivisionError
            result.transfer.cancel()
            bench.reactor.stop()

    result = bench.ask(bench.client(compressed=True), site.url, on_body=on_body)
    bench.run()
    bench.reactor.run_once(0)
    assert 2 * MIB <= turns.total < 3 * MIB
    assert isinstance(result.error, ZeroDivisionError) == raises


def test_what_is_broken_far_behind_is_an_error(bench):
    body = gzip.compress(bytes(4 * MIB))[:-1]
    site = bench.site(lambda request: response(body, Content_Encoding="gzip"))
    turns = Turns(bench)
    result = bench.get(site.url, client=bench.client(compressed=True), on_body=turns)
    assert result.error.exit_code == 61
    assert turns.total == 4 * MIB
