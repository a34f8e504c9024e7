"""The queue of an application that awaits messages holds up the peer."""

import pytest
from websockets_driven import CLOSE, TEXT, DrivenSocket, Recorder, of_client

from reactor import Limits
from reactor.http.websocket_queue import MessageQueue


def queueing(**limits):
    socket = Recorder(message=lambda socket, data: queue.put(data))
    queue = MessageQueue(socket, Limits(**limits))
    return DrivenSocket(socket), queue


def taken(d, queue):
    """All, as by an application that takes one in each turn."""
    found = []
    while len(queue):
        found.append(queue.take())
        d.transport.run_soon()
    return found


@pytest.mark.parametrize(
    ("size", "held"), [(1, 16), (100, 16), (10_000, 7), (64 * 1024, 1), (100_000, 1)]
)
def test_it_has_a_bound_in_messages_and_in_bytes(size, held):
    d, queue = queueing()
    sent = [f"{i:05}" + "x" * (size - 5) if size > 5 else str(i % 10) for i in range(40)]
    d.feed(b"".join(of_client(TEXT, text.encode()) for text in sent))
    assert len(queue) == held
    assert not d.transport.reading
    assert taken(d, queue) == sent
    assert d.transport.reading


def test_an_empty_one_has_nothing_to_take():
    _, queue = queueing()
    with pytest.raises(IndexError):
        queue.take()


def test_what_waits_outlives_the_connection():
    d, queue = queueing()
    d.feed(of_client(TEXT, b"1") + of_client(TEXT, b"2") + of_client(CLOSE))
    d.lose()
    assert taken(d, queue) == ["1", "2"]


def test_it_reads_on_at_half():
    d, queue = queueing(websocket_queue_messages_max=4)
    d.feed(b"".join(of_client(TEXT, b"%d" % i) for i in range(10)))
    assert len(queue) == 4
    queue.take()
    assert d.transport.run_soon() == 0
    queue.take()
    assert len(queue) == 2  # never within the call
    d.transport.run_soon()
    assert len(queue) == 4
