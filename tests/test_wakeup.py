"""Waking a loop from threads and by signals; a closed loop touches no descriptor."""

import gc
import os
import selectors
import signal
import socket
import threading
import warnings

import pytest
from processes import open_descriptors

from reactor.loop import Loop
from reactor.net import Reactor

READ = selectors.EVENT_READ


def kill(number=signal.SIGUSR1):
    os.kill(os.getpid(), number)


def test_threads_wake_the_loop_and_their_wake_ups_coalesce():
    with Loop() as loop:
        ran = []
        for number in range(1000):
            loop.call_soon_threadsafe(ran.append, number)
        assert os.eventfd_read(loop._waker.fileno()) == 1
        os.eventfd_write(loop._waker.fileno(), 1)
        thread = threading.Thread(target=loop.call_soon_threadsafe, args=(loop.stop,))
        thread.start()
        loop.run()
        thread.join()
        assert ran == list(range(1000))


def test_no_wake_up_of_many_threads_is_lost():
    with Loop() as loop:
        ran = []

        def produce():
            for _ in range(2000):
                loop.call_soon_threadsafe(ran.append, 1)

        threads = [threading.Thread(target=produce) for _ in range(4)]
        for thread in threads:
            thread.start()
        while len(ran) < 8000:
            loop.run_once(timeout=5)
        for thread in threads:
            thread.join()
        assert len(ran) == 8000


# --- signals ------------------------------------------------------------------------------


def test_signals_are_delivered_in_a_turn_and_the_previous_handler_comes_back():
    previous = signal.getsignal(signal.SIGUSR1)
    with Loop() as loop:
        got = []
        loop.on_signal(signal.SIGUSR1, lambda: (got.append(loop.in_turn), loop.stop()))
        loop.call_soon(kill)
        loop.run()
        assert got == [True]
    assert signal.getsignal(signal.SIGUSR1) == previous
    assert signal.set_wakeup_fd(-1) == -1


def test_a_signal_before_the_first_run_between_two_and_with_run_once_is_not_lost():
    with Loop() as loop:
        got = []
        loop.on_signal(signal.SIGUSR1, lambda: (got.append(1), loop.stop()))
        kill()
        loop.run()
        kill()
        loop.run()
        assert got == [1, 1]
        kill()
        kill()
        loop.run_once(timeout=5)
        assert got == [1, 1, 1, 1]


def test_a_signal_may_be_watched_while_the_loop_runs():
    with Loop() as loop:
        loop.call_soon(loop.on_signal, signal.SIGUSR1, loop.stop)
        loop.call_soon(kill)
        loop.run()


def test_several_loops_have_each_its_signals_whichever_runs():
    got = []
    with Loop() as one, Loop() as other:
        one.on_signal(signal.SIGUSR1, got.append, "one")
        other.on_signal(signal.SIGUSR2, got.append, "other")
        kill(signal.SIGUSR1)  # into the pipe of the other
        other.run_once(timeout=5)
        one.run_once(timeout=5)
        assert got == ["one"]
        one.call_soon(kill, signal.SIGUSR1)
        one.call_later(10, one.stop)
        one.on_signal(signal.SIGUSR1, lambda: (got.append("again"), one.stop()))
        one.run()
        assert got == ["one", "again"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_loops_that_close_in_any_order_put_back_what_was_there_before(order):
    def own(number, frame):
        pass

    before = signal.signal(signal.SIGUSR1, own)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    try:
        loops = [Loop(), Loop()]
        for loop in loops:
            loop.on_signal(signal.SIGUSR1, loop.stop)
        loops[order[0]].close()
        kill()
        loops[order[1]].run()  # the one that is left hears it
        loops[order[1]].close()
        assert signal.getsignal(signal.SIGUSR1) is own
        assert signal.set_wakeup_fd(-1) == writer
    finally:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGUSR1, before)
        os.close(reader)
        os.close(writer)


def test_signals_are_the_main_threads_but_the_loop_may_run_in_another():
    with Loop() as loop:
        refused = []

        def watch():
            try:
                loop.on_signal(signal.SIGUSR1, loop.stop)
            except ValueError as error:
                refused.append(error)

        thread = threading.Thread(target=watch)
        thread.start()
        thread.join()
        assert len(refused) == 1
        loop.on_signal(signal.SIGUSR1, loop.stop)
        thread = threading.Thread(target=loop.run)
        thread.start()
        kill()
        thread.join(30)
        assert not thread.is_alive()


# --- the end ------------------------------------------------------------------------------


def test_a_loop_leaves_no_descriptor_behind():
    before = open_descriptors()
    for _ in range(20):
        with Loop() as loop:
            loop.on_signal(signal.SIGUSR1, loop.stop)
            loop.call_soon(loop.stop)
            loop.run()
    assert open_descriptors() == before


@pytest.mark.parametrize("kind", [Loop, Reactor])
@pytest.mark.parametrize(
    "ask",
    [
        lambda loop: loop.call_soon(print),
        lambda loop: loop.call_soon_threadsafe(print),
        lambda loop: loop.call_later(1, print),
        lambda loop: loop.call_at(1, print),
        lambda loop: loop.on_signal(signal.SIGUSR1, print),
        lambda loop: loop.register(0, READ, object()),
        lambda loop: loop.run(),
        lambda loop: loop.run_once(),
    ],
)
def test_a_closed_loop_refuses(kind, ask):
    loop = kind()
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        ask(loop)


