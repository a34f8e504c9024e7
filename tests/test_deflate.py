"""permessage-deflate: what is agreed on, messages of both directions, and bombs."""

import random
import tracemalloc
import zlib

import pytest
from websocket_handshakes import driven, head_of, opening
from websocket_peers import cuts, needs_websockets, needs_wsproto
from websockets_driven import (
    BINARY,
    CLOSE,
    MASK,
    PING,
    PONG,
    TEXT,
    DrivenSocket,
    Recorder,
    close_payload,
    of_client,
)

from reactor import Limits
from reactor.errors import RemoteProtocolError
from reactor.http.deflate import OFFER, Agreement, Deflater, Inflater, agree, agreed
from reactor.http.websocket_options import WebSocketOptions
from reactor.parser._frames import FrameReader, frame

OUR_BITS = "server_max_window_bits=12"
BOTH = "client_max_window_bits=12"


class TestAgreement:
    @pytest.mark.parametrize(
        ("offers", "answer"),
        [
            # What browsers send.
            ("permessage-deflate; client_max_window_bits", f"{OUR_BITS}; {BOTH}"),
            # One that cannot make its window smaller is to forget it.
            ("permessage-deflate", f"client_no_context_takeover; {OUR_BITS}"),
            (
                "permessage-deflate; client_max_window_bits=10; server_max_window_bits=9",
                "server_max_window_bits=9; client_max_window_bits=10",
            ),
            ('permessage-deflate; client_max_window_bits="15"', f"{OUR_BITS}; {BOTH}"),
            (
                "permessage-deflate;server_no_context_takeover;client_no_context_takeover ; "
                "client_max_window_bits",
                f"server_no_context_takeover; client_no_context_takeover; {OUR_BITS}; {BOTH}",
            ),
            (
                "x-webkit-deflate-frame, permessage-deflate; client_max_window_bits",
                f"{OUR_BITS}; {BOTH}",
            ),
            # zlib has no window of 256 bytes; the next offer will do.
            (
                "permessage-deflate; server_max_window_bits=8, permessage-deflate; "
                "client_max_window_bits=8",
                f"{OUR_BITS}; client_max_window_bits=8",
            ),
            ("permessage-deflate; server_max_window_bits=8", None),
            ("permessage-deflate; server_max_window_bits", None),
            ("permessage-deflate; server_max_window_bits=16", None),
            ("permessage-deflate; server_max_window_bits=010", None),
            ("permessage-deflate; client_max_window_bits=7", None),
            ("permessage-deflate; client_max_window_bits=08", None),
            ("permessage-deflate; server_no_context_takeover=1", None),
            ("permessage-deflate; unknown", None),
            ("permessage-deflate; client_max_window_bits; client_max_window_bits", None),
            ("permessage-deflate client_max_window_bits", None),
            ("permessage-deflate; ", None),
            ("permessage-gzip", None),
            ("", None),
            (None, None),
        ],
    )
    def test_the_first_offer_that_can_be_kept(self, offers, answer):
        _, fields, _ = head_of(driven().feed(opening(Sec_WebSocket_Extensions=offers)))
        expected = answer and f"permessage-deflate; {answer}"
        assert fields.get("Sec-WebSocket-Extensions") == expected

    def test_offers_in_several_lines(self):
        offers = ["x", "permessage-deflate; client_max_window_bits"]
        _, fields, _ = head_of(driven().feed(opening(Sec_WebSocket_Extensions=offers)))
        assert "Sec-WebSocket-Extensions" in fields

    def test_none_if_the_server_wants_none(self):
        d = driven(options=WebSocketOptions(deflate=False))
        _, fields, _ = head_of(d.feed(opening(Sec_WebSocket_Extensions=OFFER)))
        assert "Sec-WebSocket-Extensions" not in fields

    def test_with_many_connections_none_keeps_a_context(self):
        d = driven()
        d.feed(opening(Sec_WebSocket_Extensions=OFFER))
        d.context.websockets.deflating = Limits().websocket_deflate_contexts_max
        d.connect()
        _, fields, _ = head_of(d.feed(opening(Sec_WebSocket_Extensions=OFFER)))
        assert "server_no_context_takeover" in fields["Sec-WebSocket-Extensions"]

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            ([], None),
            (
                ["permessage-deflate; server_max_window_bits=10; client_max_window_bits=11"],
                Agreement(server_bits=10, client_bits=11),
            ),
            (
                ["permessage-deflate; server_max_window_bits=12; client_no_context_takeover"],
                Agreement(server_bits=12, client_forgets=True),
            ),
        ],
    )
    def test_what_a_client_reads_of_the_answer(self, answer, expected):
        assert agreed(answer) == expected

    @pytest.mark.parametrize(
        "answer",
        [
            "x",
            "permessage-deflate",  # a window that is larger than we said
            "permessage-deflate; server_max_window_bits=13",
            "permessage-deflate; server_max_window_bits=12; client_max_window_bits",
            f"{OFFER}, {OFFER}",
        ],
    )
    def test_what_was_not_offered_is_refused(self, answer):
        with pytest.raises(RemoteProtocolError) as caught:
            agreed([answer])
        assert caught.value.status == 1010


