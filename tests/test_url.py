"""URLs that stand for themselves are read as the standard library reads them."""

from __future__ import annotations

from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from reactor.client import names, url
from reactor.http import ascii

_START = st.sampled_from(
    ["http://h", "https://a.b:81", "http://", "HTTP://h", "http://h:", "x://h"]
)
_REST = st.text(st.sampled_from("aZ0.-_:/?%&=;@#[]+~ é'"), max_size=12)


def read(text):
    try:
        parsed = url.Url.parse(text)
        return parsed, names.name_from_url(parsed)
    except Exception as error:
        return str(error)


@settings(derandomize=True, max_examples=300)
@given(st.builds(str.__add__, _START, _REST))
def test_the_short_way_and_the_long_way_agree(text):
    short = read(text)
    with patch.object(url, "plain", lambda text: None):
        assert read(text) == short


def test_most_urls_go_the_short_way():
    assert url.plain("http://host.example:8080/a/b-c_1.tar.gz?x=%20&y") == (
        ("http", "host.example", 8080), "/a/b-c_1.tar.gz?x=%20&y",
    )  # fmt: skip
    assert url.plain("https://host") == (("https", "host", 443), "/")


@settings(derandomize=True, max_examples=300)
@given(st.text(st.sampled_from("aN.- /\\\0\x1b\u200b\u20ac\udc80"), max_size=6))
def test_a_name_that_needs_no_change_is_the_one_that_was_looked_at_letter_by_letter(name):
    """`harmless` looks at single letters only if the whole has something to be taken out."""
    kept = "".join(c for c in name if c.isprintable() and c not in "/\\")
    assert names.harmless(name) == names.harmless(kept)
    assert names.harmless(name).isprintable()


@settings(derandomize=True, max_examples=300)
@given(st.text(max_size=8))
def test_lower_case_is_that_of_ascii(text):
    slow = "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)
    assert ascii.lower(text) == slow