def test_a_closed_loop_writes_into_nobodys_file(tmp_path):
    loop = Loop()
    number = loop._waker.fileno()
    loop.close()
    with open(tmp_path / "victim", "wb", buffering=0) as file:
        os.dup2(file.fileno(), number)
        try:
            with pytest.raises(RuntimeError):
                loop.call_soon_threadsafe(print)
        finally:
            os.close(number)
    assert (tmp_path / "victim").read_bytes() == b""


def test_threads_that_call_while_the_loop_is_closed_write_into_nobodys_file(tmp_path):
    path = tmp_path / "victim"
    with open(path, "wb", buffering=0) as file:
        for _ in range(30):
            loop = Loop()
            number = loop._waker.fileno()
            started = threading.Barrier(5)

            def call(loop=loop, started=started):
                started.wait()
                try:
                    while True:
                        loop.call_soon_threadsafe(print)
                        loop._take_from_threads()  # so that the next call writes again
                except RuntimeError:
                    pass

            threads = [threading.Thread(target=call) for _ in range(4)]
            for thread in threads:
                thread.start()
            started.wait()
            loop.close()
            os.dup2(file.fileno(), number)
            for thread in threads:
                thread.join()
            os.close(number)
    assert path.read_bytes() == b""


class Idle:
    """A handler that holds its loop, as all do."""

    def __init__(self, loop, sock, deadline):
        self.loop = loop
        self.registration = loop.register(sock, READ, self)
        if deadline:
            loop.set_deadline(self.registration, 1000)


@pytest.mark.parametrize("kind", [Loop, Reactor])
@pytest.mark.parametrize("deadline", [False, True])
def test_a_loop_that_is_dropped_says_so_and_closes_its_descriptors(kind, deadline):
    ours, theirs = socket.socketpair()
    gc.collect()
    before = open_descriptors()
    with ours, theirs:
        Idle(kind(), ours, deadline)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            gc.collect()
        assert open_descriptors() == before
    [warning] = [one for one in said if one.category is ResourceWarning]
    assert "was dropped and not closed" in str(warning.message)


def test_a_loop_whose_making_fails_leaves_nothing():
    before = open_descriptors()
    for wrong in ({"selector": 5}, {"clock": lambda: "x"}, {"read_bytes": 0}, {"read_bytes": "x"}):
        with pytest.raises((TypeError, ValueError)):
            Loop(**wrong)
    assert open_descriptors() == before


def test_a_reactor_closes_in_spite_of_what_raises():
    class Raising:
        def on_readable(self):
            raise LookupError("mine")

    before = open_descriptors()
    reactor = Reactor()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        reactor.register(ours, READ, Raising())
        theirs.send(b"x")
        with pytest.raises(LookupError):
            reactor.close()
        assert reactor.closed
        reactor.close()
    assert open_descriptors() == before


def test_connections_are_told_of_the_end_although_a_handler_raises():
    from reactor import Inet

    lost = []

    class Protocol:
        def connection_made(self, transport):
            reactor.stop()

        def connection_lost(self, exc):
            lost.append(exc)

    class Raising:
        def on_readable(self):
            raise LookupError("mine")

    reactor = Reactor()
    ours, theirs = socket.socketpair()
    [address] = reactor.listen(Inet("127.0.0.1", 0), Protocol).addresses
    with ours, theirs, socket.create_connection((address.host, address.port)):
        reactor.run()
        reactor.register(ours, READ, Raising())
        theirs.send(b"x")
        with pytest.raises(LookupError):
            reactor.close()
    assert lost == [None]


# --- what is refused ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "ask",
    [
        lambda loop: loop.call_later(float("nan"), print),
        lambda loop: loop.call_later("x", print),
        lambda loop: loop.call_later(1, None),
        lambda loop: loop.call_at(float("nan"), print),
        lambda loop: loop.call_at("x", print),
        lambda loop: loop.call_soon(5),
        lambda loop: loop.call_soon_threadsafe(None),
        lambda loop: loop.on_signal(signal.SIGUSR1, None),
        lambda loop: loop.register(0, 9, object()),
        lambda loop: loop.register(0, "x", object()),
        lambda loop: loop.register(0, READ, None),
        lambda loop: loop.register(-1, READ, object()),
        lambda loop: loop.register(closed_socket(), READ, object()),
        lambda loop: loop.register(object(), READ, object()),
        lambda loop: loop.register(2**70, READ, object()),
        lambda loop: loop.modify(None, READ),
        lambda loop: loop.unregister(None),
        lambda loop: loop.set_deadline(None, 1),
        lambda loop: loop.set_deadline(loop.register(0, 0, object()), float("nan")),
        lambda loop: loop.modify(loop.register(0, 0, object()), 9),
        lambda loop: loop.modify(unregistered(loop), READ),
        lambda loop: loop.set_deadline(unregistered(loop), 1),
    ],
)
def test_what_nobody_can_mean_is_refused_at_once(ask):
    with Loop() as loop:
        with pytest.raises((TypeError, ValueError)):
            ask(loop)
        fired = []
        loop.call_later(0, fired.append, 1)
        loop.run_once(timeout=5)
        assert fired == [1]  # the loop is as good as before


def closed_socket():
    sock = socket.socket()
    sock.close()
    return sock


def unregistered(loop):
    registration = loop.register(0, 0, object())
    loop.unregister(registration)
    return registration


def test_a_loop_whose_subclass_forgot_to_make_it_says_so():
    class Forgetful(Reactor):
        def __init__(self):
            pass

    loop = Forgetful()
    for ask in (loop.run, loop.run_once, lambda: loop.call_soon(print)):
        with pytest.raises(RuntimeError, match="super"):
            ask()
    loop.stop()
    Loop.close(loop)


def test_a_loop_is_made_once():
    with Loop() as loop, pytest.raises(RuntimeError, match="once"):
        loop.__init__()
