"""wrk as the load: one slot of it against one server, and what it says.

wrk checks statuses and framing, not bodies; so each server's body is checked whole before and
after its slots. Errors of any kind make the slot worthless: it raises.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass

from pairing import Slot

from reactor.bench.answers import FIELDS
from reactor.bench.servers import NotServed, Server, cores, on_core

# With `request` defined, wrk calls Lua for each request; without it, it repeats one that it has
# made once. So only pipelining pays for Lua, and for sixteen requests at a time.
SCRIPT = """
{fields}
{pipeline}
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d\\n", summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(99)))
end
"""
PIPELINE = """
function init(args)
  local one = wrk.format()
  batch = string.rep(one, {depth})
end
function request() return batch end
"""


@dataclass(frozen=True)
class Load:
    """What the clients do."""

    connections: int = 64
    pipelined: int = 1
    close: bool = False  # a new connection for each request


def found() -> bool:
    return shutil.which("wrk") is not None


def slot(server: Server, load: Load, seconds: int) -> Slot:
    """One slot on the load's core.

    Raises:
        NotServed: a request was not answered, or not with status 200.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_script(load))
        script.flush()
        command = ["wrk", "-t1", f"-c{load.connections}", f"-d{seconds}s", "-s", script.name]
        before = server.cpu_seconds()
        done = subprocess.run(
            on_core(cores()[1], [*command, "--timeout", "10s", server.url]),
            capture_output=True,
            text=True,
            check=False,
        )
        cpu = server.cpu_seconds() - before
    result = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+)", done.stdout)
    if result is None:
        raise NotServed(f"wrk failed on {server.name}: {(done.stderr or done.stdout)[-200:]}")
    requests, duration_us, errors, p99_us = map(int, result.groups())
    if errors or not requests:
        raise NotServed(f"{server.name}: {requests} answers and {errors} errors")
    return Slot(requests, duration_us / 1e6, cpu, p99_us / 1e6)


def _script(load: Load) -> str:
    fields = {**FIELDS, "Connection": "close" if load.close else "keep-alive"}
    return SCRIPT.format(
        fields="\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in fields.items()),
        pipeline=PIPELINE.format(depth=load.pipelined) if load.pipelined > 1 else "",
    )