def deflated(data, compressor=None):
    compressor = compressor or zlib.compressobj(9, zlib.DEFLATED, -12)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def deflating(limits=None, forgets=False, does=None):
    limits = limits or Limits()
    return DrivenSocket(
        Recorder(**(does or {})),
        limits,
        inflater=Inflater(12, forgets, limits),
        deflater=Deflater(12, forgets),
    )


class TestMessages:
    @pytest.mark.parametrize(
        "payload",
        [
            "f248cdc9c90700",  # RFC 7692 7.2.3.1
            "f348cdc9c9070000",  # 7.2.3.4: a block with BFINAL
            "f24805000000ffffcac9c90700",  # 7.2.3.5: two blocks
            "000500faff48656c6c6f00",  # 7.2.3.3: not compressed
        ],
    )
    def test_the_examples_of_the_rfc(self, payload):
        data = of_client(TEXT, bytes.fromhex(payload), deflated=True)
        for pieces in [[data], *cuts(data)]:
            d = deflating()
            for piece in pieces:
                d.feed(piece)
            assert d.socket.messages == ["Hello"], payload
            d.feed(data)
            assert d.socket.messages == ["Hello", "Hello"]

    def test_a_context_that_is_taken_over(self):
        # RFC 7692 7.2.3.2
        d = deflating()
        d.feed(of_client(TEXT, bytes.fromhex("f248cdc9c90700"), deflated=True))
        d.feed(of_client(TEXT, bytes.fromhex("f200110000"), deflated=True))
        assert d.socket.messages == ["Hello", "Hello"]

    def test_parts_and_what_comes_between(self):
        data = deflated("héllo wörld".encode() * 10)
        sent = (
            of_client(TEXT, data[:5], fin=False, deflated=True)
            + of_client(PING, b"?")
            + of_client(0, b"", fin=False)
            + of_client(0, data[5:])
            + of_client(TEXT, b"plain")
        )
        for pieces in [[sent], *cuts(sent)]:
            d = deflating()
            answers = [item for piece in pieces for item in d.feed(piece)]
            assert answers == [(PONG, b"?")]
            assert d.socket.messages == ["héllo wörld" * 10, "plain"]

    def test_empty_ones(self):
        d = deflating()
        d.feed(of_client(TEXT, b"\x00", deflated=True) + of_client(BINARY, b"\x00", deflated=True))
        assert d.socket.messages == ["", b""]

    @pytest.mark.parametrize("forgets", [False, True])
    def test_what_we_send_is_inflated_at_the_other_end(self, forgets):
        d = deflating(forgets=forgets)
        d.other_end = FrameReader(False, 1 << 30, Inflater(12, forgets, Limits()))
        chance = random.Random(3)
        for size in (0, 63, 64, 1000, 100_000):
            for data in (chance.randbytes(size), b"ab" * (size // 2), "é" * size):
                d.socket.send(data)
                opcode = TEXT if isinstance(data, str) else BINARY
                assert d.sent() == [(opcode, data)]

    def test_short_ones_are_not_deflated(self):
        d = deflating()
        d.socket.send("x" * 63)
        d.socket.send("x" * 64)
        sent = d.transport.take()
        assert (sent[0], sent[65]) == (0x81, 0xC1)

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (of_client(TEXT, b"\xff\xff\xff", deflated=True), 1007),
            (of_client(TEXT, deflated(b"\xff"), deflated=True), 1007),
            (of_client(TEXT, deflated(b"\xe4\xb8"), deflated=True), 1007),
            (of_client(PING, b"a", deflated=True), 1002),
            (of_client(TEXT, b"", fin=False) + of_client(0, b"a", deflated=True), 1002),
        ],
    )
    def test_what_is_wrong(self, data, code):
        d = deflating()
        [(opcode, payload)] = d.feed(data)
        assert (opcode, payload[:2]) == (CLOSE, close_payload(code))


