"""The HTTP machine in its server role, driven by bytes: no socket, no clock."""

import pathlib

import pytest
from driven import GET, Driven, get, statuses

from reactor import Limits, Response
from reactor.http._server import ServerMachine
from reactor.http.states import TRANSITIONS, Event, State, diagram


class TestManyConnections:
    """Parsers are lent to who has something to parse: none of it may reach another connection."""

    def test_a_message_in_parts_is_not_mixed_with_those_of_others(self):
        d = Driven()
        started = get(b"/1", b"Content-Length: 6\r\n", b"POST") + b"abc"
        for cut in range(1, len(started)):
            d.connect()
            d.machine.data_received(started[:cut])
            transport, machine = d.transport, d.connect()
            assert d.feed(get(b"/2")).endswith(b"/2;")
            assert d.feed(get(b"/3")[:-1]) == b""
            machine.data_received(started[cut:] + b"def")
            assert transport.take().endswith(b"/1;")
            assert d.app.requests[-1].body == b"abcdef"
            assert d.feed(b"\n").endswith(b"/3;")

    @pytest.mark.parametrize(
        "last",
        [
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nafter the last",
            b"broken\r\n\r\n",
            b"GET /half",
            get(b"/", b"Transfer-Encoding: chunked\r\n", b"POST") + b"5\r\nab",
            get(b"/", b"Content-Length: 10\r\n", b"POST") + b"ab",
        ],
    )
    def test_nothing_of_a_connection_that_ended_is_left_to_the_next(self, last):
        d = Driven()
        d.feed(last)
        d.machine.eof_received()
        d.machine.connection_lost(None)
        d.connect()
        assert d.feed(get(b"/x")).endswith(b"/x;")


class TestWhatComesUnasked:
    def test_receiving_nothing_changes_nothing(self):
        d = Driven()
        assert d.feed(b"") == b""
        assert d.feed(get(b"/x")).endswith(b"/x;")

    @pytest.mark.parametrize("held", [0, 2])
    def test_a_parser_that_lost_bytes_for_want_of_memory_frames_nothing_more(self, held):
        memory = pytest.importorskip("_testcapi")
        request = get(b"/%s" % (b"a" * 5000))
        broken = 0
        for number in range(12):
            d = Driven()
            d.feed(GET + request[:held])
            d.app.requests.clear()
            memory.set_nomemory(number, number + 1)
            try:
                d.machine.data_received(request[held:-4])
            except MemoryError:
                pass
            finally:
                memory.remove_mem_hooks()
            try:
                d.feed(b"\r\n\r\n" + get(b"/b"))
            except MemoryError:
                broken += 1
                assert not d.app.requests
        assert broken

    def test_bytes_after_the_last_request_are_not_kept_while_it_is_answered(self):
        d = Driven(lambda request: Response(200, {}, iter([b"a", b"b"])))
        d.transport.full = True
        d.machine.data_received(get(b"/", b"Connection: close\r\n"))
        d.machine.data_received(GET)
        d.transport.resume()
        while d.transport.run_soon():
            pass
        assert [body for _, _, body in statuses(d.transport.take())] == [b"ab"]
        assert d.transport.closed
        assert len(d.app.requests) == 1


