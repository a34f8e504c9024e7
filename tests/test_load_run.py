"""The load generator as a process, against servers of ours on loopback."""

from __future__ import annotations

import pytest

from reactor.errors import LoadError
from reactor.load import Expect, Generator, Plan

PAGE = b"<!doctype html><title>t</title><p>the page"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    from processes import serving

    root = tmp_path_factory.mktemp("served")
    (root / "index.html").write_bytes(PAGE)
    (root / "big.bin").write_bytes(bytes(range(256)) * 4096)
    with serving(root) as server:
        yield server


def run(plan, **options):
    with Generator(plan) as generator:
        return generator.run(**options)


def test_a_closed_loop_makes_as_many_requests_as_it_was_told(served):
    before = len(served.access_log)
    result = run(Plan((served.url,), connections=5, expect=(Expect(body=PAGE),)), requests=200)
    assert (result.requests, result.errors, len(result.latency)) == (200, {}, 200)
    assert result.uncorrected is None
    assert result.wall_s > 0 < result.cpu_s
    assert result.bytes > 200 * len(PAGE)
    from processes import eventually

    # Each of the five connections was answered once before the run.
    eventually(lambda: len(served.access_log) - before == 205, "the server counts the same")


def test_nothing_to_connect_to_is_one_sentence():
    plan = Plan(("http://127.0.0.1:1/",))
    with pytest.raises(LoadError, match=r"^nothing listens on 127.0.0.1:1; is the server"):
        run(plan, requests=1)
