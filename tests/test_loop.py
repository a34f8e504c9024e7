"""The loop: turns, callbacks, timers, signals, and events that must not be delivered."""

import gc
import logging
import math
import random
import selectors
import socket
import weakref

import pytest

from reactor.loop import Loop
from reactor.testing import FakeClock, FakeSelector

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def loop(clock):
    with Loop(FakeSelector(clock), clock) as loop:
        yield loop


class Recorder:
    """A handler that notes what it was told, and does what the test wants then."""

    def __init__(self, on_readable=lambda: None, on_writable=lambda: None):
        self.events = []
        self._readable, self._writable = on_readable, on_writable

    def on_readable(self):
        self.events.append("read")
        self._readable()

    def on_writable(self):
        self.events.append("write")
        self._writable()

    def close(self):
        self.events.append("close")


def test_callbacks_run_in_order_and_those_added_meanwhile_in_the_next_turn(loop):
    order = []
    loop.call_soon(lambda: (order.append(1), loop.call_soon(order.append, 3)))
    loop.call_soon(order.append, 2)
    loop.run_once()
    assert order == [1, 2]
    loop.run_once()
    assert order == [1, 2, 3]


def test_a_cancelled_callback_does_not_run(loop):
    order = []
    loop.call_soon(order.append, 1).cancel()
    handle = loop.call_soon(order.append, 2)
    loop.run_once()
    handle.cancel()
    handle.cancel()
    assert order == [2]


def test_timers_run_when_due_and_equal_times_in_the_order_they_were_set(loop, clock):
    order = []
    loop.call_later(2, order.append, "late")
    for name in "abc":
        loop.call_later(1, order.append, name)
    loop.run_once()
    assert order == ["a", "b", "c"]
    assert clock.now == 1001
    loop.run_once()
    assert order[-1] == "late"
    assert clock.now == 1002


def test_a_timer_cancelled_by_another_of_the_same_moment_does_not_run(loop):
    order = []
    handles = []
    loop.call_later(1, lambda: handles[0].cancel())
    handles.append(loop.call_later(1, order.append, "second"))
    loop.run_once()
    assert order == []


def test_cancelled_timers_do_not_pile_up(loop):
    for _ in range(10_000):
        loop.call_later(60, print).cancel()
    assert len(loop._timers) == 0
    assert len(loop._timers._heap) <= loop._timers.SWEEP_MIN


def test_many_timers_with_random_cancels_run_in_order(loop, clock):
    rng = random.Random(1)
    ran, expected, handles = [], [], []
    for number in range(2_000):
        when = clock.now + rng.randrange(1, 50)
        handles.append((when, number, loop.call_at(when, ran.append, number)))
    for when, number, handle in handles:
        if rng.random() < 0.7:
            handle.cancel()
        else:
            expected.append((when, number))
    while len(loop._timers):
        loop.run_once()
    assert ran == [number for _, number in sorted(expected)]


def test_one_clock_reading_per_turn(loop, clock):
    for delay in (0, 0, 5):
        loop.call_later(delay, loop.time)
    loop.call_soon(lambda: [loop.time() for _ in range(10)])
    before = clock.readings
    loop.run_once()
    assert clock.readings == before + 1


def test_an_exception_in_a_callback_is_reported_once_and_the_turn_goes_on(loop, caplog):
    order = []
    loop.call_soon(lambda: 1 / 0)
    loop.call_soon(order.append, "after")
    with caplog.at_level(logging.ERROR, "reactor"):
        loop.run_once()
    assert order == ["after"]
    [record] = caplog.records
    assert record.exc_info[0] is ZeroDivisionError


@pytest.mark.parametrize("exception", [KeyboardInterrupt, SystemExit])
def test_keyboard_interrupt_and_system_exit_pass(loop, exception):
    def leave():
        raise exception

    loop.call_soon(leave)
    with pytest.raises(exception):
        loop.run()
    ran = []
    loop.call_soon(lambda: (ran.append(1), loop.stop()))
    loop.run()
    assert ran == [1]


