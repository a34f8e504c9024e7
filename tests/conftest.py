"""Fixtures that several test files share: folders to serve, and servers that serve them."""

from __future__ import annotations

import os
from contextlib import ExitStack

import pytest

# Their asserts are checks of the tests that use them, also under python -O.
pytest.register_assert_rewrite(
    *("clients", "fetching", "folders", "option_table", "processes", "transfers")
)

from processes import MODELS, serving  # noqa: E402

from reactor.log.rate import RateLimit  # noqa: E402


@pytest.fixture(autouse=True)
def log_has_room(monkeypatch):
    """No test's lines are left out because of those of the tests before, in the same second."""
    monkeypatch.setattr("reactor.log._lines", RateLimit(1000, print))
    monkeypatch.setattr("reactor.log._tracebacks", RateLimit(1000, print))


@pytest.fixture
def serve():
    """`serving`, stopped at the end of the test: ``server = serve(folder, "--model", "threads")``.

    Servers that one test starts are stopped in the opposite order.
    """
    with ExitStack() as stack:
        yield lambda *arguments, **options: stack.enter_context(serving(*arguments, **options))


@pytest.fixture
def folder(tmp_path):
    """A folder with a page, a file of 300 kB and a folder without an index."""
    root = tmp_path / "site"
    (root / "sub").mkdir(parents=True)
    (root / "index.html").write_bytes(b"<!doctype html><title>t</title><p>the page")
    (root / "big.bin").write_bytes(bytes(range(256)) * 1200)
    (root / "empty.txt").write_bytes(b"")
    (root / "sub" / "note.txt").write_bytes(b"a note\n")
    return root


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """As `folder`, for tests that share a server; with a file that no socket buffer holds."""
    root = tmp_path_factory.mktemp("site")
    (root / "index.html").write_bytes(b"<!doctype html><title>t</title><p>the page")
    (root / "big.bin").write_bytes(bytes(range(256)) * 4 * 8192)
    (root / "medium.bin").write_bytes(bytes(range(256)) * 2000)
    (root / "empty.txt").write_bytes(b"")
    (root / "note.txt").write_bytes(b"a note\n")
    return root


@pytest.fixture(scope="session", params=MODELS)
def site_server(request, site):
    """One server of `site` for the whole run, in each model."""
    with serving(site, "--model", request.param) as server:
        server.model = request.param
        yield server


def pytest_runtest_setup(item):
    """What takes minutes in all is left to CI, which has them."""
    if item.get_closest_marker("long") and "REACTOR_LONG" not in os.environ:
        pytest.skip("long: REACTOR_LONG=1 tries it, as .ci/run does")


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main(config: pytest.Config):
    """The whole suite uses every core; tests that are asked for by name run right here."""
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    # A worker is such a run too, and starts no workers of its own.
    worker = hasattr(config, "workerinput")
    if whole and not worker and getattr(config.option, "numprocesses", 0) is None:
        config.option.numprocesses = "auto"
    return (yield)
