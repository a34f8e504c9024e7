"""`reactor.load.varied`: as many different requests as were asked for, the same ones again."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from processes import eventually, serving

from reactor import parse_request
from reactor.errors import LoadError
from reactor.limits import DEFAULT_LIMITS
from reactor.load import Expect, Generator, Plan
from reactor.load.varied import (
    REQUEST_ID_CHARS,
    SUFFIX_CHARS,
    VARIED_FIELDS,
    variations,
)

URL = "http://127.0.0.1:1/"
UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
# Answers with the request's own id.
APP = """
from reactor import Response

def app(request):
    return Response(200, {}, request.headers["X-Request-Id"])
"""


def requests(target="/", count=200, **plan):
    [made] = Plan((URL.rstrip("/") + target,), varied=count, **plan).targets()
    return [parse_request(request) for request in made.requests]


def test_all_of_it_varies():
    made = requests(count=2_000)
    assert len({request.path for request in made}) == 2_000
    assert len({request.query for request in made}) > 1_500
    for name, at_least in zip(VARIED_FIELDS, (800, 2_000, 1_000, 2_000), strict=True):
        assert len({request.headers[name] for request in made}) >= at_least, name
    agents = {re.sub("[0-9]+", "", request.headers["User-Agent"]) for request in made}
    assert 15 <= len(agents) <= 25


def test_paths_and_request_ids_are_of_one_length():
    for request in requests("/a/b/"):
        assert request.path.startswith("/a/b/")
        assert len(request.path) == len("/a/b/") + SUFFIX_CHARS
        assert len(request.headers["X-Request-Id"]) == REQUEST_ID_CHARS
        assert UUID.fullmatch(request.headers["X-Request-Id"])


def test_they_are_the_same_in_every_run_and_on_every_port():
    assert list(variations("/", 50)) == list(variations("/", 60))[:50]
    here, there = (
        Plan((f"http://127.0.0.1:{port}/x/",), varied=20, headers={"Host": "h"}).targets()[0]
        for port in (1, 2)
    )
    assert here.requests == there.requests


def test_a_files_path_stays_and_a_query_is_kept():
    made = requests("/page.html?x=1")
    assert {request.path for request in made} == {"/page.html"}
    assert all(request.query.startswith("x=1&") for request in made)
    assert len({request.query for request in made}) > 150


def test_what_varies_takes_the_place_of_the_plans_fields():
    for request in requests(headers={"cookie": "a=b", "User-Agent": "x", "Accept": "*/*"}):
        assert request.headers.getall("Cookie") != ["a=b"]
        assert [len(request.headers.getall(name)) for name in VARIED_FIELDS] == [1, 1, 1, 1]
        assert request.headers["Accept"] == "*/*"


@pytest.mark.parametrize("count", [-1, DEFAULT_LIMITS.load_varied_max + 1])
def test_how_many_they_may_be_is_bounded(count):
    with pytest.raises(LoadError, match=r"are not from 0 to 100,000"):
        Plan((URL,), varied=count)
    with pytest.raises(LoadError, match=r"120,000 different requests"):
        Plan((URL, URL), varied=60_000)


@pytest.fixture
def echoing(tmp_path):
    (tmp_path / "echoing.py").write_text(APP)
    with serving("echoing:app", cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}) as server:
        yield server


def test_the_generator_asks_each_of_them_in_turn(echoing):
    expect = (Expect(length=REQUEST_ID_CHARS, varies=True),)
    plan = Plan((echoing.url,), connections=3, varied=20, expect=expect)
    with Generator(plan) as generator:
        made = generator.run(requests=197)
    assert (made.requests, made.errors) == (197, {})
    # Each of the three connections has asked once before the run.
    eventually(lambda: len(echoing.access_log) == 200, "the server has counted them")
    asked = Counter(line.split('"')[1] for line in echoing.access_log)
    assert Counter(asked.values()) == {10: 20}


def test_a_body_that_does_not_vary_is_compared_whole(tmp_path):
    (tmp_path / "page.txt").write_bytes(b"the page")
    with serving(tmp_path, "--no-access-log") as server:
        plan = Plan((server.url + "page.txt",), connections=2, varied=30)
        with Generator(plan) as generator:
            assert generator.ready["targets"][0]["length"] == len(b"the page")
            made = generator.run(requests=100)
    assert (made.requests, made.errors) == (100, {})