def test_what_a_handler_raises_ends_run(loop):
    reader, writer = socket.socketpair()
    with reader, writer:
        loop.register(reader, READ, Recorder(on_readable=lambda: 1 / 0))
        loop._selector.make_ready(reader, READ)
        with pytest.raises(ZeroDivisionError):
            loop.run()


def test_stop_ends_the_turn_and_run_works_again(loop):
    order = []
    for round_ in range(3):
        loop.call_soon(loop.stop)
        loop.call_soon(order.append, round_)
        loop.run()
    assert order == [0, 1, 2]


def test_stop_before_run_makes_it_return_at_once(loop):
    loop.stop()
    loop.run()
    loop.call_soon(loop.stop)
    loop.run()


def test_run_inside_run_is_refused(loop, caplog):
    loop.call_soon(loop.run)
    loop.call_soon(loop.stop)
    loop.run()
    assert "already running" in caplog.text


def test_a_closed_loop_says_so():
    loop = Loop()
    loop.close()
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        loop.run()


def test_a_running_loop_cannot_be_closed(loop, caplog):
    loop.call_soon(loop.close)
    loop.call_soon(loop.stop)
    loop.run()
    assert "stop the loop before" in caplog.text


def test_several_loops_in_one_process_are_independent():
    order = []
    with Loop() as outer, Loop() as inner:
        inner.call_soon(lambda: (order.append("inner"), inner.stop()))
        outer.call_soon(inner.run)
        outer.call_soon(lambda: (order.append("outer"), outer.stop()))
        outer.run()
    assert order == ["inner", "outer"]


def test_readable_is_dispatched_before_writable(loop):
    handler = Recorder()
    reader, writer = socket.socketpair()
    with reader, writer:
        loop.register(reader, READ | WRITE, handler)
        loop._selector.make_ready(reader, READ | WRITE)
        loop.run_once()
    assert handler.events == ["read", "write"]


def test_an_event_for_what_was_unregistered_in_the_same_batch_is_dropped(loop):
    first, second = socket.socketpair()
    with first, second:
        victim = Recorder()
        registration = loop.register(second, READ, victim)
        loop.register(first, READ, Recorder(on_readable=lambda: loop.unregister(registration)))
        loop._selector.make_ready(first, READ)
        loop._selector.make_ready(second, READ)
        loop.run_once()
        assert victim.events == []


def test_an_event_that_is_no_longer_wanted_is_dropped(loop):
    first, second = socket.socketpair()
    with first, second:
        paused = Recorder()
        registration = loop.register(second, READ | WRITE, paused)
        loop.register(first, READ, Recorder(on_readable=lambda: loop.modify(registration, WRITE)))
        loop._selector.make_ready(first, READ)
        loop._selector.make_ready(second, READ | WRITE)
        loop.run_once()
        assert paused.events == ["write"]


def test_a_descriptors_number_is_not_reused_within_a_batch():
    """Random closes and opens among ready sockets: each handler sees only its own bytes."""
    rng = random.Random(7)
    wrong, live = [], {}

    class Reader:
        def __init__(self, loop, number):
            self.loop, self.number = loop, number
            self.sock, self.peer = socket.socketpair()
            self.sock.setblocking(False)
            self.registration = loop.register(self.sock, READ, self)
            live[number] = self
            self.peer.send(b"%d;" % number)

        def on_readable(self):
            data = self.sock.recv(1000)  # BlockingIOError here would be a stale event
            if any(int(part) != self.number for part in data.split(b";")[:-1]):
                wrong.append((self.number, data))
            victim = live.get(rng.choice(list(live)))
            victim.close()
            Reader(self.loop, next(numbers))
            if self.number in live:
                self.peer.send(b"%d;" % self.number)

        def on_writable(self):
            raise AssertionError

        def close(self):
            if live.pop(self.number, None):
                self.loop.unregister(self.registration)
                self.loop.close_at_turn_end(self.sock)
                self.peer.close()

    with Loop() as loop:
        numbers = iter(range(1_000_000))
        for _ in range(50):
            Reader(loop, next(numbers))
        for _ in range(400):
            loop.run_once(timeout=1)
        assert next(numbers) > 5_000
        assert wrong == []
        for reader in list(live.values()):
            reader.close()


