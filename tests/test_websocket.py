"""The machine of a WebSocket, driven by bytes: messages, closing, time, backpressure."""

import gc
import weakref

import pytest
from websocket_peers import cuts
from websockets_driven import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    DrivenSocket,
    Recorder,
    close_payload,
    of_client,
)

from reactor import Limits, WebSocket
from reactor.http._collecting import BodyRoom
from reactor.parser._frames import frame


def echo(socket, data):
    socket.send(data)


def echoing(**options):
    return DrivenSocket(Recorder(message=echo), **options)


class TestMessages:
    def test_texts_and_bytes_both_ways(self):
        d = echoing()
        assert d.feed(of_client(TEXT, "héllo".encode()) + of_client(BINARY, b"\xff\0")) == [
            (TEXT, "héllo"),
            (BINARY, b"\xff\0"),
        ]
        assert d.socket.messages == ["héllo", b"\xff\0"]

    def test_however_it_is_cut(self):
        data = of_client(TEXT, b"one", fin=False) + of_client(PING, b"?") + of_client(0, b"two")
        for pieces in cuts(data):
            d = echoing()
            found = [item for piece in pieces for item in d.feed(piece)]
            assert found == [(PONG, b"?"), (TEXT, "onetwo")]

    @pytest.mark.parametrize("size", [0, 1, 125, 126, 2048, 2049, 65_535, 65_536, 200_000])
    @pytest.mark.parametrize("is_client", [False, True])
    def test_what_is_sent_is_read_at_the_other_end(self, size, is_client):
        d = DrivenSocket(is_client=is_client)
        for data in (b"x" * size, "é" * size, bytearray(b"y" * size), memoryview(b"z" * size)):
            d.socket.send(data)
            opcode = TEXT if isinstance(data, str) else BINARY
            expected = data if isinstance(data, str) else bytes(data)
            assert d.sent() == [(opcode, expected)]

    def test_no_two_frames_of_a_client_have_the_same_mask(self):
        d = DrivenSocket(is_client=True)
        for _ in range(50):
            d.socket.send(b"")
        sent = d.transport.take()
        assert len({sent[i + 2 : i + 6] for i in range(0, len(sent), 6)}) > 40

    @pytest.mark.parametrize("data", [None, 1, [b"a"]])
    def test_what_is_neither_text_nor_bytes_is_a_type_error(self, data):
        d = DrivenSocket()
        with pytest.raises(TypeError):
            d.socket.send(data)
        assert d.sent() == []

    def test_a_lone_surrogate_is_no_text(self):
        d = DrivenSocket()
        with pytest.raises(UnicodeEncodeError):
            d.socket.send("a\ud800")
        assert d.sent() == []

    def test_an_exception_of_the_application_closes_by_1011(self):
        d = DrivenSocket(Recorder(message=lambda socket, data: 1 / 0))
        assert d.feed(of_client(TEXT, b"1") + of_client(TEXT, b"2")) == [
            (CLOSE, close_payload(1011, "the application failed"))
        ]
        assert d.socket.messages == ["1"]
        [(exception, doing)] = d.journal.failures
        assert isinstance(exception, ZeroDivisionError)
        assert doing == "calling on_message of websockets_driven:Recorder"

    def test_one_that_exits_ends_no_server(self):
        d = DrivenSocket(Recorder(message=lambda socket, data: exit(1)))
        d.feed(of_client(TEXT, b"1"))
        assert isinstance(d.journal.failures[0][0], SystemExit)

    def test_an_interrupt_is_somebody_elses(self):
        def interrupt(socket, data):
            raise KeyboardInterrupt

        d = DrivenSocket(Recorder(message=interrupt))
        with pytest.raises(KeyboardInterrupt):
            d.feed(of_client(TEXT, b"1"))

    def test_many_in_one_read_leave_others_their_turn(self):
        d = DrivenSocket(limits=Limits(websocket_messages_per_turn_max=10))
        d.feed(b"".join(of_client(TEXT, b"%d" % i) for i in range(25)))
        assert len(d.socket.messages) == 10
        assert not d.transport.reading
        d.transport.run_soon()
        assert len(d.socket.messages) == 20
        d.transport.run_soon()
        assert d.socket.messages == [str(i) for i in range(25)]
        assert d.transport.reading
        assert d.transport.run_soon() == 0

    def test_all_messages_in_parts_together_have_a_bound(self):
        memory = BodyRoom(1000)
        first, second = DrivenSocket(memory=memory), DrivenSocket(memory=memory)
        first.feed(of_client(BINARY, b"x" * 600, fin=False))
        assert second.feed(of_client(BINARY, b"x" * 600, fin=False)) == [
            (CLOSE, close_payload(1013, "too much is being sent just now"))
        ]
        first.feed(of_client(0, b"x" * 100))
        assert first.socket.messages == [b"x" * 700]
        second.lose()
        third = DrivenSocket(memory=memory)
        assert third.feed(of_client(BINARY, b"x" * 999, fin=False)) == []