class TestBombs:
    def test_one_that_inflates_beyond_the_bound(self):
        limits = Limits(websocket_message_bytes_max=1000)
        d = deflating(limits)
        data = deflated(b"x" * 1001)
        [(_, payload)] = d.feed(of_client(BINARY, data, deflated=True))
        assert payload[:2] == close_payload(1009)
        d = deflating(limits)
        d.feed(of_client(BINARY, deflated(b"x" * 1000), deflated=True))
        assert d.socket.messages == [b"x" * 1000]

    def test_ten_gigabytes_take_no_memory(self):
        # RFC 7692 8: 1,000 zeros are a byte.
        unit = deflated(bytes(1 << 20)) + b"\0\0\xff\xff"
        message = frame(BINARY, unit * 10_000, deflated=True, mask=MASK)
        assert len(message) > 10_000_000
        d = deflating()
        tracemalloc.start()
        try:
            for start in range(0, len(message), 65_536):
                d.feed(message[start : start + 65_536])
                while d.transport.run_soon():
                    pass
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert d.socket.told[-1][:2] == ("close", 1009)
        assert peak < 20 << 20

    def test_the_ratio_has_a_bound_above_a_size(self):
        payload = deflated(bytes(60_000))
        over = 60_000 - 50 * (2 + len(payload))
        data = of_client(BINARY, payload, deflated=True)
        for free, code in ((over, None), (over - 1, 1009)):
            limits = Limits(websocket_inflate_ratio_max=50, websocket_inflate_free_bytes=free)
            for pieces in [[data], *cuts(data)]:
                d = deflating(limits)
                sent = [item for piece in pieces for item in d.feed(piece)]
                if code is None:
                    assert d.socket.messages == [bytes(60_000)]
                else:
                    assert [payload[:2] for _, payload in sent] == [close_payload(1009)]

    def test_what_all_messages_owe_has_a_bound_and_is_forgiven_in_time(self):
        payload = deflated(bytes(60_000))
        over = 60_000 - 200 * (2 + len(payload))
        limits = Limits(websocket_inflate_free_bytes=3 * over)
        now = [100.0]
        inflater = Inflater(12, True, limits, lambda: now[0])

        def inflate():
            return inflater.inflate(payload, 1 << 20, True, True)

        for _ in range(3):
            assert inflate() == bytes(60_000)
        with pytest.raises(RemoteProtocolError) as caught:
            inflate()
        assert (caught.value.status, caught.value.code) == (1009, "ws-inflate-ratio")
        now[0] += 1.4  # the four are forgiven, and a third of it is left over
        inflater.inflate(payload, 1 << 20, True, True)
        now[0] += 1000  # what is forgiven is not saved up
        for _ in range(3):
            inflate()
        with pytest.raises(RemoteProtocolError):
            inflate()

    def test_what_is_received_pays_for_what_was_owed_but_not_for_what_comes(self):
        payload, plain = deflated(bytes(60_000)), random.Random(2).randbytes(5000)
        over = 60_000 - 200 * (2 + len(payload))
        limits = Limits(websocket_inflate_free_bytes=over)
        inflater = Inflater(12, True, limits, lambda: 0.0)
        for _ in range(3):
            inflater.inflate(deflated(plain), 1 << 20, True, True)
            inflater.inflate(payload, 1 << 20, True, True)
        with pytest.raises(RemoteProtocolError):
            inflater.inflate(payload, 1 << 20, True, True)

    def test_of_a_server_each_message_is_judged_alone(self):
        inflater = Inflater(12, True, Limits())
        for _ in range(200):
            inflater.inflate(deflated(bytes(60_000)), 1 << 20, True, True)
        with pytest.raises(RemoteProtocolError):
            inflater.inflate(deflated(bytes(6 << 20)), 8 << 20, True, True)
            while inflater.pending:
                inflater.go_on(8 << 20)

    @pytest.mark.parametrize(
        "data", [b"[" + b"0," * 1500 + b"0]", bytes(4096), b'{"temperature": 20.0}, ' * 150]
    )
    def test_what_compresses_well_passes_for_ever(self, data):
        inflater = Inflater(12, False, Limits(websocket_inflate_free_bytes=0), lambda: 0.0)
        compressor = zlib.compressobj(6, zlib.DEFLATED, -12, 5)
        for _ in range(1000):
            assert inflater.inflate(deflated(data, compressor), 1 << 20, True, True) == data

    def test_the_ratio_does_not_depend_on_how_it_is_cut(self):
        limits = Limits(websocket_inflate_ratio_max=4, websocket_inflate_free_bytes=50)
        # Its beginning alone is over the ratio.
        plain = bytes(1500) + random.Random(1).randbytes(500)
        data = of_client(BINARY, deflated(plain), deflated=True)
        for pieces in [[data], *cuts(data)]:
            d = deflating(limits)
            for piece in pieces:
                d.feed(piece)
            assert d.socket.messages == [plain]

    def test_what_was_announced_is_refused_before_it_comes(self):
        d = deflating(Limits(websocket_message_bytes_max=1000))
        head = of_client(BINARY, bytes(3000), deflated=True)[:8]
        [(_, payload)] = d.feed(head)
        assert payload[:2] == close_payload(1009)


