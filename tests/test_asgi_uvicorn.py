"""Ours does what uvicorn does, or docs/asgi.md says that it does not.

uvicorn is in the extra ``compat``; without it these tests are skipped.
"""

import importlib.util
import re
from contextlib import ExitStack
from pathlib import Path

import pytest
from processes import REPOSITORY
from uvicorn_behaviours import BEHAVIOURS
from uvicorn_differences import DIFFERENCES, ELSEWHERE
from uvicorn_driven import SERVERS
from uvicorn_lives import LIVES

EXPECTED = {name: both for row in DIFFERENCES.values() for name, both in row.items()}
needs_uvicorn = pytest.mark.skipif(
    not importlib.util.find_spec("uvicorn"),
    reason="uvicorn is not installed: pip install -e '.[compat]'",
)


@pytest.fixture(scope="module")
def servers():
    with ExitStack() as stack:
        yield [stack.enter_context(start()) for start in SERVERS.values()]


def check(name, ours, theirs):
    if name in EXPECTED:
        assert (ours, theirs) == EXPECTED[name]
        assert ours != theirs
    else:
        assert ours == theirs


@needs_uvicorn
@pytest.mark.parametrize("name", BEHAVIOURS)
def test_it_behaves_as_uvicorn_does(servers, name):
    check(name, *map(BEHAVIOURS[name], servers))


@needs_uvicorn
@pytest.mark.parametrize("name", LIVES)
def test_it_lives_as_uvicorn_does(name):
    check(name, *map(LIVES[name], SERVERS.values()))


def test_the_page_has_each_difference_and_no_other():
    page = (REPOSITORY / "docs/asgi.md").read_text(encoding="utf-8")
    table = page.partition("## What differs from uvicorn")[2]
    rows = re.findall(r"^\| (?!\||---)(.+?) \| ", table, re.MULTILINE)
    assert set(rows) == {*DIFFERENCES, *ELSEWHERE}
    assert len(rows) == len(set(rows))


def test_differences_are_of_behaviours():
    assert {*EXPECTED} <= {*BEHAVIOURS, *LIVES}
    for file in ELSEWHERE.values():
        assert Path(__file__).with_name(file).is_file()