class TestBeforeAndAfter:
    def test_nothing_can_be_done_before_it_is_open(self):
        socket = WebSocket()
        for call in (lambda: socket.send("a"), socket.close, socket.abort, socket.pause_reading):
            with pytest.raises(RuntimeError, match="not open yet"):
                call()
        assert socket.closed
        assert not socket.room
        assert socket.client is None

    def test_nothing_happens_after_the_end(self):
        d = echoing()
        d.feed(of_client(CLOSE))
        d.socket.send("a")
        assert d.transport.take() == b""
        d.lose()
        for call in ("close", "abort", "pause_reading", "resume_reading"):
            getattr(d.socket, call)()
        d.socket.send("a")
        assert d.socket.closed
        assert d.socket.unsent == 0

    def test_an_object_is_for_one_connection(self):
        d = echoing()
        with pytest.raises(RuntimeError, match="one connection"):
            DrivenSocket(d.socket)
        d.lose()
        with pytest.raises(RuntimeError, match="one connection"):
            DrivenSocket(d.socket)

    def test_nothing_holds_it_after_the_end(self):
        d = echoing()
        seen = weakref.ref(d.socket)
        gc.disable()
        try:
            d.lose()
            d.transport.protocol = d.machine = d.socket = None
            assert seen() is None
        finally:
            gc.enable()


CODES = [(1000, ""), (1001, "away"), (3000, "x" * 123), (4999, "中"), (1014, "")]


class TestClosing:
    @pytest.mark.parametrize(("code", "reason"), CODES)
    def test_the_peer_closes(self, code, reason):
        d = echoing()
        sent = d.feed(of_client(TEXT, b"last") + of_client(CLOSE, close_payload(code, reason)))
        assert sent == [(TEXT, "last"), (CLOSE, close_payload(code))]
        assert d.socket.told[-1] == ("close", code, reason)
        assert d.transport.closed
        assert d.transport.lingers
        d.lose()
        assert [name for name, *_ in d.socket.told].count("close") == 1

    def test_the_peer_closes_without_a_code(self):
        d = echoing()
        assert d.feed(of_client(CLOSE)) == [(CLOSE, b"")]
        assert d.socket.told[-1] == ("close", 1005, "")

    def test_what_comes_behind_a_close_is_not_looked_at(self):
        d = echoing()
        d.feed(of_client(CLOSE) + of_client(TEXT, b"late") + b"\xff\xff")
        d.feed(of_client(TEXT, b"later"))
        assert d.socket.messages == []
        assert d.journal.refusals == []

    @pytest.mark.parametrize(
        ("payload", "code"),
        [
            (b"\x03", 1002),
            *((close_payload(code), 1002) for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999)),
            (close_payload(5000), 1002),
            (b"\xff\xff", 1002),
            (b"\x03\xe8\xff", 1007),
            (b"\x03\xe8\xed\xa0\x80", 1007),
        ],
    )
    def test_a_close_that_breaks_a_rule(self, payload, code):
        d = echoing()
        [(opcode, answer)] = d.feed(of_client(CLOSE, payload))
        assert (opcode, int.from_bytes(answer[:2], "big")) == (CLOSE, code)
        assert d.transport.closed

    def test_a_broken_rule_is_answered_after_what_was_whole(self):
        d = echoing()
        sent = d.feed(of_client(TEXT, b"before") + of_client(3) + of_client(TEXT, b"behind"))
        assert sent == [(TEXT, "before"), (CLOSE, close_payload(1002, "there is no opcode 3"))]
        assert d.socket.told[-1] == ("close", 1002, "there is no opcode 3")
        assert d.transport.closed
        assert d.transport.lingers
        assert d.journal.refusals == [(("192.0.2.7", 1234), "ws-opcode", 14)]

    def test_we_close(self):
        d = echoing()
        d.socket.close(4001, "enough")
        assert d.sent() == [(CLOSE, close_payload(4001, "enough"))]
        assert d.socket.closed
        assert not d.transport.closed
        d.socket.close(1000)  # idempotent
        d.socket.send("late")
        assert d.feed(of_client(TEXT, b"dropped") + of_client(PING, b"?")) == []
        assert d.socket.told == [("open",)]
        assert d.feed(of_client(CLOSE, close_payload(4001))) == []
        assert d.socket.told[-1] == ("close", 4001, "enough")
        assert d.transport.closed

    def test_both_close_at_once(self):
        d = echoing()
        d.socket.close(4001)
        d.sent()
        assert d.feed(of_client(CLOSE, close_payload(1000))) == []
        assert d.socket.told[-1] == ("close", 4001, "")

    def test_a_peer_that_does_not_answer_our_close(self):
        d = echoing()
        d.socket.close()
        d.feed(of_client(TEXT, b"x"))  # is no answer, and gives no time
        assert d.expire() == Limits().websocket_close_timeout_s
        assert d.transport.aborted
        d.lose()
        assert d.socket.told[-1] == ("close", 1000, "")

    def test_a_peer_that_breaks_a_rule_instead(self):
        d = echoing()
        d.socket.close()
        d.sent()
        assert d.feed(of_client(3)) == []
        assert d.socket.told[-1] == ("close", 1000, "")
        assert d.transport.closed

    @pytest.mark.parametrize("code", [-1, 0, 999, 1004, 1005, 1006, 1015, 2000, 5000, 70_000])
    def test_a_code_that_must_not_be_sent(self, code):
        d = echoing()
        with pytest.raises(ValueError, match="no code"):
            d.socket.close(code)
        assert d.sent() == []
        assert not d.socket.closed

    def test_a_reason_is_cut_at_a_character(self):
        d = echoing()
        d.socket.close(1000, "a" + "中" * 200)
        [(_, payload)] = d.sent()
        assert payload[2:].decode() == "a" + "中" * 40

    def test_a_reason_that_is_no_text(self):
        d = echoing()
        d.socket.close(1000, "a\ud800")
        assert d.sent() == [(CLOSE, close_payload(1000, "a?"))]

    def test_the_connection_is_lost(self):
        d = echoing()
        d.lose(ConnectionResetError())
        assert d.socket.told[-1] == ("close", 1006, "")

    def test_an_end_without_a_close(self):
        d = echoing()
        assert not d.machine.eof_received()
        d.lose()
        assert d.socket.told[-1] == ("close", 1006, "")

    def test_it_is_aborted(self):
        d = echoing()
        d.socket.abort()
        assert d.transport.aborted
        d.lose()
        assert d.socket.told[-1] == ("close", 1006, "")

    def test_the_server_stops(self):
        d = echoing()
        d.machine.finish()
        assert d.sent() == [(CLOSE, close_payload(1012, "the server stops"))]
        d.machine.finish()
        assert d.sent() == []

    def test_it_closes_in_the_call_that_opened_it(self):
        d = DrivenSocket(Recorder(open=lambda socket: socket.close(4000)))
        assert d.sent() == [(CLOSE, close_payload(4000))]

    def test_it_closes_among_messages(self):
        d = DrivenSocket(Recorder(message=lambda socket, data: socket.close()))
        data = of_client(TEXT, b"1") + of_client(TEXT, b"2") + of_client(CLOSE)
        assert d.feed(data) == [(CLOSE, close_payload(1000))]
        assert d.socket.told == [("open",), ("message", "1"), ("close", 1000, "")]
        assert d.transport.closed