class TestOneRequest:
    def test_head_and_body_leave_together(self):
        d = Driven()
        sent = d.feed(get(b"/x"))
        assert d.transport.sends == 1
        assert sent == (
            b"HTTP/1.1 200 OK\r\n"
            b"Date: Mon, 23 Nov 2026 12:00:00 GMT\r\n"
            b"Server: reactor\r\n"
            b"Content-Length: 3\r\n"
            b"\r\n"
            b"/x;"
        )
        assert d.journal.lines == [("/x", 200, 3)]
        assert d.app.requests[0].client == ("192.0.2.7", 1234)

    def test_the_same_however_it_is_cut(self):
        data = get(b"/1") + get(b"/2", b"Content-Length: 5\r\n", b"POST") + b"hello" + get(b"/3")
        whole = Driven().feed(data)
        for size in (1, 2, 3, 7, 20, 64):
            assert Driven().feed_cut(data, size) == whole

    def test_head_has_no_body_and_the_length_of_get(self):
        d = Driven()
        sent = d.feed(get(b"/x", method=b"HEAD") + get(b"/y"))
        (status, headers, body), second = statuses(sent, ["HEAD", "GET"])
        assert (status, headers["content-length"], body) == (200, "3", b"")
        assert second[2] == b"/y;"

    @pytest.mark.parametrize(
        ("version", "field", "stays"),
        [
            (b"1.1", b"", True),
            (b"1.1", b"Connection: close\r\n", False),
            (b"1.1", b"Connection: Keep-Alive, CLOSE\r\n", False),
            (b"1.0", b"", False),
            (b"1.0", b"Connection: keep-alive\r\n", True),
        ],
    )
    def test_keep_alive(self, version, field, stays):
        d = Driven()
        sent = d.feed(get(b"/", field, version=version))
        assert d.transport.closed is not stays
        [(_, headers, _)] = statuses(sent)
        expected = None if version == b"1.1" else "keep-alive"
        assert headers.get("connection") == (expected if stays else "close")

    def test_the_wire_lingers_only_where_something_may_still_come(self):
        for data, lingers in [
            (get(b"/", b"Connection: close\r\n"), False),
            (get(b"/", version=b"1.0"), False),
            (get(b"/", b"Connection: close\r\nContent-Length: 2\r\n", b"POST") + b"ab", False),
            (get(b"/", b"Connection: close\r\nContent-Length: 5000\r\n", b"POST") + b"ab", True),
            (b"BAD\r\n\r\n", True),
        ]:
            d = Driven()
            d.feed(data)
            assert d.transport.closed
            assert d.transport.lingers is lingers
        takes_none = Driven()
        takes_none.app.body_bytes_max = 0
        takes_none.feed(get(b"/", b"Connection: close\r\nContent-Length: 50\r\n", b"POST"))
        assert takes_none.transport.lingers

    def test_nothing_after_the_last_request_is_answered(self):
        d = Driven()
        d.feed(get(b"/1", b"Connection: close\r\n") + get(b"/2"))
        d.feed(get(b"/3"))
        assert [r.target for r in d.app.requests] == ["/1"]


class TestPipelining:
    def test_answers_in_order_in_as_few_turns_as_allowed(self):
        d = Driven()
        d.feed(b"".join(get(b"/%d" % n) for n in range(40)))
        assert len(d.app.requests) == 16
        assert not d.transport.reading
        while d.transport.run_soon():
            pass
        assert [r.target for r in d.app.requests] == [f"/{n}" for n in range(40)]
        assert d.transport.reading

    @pytest.mark.parametrize(("count", "turns"), [(15, 1), (16, 1), (17, 2), (32, 2), (33, 3)])
    def test_no_turn_more_than_it_takes(self, count, turns):
        d = Driven()
        d.feed(count * GET)
        taken = 1
        while d.transport.run_soon():
            taken += 1
        assert len(d.app.requests) == count
        assert taken == turns
        assert d.transport.reading

    def test_a_full_transport_stops_parsing_and_reading(self):
        d = Driven()
        d.transport.full = True
        d.feed(get(b"/1") + get(b"/2"))
        assert len(d.app.requests) == 1
        assert not d.transport.reading
        d.transport.resume()
        assert len(d.app.requests) == 2
        assert d.transport.reading

    def test_a_bad_request_is_answered_after_the_good_ones_before_it(self):
        d = Driven()
        sent = d.feed(get(b"/1") + get(b"/2") + b"BAD\r\n\r\n" + get(b"/3"))
        assert [status for status, _, _ in statuses(sent)] == [200, 200, 400]
        assert d.transport.closed
        assert len(d.app.requests) == 2
        assert d.journal.lines[-1][:2] == (None, 400)


