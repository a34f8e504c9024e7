"""What an idle connection holds: decision 0041 has what it is made of."""

from __future__ import annotations

import os

import pytest
from processes import serving

from reactor.bench.memory import idle_slope
from reactor.bench.running import Running
from reactor.bench.servers import missing

CONNECTIONS = 800  # a process has 1,024 descriptors where nobody has raised that
# About 700 are measured. Far below ten times that, and with room for what the process takes as a
# whole: 1 MB of it would be 1,250 bytes here.
BYTES_MAX = 2_500

APP = """
from reactor import Response

def native(request):
    return Response(200, {}, b"hello")

def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]
"""


@pytest.mark.skipif(missing() is not None, reason=str(missing()))
@pytest.mark.skipif(
    "libasan" in os.environ.get("LD_PRELOAD", ""), reason="a sanitizer's allocator pads each block"
)
@pytest.mark.parametrize("target", [".", "idle:native", "idle:wsgi"])
def test_an_idle_connection_holds_little(tmp_path, target):
    (tmp_path / "idle.py").write_text(APP)
    (tmp_path / "index.html").write_text("the page")
    keep = ("--no-access-log", "--timeout-keep-alive", "100")
    with (
        serving(target, *keep, cwd=tmp_path) as server,
        Running("served", server.url) as found,
    ):
        slope, _, _ = idle_slope(found, found.learn(), CONNECTIONS)
    assert slope < BYTES_MAX
