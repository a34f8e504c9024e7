"""`--tls-self-signed` in a real browser: a folder and an application load, and who writes http://
is told to use https://."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import ssl
import subprocess

import pytest
from processes import serving
from test_static_browser import CHROMIUM, OPTIONS

from reactor.net.x509 import public_key_of

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed"),
]

# A second each: the first of them, and the one that a user meets first, are enough for every run.

APP = """
from reactor import Response

PAGE = b'''<!doctype html><title>an app</title><p id=said>waits</p><script>
fetch("/said", {method: "POST", body: "by " + location.protocol})
    .then(answer => answer.text()).then(text => { said.textContent = text; });
</script>'''

def app(request):
    if request.path == "/said":
        said = request.body + b" as " + request.scheme.encode()
        return Response(200, {"Content-Type": "text/plain"}, said)
    return Response(200, {"Content-Type": "text/html"}, PAGE)
"""


@pytest.fixture
def place(tmp_path):
    (tmp_path / "apps.py").write_text(APP)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "a page.txt").write_text("the page")
    return tmp_path


@pytest.fixture
def browse(tmp_path_factory):
    def run(url, *options):
        profile = tmp_path_factory.mktemp("chromium")
        command = [CHROMIUM, *OPTIONS, f"--user-data-dir={profile}", *options, url]
        return subprocess.run(command, capture_output=True, timeout=60, check=True).stdout.decode()

    return run


def started(place, target):
    return serving(
        target, "--tls-self-signed", "--allowed-host", "localhost", cwd=place,
        env={"XDG_STATE_HOME": str(place / "state")},
    )  # fmt: skip


def trusted(server):
    """The option that makes Chromium trust this certificate, and no other."""
    path = re.search(r"for development: (\S+)", server.err)[1]
    with open(path, encoding="ascii") as file:
        der = ssl.PEM_cert_to_DER_cert(
            re.search(r"-----BEGIN CERT.*?END CERT\S+", file.read(), re.S)[0]
        )
    pin = base64.b64encode(hashlib.sha256(public_key_of(der)).digest()).decode()
    return f"--ignore-certificate-errors-spki-list={pin}"


def test_a_folder_loads(place, browse):
    with started(place, "site") as server:
        url = f"https://localhost:{server.port}/"
        page = browse(url, trusted(server), "--dump-dom")
        assert "a page.txt" in page
        assert "the page" in browse(f"{url}a%20page.txt", trusted(server), "--dump-dom")


def test_an_app_loads_and_its_script_talks_to_it(place, browse):
    with started(place, "apps:app") as server:
        words = (trusted(server), "--dump-dom", "--virtual-time-budget=10000")
        assert "by https: as https" in browse(f"https://localhost:{server.port}/", *words)


@pytest.mark.long
def test_a_certificate_that_nobody_trusts_is_not_taken(place, browse):
    """The tests above can fail: it is the option that lets them pass."""
    with started(place, "site") as server:
        assert "a page.txt" not in browse(f"https://localhost:{server.port}/", "--dump-dom")


def test_http_is_told_to_use_https(place, browse):
    with started(place, "site") as server:
        page = browse(f"http://localhost:{server.port}/", "--dump-dom")
        assert "This port speaks TLS: use https:// instead of http://" in page


@pytest.mark.long
def test_a_redirect_leads_to_the_page(place, browse):
    words = ("--tls-self-signed", "--tls-redirect", "127.0.0.1:0", "--allowed-host", "localhost")
    env = {"XDG_STATE_HOME": str(place / "state")}
    with serving("site", *words, cwd=place, env=env) as server:
        port = re.search(r"; http://127\.0\.0\.1:(\d+)/ redirects", server.out)[1]
        page = browse(f"http://localhost:{port}/a%20page.txt", trusted(server), "--dump-dom")
        assert "the page" in page
