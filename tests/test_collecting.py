"""The bound of all request bodies together: who waits, who goes on, who is refused."""

import threading
from contextlib import suppress

import pytest
from driven import Driven, get, statuses
from processes import MODELS, exchange, read_to_end, serving_limited

from reactor import Limits, Response

K = 10_000
LIMITS = Limits(body_memory_max=100 * K, body_timeout_s=4)
APP = """
from reactor import Response

def app(request):
    return Response(200, {}, str(len(request.body)))
"""


def post(size, *fields):
    extra = b"".join(b"%s\r\n" % field for field in (b"Content-Length: %d" % size, *fields))
    return get(b"/", extra, b"POST")


class Two:
    """Connections to one service whose bodies share a bound of a million bytes."""

    def __init__(self, count=2, answer=None):
        self.d = Driven(answer, LIMITS)
        self.d.app.body_bytes_max = 1000 * K
        self.machines = [self.d.machine]
        for _ in range(count - 1):
            self.d.connect()
            self.machines.append(self.d.machine)
        self.transports = [machine.transport for machine in self.machines]

    @property
    def held(self):
        return self.d.context.bodies.memory.held

    def run_soon(self):
        while sum(transport.run_soon() for transport in self.transports):
            pass


class TestTheBound:
    def test_over_it_nothing_is_read_until_an_answer_frees_some(self):
        two = Two()
        (one, other), (first, second) = two.machines, two.transports
        one.data_received(post(100 * K) + b"x" * 90 * K)
        other.data_received(post(50 * K) + b"y" * 20 * K)
        assert two.held == 110 * K
        # The one that brought it over the bound waits; the other has not been asked yet.
        assert (first.reading, second.reading) == (True, False)
        assert second.deadline == 4
        one.data_received(b"x" * 10 * K)
        assert first.take().startswith(b"HTTP/1.1 200")
        assert two.held == 20 * K
        two.run_soon()
        assert second.reading
        other.data_received(b"y" * 30 * K)
        assert second.take().startswith(b"HTTP/1.1 200")
        assert (two.held, two.d.context.bodies.memory.bodies) == (0, {})

    def test_when_all_wait_the_newest_is_refused(self):
        two = Two()
        (one, other), (first, second) = two.machines, two.transports
        one.data_received(post(100 * K) + b"x" * 60 * K)
        other.data_received(post(100 * K) + b"y" * 60 * K)
        one.data_received(b"x" * 10 * K)
        two.run_soon()
        [(status, headers, _)] = statuses(second.take())
        assert (status, headers["retry-after"]) == (503, "10")
        assert second.closed
        assert (first.reading, first.take()) == (True, b"")
        assert two.held == 70 * K
        assert [code for _, code, _ in two.d.journal.refusals] == ["body-room"]

    def test_who_waits_too_long_is_refused(self):
        two = Two()
        two.machines[0].data_received(post(100 * K) + b"x" * 90 * K)
        two.machines[1].data_received(post(50 * K) + b"y" * 20 * K)
        two.machines[1].deadline_expired()
        assert two.transports[1].take().startswith(b"HTTP/1.1 503 ")
        assert two.held == 90 * K

    def test_a_new_one_is_told_to_continue_when_there_is_room(self):
        two = Two(3)
        two.machines[0].data_received(post(100 * K) + b"x" * 90 * K)
        two.machines[1].data_received(post(100 * K) + b"x" * 20 * K)
        two.machines[2].data_received(post(20 * K, b"Expect: 100-continue"))
        two.run_soon()
        assert two.transports[2].take() == b""
        two.machines[0].connection_lost(None)
        two.run_soon()
        assert two.transports[2].take() == b"HTTP/1.1 100 Continue\r\n\r\n"

    @pytest.mark.parametrize("how", ["answered", "failed", "refused", "lost", "eof", "late"])
    def test_however_it_ends_what_it_took_is_given_back(self, how):
        def answer(request):
            if how == "failed":
                raise ZeroDivisionError
            return Response(200, {}, "fine")

        d = Driven(answer, LIMITS)
        body = b"5\r\nabcde\r\n"
        d.machine.data_received(get(b"/", b"Transfer-Encoding: chunked\r\n", b"POST") + body)
        assert d.context.bodies.memory.held == 5
        if how in {"answered", "failed"}:
            d.machine.data_received(b"0\r\n\r\n")
        elif how == "refused":
            d.machine.data_received(b"no chunk\r\n")
        elif how == "lost":
            d.machine.connection_lost(None)
        elif how == "eof":
            d.machine.eof_received()
        else:
            d.machine.deadline_expired()
        assert (d.context.bodies.memory.held, d.context.bodies.memory.bodies) == (0, {})

    def test_one_that_goes_while_it_waits_wakes_nobody_in_vain(self):
        two = Two(3)
        two.machines[0].data_received(post(100 * K) + b"x" * 90 * K)
        for machine in two.machines[1:]:
            machine.data_received(post(50 * K) + b"y" * 20 * K)
        two.machines[1].connection_lost(None)
        two.machines[0].connection_lost(None)
        two.run_soon()
        assert two.transports[2].reading

    def test_without_memory_it_is_a_503(self):
        memory = pytest.importorskip("_testcapi")
        data = b"x" * 100_000
        statuses_seen = set()
        for number in range(40):
            e = Driven(limits=Limits())
            e.app.body_bytes_max = 1 << 20
            e.machine.data_received(post(200_000) + b"x")
            memory.set_nomemory(number, number + 1)
            try:
                e.machine.data_received(data)
            except MemoryError:
                statuses_seen.add("contained by the wire")
            finally:
                memory.remove_mem_hooks()
            statuses_seen.add(e.transport.take()[:12])
            e.machine.connection_lost(None)
            assert e.context.bodies.memory.held == 0
        assert b"HTTP/1.1 503" in statuses_seen

    @pytest.mark.parametrize("size", [100 * K, 100 * K + 1, 1000 * K])
    @pytest.mark.parametrize("chunked", [False, True])
    def test_one_that_could_never_fit_is_too_long(self, size, chunked):
        # A 503 says to come again, which would end in the same way for ever.
        d = Driven(limits=LIMITS)
        d.app.body_bytes_max = 1000 * K
        data = b"x" * size
        if chunked:
            data = b"%x\r\n%s\r\n0\r\n\r\n" % (size, data)
            d.machine.data_received(get(b"/", b"Transfer-Encoding: chunked\r\n", b"POST"))
        else:
            d.machine.data_received(post(size))
        d.machine.data_received(data)
        [(status, headers, _)] = statuses(d.transport.take())
        assert status == (200 if size == 100 * K else 413)
        assert "retry-after" not in headers
        assert d.context.bodies.memory.held == 0

    def test_one_that_is_there_with_its_head_has_the_same_bound(self):
        d = Driven(limits=Limits(body_memory_max=10))
        d.machine.data_received(post(11) + b"x" * 11)
        assert d.transport.take().startswith(b"HTTP/1.1 413 ")

    def test_a_body_is_collected_in_what_the_application_gets(self):
        d = Driven(limits=Limits())
        d.app.body_bytes_max = 1 << 22
        pieces = [bytes([number]) * 65_536 for number in range(40)]
        d.machine.data_received(post(40 * 65_536))
        for piece in pieces:
            d.machine.data_received(piece)
        assert d.app.requests[-1].body == b"".join(pieces)


