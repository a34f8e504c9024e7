"""Workers that share a listening socket take turns, and leave nobody behind."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import sys
import time
from pathlib import Path

import pytest
from processes import eventually
from wire import run_until

from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.net import Inet, Protocol, Reactor
from reactor.net.listening import listen_sockets
from reactor.process._page import READY, Page, Slot

sys.path.append(str(Path(__file__).parent.parent / "bench"))
import balance

EXCLUSIVE = 1 << 28  # EPOLLEXCLUSIVE
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="two workers and more are Linux only")


@pytest.fixture
def workers():
    with balance.running() as workers:
        yield workers


@pytest.fixture
def reactor():
    """One of two workers; the other one waits, or so its slot says."""
    page = Page(2)
    page.slot(1)["state"] = READY
    with Reactor() as reactor:
        reactor.slot = page.slot(0)
        reactor.slot["state"] = READY
        yield reactor


def listening(reactor, limits=DEFAULT_LIMITS):
    return reactor.listen(Inet("127.0.0.1", 0), Protocol, limits)


def clients_of(listener, count):
    port = listener.addresses[0].port
    return [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]


def epoll_events(reactor):
    """What the kernel says is wanted, of each descriptor."""
    lines = Path(f"/proc/self/fdinfo/{reactor._selector.fileno()}").read_text().splitlines()
    watched = [line.split() for line in lines if line.startswith("tfd:")]
    return {int(words[1]): int(words[3], 16) for words in watched}


@LINUX
def test_a_burst_is_taken_by_all_of_them(workers):
    uneven = sorted(balance.burst(workers, 64) for _ in range(20))
    assert uneven[18] <= 1.3, uneven
    assert workers.total("accepted") == 20 * 64


@LINUX
@pytest.mark.parametrize("stay", [True, False], ids=["that stay", "that go at once"])
@pytest.mark.parametrize("every_s", [0.002, pytest.param(0.01, marks=pytest.mark.long)])
def test_one_after_the_other_goes_to_each_of_them(workers, every_s, stay):
    taken = balance.paced(workers, 200, every_s, stay).taken
    # 40 to 60 on a machine that has nothing else to do (bench/balance.py).
    assert all(taken[number] >= 20 for number in range(4)), taken
    if every_s == 0.01:
        # Of those that come faster others take some while one worker waits for a moment.
        assert workers.total("accepts_empty") <= 0.02 * 200


@LINUX
def test_new_clients_of_a_worker_that_is_held_up_are_answered_by_others(workers):
    waits = balance.blocked(workers)
    assert len(waits) > 10
    assert max(waits) < 0.1  # of the second that it was held up


def is_held_up(slot):
    """For longer than other turns take, and than others are left alone with the socket."""
    return slot["in_turn"] and time.monotonic_ns() - slot["turn_began_ns"] > 50_000_000


@LINUX
def test_the_last_who_is_not_held_up_takes_everybody_at_once(workers):
    clients, held = [], set()
    while len(held) < 3:
        clients.append(socket.create_connection(workers.address))
        number = clients[-1].recv(1)[0]
        if number not in held:
            clients[-1].sendall(b"60")
            slot = workers.slots[number]
            eventually(lambda slot=slot: is_held_up(slot), "it is held up")
            held.add(number)
    began = time.monotonic()
    for _ in range(20):
        clients.append(socket.create_connection(workers.address))
        assert clients[-1].recv(1)[0] not in held
    assert time.monotonic() - began < 20 * 0.1
    for client in clients:
        client.close()


def test_who_has_more_leaves_the_socket_for_a_moment_and_then_takes_who_is_there(reactor):
    listener = listening(reactor, Limits(shared_pause_s=0.01))
    clients = clients_of(listener, 8)
    run_until(reactor, lambda: len(listener) == 8)
    slot = reactor.slot
    # Three, where the other has none, are too many; from then on each was left first.
    assert (slot["connections"], slot["accepted"], slot["accepts_left"]) == (8, 8, 5)
    for client in clients:
        client.close()
    run_until(reactor, lambda: len(listener) == 0)
    assert (slot["connections"], slot["accepted"]) == (0, 8)
    listener.abort()


@pytest.mark.parametrize("why", ["held up", "not ready", "as many"])
def test_nothing_is_left_to_who_cannot_or_should_not_take_it(reactor, why):
    other = reactor.slot.page.slot(1)
    if why == "held up":
        other["in_turn"], other["turn_began_ns"] = 1, int((reactor.time() - 1) * 1e9)
    elif why == "not ready":
        other["state"] = 0
    else:
        other["connections"] = 8
    listener = listening(reactor)
    clients = clients_of(listener, 8)
    run_until(reactor, lambda: len(listener) == 8)
    assert reactor.slot["accepts_left"] == 0
    for client in clients:
        client.close()
    listener.abort()


def test_it_takes_few_a_turn_where_others_are_awake(reactor):
    reactor.slot.page.slot(1)["connections"] = 100
    listener = listening(reactor)
    clients = clients_of(listener, 8)
    eventually(lambda: reactor.run_once(0) or len(listener), "the first are there")
    assert 1 <= len(listener) <= 4
    for client in clients:
        client.close()
    listener.abort()


@pytest.mark.parametrize("why", ["it is awake", "it has as many", "it is not ready", "it is late"])
def test_a_second_client_is_anothers_whom_the_kernel_has_woken_for_it(reactor, why):
    """What the first one asks may hold this worker up: then nobody else is with it."""
    other = reactor.slot.page.slot(1)
    listener = listening(reactor, Limits(shared_wake_s=60.0))
    clients = clients_of(listener, 2)
    for _ in range(20):
        reactor.run_once(1)
    assert (len(listener), reactor.slot["accepts_left"]) == (1, 0)
    if why == "it is awake":
        other["in_turn"], other["turn_began_ns"] = 1, int(reactor.time() * 1e9)
    elif why == "it has as many":
        other["connections"] = 1
    elif why == "it is not ready":
        other["state"] = 0
    else:
        listener.abort()
        listener = listening(reactor)
        clients += clients_of(listener, 2)
    run_until(reactor, lambda: len(listener) == 2)
    for client in clients:
        client.close()
    listener.abort()


@LINUX
def test_the_kernel_is_asked_to_wake_one_of_them(reactor):
    watched = epoll_events(reactor)
    listener = listening(reactor)
    [events] = [now for fd, now in epoll_events(reactor).items() if fd not in watched]
    assert events & EXCLUSIVE
    listener.close()
    assert epoll_events(reactor) == watched


@LINUX
@pytest.mark.parametrize("slot", [None, Slot()], ids=["no slot", "a slot alone"])
def test_who_shares_with_nobody_is_not_exclusive_and_leaves_nobody(slot):
    with Reactor() as reactor:
        reactor.slot = slot
        watched = epoll_events(reactor)
        listener = listening(reactor)
        [events] = [now for fd, now in epoll_events(reactor).items() if fd not in watched]
        assert not events & EXCLUSIVE
        clients = clients_of(listener, 20)
        run_until(reactor, lambda: len(listener) == 20)
        if slot is not None:
            assert (slot["accepted"], slot["connections"], slot["accepts_left"]) == (20, 20, 0)
        for client in clients:
            client.close()
        listener.abort()


def test_with_another_selector_it_is_level_triggered_and_no_more():
    page = Page(2)
    with Reactor(selectors.DefaultSelector()) as reactor:
        reactor.slot = page.slot(0)
        listener = listening(reactor)
        clients = clients_of(listener, 40)  # it goes to the end of a queue that there is not
        run_until(reactor, lambda: len(listener) == 40)
        for client in clients:
            client.close()
        listener.abort()


@LINUX
def test_a_look_in_vain_is_counted(reactor):
    listener = listening(reactor)
    [fd] = [fd for fd, events in epoll_events(reactor).items() if events & EXCLUSIVE]
    with socket.socket(fileno=os.dup(fd)) as other, clients_of(listener, 1)[0]:
        # Another holder of the socket is faster than this one, which has heard of it, too.
        reactor.on_turn_began = lambda now: other.accept()[0].close()
        reactor.run_once(1)
        reactor.on_turn_began = None
    assert (reactor.slot["accepts_empty"], reactor.slot["accepted"]) == (1, 0)
    listener.abort()


class Idle(Protocol):
    def connection_made(self, transport):
        transport.set_deadline(30)

    def is_idle(self):
        return True


def test_connections_that_make_room_for_others_are_counted():
    with Reactor() as reactor:
        slot = reactor.slot = Slot()
        limits = DEFAULT_LIMITS.replace(connections_max=2, accepts_per_turn_max=1)
        listener = reactor.listen(Inet("127.0.0.1", 0), Idle, limits)
        clients = clients_of(listener, 3)
        run_until(reactor, lambda: slot["accepted"] == 3)
        assert (slot["connections"], slot["shed"], listener.shed) == (2, 1, 1)
        for client in clients:
            client.close()
        listener.abort()


def stopped_as_it_is_woken(sock, slot):
    """A worker that is told to stop between the kernel's word of a client and its accept."""
    reactor = Reactor()
    reactor.slot = slot
    sock.shared = True
    listener = reactor.serve([sock], lambda: balance.Numbered(0))

    def turn(now):
        reactor.on_turn_began = None
        listener.finish(5.0, on_empty=reactor.stop)

    def begin():
        slot["state"] = READY
        reactor.on_turn_began = turn

    reactor.call_soon(begin)
    reactor.run()


def serves_on(sock, slot):
    reactor = Reactor()
    reactor.slot = slot
    reactor.serve([sock], lambda: balance.Numbered(1))
    reactor.call_soon(slot.__setitem__, "state", READY)
    reactor.run()


@LINUX
def test_a_worker_that_leaves_takes_along_whom_it_was_woken_for():
    page, children = Page(2), []
    [sock] = listen_sockets("127.0.0.1:0", 100)
    try:
        for number, work in enumerate((stopped_as_it_is_woken, serves_on)):
            slot = page.slot(number)
            children.append(os.fork())
            if children[-1] == 0:
                try:
                    work(sock, slot)
                finally:
                    os._exit(0)
            eventually(lambda slot=slot: slot["state"] == READY and not slot["in_turn"], "waits")
        # Of two who wait the kernel wakes the first, which leaves; nobody comes after this client.
        with socket.create_connection(sock.getsockname(), timeout=20) as client:
            assert client.recv(1)
        assert os.waitpid(children.pop(0), 0)[1] == 0
        with socket.create_connection(sock.getsockname(), timeout=20) as client:
            assert client.recv(1) == b"\1"
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        sock.close()
