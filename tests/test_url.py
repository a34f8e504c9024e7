"""URLs that stand for themselves are read as the standard library reads them."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reactor.client import names, url
from reactor.client._plain_url import plain_name, plain_url
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


def agree(text):
    short = read(text)
    with patch.object(url, "plain_url", lambda text: None):
        assert read(text) == short, text
    with patch.object(names, "plain_name", lambda target: None):
        assert read(text) == short, text


@pytest.mark.parametrize(
    "url_with",
    [
        *("http://h{}", "http://{}h/", "http://h:{}", "http://h/{}", "http://h/a{}b"),
        *("http{}//h/a", "http://h.x/{}{}", "https://h:8{}/a/{}.txt", "http://h/a/{}?x"),
        "http://h/?{}",
    ],
)
def test_every_byte_in_every_place(url_with):
    for number in range(0x100):
        agree(url_with.replace("{}", chr(number)))


def test_the_bounds_that_are_written_twice():
    for size in (199, 200, 201, 229, 230, 231, 252, 253, 254):
        agree(f"http://h/{'n' * size}")
        agree(f"http://h/{'n' * (size - 5)}.part")
        agree(f"http://{'h' * size}/n")
    for port in ("0", "80", "080", "65535", "65536", "99999", "100000", "0" * 9, "+1", "\u0663"):
        agree(f"http://h:{port}/a")
    for device in sorted(names._RESERVED):
        for name in (device, device.upper(), f"{device}.txt", f"{device}0", f"x{device}"):
            agree(f"http://h/{name}")
    for suffix in (names.PART_SUFFIX, names.SIDECAR_SUFFIX):
        for text in (suffix, suffix.upper(), suffix[:-1], f"{suffix}x"):
            agree(f"http://h/name{text}")


def test_what_is_remembered_of_the_last_url_changes_nothing():
    texts = ["http://h/a", "http://h", "http://h:8/a", "http://hh/a", "https://h/a", "http://h?a"]
    texts += ["http://h/../a", "http://h:/a", "http://me@h/a", "http://h#a", "http://h/%2e", ""]
    for first in texts:
        for second in texts:
            read(first)
            short = read(second)
            with patch.object(url, "plain_url", lambda text: None):
                assert read(second) == short, (first, second)


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
