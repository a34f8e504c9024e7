"""The index page in a real browser: what Chromium makes of it, not what we think it does."""

from __future__ import annotations

import http.server
import json
import shutil
import struct
import subprocess
import threading
import zlib

import pytest
from test_index import hostile_names, make

from reactor.apps.index import visible
from reactor.apps.static import StaticFolder
from reactor.parser._message import Request

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--enable-logging=stderr",
)  # fmt: skip

# Looks at the index from inside the browser: frames of several screens' widths, each document read
# by a script of the same origin, and every link followed as the browser resolves it.
PROBE = """<!doctype html><title>probe</title><body><script>
const widths = location.hash.slice(1).split(",");
const found = {};
function look(frame, width) {
  const page = frame.contentDocument;
  const rows = [...page.querySelectorAll("td.n a bdi")].map(name => {
    const request = new XMLHttpRequest();
    request.open("GET", name.parentNode.href, false);
    request.send();
    return [name.textContent, name.parentNode.href, request.status];
  });
  found[width] = {
    rows, title: page.title, scripts: page.scripts.length,
    width: page.documentElement.scrollWidth, visible: page.documentElement.clientWidth,
    shortest: Math.min(...[...page.querySelectorAll("td.n a")].map(a => a.offsetHeight)),
    columns: getComputedStyle(page.querySelector("tbody tr")).display,
  };
  if (Object.keys(found).length == widths.length) {
    document.body.textContent = "";
    document.body.dataset.result = JSON.stringify(found);
  }
}
for (const width of widths) {
  const frame = document.createElement("iframe");
  frame.style.cssText = "border:0;height:600px;width:" + width + "px";
  frame.onload = () => look(frame, width);
  frame.src = "/site/";
  document.body.append(frame);
}
</script>"""


@pytest.fixture
def root(tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "probe.html").write_text(PROBE)
    return tmp_path


@pytest.fixture
def address(root):
    """The folder on a local port, by a server that is not under test; frames allowed."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    framed = StaticFolder(root, headers=[("Content-Security-Policy", policy)])
    plain = StaticFolder(root)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            app = plain if "plain" in self.path or "probe" in self.path else framed
            response = app.respond(Request("GET", self.path))
            body = response.body
            if not isinstance(body, bytes):
                with body as file:
                    body = file.read()
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
    framed.close()
    plain.close()


@pytest.fixture
def browse(tmp_path_factory):
    def run(url, *options):
        profile = tmp_path_factory.mktemp("chromium")
        command = [CHROMIUM, *OPTIONS, f"--user-data-dir={profile}", *options, url]
        return subprocess.run(command, capture_output=True, timeout=60, check=True)

    return run


def probe(browse, address, *widths):
    """What the page is in frames of these widths, by width."""
    # Chromium dumps the document once it is loaded, frames and all.
    wanted = ",".join(map(str, widths))
    dumped = browse(f"{address}/probe.html#{wanted}", "--dump-dom").stdout.decode()
    _, _, rest = dumped.partition('data-result="')
    result = rest.partition('"')[0].replace("&quot;", '"').replace("&lt;", "<")
    result = result.replace("&gt;", ">").replace("&nbsp;", "\xa0").replace("&amp;", "&")
    return {int(width): found for width, found in json.loads(result).items()}


def test_no_width_scrolls_sideways_and_rows_are_large_enough_to_touch(root, address, browse):
    make(root / "site", [b"x" * 255, b"a.txt", "日本語".encode() * 20, b"w w " * 50])
    (root / "site" / "folder").mkdir()
    for width, result in probe(browse, address, 320, 390, 1280).items():
        assert result["visible"] == width
        assert result["width"] == width
        assert result["columns"] == ("table-row" if width > 640 else "grid")
        if width < 640:
            assert result["shortest"] >= 44


def test_hostile_names_are_shown_and_each_link_finds_its_file(root, address, browse):
    names = hostile_names()
    make(root / "site", names)
    result = probe(browse, address, 1280)[1280]
    assert result["scripts"] == 0
    assert result["title"] == "site"
    assert {row[2] for row in result["rows"]} == {200}
    assert all(row[1].startswith(f"{address}/site/") for row in result["rows"])
    expected = {visible(name.decode("utf-8", "surrogateescape")) for name in names}
    assert {row[0] for row in result["rows"]} == expected


def test_the_page_obeys_its_own_policy(root, address, browse):
    """Chromium reports a violation on its console; a style that was refused would be one."""
    (root / "plain").mkdir()
    make(root / "plain", hostile_names())
    done = browse(f"{address}/plain/", "--dump-dom")
    assert b"Parent folder" in done.stdout
    assert b"CONSOLE" not in done.stderr


def test_the_console_would_show_a_violation(root, address, browse):
    """The test above can fail: a page with a foreign style is reported."""
    (root / "bad-plain.html").write_text(
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'\"><style>a{}</style>"
    )
    assert b"CONSOLE" in browse(f"{address}/bad-plain.html", "--dump-dom").stderr


@pytest.mark.parametrize(("scheme", "dark"), [("0", True), ("1", False)])
def test_light_and_dark(root, address, browse, tmp_path, scheme, dark):
    (root / "plain").mkdir()
    make(root / "plain", [b"a.txt"])
    picture = tmp_path / "picture.png"
    browse(f"{address}/plain/", f"--blink-settings=preferredColorScheme={scheme}",
           "--window-size=800,600", f"--screenshot={picture}")  # fmt: skip
    red, green, blue = first_pixel(picture.read_bytes())
    assert (max(red, green, blue) < 64) if dark else (min(red, green, blue) > 192)


def first_pixel(png):
    """The top left pixel of an 8-bit RGB or RGBA picture (no filter changes the first one)."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert png[24] == 8
    assert png[25] in (2, 6)
    position, packed = 8, b""
    while position < len(png):
        (length,) = struct.unpack_from(">I", png, position)
        if png[position + 4 : position + 8] == b"IDAT":
            packed += png[position + 8 : position + 8 + length]
        position += 12 + length
    return tuple(zlib.decompress(packed)[1:4])
