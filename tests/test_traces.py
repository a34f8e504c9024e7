"""docs/observe.md's recipe for OpenTelemetry: a trace that a client begins goes on here."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from processes import exchange, serving

pytest.importorskip("opentelemetry.instrumentation.wsgi", reason="only .ci/run installs it")
pytest.importorskip("opentelemetry.instrumentation.asgi", reason="only .ci/run installs it")

PAGE = Path(__file__).resolve().parent.parent / "docs" / "observe.md"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GET = (
    f"GET /traced HTTP/1.1\r\nHost: localhost\r\ntraceparent: 00-{TRACE}-{PARENT}-01\r\n"
    "Connection: close\r\n\r\n"
).encode()
APPS = {
    "wsgi": """
def app(environ, start_response):
    start_response("200 OK", [])
    return [environ["HTTP_TRACEPARENT"].encode()]
""",
    "asgi": """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        for word in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{word}.complete"})
        return
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": dict(scope["headers"])[b"traceparent"]})
""",
}


def recipe(kind):
    """The code of the page, for this kind of application."""
    text = PAGE.read_text(encoding="utf-8").partition("## Traces")[2]
    code = re.search(r"\n\n((?:    .*\n|\n)+)", text)[1]
    return re.sub("^    ", "", code, flags=re.MULTILINE).replace(".wsgi import", f".{kind} import")


@pytest.mark.parametrize(
    ("kind", "options"),
    [("wsgi", ()), ("wsgi", ("--model", "threads")), ("asgi", ()),
     ("wsgi", ("--workers", "2", "--no-preload")), ("asgi", ("--workers", "2", "--no-preload"))],
)  # fmt: skip
def test_a_trace_goes_on(kind, options, tmp_path):
    (tmp_path / "traced.py").write_text(APPS[kind] + recipe(kind))
    words = (*options, "--access-log-format", "json", "--access-logfile", "log")
    with serving("traced:app", *words, cwd=tmp_path) as server:
        body = exchange(server.address, GET).partition(b"\r\n\r\n")[2]
        assert TRACE.encode() in body  # as it came
        server.stop()
    spans = re.findall(r'"parent_id": "0x(\w+)"', server.out)
    assert PARENT in spans
    assert set(re.findall(r'"trace_id": "0x(\w+)"', server.out)) == {TRACE}
    [line] = (tmp_path / "log").read_text().splitlines()
    assert json.loads(line)["trace_id"] == TRACE
