"""`reactor.load.children`: a signal that comes while a child is started waits until it is known."""

import signal
import threading

import pytest

from reactor.load.children import uninterrupted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_waits(number):
    came = []
    before = signal.signal(number, lambda number, frame: came.append(number))
    try:
        with uninterrupted():
            signal.raise_signal(number)
            assert not came
        assert came == [number]
    finally:
        signal.signal(number, before)


def test_ctrl_c_is_raised_behind_the_block():
    done = []
    # A shell's background has it ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), uninterrupted():
            signal.raise_signal(signal.SIGINT)
            done.append("the child is known")
    finally:
        signal.signal(signal.SIGINT, before)
    assert done


def test_in_another_thread_nothing_is_touched():
    found = []

    def start():
        with uninterrupted():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGINT)]
