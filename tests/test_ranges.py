"""RFC 9110 14: which bytes a Range field selects."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reactor.http.ranges import (
    RANGES_MAX,
    Multipart,
    Span,
    content_range,
    select_ranges,
)

SIZE = 1000


@pytest.mark.parametrize(
    ("value", "spans"),
    [
        ("bytes=0-0", [(0, 1)]),
        ("bytes=0-499", [(0, 500)]),
        ("bytes=500-", [(500, 500)]),
        ("bytes=-1", [(999, 1)]),
        ("bytes=-500", [(500, 500)]),
        ("bytes=-5000", [(0, 1000)]),
        ("bytes=0-5000", [(0, 1000)]),
        ("bytes=999-", [(999, 1)]),
        ("bytes=00000-00009", [(0, 10)]),
        ("BYTES=0-9", [(0, 10)]),
        ("bytes= 0-9", [(0, 10)]),
        ("bytes=0-9, 20-29", [(0, 10), (20, 10)]),
        ("bytes=20-29,0-9", [(20, 10), (0, 10)]),
        ("bytes=0-9,10-19", [(0, 10), (10, 10)]),
        ("bytes=0-0,-1", [(0, 1), (999, 1)]),
        # A satisfiable range among others answers alone
        ("bytes=0-9,5000-", [(0, 10)]),
        ("bytes=9999999999999999999-", []),
        # However many digits: a position beyond the end is that
        ("bytes=0-" + "9" * 20, [(0, 1000)]),
        ("bytes=10-" + "9" * 4000, [(10, 990)]),
        ("bytes=-" + "9" * 20, [(0, 1000)]),
        ("bytes=0-9,20-" + "1" * 40, [(0, 10), (20, 980)]),
        ("bytes=" + "0" * 30 + "5-" + "0" * 30 + "6", [(5, 2)]),
        ("bytes=" + "9" * 4000 + "-", []),
        ("bytes=" + "9" * 30 + "-" + "9" * 40, []),
        ("bytes=1000-", []),
        ("bytes=1000-2000", []),
        ("bytes=-0", []),
        ("bytes=2000-3000,-0", []),
    ],
)
def test_satisfied(value, spans):
    assert select_ranges(value, SIZE) == [Span(*span) for span in spans]


@pytest.mark.parametrize(
    "value",
    ["", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=1", "bytes=5-1", "bytes=0-9-",
     "bytes=--1", "bytes=+0-9", "bytes=0-+9", "bytes=0_1-9", "bytes=0x0-9", "bytes=0 -9",
     "bytes=0-9;1-2", "bytes=0-9,", "bytes=,0-9", "bytes=0-9,x", "bytes\t=0-1", "items=0-9",
     "byte\u017f=0-9", "bytes=\u0660-\u0669", "bytes=\uff10-\uff19", "bytes=1.0-2", "bytes=1e1-20",
     "bytes=0-" + "9" * 20 + "x", "bytes=-" + "9" * 20 + "-", "bytes=0-9, bytes=20-29",
     # overlapping, however little
     "bytes=0-9,9-19", "bytes=0-,0-", "bytes=-5,-5", "bytes=0-99,50-59", "bytes=900-,-200"],
)  # fmt: skip
def test_ignored(value):
    assert select_ranges(value, SIZE) is None


def test_up_to_eight():
    eight = ",".join(f"{start}-{start}" for start in range(0, 2 * RANGES_MAX, 2))
    spans = select_ranges(f"bytes={eight}", SIZE)
    assert spans is not None
    assert len(spans) == 8
    assert select_ranges(f"bytes={eight},900-901", SIZE) is None
    assert select_ranges("bytes=" + "0-," * 2000 + "0-", SIZE) is None


def test_an_empty_representation_has_no_satisfiable_range():
    assert select_ranges("bytes=0-", 0) == []
    assert select_ranges("bytes=-1", 0) == []


def test_content_range():
    assert content_range(Span(0, 10), 1000) == "bytes 0-9/1000"
    assert content_range(Span(999, 1), 1000) == "bytes 999-999/1000"
    assert content_range(None, 1000) == "bytes */1000"


def test_multipart_frame():
    frame = Multipart([Span(0, 3), Span(7, 2)], 9, "text/plain", "B")
    content = b"abcdefghi"
    parts = [
        part if isinstance(part, bytes) else content[part.start : part.start + part.length]
        for part in frame
    ]
    assert b"".join(parts) == (
        b"\r\n--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-2/9\r\n\r\nabc"
        b"\r\n--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 7-8/9\r\n\r\nhi"
        b"\r\n--B--\r\n"
    )
    assert frame.content_length == len(b"".join(parts))
    assert frame.content_type == "multipart/byteranges; boundary=B"


@settings(derandomize=True, max_examples=300)
@given(
    size=st.integers(0, 50),
    ranges=st.lists(
        st.tuples(st.none() | st.integers(0, 60), st.none() | st.integers(0, 60)),
        min_size=1,
        max_size=10,
    ),
)
def test_spans_are_what_slices_would_be(size, ranges):
    """Against Python's own slices: whatever is selected is exactly the bytes asked for."""
    value = "bytes=" + ",".join(
        f"{'' if first is None else first}-{'' if last is None else last}" for first, last in ranges
    )
    spans = select_ranges(value, size)
    if spans is None:
        return
    content = bytes(range(size))
    expected = []
    for first, last in ranges:
        if first is None:
            piece = content[max(0, size - last) :] if last else b""
        else:
            piece = content[first:] if last is None else content[first : last + 1]
        if piece:
            expected.append(piece)
    assert [content[span.start : span.start + span.length] for span in spans] == expected


@settings(derandomize=True, max_examples=500)
@given(st.text(max_size=40))
def test_no_text_breaks_it(text):
    for value in (text, "bytes=" + text):
        spans = select_ranges(value, 100)
        assert spans is None or all(
            s.start >= 0 and s.length > 0 and s.start + s.length <= 100 for s in spans
        )
