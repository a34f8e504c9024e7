"""The HDR histogram against the `hdrhistogram` package, both ways."""

from __future__ import annotations

import random

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given, settings
from hypothesis import strategies as st

from reactor.load import Histogram

HOUR_NS = 3_600_000_000_000
PERCENTS = (0.0, 1.0, 25.0, 50.0, 90.0, 99.0, 99.9, 99.999, 100.0)

# As latencies are: small and large ones, and the borders of slots and buckets.
VALUES = st.one_of(
    st.integers(1, HOUR_NS),
    st.integers(0, 41).flatmap(lambda bits: st.integers(-1, 1).map(lambda d: (1 << bits) + d)),
    st.integers(1, 5000),
).filter(lambda value: 1 <= value <= HOUR_NS)
MANY = st.lists(VALUES, min_size=1, max_size=300)


def ours(values):
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


def theirs(values):
    histogram = HdrHistogram(1, HOUR_NS, 3)
    for value in values:
        assert histogram.record_value(value)
    return histogram


@settings(max_examples=20, deadline=None)
@given(MANY)
def test_percentiles_are_those_of_the_oracle(values):
    mine, oracle = ours(values), theirs(values)
    assert len(mine) == oracle.get_total_count()
    for percent in PERCENTS[1:]:
        assert mine.percentile(percent) == oracle.get_value_at_percentile(percent), percent
    assert mine.min == min(values)
    assert mine.max == oracle.get_max_value()


@settings(max_examples=20, deadline=None)
@given(MANY)
def test_a_percentile_is_within_a_thousandth_of_the_true_value(values):
    mine, ordered = ours(values), sorted(values)
    for rank in {1, len(values) // 2 + 1, len(values)}:
        found = mine.percentile(100 * rank / len(values))
        assert ordered[rank - 1] <= found <= ordered[rank - 1] * 1.001 + 1


@settings(max_examples=20, deadline=None)
@given(MANY)
def test_the_oracle_decodes_what_we_encode(values):
    decoded = HdrHistogram.decode(ours(values).encode())
    assert decoded.get_total_count() == len(values)
    for percent in PERCENTS[1:]:
        expected = theirs(values).get_value_at_percentile(percent)
        assert decoded.get_value_at_percentile(percent) == expected


@settings(max_examples=20, deadline=None)
@given(MANY)
def test_we_decode_what_the_oracle_encodes(values):
    decoded = Histogram.decode(theirs(values).encode())
    assert decoded.buckets() == ours(values).buckets()
    assert len(decoded) == len(values)


@settings(max_examples=20, deadline=None)
@given(MANY, MANY)
def test_merging_is_recording_both(first, second):
    merged = ours(first)
    merged.merge(ours(second))
    both = ours(first + second)
    assert merged.buckets() == both.buckets()
    assert (merged.min, merged.max, len(merged)) == (both.min, both.max, len(both))


def test_large_counts_survive_the_encoding():
    oracle = HdrHistogram(1, HOUR_NS, 3)
    for bits in range(0, 62, 3):
        oracle.record_value(1000 + 7 * bits, 1 << bits)
    decoded = Histogram.decode(oracle.encode())
    assert decoded.buckets()[-1] == (1000 + 7 * 60, 1 << 60)
    assert Histogram.decode(decoded.encode()).buckets() == decoded.buckets()


def test_what_is_out_of_range_counts_as_its_nearest_bound():
    histogram = ours([-5, 0, HOUR_NS * 2])
    assert len(histogram) == 3
    assert histogram.min == 0
    assert HOUR_NS <= histogram.max <= HOUR_NS * 1.001


def test_an_empty_one():
    empty = Histogram()
    assert (len(empty), empty.min, empty.max, empty.mean, empty.percentile(99)) == (0, 0, 0, 0.0, 0)
    assert Histogram.decode(empty.encode()).buckets() == []
    histogram = ours([1, 2, 3])
    histogram.clear()
    assert histogram.buckets() == []
    assert len(histogram) == 0


def test_the_mean():
    values = [random.Random(1).randrange(1, 10**9) for _ in range(1000)]
    assert ours(values).mean == pytest.approx(sum(values) / 1000, rel=1e-3)


def test_a_percentile_is_from_0_to_100():
    for percent in (-0.1, 100.1):
        with pytest.raises(ValueError, match="from 0 to 100"):
            ours([1]).percentile(percent)


BROKEN = {
    "nothing": "",
    "no base64": "HISTF!!!",
    "no histogram": "AAAAAAAAAAAAAAAA",
    "cut": ours([1, 2, 3]).encode()[:-8],
    "another range": HdrHistogram(1, 10**6, 2).encode(),
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_histogram_is_refused(text):
    with pytest.raises(ValueError, match="cannot decode"):
        Histogram.decode(text)


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=60))
def test_bytes_in_a_right_wrapping_are_a_histogram_or_a_value_error(payload):
    import base64
    import struct
    import zlib

    header = struct.pack(">iiiiqqd", 0x1C849313, len(payload), 0, 3, 1, HOUR_NS, 1.0)
    packed = zlib.compress(header + payload)
    text = base64.b64encode(struct.pack(">ii", 0x1C849314, len(packed)) + packed)
    try:
        histogram = Histogram.decode(text)
    except ValueError:
        return
    # A negative count is impossible, and so is one beyond the last slot.
    assert all(count > 0 for _, count in histogram.buckets())
