"""WebSocket frames: RFC 6455's rules as vectors, cut everywhere, and against other codecs."""

import random

import pytest
from websocket_peers import (
    by_websockets,
    by_wsproto,
    cuts,
    needs_websockets,
    needs_wsproto,
    read_all,
)

from reactor.errors import RemoteProtocolError
from reactor.parser._frames import FrameReader, frame, masked

MASK = b"\x37\xfa\x21\x3d"
MOST = 1000
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def of_client(opcode, data=b"", fin=True, deflated=False):
    return frame(opcode, data, fin=fin, deflated=deflated, mask=MASK)


def read(data, most=MOST, client=True):
    return read_all(FrameReader(client, most), [data])


def cut(opcode, *parts):
    """A message in so many frames."""
    last = len(parts) - 1
    return b"".join(
        of_client(opcode if i == 0 else 0, part, fin=i == last) for i, part in enumerate(parts)
    )


RIGHT = {
    # RFC 6455 5.7: its own examples.
    "rfc-text": (bytes.fromhex("818537fa213d7f9f4d5158"), [(TEXT, "Hello")]),
    "rfc-ping": (bytes.fromhex("898537fa213d7f9f4d5158"), [(PING, b"Hello")]),
    "empty-text": (of_client(TEXT), [(TEXT, "")]),
    "empty-binary": (of_client(BINARY), [(BINARY, b"")]),
    "empty-fragments": (cut(TEXT, b"", b"", b""), [(TEXT, "")]),
    "one-byte": (of_client(TEXT, b"a"), [(TEXT, "a")]),
    "latin-1": (of_client(TEXT, "é".encode()), [(TEXT, "é")]),
    "125": (of_client(BINARY, b"x" * 125), [(BINARY, b"x" * 125)]),
    "126": (of_client(BINARY, b"x" * 126), [(BINARY, b"x" * 126)]),
    "the-most": (of_client(TEXT, b"x" * MOST), [(TEXT, "x" * MOST)]),
    "the-most-in-parts": (cut(TEXT, b"x" * 999, b"", b"y"), [(TEXT, "x" * 999 + "y")]),
    "ping-within": (
        of_client(TEXT, b"a", fin=False) + of_client(PING, b"?") + of_client(0, b"b"),
        [(PING, b"?"), (TEXT, "ab")],
    ),
    "a-character-in-two-frames": (cut(TEXT, b"a\xe4\xb8", b"\xadb"), [(TEXT, "a中b")]),
    "ascii-and-then-not": (cut(TEXT, b"abcdefgh", "éé".encode(), b"z"), [(TEXT, "abcdefghééz")]),
    "binary-is-no-text": (cut(BINARY, b"\xff", b"\xfe"), [(BINARY, b"\xff\xfe")]),
    "largest-character": (cut(TEXT, b"\xf4\x8f", b"\xbf\xbf"), [(TEXT, "\U0010ffff")]),
    "two-messages": (of_client(TEXT, b"1") + of_client(TEXT, b"2"), [(TEXT, "1"), (TEXT, "2")]),
    "close": (of_client(CLOSE, b"\x03\xe8bye"), [(CLOSE, b"\x03\xe8bye")]),
    "pong": (of_client(PONG, b"x" * 125), [(PONG, b"x" * 125)]),
}

