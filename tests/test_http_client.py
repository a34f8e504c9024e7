"""The HTTP machine in its client role, driven by bytes: no socket, no clock."""

import pytest

from reactor import Limits, RemoteProtocolError, serialise_request
from reactor.http._client import ClientMachine, Exchange
from reactor.testing import FakeTransport

REQUEST = serialise_request("GET", "/", [("Host", "a")])


class Told(Exchange):
    def __init__(self):
        self.head, self.body, self.trailers, self.errors, self.ends = None, b"", None, [], 0

    def head_received(self, response):
        assert self.head is None
        self.head = response

    def body_received(self, data):
        assert data
        self.body += data

    def completed(self, trailers):
        self.trailers = trailers
        self.ends += 1

    def failed(self, error):
        self.errors.append(error)
        self.ends += 1


def sent(method="GET", limits=None):
    machine = ClientMachine(limits or Limits())
    machine.connection_made(FakeTransport(machine))
    told = Told()
    machine.send(method, REQUEST, told)
    assert machine.transport.take() == REQUEST
    return machine, told


RESPONSES = {
    "length": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello", True),
    "empty": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"", True),
    "chunked": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        b"hello",
        True,
    ),
    "interim": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"hello",
        True,
    ),
    "closing": (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", b"x", False),
    "http 1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", b"x", False),
    "304": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b"", True),
}


@pytest.mark.parametrize("name", RESPONSES)
@pytest.mark.parametrize("cut", [1, 3, 1000])
def test_a_response_however_it_is_cut(name, cut):
    data, body, stays = RESPONSES[name]
    machine, told = sent()
    for start in range(0, len(data), cut):
        machine.data_received(data[start : start + cut])
    assert (told.body, told.ends, told.errors) == (body, 1, [])
    assert machine.ready is stays
    assert machine.transport.closed is not stays


def test_a_body_that_ends_with_the_connection():
    machine, told = sent()
    machine.data_received(b"HTTP/1.1 200 OK\r\n\r\nhel")
    machine.data_received(b"lo")
    assert told.ends == 0
    machine.eof_received()
    assert (told.body, told.ends, told.errors) == (b"hello", 1, [])


def test_head_has_no_body_whatever_it_says():
    machine, told = sent("HEAD")
    machine.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
    assert (told.body, told.ends) == (b"", 1)
    assert machine.ready


def test_trailers_come_with_the_end():
    machine, told = sent()
    machine.data_received(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 7\r\n\r\n"
    )
    assert told.trailers["x-sum"] == "7"


def test_one_request_after_another_on_one_connection():
    machine, _ = sent()
    machine.data_received(RESPONSES["length"][0])
    second = Told()
    machine.send("GET", REQUEST, second)
    with pytest.raises(RuntimeError, match="under way"):
        machine.send("GET", REQUEST, Told())
    machine.data_received(RESPONSES["chunked"][0])
    assert second.body == b"hello"


@pytest.mark.parametrize("name", ["length", "chunked", "interim"])
def test_an_end_at_every_byte_is_an_error_told_once(name):
    data = RESPONSES[name][0]
    for cut in range(len(data)):
        machine, told = sent()
        if cut:
            machine.data_received(data[:cut])
        machine.eof_received()
        machine.connection_lost(None)
        assert (told.ends, len(told.errors)) == (1, 1), cut


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 9,
    ],
)
def test_a_response_that_is_none_is_refused(data):
    machine, told = sent()
    machine.data_received(data)
    [error] = told.errors
    assert isinstance(error, RemoteProtocolError)
    assert machine.transport.aborted


def test_bytes_that_nobody_asked_for_close_the_connection():
    machine, told = sent()
    machine.data_received(RESPONSES["length"][0] + RESPONSES["length"][0])
    assert told.body == b"hello"
    assert told.errors == []
    assert machine.transport.closed
    machine, _ = sent()
    machine.data_received(RESPONSES["length"][0])
    machine.data_received(b"HTTP/1.1 200 OK\r\n")
    assert machine.transport.closed


def test_a_silent_server_is_a_time_out():
    machine, told = sent(limits=Limits(response_timeout_s=3))
    assert machine.transport.deadline == 3
    machine.deadline_expired()
    [error] = told.errors
    assert isinstance(error, TimeoutError)


def test_a_lost_connection_is_told_once():
    machine, told = sent()
    machine.connection_lost(ConnectionResetError())
    machine.connection_lost(None)
    [error] = told.errors
    assert isinstance(error, ConnectionResetError)