class TestRequestBodies:
    def test_whole_small_and_chunked(self):
        d = Driven()
        d.feed(get(b"/", b"Content-Length: 3\r\n", b"POST") + b"abc")
        d.feed(get(b"/", b"Transfer-Encoding: chunked\r\n", b"POST") + b"3\r\nabc\r\n")
        d.feed(b"2\r\nde\r\n0\r\n\r\n")
        assert [r.body for r in d.app.requests] == [b"abc", b"abcde"]
        assert all(r.complete for r in d.app.requests)

    def test_continue_is_sent_when_the_body_is_awaited(self):
        d = Driven()
        head = get(b"/", b"Content-Length: 3\r\nExpect: 100-continue\r\n", b"POST")
        assert d.feed(head) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert d.feed(b"abc").startswith(b"HTTP/1.1 200")

    def test_no_continue_when_the_body_is_there_or_refused(self):
        head = get(b"/", b"Content-Length: 3\r\nExpect: 100-continue\r\n", b"POST")
        assert Driven().feed(head + b"abc").startswith(b"HTTP/1.1 200")
        too_long = get(b"/", b"Content-Length: 1001\r\nExpect: 100-continue\r\n", b"POST")
        assert Driven().feed(too_long).startswith(b"HTTP/1.1 413")

    def test_an_unknown_expectation_is_417(self):
        d = Driven()
        assert d.feed(get(b"/", b"Expect: coffee\r\n")).startswith(b"HTTP/1.1 417")
        assert d.transport.closed

    @pytest.mark.parametrize("size", [999, 1000, 1001])
    @pytest.mark.parametrize("cut", [1, 100, 10_000])
    @pytest.mark.parametrize("chunked", [False, True])
    def test_the_bodys_bound(self, size, cut, chunked):
        d = Driven()
        if chunked:
            data = get(b"/", b"Transfer-Encoding: chunked\r\n", b"POST")
            data += b"".join(b"9\r\n123456789\r\n" for _ in range(size // 9))
            data += (
                b"%x\r\n%s\r\n0\r\n\r\n" % (size % 9, b"z" * (size % 9))
                if size % 9
                else b"0\r\n\r\n"
            )
        else:
            data = get(b"/", b"Content-Length: %d\r\n" % size, b"POST") + b"x" * size
        [(status, _, _)] = statuses(d.feed_cut(data, cut))
        assert status == (200 if size <= 1000 else 413)
        assert d.transport.closed is (size > 1000)
        assert [len(r.body) for r in d.app.requests] == ([size] if size <= 1000 else [])

    def test_an_app_that_takes_no_body_answers_by_the_head_and_closes(self):
        d = Driven()
        d.app.body_bytes_max = 0
        sent = d.feed(get(b"/", b"Content-Length: 100000\r\nExpect: 100-continue\r\n", b"POST"))
        assert sent.startswith(b"HTTP/1.1 200")
        assert d.transport.closed


class TestRefusals:
    @pytest.mark.parametrize(
        ("data", "status"),
        [
            (b"GET / HTTP/1.1\r\n\r\n", 400),
            (b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n", 414),
            (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 9000 + b"\r\n", 431),
            (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: 1\r\n" * 101 + b"\r\n", 431),
            (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
            (get(b"/", b"Transfer-Encoding: gzip, chunked\r\n"), 501),
            (b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 501),
            (get(b"/", b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n"), 400),
        ],
    )
    def test_one_answer_then_the_end(self, data, status):
        for cut in (1, len(data)):
            d = Driven()
            sent = d.feed_cut(data, cut)
            [(got, headers, body)] = statuses(sent)
            assert got == status
            assert headers["connection"] == "close"
            assert headers["content-type"] == "text/plain; charset=utf-8"
            assert str(status).encode() in body
            assert d.transport.closed
            assert d.feed(GET) == b""
            assert d.app.requests == []
            [(peer, code, _)] = d.journal.refusals
            assert peer == ("192.0.2.7", 1234)
            assert code


class TestDeadlines:
    LIMITS = Limits(
        silent_timeout_s=1, header_timeout_s=2, body_timeout_s=3, keep_alive_timeout_s=4
    )

    def test_each_state_has_its_time(self):
        d = Driven(limits=self.LIMITS)
        assert d.transport.deadline == 1
        d.feed(b"POST / HTTP/1.1\r\n")
        assert d.transport.deadline == 2
        d.feed(b"Host: a\r\n")
        assert d.transport.deadline == 2
        d.feed(b"Content-Length: 4\r\n\r\n")
        assert d.transport.deadline == 3
        d.feed(b"body")
        assert d.transport.deadline == 4
        d.feed(b"G")
        assert d.transport.deadline == 2

    def test_a_slow_body_uses_up_its_credit(self):
        d = Driven(limits=self.LIMITS)
        d.feed(get(b"/", b"Content-Length: 999\r\n", b"POST"))
        d.transport.deadline = 0.5  # as if 2.5 s had passed
        d.feed(b"x" * 50)
        assert d.transport.deadline == pytest.approx(0.5 + 50 / 500)

    def test_none_while_an_answer_is_under_way(self):
        d = Driven(lambda request: Response(200, {}, (b"x" for _ in range(3))), self.LIMITS)
        d.transport.full = True
        d.feed(GET)
        assert d.transport.deadline is None
        d.transport.resume()
        while d.transport.run_soon():
            assert d.transport.deadline in {None, 4}
        assert d.transport.deadline == 4

    def test_a_silent_client_is_just_closed_and_a_slow_one_gets_408(self):
        silent, slow_head, slow_body = Driven(), Driven(), Driven()
        silent.machine.deadline_expired()
        assert silent.transport.closed
        assert silent.transport.take() == b""
        slow_head.feed(b"GET / HT")
        slow_head.machine.deadline_expired()
        assert slow_head.transport.take().startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        slow_body.feed(get(b"/", b"Content-Length: 5\r\n", b"POST") + b"ab")
        slow_body.machine.deadline_expired()
        assert slow_body.transport.take().startswith(b"HTTP/1.1 408")
        assert slow_body.transport.closed

    @pytest.mark.parametrize(
        ("came", "code", "offset"),
        [
            (b"", "silent-timeout", 0),
            (GET, "keep-alive-timeout", 0),
            (b"GET / HT", "header-timeout", 8),
            (get(b"/", b"Content-Length: 5\r\n", b"POST") + b"ab", "body-timeout", 49),
        ],
    )
    def test_each_time_out_is_counted_under_its_name_and_says_how_far_it_came(
        self, came, code, offset
    ):
        d = Driven()
        if came:
            d.feed(came)
        d.machine.deadline_expired()
        assert d.journal.refusals == [(("192.0.2.7", 1234), code, offset)]

    def test_a_response_that_nobody_takes_is_counted_too(self):
        d = Driven(lambda request: Response(200, {}, (b"x" for _ in range(100))))
        d.transport.full = True
        d.feed(GET)
        d.machine.connection_lost(TimeoutError())
        assert d.journal.refusals == [(("192.0.2.7", 1234), "write-timeout", 1)]
        assert d.journal.lines == [("/", 200, len(b"1\r\nx\r\n"))]


class TestTheEnd:
    def test_a_half_closed_client_gets_all_its_answers(self):
        d = Driven()
        d.machine.data_received(b"".join(get(b"/%d" % n) for n in range(20)))
        assert d.machine.eof_received() is True
        while d.transport.run_soon():
            pass
        assert len(statuses(d.transport.take())) == 20
        assert d.transport.closed

    def test_an_end_between_requests_closes(self):
        d = Driven()
        d.feed(GET)
        assert d.machine.eof_received() is False
        assert d.transport.closed

    def test_an_end_in_the_middle_of_a_request_is_400(self):
        for part in (b"GET / HT", get(b"/", b"Content-Length: 5\r\n", b"POST") + b"ab"):
            d = Driven()
            d.feed(part)
            d.machine.eof_received()
            assert d.transport.take().startswith(b"HTTP/1.1 400")
            assert d.transport.closed

    def test_a_lost_connection_in_a_body_is_in_the_journal(self):
        d = Driven(lambda request: Response(200, {}, (b"x" * 10 for _ in range(9))))
        d.transport.full = True
        d.feed(GET)
        d.machine.connection_lost(ConnectionResetError())
        assert d.journal.lines == [("/", 200, len(b"a\r\nxxxxxxxxxx\r\n"))]


class TestStates:
    def test_every_state_is_reached_and_left(self):
        for state in State:
            assert any(before is state for before, _ in TRANSITIONS)
            assert state is State.IDLE or any(after is state for after in TRANSITIONS.values())
        assert {event for _, event in TRANSITIONS} == set(Event)

    def test_the_diagram_in_the_docs_is_the_table(self):
        text = pathlib.Path(__file__).parent.parent / "docs" / "ARCHITECTURE.md"
        assert diagram() in text.read_text(encoding="utf-8")


class TestExpectations:
    """RFC 9110 10.1.1: from an HTTP/1.0 client an expectation is ignored."""

    @pytest.mark.parametrize("expected", [b"100-continue", b"200-ok"])
    def test_of_an_http_1_0_client(self, expected):
        d = Driven()
        field = b"Expect: %s\r\nContent-Length: 2\r\n" % expected
        assert d.feed(get(b"/", field, b"POST", b"1.0")) == b""
        sent = d.feed(b"ab")
        assert sent.startswith(b"HTTP/1.1 200 OK\r\n")
        assert d.app.requests[-1].body == b"ab"


def test_one_without_a_service_or_a_wire_stays_closed():
    class Forgetful(ServerMachine):
        def __init__(self):
            pass

    whole = Driven().machine
    whole.connection_lost(None)
    for machine in (Forgetful(), whole):
        with pytest.raises((RuntimeError, AttributeError)):
            machine.connection_made(None)
        assert not machine.eof_received()
        machine.finish()
        machine.data_received(GET)
        machine.connection_lost(None)