WRONG = {
    "opcode-3": (of_client(3), 1002),
    "opcode-7": (of_client(7), 1002),
    "opcode-11": (of_client(11), 1002),
    "opcode-15": (of_client(15), 1002),
    "rsv1": (of_client(TEXT, b"a", deflated=True), 1002),
    "rsv2": (b"\xa1\x80" + MASK, 1002),
    "rsv3": (b"\x91\x80" + MASK, 1002),
    "not-masked": (frame(TEXT, b"a"), 1002),
    "control-in-parts": (of_client(PING, fin=False), 1002),
    "control-126": (of_client(PING, b"x" * 126), 1002),
    "continues-nothing": (of_client(0, b"a"), 1002),
    "continues-nothing-fin-not-set": (of_client(0, b"a", fin=False), 1002),
    "message-within-message": (of_client(TEXT, b"a", fin=False) + of_client(TEXT, b"b"), 1002),
    "length-in-2-too-short": (b"\x81\xfe\x00\x7d" + MASK, 1002),
    "length-in-8-too-short": (b"\x81\xff" + (65535).to_bytes(8, "big") + MASK, 1002),
    "length-top-bit": (b"\x81\xff" + (1 << 63).to_bytes(8, "big") + MASK, 1002),
    # Said from the length alone: there is no payload.
    "too-big": (of_client(TEXT, b"x" * (MOST + 1))[:8], 1009),
    "2-to-the-40": (b"\x82\xff" + (1 << 40).to_bytes(8, "big") + MASK, 1009),
    "too-big-in-parts": (
        of_client(TEXT, b"x" * MOST, fin=False) + of_client(0, b"y")[:6],
        1009,
    ),
    "latin-1": (of_client(TEXT, b"\xe9"), 1007),
    "overlong": (of_client(TEXT, b"\xc0\x80"), 1007),
    "surrogate": (of_client(TEXT, b"\xed\xa0\x80"), 1007),
    "above-the-last": (of_client(TEXT, b"\xf4\x90\x80\x80"), 1007),
    "ends-within-a-character": (of_client(TEXT, b"a\xe4\xb8"), 1007),
    "ends-within-a-character-in-parts": (cut(TEXT, b"a\xe4", b"\xb8"), 1007),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_read_however_it_is_cut(name):
    data, expected = RIGHT[name]
    assert read(data) == (expected, None)
    assert read(data + data) == (expected * 2, None)
    for pieces in cuts(data):
        assert read_all(FrameReader(True, MOST), pieces) == (expected, None), pieces


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_refused_by_its_code(name):
    data, code = WRONG[name]
    before = of_client(TEXT, b"before")
    # What was whole before the fault is given out in the same read.
    assert read(before + data + b"behind") == ([(TEXT, "before")], code)
    for pieces in cuts(data):
        assert read_all(FrameReader(True, MOST), pieces) == ([], code), pieces


def test_a_server_masks_nothing():
    assert read(frame(TEXT, b"a"), client=False) == ([(TEXT, "a")], None)
    assert read(of_client(TEXT, b"a"), client=False) == ([], 1002)


@pytest.mark.parametrize(
    ("data", "certain"),
    [
        (b"abc\xff", 4),
        (b"\xc0\xaf", 1),
        (b"\xe0\x9f\x80", 2),
        (b"\xed\xa0\x80", 2),
        (b"\xf0\x8f\xbf\xbf", 2),
        (b"\xf4\x90\x80\x80", 2),
        (b"\xf5\x80", 1),
        (b"ab\xe4\xb8a", 5),
        (b"\x80", 1),
    ],
)
def test_a_text_that_is_none_is_refused_at_the_byte_that_makes_it_certain(data, certain):
    message = of_client(TEXT, data + b"x" * 20)
    for at in range(1, len(data) + 1):
        expected = 1007 if at >= certain else None
        assert read(message[: 6 + at]) == ([], expected)


def test_the_offset_of_a_fault_counts_from_the_first_frame():
    reader = FrameReader(True, MOST)
    first = of_client(TEXT, b"abc")
    reader.read(first[:5])
    reader.read(first[5:])
    with pytest.raises(RemoteProtocolError) as caught:
        reader.read(of_client(3))
    assert caught.value.offset == len(first) + 2
    assert caught.value.code == "ws-opcode"


def test_a_length_that_is_only_announced_takes_no_memory():
    import tracemalloc

    most = 1 << 24
    tracemalloc.start()
    try:
        readers = [FrameReader(True, most) for _ in range(50)]
        for reader in readers:
            reader.read(b"\x82\xff" + most.to_bytes(8, "big") + MASK + b"x" * 100)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 50 * 80 * 1024


@pytest.mark.parametrize("size", [65_535, 65_536, 70_000, 300_000])
@pytest.mark.parametrize("text", [b"a", "中".encode()])
def test_a_large_message_that_comes_in_reads(size, text):
    data = (text * size)[:size]
    data = data[: len(data) - size % len(text)]
    for opcode, expected in ((BINARY, data), (TEXT, data.decode())):
        sent = of_client(opcode, data)
        pieces = [sent[i : i + 65_536] for i in range(0, len(sent), 65_536)]
        assert read_all(FrameReader(True, 1 << 24), pieces) == ([(opcode, expected)], None)


def test_what_is_dropped_is_read_over():
    reader = FrameReader(True, MOST)
    reader.read(of_client(TEXT, b"\xe4", fin=False) + of_client(0, b"\xb8", fin=False)[:6])
    reader.dropping = True
    rest = b"\xb8" + of_client(0, b"!") + of_client(BINARY, b"?" * 900) + of_client(CLOSE)
    assert reader.read(rest) == [(CLOSE, b"")]


def test_a_mask_of_any_length_and_place():
    for size in range(40):
        data = bytes(range(size))
        assert masked(data, MASK) == bytes(b ^ MASK[i % 4] for i, b in enumerate(data))
    with pytest.raises(ValueError, match="four bytes"):
        masked(b"", b"123")


# --- against other codecs ---------------------------------------------------------------------


def some_bytes(chance, size):
    kind = chance.randrange(4)
    if kind == 0:
        return chance.randbytes(size)
    if kind == 1:
        return bytes(chance.choices(b"abc \n", k=size))
    text = "".join(chance.choices("aé中🎉\u07ff\ud7ff\ue000", k=size))[: size // 2 + 1].encode()
    if kind == 2 or not text:
        return text
    at = chance.randrange(len(text))
    return text[:at] + chance.choice([b"", b"\xff", b"\xed\xa0"]) + text[at + 1 :]


def some_frame(chance, client=True):
    opcode = chance.choice([TEXT, TEXT, BINARY, 0, 0, PING, PONG, CLOSE, chance.randrange(16)])
    size = chance.choice([0, 1, 2, 5, 30, 125, 126, 127, 300])
    data = some_bytes(chance, size)
    if opcode == CLOSE:  # which payloads are right is the machine's business (test_websocket)
        reason = data[: chance.choice([40, 40, 200])].decode("utf-8", "ignore").encode()
        data = chance.choice([b"", b"\x03\xe8" + reason])
    elif opcode > 8 and chance.random() < 0.9:
        data = data[:125]
    fin = chance.random() < (0.95 if opcode >= 8 else 0.6)
    key = chance.randbytes(4) if client == (chance.random() < 0.99) else None
    return frame(opcode, data, fin=fin, deflated=chance.random() < 0.01, mask=key)


def ours(data, client):
    """As the others have it: Close is the end, and its payload is read."""
    found, code = read_all(FrameReader(client, 1 << 24), [data])
    for at, (opcode, payload) in enumerate(found):
        if opcode == CLOSE:
            found, code = found[:at], None
            if payload:
                reason = payload[2:].decode()
                found.append((CLOSE, (int.from_bytes(payload[:2], "big"), reason)))
            else:
                found.append((CLOSE, (1005, "")))
            break
    return found, code


def until_close(found):
    for at, (opcode, _) in enumerate(found):
        if opcode == CLOSE:
            return found[: at + 1], True
    return found, False


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(by_wsproto, marks=needs_wsproto),
        pytest.param(by_websockets, marks=needs_websockets),
    ],
)
@pytest.mark.parametrize("client", [True, False])
def test_other_codecs_read_the_same(other, client):
    chance = random.Random(7)
    compared = faults = 0
    for _ in range(4000):
        data = b"".join(some_frame(chance, client) for _ in range(chance.randrange(1, 6)))
        mine = ours(data, client)
        theirs, code = other(data, client)
        theirs, closed = until_close(theirs)
        if closed:
            code = None
        compared += 1
        if mine == (theirs, code):
            faults += code is not None
            continue
        if other is by_websockets and code == 1002 and mine[0][len(theirs) :][:1] and not mine[1]:
            # RFC 6455 5.4: a control frame may come within a message. It refuses a Close there.
            assert mine[0][: len(theirs)] == theirs
            assert [opcode for opcode, _ in mine[0][len(theirs) :]] == [CLOSE]
            continue
        # Ours sees that a text is none at the byte that says so, theirs may see later faults first.
        assert mine[1] == 1007, (data, mine, theirs, code)
        assert mine[0] == theirs[: len(mine[0])], (data, mine, theirs, code)
    assert compared > 3000
    assert faults > 300
