"""`Reactor.connect`: what it takes, and that somebody is always called back."""

import errno
import socket

import pytest

from reactor import Inet, Limits, Reactor, Unix
from reactor.net import Connection, Protocol
from reactor.testing import FakeTransport


class Told(Protocol):
    def __init__(self):
        self.made = self.lost = False

    def connection_made(self, transport):
        self.made = True
        transport.close()


def connected(reactor, address):
    """The protocol that was connected, or the error."""
    found = []

    def factory():
        found.append(Told())
        return found[-1]

    reactor.connect(address, factory, found.append)
    while not found or (isinstance(found[0], Told) and not found[0].made):
        reactor.run_once(timeout=10)
    [one] = found
    return one


@pytest.fixture
def reactor():
    with Reactor() as reactor:
        yield reactor


def test_it_takes_the_address_that_listen_takes(reactor, tmp_path):
    for asked in (Inet("127.0.0.1", 0), Unix(str(tmp_path / "s")), Inet("localhost", 0)):
        listener = reactor.listen(asked, Protocol)
        [address, *_] = listener.addresses
        assert isinstance(connected(reactor, address), Told)
        if isinstance(asked, Inet):
            assert isinstance(connected(reactor, Inet(asked.host, address.port)), Told)


def test_a_name_that_nobody_knows_is_an_error_like_any_other(reactor):
    error = connected(reactor, Inet("name.invalid", 80))
    assert isinstance(error, OSError)
    assert isinstance(connected(reactor, Inet("x" * 300, 80)), OSError)
    assert isinstance(connected(reactor, []), OSError)


@pytest.mark.parametrize(
    "address",
    [
        (socket.AF_INET, "no pair"),
        (socket.AF_INET, ("127.0.0.1", 70_000)),
        (socket.AF_INET, ("127.0.0.1", "x")),
        (socket.AF_INET, None),
        (socket.AF_UNIX, 5),
        (socket.AF_UNIX, "x" * 500),
        (9999, ("127.0.0.1", 1)),
        ("x", ("127.0.0.1", 1)),
    ],
)
def test_a_wrong_address_is_told_and_the_next_one_is_tried(reactor, address):
    error = connected(reactor, [address])
    assert isinstance(error, OSError)
    assert error.errno in {errno.EINVAL, errno.EAFNOSUPPORT, None}
    listener = reactor.listen(Inet("127.0.0.1", 0), Protocol)
    right = (socket.AF_INET, ("127.0.0.1", listener.addresses[0].port))
    assert isinstance(connected(reactor, [address, right]), Told)


@pytest.mark.parametrize(
    "ask",
    [
        lambda reactor: reactor.connect(5, Protocol, print),
        lambda reactor: reactor.connect(None, Protocol, print),
        lambda reactor: reactor.connect([5], Protocol, print),
        lambda reactor: reactor.connect([], None, print),
        lambda reactor: reactor.connect([], Protocol, None),
        lambda reactor: reactor.connect([], Protocol, print, limits=5),
        lambda reactor: reactor.listen(5, Protocol),
        lambda reactor: reactor.listen(Inet("127.0.0.1", 0), Protocol, limits=5),
    ],
)
def test_what_is_no_address_at_all_is_refused_at_once(reactor, ask):
    with pytest.raises((TypeError, AttributeError)):
        ask(reactor)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"backlog": "x"}, TypeError),
        ({"backlog": None}, TypeError),
        ({"backlog": 1.5}, TypeError),
        ({"backlog": True}, TypeError),
        ({"body_bytes_max": -1}, ValueError),
        ({"keep_alive_timeout_s": float("nan")}, ValueError),
        ({"keep_alive_timeout_s": "5"}, TypeError),
        ({"no_such_bound": 1}, TypeError),
    ],
)
def test_limits_of_a_wrong_type_are_refused_where_they_are_made(wrong, error):
    with pytest.raises(error, match=next(iter(wrong))):
        Limits(**wrong)
    with pytest.raises(error):
        Limits().replace(**wrong)
    assert Limits(keep_alive_timeout_s=5).keep_alive_timeout_s == 5  # whole seconds are seconds


def test_a_connection_that_nobody_made_says_so():
    class Forgetful(Connection):
        def __init__(self):
            pass

    for connection in (Connection.__new__(Connection), Forgetful()):
        assert connection.is_closing()
        for ask in (
            connection.open,
            connection.write_eof,
            lambda connection=connection: connection.write(b"x"),
            lambda connection=connection: connection.call_soon(print),
        ):
            with pytest.raises(RuntimeError, match="not made"):
                ask()
        connection.abort()
    with Reactor() as reactor, pytest.raises(ValueError, match="invalid file descriptor"):
        Connection(reactor, closed_socket(), Protocol(), None)


def closed_socket():
    sock = socket.socket()
    sock.close()
    return sock


def test_a_protocol_is_tested_without_a_socket():
    class Echo(Protocol):
        def connection_made(self, transport):
            self.transport = transport
            transport.set_deadline(5)

        def data_received(self, data):
            self.transport.write(data)
            if data == b"bye":
                self.transport.close()

        def pause_writing(self):
            self.transport.pause_reading()

        def resume_writing(self):
            self.transport.resume_reading()

    echo = Echo()
    transport = FakeTransport(echo, peername="somebody")
    echo.connection_made(transport)
    assert transport.deadline == 5
    assert transport.get_extra_info("peername") == "somebody"
    echo.data_received(b"a")
    transport.full = True
    echo.data_received(b"b")
    assert (transport.take(), transport.taken, transport.reading) == (b"ab", 2, False)
    transport.resume()
    assert transport.is_reading()
    echo.data_received(b"bye")
    assert transport.is_closing()
    with pytest.raises(RuntimeError, match="after the end"):
        echo.data_received(b"x")