ALIVE = [of_client(TEXT, b"a"), of_client(PONG), of_client(TEXT, b"a")[:1]]


class TestPings:
    def test_each_is_answered_with_its_payload(self):
        d = echoing()
        assert d.feed(of_client(PING, b"1") + of_client(PING, b"2")) == [(PONG, b"1"), (PONG, b"2")]

    def test_a_pong_that_nobody_asked_for(self):
        d = echoing()
        assert d.feed(of_client(PONG, b"?")) == []
        assert not d.transport.closed

    def test_above_high_water_only_the_newest_is_answered(self):
        d = DrivenSocket()
        d.transport.full = True
        d.socket.send("x")
        assert d.feed(b"".join(of_client(PING, b"%d" % i) for i in range(100))) == [(TEXT, "x")]
        d.transport.resume()
        assert d.sent() == [(PONG, b"99")]

    def test_a_silent_peer_ends_after_both_times(self):
        d = DrivenSocket(limits=Limits(websocket_ping_interval_s=20, websocket_ping_timeout_s=20))
        waited = d.expire()
        assert d.sent() == [(PING, b"")]
        waited += d.expire() + d.expire()
        assert waited == 40
        reason = "keepalive ping timeout"
        assert d.sent() == [(CLOSE, close_payload(1011, reason))]
        assert d.socket.told[-1] == ("close", 1011, reason)
        assert d.journal.refusals[0][1] == "ws-ping-timeout"

    @pytest.mark.parametrize("data", ALIVE)
    @pytest.mark.parametrize("expired", [0, 1, 2])
    def test_whatever_comes_says_that_it_lives(self, data, expired):
        d = DrivenSocket()
        for _ in range(expired):
            d.expire()
        d.feed(data)
        assert d.transport.deadline == Limits().websocket_ping_interval_s
        d.sent()
        d.expire()
        assert d.sent() == [(PING, b"")]

    def test_a_peer_that_cannot_be_heard_is_not_judged(self):
        d = DrivenSocket()
        d.socket.pause_reading()
        for _ in range(5):
            d.expire()
        assert d.sent() == []
        d.socket.resume_reading()
        d.expire()
        assert d.sent() == [(PING, b"")]

    def test_none_is_sent_if_the_interval_is_0(self):
        d = DrivenSocket(limits=Limits(websocket_ping_interval_s=0))
        assert d.transport.deadline is None
        d.feed(of_client(TEXT, b"a"))
        assert d.transport.deadline is None


