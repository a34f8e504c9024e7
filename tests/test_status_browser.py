"""The status page in a real browser: what it asks for, how it follows, that it needs no script."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from browser import CHROMIUM, browsing
from observed import counted, observed, where
from processes import exchange

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
    pytest.mark.long,
]

APP = """
from reactor import Response
def app(request):
    return Response(200, {}, b"fine")
"""
LAST = b"GET /looked/at HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
OK = 'reactor_responses_total{http_response_status_code="200"}'


@pytest.fixture
def server(tmp_path):
    (tmp_path / "looked.py").write_text(APP)
    with observed("looked:app", cwd=tmp_path) as server:
        yield server


@pytest.fixture
def tab(tmp_path_factory):
    with browsing(tmp_path_factory.mktemp("browser")) as tab:
        yield tab


def page_of(server):
    return "http://{}:{}/status".format(*where(server))


def test_it_follows_in_place_and_asks_nobody_else(server, tab):
    tab.open(page_of(server))
    tab.until(lambda: tab.js("document.getElementById('live').textContent") == "live", "live")
    mark = "document.body.dataset.mark"
    tab.js(f"{mark} = 'the same document'")
    for _ in range(20):
        exchange(server.address, LAST)
    counted(server, OK, 20)
    tab.until(lambda: "20 in all" in tab.js("document.body.innerText"), "the number is shown")
    tab.until(lambda: "/looked/at" in tab.js("document.body.innerText"), "the path is shown")
    tab.until(lambda: tab.js("document.querySelectorAll('path.l').length") > 3, "lines are drawn")
    assert tab.js(mark) == "the same document"
    assert {urlsplit(url).netloc for url in tab.requests if not url.startswith("data:")} == {
        f"127.0.0.1:{where(server)[1]}"
    }
    assert {urlsplit(url).path for url in tab.requests if url.startswith("http")} == {
        "/status", "/status/events",
    }  # fmt: skip
    assert tab.complaints == []


def test_it_comes_back_when_the_server_does(server, tab):
    """What an operator leaves open over a restart: it says so, and does not break."""
    tab.open(page_of(server))
    tab.until(lambda: tab.js("document.getElementById('live').textContent") == "live", "live")
    assert server.stop() == 0
    tab.until(lambda: tab.js("document.getElementById('live').textContent") == "no answer", "said")
    assert tab.js("document.body.classList.contains('old')")


def test_without_script_it_reloads_itself_and_draws(server, tab):
    tab.without_script()
    tab.open(page_of(server))
    for _ in range(3):
        exchange(server.address, LAST)
    before = tab.loads
    tab.until(lambda: tab.loads > before, "it is loaded again")
    found = tab.do("DOM.getDocument", depth=-1)
    text = str(found)
    assert "3 in all" in text
    assert text.count("'nodeName': 'svg'") == 6
    assert "http-equiv" in text
    assert tab.complaints == []


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_no_width_scrolls_sideways(width, server, tab):
    tab.size(width, 900)
    tab.open(page_of(server))
    for _ in range(3):
        exchange(server.address, LAST)
    tab.until(lambda: "/looked/at" in tab.js("document.body.innerText"), "the path is shown")
    assert tab.js("document.documentElement.scrollWidth") <= width


def test_dark_and_light_are_the_readers_own(server, tab):
    tab.open(page_of(server))
    background = "getComputedStyle(document.body).backgroundColor"
    tab.dark(False)
    light = tab.js(background)
    tab.dark()
    assert tab.js(background) != light
