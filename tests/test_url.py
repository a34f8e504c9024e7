"""URLs that stand for themselves are read as the standard library reads them."""

from __future__ import annotations

from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from reactor.client import names, url
from reactor.client._plain import plain_name, plain_url
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


@settings(derandomize=True, max_examples=600)
@given(st.builds(str.__add__, _START, _REST))
def test_the_short_way_and_the_long_way_agree(text):
    short = read(text)
    with patch.object(url, "plain_url", lambda text: None):
        assert read(text) == short


def test_most_urls_go_the_short_way():
    for _ in range(2):  # of the same host, and of one that its name begins with
        assert plain_url("http://host.example:8080/a/b-c_1.tar.gz?x=%20&y") == (
            ("http", "host.example", 8080), "/a/b-c_1.tar.gz?x=%20&y",
        )  # fmt: skip
        assert plain_url("https://host") == (("https", "host", 443), "/")
        assert plain_url("https://host.example/") == (("https", "host.example", 443), "/")
        assert plain_url("https://host/b") == (("https", "host", 443), "/b")


_PARTS = [
    "a",
    "N",
    "9",
    ".",
    "-",
    "_",
    "~",
    " ",
    "/",
    "\\",
    "\0",
    "\x1b",
    "\u200b",
    "\u20ac",
    "\udc80",
]
_WORDS = ["con", "NUL", "lpt", "COM", "1", ".part", ".PART", ".json", ".txt", "page", "x" * 199]


@settings(derandomize=True, max_examples=1000)
@given(st.lists(st.sampled_from(_PARTS + _WORDS), max_size=4).map("".join))
def test_a_plain_name_is_one_that_is_harmless_by_any_reading(path):
    found = url.Url("", ("http", "h", 80), f"/{path}")
    short = names.name_from_url(found)
    with patch.object(names, "plain_name", lambda target: None):
        assert names.name_from_url(found) == short


def test_most_names_are_plain():
    for name in ["page.html", "small-1", "a_b.tar.gz", "main.js", "0"]:
        assert plain_name(f"/a/{name}?x=/y") == name


@settings(derandomize=True, max_examples=300)
@given(st.text(max_size=8))
def test_lower_case_is_that_of_ascii(text):
    slow = "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)
    assert ascii.lower(text) == slow