@pytest.mark.parametrize("model", MODELS)
def test_who_waits_is_answered_when_others_have_been(model, tmp_path):
    (tmp_path / "uploads.py").write_text(APP)
    limits = {"body_memory_max": 400_000}
    request, size = post(300_000, b"Connection: close"), 300_000
    with serving_limited("uploads:app", model, limits, cwd=tmp_path) as server:
        with server.connect() as first, server.connect() as second:
            # Together they are over the bound, so whoever comes next has to wait.
            for sock in (first, second):
                sock.sendall(request + b"x" * 250_000)
            third = threading.Thread(target=lambda: answers.append(upload(server, request, size)))
            answers = []
            third.start()
            # Both before either is read from: one may wait for what the other holds.
            for sock in (first, second):
                with suppress(ConnectionError):  # one of them may be refused, never all
                    sock.sendall(b"x" * 50_000)
            for sock in (first, second):
                with suppress(ConnectionError):
                    answers.append(read_to_end(sock))
            third.join()
        assert any(answer.endswith(b"300000") for answer in answers)
        assert {answer[:12] for answer in answers} <= {b"HTTP/1.1 200", b"HTTP/1.1 503"}
        assert upload(server, request, size).endswith(b"300000")  # everything was given back


def upload(server, request, size):
    return exchange(server.address, request + b"z" * size)
