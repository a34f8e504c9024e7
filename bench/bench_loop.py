"""What a turn of the loop costs: reactor, selectors, asyncio, uvloop.

    pytest bench/bench_loop.py

Sockets that stay readable, and handlers that do nothing: so a turn is what the loop itself does,
to wait for events, to look its handlers up and to call them. And callbacks that ask to be called
in the next turn. Each contender is told to stop after so many turns by the last of its handlers.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from reactor.loop import Loop
from reactor.loop._core import EVENT_READ, default_selector

TURNS = 200  # of a benchmark's round
READY = (1, 16, 256)
Turns = Callable[[], None]


@contextmanager
def readable(count: int) -> Iterator[list[socket.socket]]:
    """Sockets with a byte in each that nobody reads."""
    pairs = [socket.socketpair() for _ in range(count)]
    try:
        for ours, theirs in pairs:
            ours.setblocking(False)
            theirs.send(b"x")
        yield [ours for ours, _ in pairs]
    finally:
        for pair in pairs:
            for sock in pair:
                sock.close()


class Quiet:
    """A handler that does nothing."""

    def on_readable(self) -> None:
        pass

    def on_writable(self) -> None:
        pass

    def on_deadline(self) -> None:
        pass

    def close(self) -> None:
        pass


class Counting(Quiet):
    """The handler that counts turns, and stops the loop after the last."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self.left = TURNS

    def on_readable(self) -> None:
        self.left -= 1
        if not self.left:
            self.left = TURNS
            self._stop()


# --- contenders: each gives a function that makes TURNS turns -----------------------------------


@contextmanager
def on_loop(selector: selectors.BaseSelector, socks: list[socket.socket]) -> Iterator[Turns]:
    with Loop(selector) as loop:
        for sock in socks[1:]:
            loop.register(sock, EVENT_READ, Quiet())
        loop.register(socks[0], EVENT_READ, Counting(loop.stop))
        yield loop.run


def reactor_loop(socks: list[socket.socket]) -> Iterator[Turns]:
    return on_loop(default_selector(), socks)


def reactor_on_stdlib_selector(socks: list[socket.socket]) -> Iterator[Turns]:
    return on_loop(selectors.DefaultSelector(), socks)


@contextmanager
def stdlib_selectors(socks: list[socket.socket]) -> Iterator[Turns]:
    """The loop that every tutorial writes: no timers, no callbacks, nothing else."""
    going = True

    def stop() -> None:
        nonlocal going
        going = False

    def turns() -> None:
        nonlocal going
        going = True
        while going:
            for key, _ in selector.select():
                key.data()

    with selectors.DefaultSelector() as selector:
        for sock in socks[1:]:
            selector.register(sock, selectors.EVENT_READ, Quiet().on_readable)
        selector.register(socks[0], selectors.EVENT_READ, Counting(stop).on_readable)
        yield turns


@contextmanager
def on_asyncio(loop: asyncio.AbstractEventLoop, socks: list[socket.socket]) -> Iterator[Turns]:
    try:
        for sock in socks[1:]:
            loop.add_reader(sock, Quiet().on_readable)
        loop.add_reader(socks[0], Counting(loop.stop).on_readable)
        yield loop.run_forever
    finally:
        for sock in socks:
            loop.remove_reader(sock)
        loop.close()


def asyncio_loop(socks: list[socket.socket]) -> Iterator[Turns]:
    return on_asyncio(asyncio.SelectorEventLoop(), socks)


def uvloop_loop(socks: list[socket.socket]) -> Iterator[Turns]:
    return on_asyncio(pytest.importorskip("uvloop").new_event_loop(), socks)


LOOPS = (reactor_loop, reactor_on_stdlib_selector, stdlib_selectors, asyncio_loop, uvloop_loop)


@pytest.mark.parametrize("ready", READY)
@pytest.mark.parametrize("loop", LOOPS)
def test_turn(benchmark, loop, ready: int) -> None:
    benchmark.group = f"{TURNS} turns with {ready} ready sockets"
    with readable(ready) as socks, loop(socks) as turns:
        benchmark(turns)
    benchmark.extra_info["ns_per_event"] = benchmark.stats["min"] / TURNS / ready * 1e9


# --- callbacks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("loop", [reactor_loop, asyncio_loop, uvloop_loop])
@pytest.mark.benchmark(group=f"{TURNS} turns with one callback")
def test_call_soon(benchmark, loop) -> None:
    """No socket is ready: the one that a contender needs is empty."""
    a, b = socket.socketpair()
    with a, b, loop([a]) as run:
        own = run.__self__
        left = TURNS

        def again() -> None:
            nonlocal left
            left -= 1
            if left:
                own.call_soon(again)
            else:
                own.stop()

        def turns() -> None:
            nonlocal left
            left = TURNS
            own.call_soon(again)
            run()

        benchmark(turns)