@needs_websockets
@pytest.mark.parametrize("forgets", [False, True])
def test_websockets_reads_ours_and_we_read_its(forgets):
    from websockets.extensions.permessage_deflate import PerMessageDeflate
    from websockets.frames import Frame, Opcode

    theirs = PerMessageDeflate(forgets, forgets, 12, 12)
    d = deflating(forgets=forgets)
    chance = random.Random(5)
    for _ in range(50):
        text = "".join(chance.choices(["ab", "cde ", "é"], k=chance.randrange(30, 3000)))
        sent = theirs.encode(Frame(Opcode.TEXT, text.encode()))
        d.feed(of_client(TEXT, bytes(sent.data), deflated=sent.rsv1))
        assert d.socket.messages[-1] == text
        d.socket.send(text)
        raw = FrameReader(False, 1 << 20, _Keeps())
        [(_, data)] = raw.read(d.transport.take().replace(b"\xc1", b"\xc2", 1))
        got = theirs.decode(Frame(Opcode.TEXT, data, rsv1=True))
        assert bytes(got.data).decode() == text


@needs_wsproto
def test_wsproto_reads_ours():
    from wsproto.extensions import PerMessageDeflate
    from wsproto.frame_protocol import FrameProtocol

    extension = PerMessageDeflate()
    extension.offer()
    extension.finalize(f"permessage-deflate; {OUR_BITS}; client_no_context_takeover")
    client = FrameProtocol(client=True, extensions=[extension])
    d = deflating()
    for text in ("x" * 64, "abc" * 1000, "y"):
        d.socket.send(text)
        client.receive_bytes(d.transport.take())
        assert "".join(part.payload for part in client.received_frames()) == text


class _Keeps:
    """In place of what inflates."""

    pending = False

    def inflate(self, data, most, frame_ends, last):
        return data


def test_an_agreement_says_both_windows():
    agreement, value = agree([OFFER], forget=False)
    assert agreement == Agreement(server_bits=12, client_bits=12)
    assert value == f"permessage-deflate; {OUR_BITS}; {BOTH}"
