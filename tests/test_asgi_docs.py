"""The programs of docs/asgi.md, served as the page says."""

from __future__ import annotations

import http.client
import importlib.util
import json
import re

import pytest
from processes import PATIENCE_S, REPOSITORY, serving

PAGE = (REPOSITORY / "docs" / "asgi.md").read_text(encoding="utf-8")
PROGRAMS = dict(re.findall(r"```python\n# with_(\w+)\.py\n(.*?)```", PAGE, re.DOTALL))


def test_the_page_has_five():
    assert {*PROGRAMS} == {"fastapi", "starlette", "django", "litestar", "quart"}


@pytest.mark.parametrize("framework", PROGRAMS)
def test_it_is_served(framework, tmp_path):
    if importlib.util.find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed: pip install -e '.[compat]'")
    (tmp_path / f"with_{framework}.py").write_text(PROGRAMS[framework], encoding="utf-8")
    with serving(f"with_{framework}:app", cwd=tmp_path) as server:
        client = http.client.HTTPConnection("localhost", server.port, timeout=PATIENCE_S)
        client.request("GET", "/Ada")
        response = client.getresponse()
        assert (response.status, json.load(response)) == (200, {"hello": "Ada"})
        client.close()