class Expiring:
    """A handler with nothing but a deadline; remembers when it was told."""

    def __init__(self, loop, clock, then=None):
        self.loop, self.clock, self.then = loop, clock, then
        self.expired = []
        self.registration = loop.register(0, 0, self)

    def set(self, delay):
        self.loop.set_deadline(self.registration, delay)

    def on_deadline(self):
        self.expired.append(self.clock.now)
        if self.then is not None:
            self.then(self)


class TestDeadlines:
    def test_moving_it_later_adds_nothing_to_the_heap(self, loop, clock):
        handler = Expiring(loop, clock)
        for _ in range(1000):
            handler.set(10)
            clock.advance(0.001)
        assert len(loop._deadlines) == 1
        loop.run_once()  # the entry comes too early and moves to what was set last
        assert handler.expired == []
        loop.run_once()
        assert handler.expired == [pytest.approx(1010.999)]
        assert len(loop._deadlines) == 0

    def test_moving_it_earlier_is_held_to(self, loop, clock):
        handler = Expiring(loop, clock)
        handler.set(100)
        handler.set(3)
        loop.run_once()
        assert handler.expired == [1003]

    def test_none_and_unregistering(self, loop, clock):
        handler = Expiring(loop, clock)
        handler.set(5)
        handler.set(None)
        assert handler.registration.deadline == math.inf
        loop.run_once()
        assert clock.now == 1005
        handler.set(5)
        loop.unregister(handler.registration)
        assert len(loop._deadlines) == 0
        assert handler.expired == []

    def test_one_that_sets_itself_to_now_has_it_in_the_next_turn(self, loop, clock):
        handler = Expiring(loop, clock, then=lambda handler: handler.set(0))
        handler.set(1)
        for turns in range(1, 4):
            loop.run_once()
            assert len(handler.expired) == turns

    def test_one_that_unregisters_another_of_the_same_turn(self, loop, clock):
        second = Expiring(loop, clock)
        first = Expiring(loop, clock, lambda _: loop.unregister(second.registration))
        first.set(1)
        second.set(1)
        loop.run_once()
        assert (len(first.expired), second.expired) == (1, [])

    def test_timers_and_deadlines_are_waited_for_alike(self, loop, clock):
        done = []
        Expiring(loop, clock, lambda handler: done.append("deadline")).set(2)
        loop.call_later(1, done.append, "timer")
        loop.call_later(3, done.append, "later")
        for _ in range(3):
            loop.run_once()
        assert done == ["timer", "deadline", "later"]
        assert clock.now == 1003

    def test_many_that_move_at_random_expire_when_they_were_set_to(self, loop, clock):
        chance = random.Random(41)
        handlers = [Expiring(loop, clock) for _ in range(200)]
        wanted = {}
        for _ in range(5000):
            number = chance.randrange(200)
            match chance.randrange(4):
                case 0 | 1:
                    wanted[number] = chance.randrange(1, 1000)
                    handlers[number].set(wanted[number])
                case 2:
                    wanted.pop(number, None)
                    handlers[number].set(None)
                case 3:
                    wanted.pop(number, None)
                    loop.unregister(handlers[number].registration)
                    handlers[number] = Expiring(loop, clock)
        assert len(loop._deadlines) <= 200
        while len(loop._deadlines):
            loop.run_once()
        for number, handler in enumerate(handlers):
            expected = [1000 + wanted[number]] if number in wanted else []
            assert handler.expired == expected

    def test_a_closed_loop_keeps_no_handler(self, clock):
        loop = Loop(FakeSelector(clock), clock)
        handler = Expiring(loop, clock)
        handler.set(5)
        gone = weakref.ref(handler)
        loop.close()
        del handler
        gc.collect()
        assert gone() is None


def test_the_fake_selector_finds_a_loop_that_would_wait_for_ever(loop):
    with pytest.raises(RuntimeError, match="would not return"):
        loop.run_once()
