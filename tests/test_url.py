"""URLs that stand for themselves are read as the standard library reads them."""

from __future__ import annotations

from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from reactor.client import names, url

_START = st.sampled_from(
    ["http://h", "https://a.b:81", "http://", "HTTP://h", "http://h:", "x://h"]
)
_REST = st.text(st.sampled_from("aZ0.-_:/?%&=;@#[]+~ é'"), max_size=12)


def read(text):
    try:
        return url.Url.parse(text), names.name_from_url(text)
    except Exception as error:
        return str(error)


@settings(derandomize=True, max_examples=300)
@given(st.builds(str.__add__, _START, _REST))
def test_the_short_way_and_the_long_way_agree(text):
    short = read(text)
    with (
        patch.object(url, "plain", lambda text: None),
        patch.object(names, "plain", lambda text: None),
    ):
        assert read(text) == short


def test_most_urls_go_the_short_way():
    assert url.plain("http://host.example:8080/a/b-c_1.tar.gz?x=%20&y") == (
        ("http", "host.example", 8080), "/a/b-c_1.tar.gz?x=%20&y",
    )  # fmt: skip
    assert url.plain("https://host") == (("https", "host", 443), "/")