class TestBackpressure:
    def test_room_and_no_room(self):
        d = DrivenSocket()
        assert d.socket.room
        d.transport.full = True
        d.socket.send("a")
        assert not d.socket.room
        assert not d.transport.reading  # who does not take is not taken from
        d.transport.resume()
        assert d.socket.told[-1] == ("room",)
        assert d.transport.reading

    def test_an_application_may_read_on_while_it_cannot_send(self):
        class Both(Recorder):
            reads_while_full = True

        d = DrivenSocket(Both())
        d.transport.full = True
        d.socket.send("a")
        assert d.transport.reading

    def test_a_client_reads_while_it_cannot_send(self):
        d = DrivenSocket(is_client=True)
        d.transport.full = True
        d.socket.send("a")
        assert d.transport.reading

    def test_one_that_closes_cannot_be_paused(self):
        d = DrivenSocket()
        d.socket.close()
        d.socket.pause_reading()
        assert d.transport.reading
        d.feed(of_client(CLOSE))
        assert d.socket.told[-1] == ("close", 1000, "")

    def test_one_that_takes_nothing_is_dropped_at_the_bound(self):
        d = DrivenSocket(limits=Limits(websocket_unsent_bytes_max=1000))
        d.transport.full = True
        d.socket.send(b"x" * 5000)  # one message may be larger
        assert not d.transport.aborted
        d.transport.unsent = 5000
        d.socket.send(b"x")
        assert d.transport.aborted
        assert d.journal.refusals[-1][1] == "ws-unsent"

    def test_who_has_yet_to_take_our_ping_or_close_is_not_judged(self):
        d = DrivenSocket()
        d.transport.unsent = 1
        for _ in range(5):
            d.expire()
        assert d.sent() == []
        d.socket.close()
        d.expire()
        assert not d.transport.aborted
        d.transport.unsent = 0
        d.expire()
        assert d.transport.aborted

    def test_paused_it_gets_no_message(self):
        d = DrivenSocket(Recorder(message=lambda socket, data: socket.pause_reading()))
        d.feed(b"".join(of_client(TEXT, b"%d" % i) for i in range(3)) + of_client(CLOSE))
        assert d.socket.messages == ["0"]
        assert not d.transport.reading
        assert d.transport.run_soon() == 0
        for expected in (["0", "1"], ["0", "1", "2"]):
            d.socket.resume_reading()
            assert len(d.socket.messages) < len(expected)  # never within the call
            d.transport.run_soon()
            assert d.socket.messages == expected
        d.socket.resume_reading()
        d.transport.run_soon()
        assert d.socket.told[-1] == ("close", 1005, "")

    def test_paused_and_resumed_in_one_call(self):
        def both(socket, data):
            socket.pause_reading()
            socket.resume_reading()

        d = DrivenSocket(Recorder(message=both))
        d.feed(of_client(TEXT, b"1") + of_client(TEXT, b"2"))
        d.transport.run_soon()
        assert d.socket.messages == ["1", "2"]
        assert d.transport.reading

    def test_the_peers_end_comes_behind_what_waits(self):
        d = DrivenSocket(Recorder(message=lambda socket, data: socket.pause_reading()))
        d.feed(of_client(TEXT, b"1") + of_client(TEXT, b"2"))
        assert d.machine.eof_received()
        d.socket.resume_reading()
        d.transport.run_soon()
        assert d.socket.messages == ["1", "2"]
        assert d.transport.closed

    def test_a_paused_one_that_closes_hears_the_answer(self):
        d = DrivenSocket(Recorder(message=lambda socket, data: socket.pause_reading()))
        d.feed(of_client(TEXT, b"1") + of_client(TEXT, b"2") + of_client(CLOSE))
        d.socket.close()
        d.transport.run_soon()
        assert d.socket.messages == ["1"]
        assert d.socket.told[-1] == ("close", 1000, "")


class TestClient:
    def test_it_masks_and_is_not_masked(self):
        d = DrivenSocket(is_client=True)
        assert d.feed(frame(TEXT, b"a")) == []
        assert d.socket.messages == ["a"]
        [(opcode, payload)] = d.feed(of_client(TEXT, b"masked"))
        assert (opcode, payload[:2]) == (CLOSE, close_payload(1002))
