"""RFC 9110 12: weights, content codings, media types."""

from __future__ import annotations

import pytest

from reactor.http.negotiation import prefers, rank_codings, weights

OURS = ("br", "zstd", "gzip")


@pytest.mark.parametrize(
    ("value", "ranked"),
    [
        ("", []),
        ("gzip", ["gzip"]),
        ("GZip", ["gzip"]),
        ("gzip, deflate, br, zstd", ["br", "zstd", "gzip"]),
        ("gzip;q=1.0, br;q=0.5", ["gzip", "br"]),
        ("gzip;q=0", []),
        ("gzip;q=0.000, br", ["br"]),
        ("br;q=0.001", ["br"]),
        ("*", ["br", "zstd", "gzip"]),
        ("*;q=0", []),
        ("*, br;q=0", ["zstd", "gzip"]),
        ("gzip;q=0, *;q=0.5", ["br", "zstd"]),
        ("identity", []),
        ("identity, gzip", ["gzip"]),
        ("identity, gzip;q=0.5", []),
        ("identity;q=0.5, gzip", ["gzip"]),
        ("identity;q=0, gzip;q=0.1", ["gzip"]),
        ("gzip;q=2", []),
        ("gzip;q=1.001", []),
        ("gzip;q=0.1234", []),
        ("gzip;q=", []),
        ("gzip;q=-1", []),
        ("gzip;q=.5", []),
        ("gzip;q=\u0661", []),
        ("gzip ; Q=0.5", ["gzip"]),
        ("gzip;level=9;q=0", []),
        (" , ,gzip,", ["gzip"]),
        ("gzip;q=1.", ["gzip"]),
        ("x-gzip", []),
    ],
)
def test_rank_codings(value, ranked):
    assert rank_codings(value, OURS) == tuple(ranked)


def test_only_the_first_elements_are_read():
    assert rank_codings("x," * 31 + "gzip", OURS) == ("gzip",)
    assert rank_codings("x," * 5000 + "gzip", OURS) == ()


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        ("", False),
        ("application/json", True),
        ("Application/JSON", True),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        ("*/*", False),
        ("application/*", True),
        ("application/json;q=0.5, text/html", False),
        ("application/json, text/html;q=0.9", True),
        ("application/json, */*", False),
        ("application/json, */*;q=0.1", True),
        ("application/json, text/*", False),
        ("application/json;q=0", False),
    ],
)
def test_prefers_json(value, answer):
    assert prefers(value, "application/json", "text/html") is answer


def test_weights():
    assert weights("a, B;q=0.25;x=1") == {"a": 1000, "b": 250}
