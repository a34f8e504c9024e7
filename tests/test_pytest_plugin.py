"""The fixture `reactor_server`, in the test runs of a project that has one."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest
from processes import PATIENCE_S, REPOSITORY, environment

PLUGIN = "reactor.contrib.pytest_plugin"
TESTS = """
import http.client
import os
import threading
from urllib.parse import urlsplit

import pytest
from reactor import Response

def hello(request):
    return Response(200, {}, b"hello")

def wsgi(environ, start_response):
    start_response("200 OK", [])
    return [b"wsgi"]

def get(url, path="/"):
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=20)
    connection.request("GET", path)
    body = connection.getresponse().read()
    connection.close()
    return body

def test_serves_an_application(reactor_server):
    url = reactor_server(hello)
    assert url.startswith("http://127.0.0.1:") and url.endswith("/")
    assert get(url) == b"hello"

def test_serves_several_with_options(reactor_server, tmp_path):
    (tmp_path / "x").write_text("a file")
    first, second = reactor_server(hello), reactor_server(wsgi, static={"/s": tmp_path})
    assert first != second
    assert (get(first), get(second), get(second, "/s/x")) == (b"hello", b"wsgi", b"a file")
    assert get(reactor_server(tmp_path), "/x") == b"a file"

def test_binds_elsewhere(reactor_server, tmp_path):
    assert reactor_server(hello, bind=f"unix:{tmp_path}/s") == f"unix:{tmp_path}/s"

seen = set()

@pytest.mark.parametrize("number", range(30))
def test_leaves_nothing(reactor_server, number):
    # What the test before has left; in its own the server may still say goodbye.
    seen.add((len(os.listdir("/proc/self/fd")), threading.active_count()))
    assert len(seen) == 1
    assert get(reactor_server(hello)) == b"hello"
"""


def run_pytest(folder, *words):
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words],
        cwd=folder, env=environment(), capture_output=True, text=True, timeout=3 * PATIENCE_S,
    )  # fmt: skip


@pytest.fixture
def loaded():
    """The words by which pytest loads the plugin; none where it is installed with its entry."""
    from importlib.metadata import entry_points

    installed = entry_points(group="pytest11", name="reactor_server")
    return [] if installed else ["-p", PLUGIN]


def test_a_project_s_tests_have_the_fixture(tmp_path, loaded):
    (tmp_path / "test_site.py").write_text(TESTS)
    done = run_pytest(tmp_path, *loaded, "test_site.py")
    assert "33 passed" in done.stdout, done.stdout + done.stderr


def test_nothing_is_imported_before_the_fixture_is_used(tmp_path, loaded):
    (tmp_path / "test_other.py").write_text(
        "import sys\n"
        "def test_none():\n"
        "    there = {name for name in sys.modules if name.split('.')[0] == 'reactor'}\n"
        f"    assert there == {{'reactor', 'reactor.contrib', '{PLUGIN}'}}\n"
    )
    done = run_pytest(tmp_path, *loaded, "test_other.py")
    assert "1 passed" in done.stdout, done.stdout


def test_the_package_says_where_the_plugin_is():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"reactor_server": PLUGIN}
