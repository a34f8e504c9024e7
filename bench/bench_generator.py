"""The load generator against wrk and h2load, on one nginx: do they measure the same, at what cost?

    python bench/bench_generator.py             closed loop: needs nginx, wrk, h2load
    python bench/bench_generator.py --stall     open loop: a server that stalls for 1 s in 10 s

The generator must not be judged by its own author's server alone, nor by its own figures. So the
same nginx is loaded by each tool in turn, A B B A, on the same core with as many connections:
requests a second and p99 should agree within 10 %, and the generator's own CPU per request be at
most 1.2 times wrk's. It serves a file of 1 KiB, so that each tool's core is idle for a part of the
time: the figures of one that is busy all the time are its own, and the table says so. The open loop
has no such peer in a distribution, but arithmetic: of 10 s at a steady rate, a stall of 1 s makes a
tenth of all requests wait, evenly from 1 s down to 0, so that 1 % wait for more than 0.9 s.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from command import end_with
from pairing import Pairs, Slot, in_pairs, table

from reactor.bench.peers import Peers
from reactor.bench.served.apps import SMALL, make_site
from reactor.bench.servers import (
    NotServed,
    Server,
    cores,
    missing,
    on_core,
    ours,
)
from reactor.bench.statistics import GENERATOR_BUSY_MAX
from reactor.load import Generator, Plan

BOUNDS = {"rate": (0.9, 1.1), "p99_s": (0.9, 1.1), "cpu_us": (0.0, 1.2)}
FIGURES = {"rate": "requests/s", "p99_s": "p99, us", "cpu_us": "CPU us/request"}

# The 5,000th request takes a second, and all that are due meanwhile wait.
STALLING = """
import time
from reactor import Response
asked = 0

def app(request):
    global asked
    asked += 1
    if asked == 5000:
        time.sleep(1)
    return Response(200, {}, b"ok")
"""

Tool = Callable[[Server, int, int], Slot]


def reactor(server: Server, connections: int, seconds: int) -> Slot:
    with Generator(Plan((server.url,), connections), cores()[1]) as generator:
        result = generator.run(float(seconds))
    if result.errors:
        raise NotServed(f"reactor.load: {result.errors}, {result.first_error}")
    p99_s = result.latency.percentile(99) / 1e9
    return Slot(result.requests, result.wall_s, result.cpu_s, p99_s, result.busy)


def wrk(server: Server, connections: int, seconds: int) -> Slot:
    said, cpu_s = run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", server.url],
    )
    found = re.search(r"(\d+) requests in ([\d.]+)s", said)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
    if found is None or p99 is None or "Socket errors" in said or "Non-2xx" in said:
        raise NotServed(f"wrk: {said[-300:]}")
    unit = {"us": 1e-6, "ms": 1e-3, "s": 1.0}[p99[2]]
    wall_s = float(found[2])
    return Slot(int(found[1]), wall_s, cpu_s, float(p99[1]) * unit, cpu_s / wall_s)


def h2load(server: Server, connections: int, seconds: int) -> Slot:
    with tempfile.NamedTemporaryFile("r", suffix=".tsv") as log:
        said, cpu_s = run(
            [
                *("h2load", "--h1", "-t1", f"-c{connections}", f"-D{seconds}"),
                *(f"--log-file={log.name}", server.url),
            ],
        )
        # When it was sent, the status, and the time to its answer, both times in us.
        lines = [line.split("\t") for line in log]
    if "0 failed, 0 errored, 0 timeout" not in said or not lines:
        raise NotServed(f"h2load: {said[-300:]}")
    times = sorted(int(line[2]) for line in lines)
    p99_s = times[len(times) * 99 // 100] / 1e6
    return Slot(len(times), float(seconds), cpu_s, p99_s, cpu_s / seconds)


def run(command: list[str]) -> tuple[str, float]:
    """What a tool on the load's core has printed, and its CPU seconds."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(on_core(cores()[1], command), stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        said = output.read()
    if process.returncode:
        raise NotServed(f"{command[0]} failed: {said[-300:]}")
    return said, usage.ru_utime + usage.ru_stime


def rows(name: str, pairs: Pairs) -> list[list[str]]:
    busy, busy_other = pairs.medians("load_busy")
    bound = max(busy, busy_other) > GENERATOR_BUSY_MAX
    cells = [[f"{name}: busy", f"{busy:.0%}", f"{busy_other:.0%}", "", "BOUND" if bound else ""]]
    for figure, text in FIGURES.items():
        ours, other = (value * (1e6 if figure == "p99_s" else 1) for value in pairs.medians(figure))
        ratio = pairs.ratio(figure)
        low, high = BOUNDS[figure]
        verdict = "yes" if low <= ratio.median <= high else "NO"
        digits = 2 if figure == "cpu_us" else 0
        cells.append(
            [
                *(f"{name}: {text}", f"{ours:,.{digits}f}", f"{other:,.{digits}f}"),
                *(str(ratio), f"{low:g}-{high:g}: {verdict}"),
            ]
        )
    return cells


def stall() -> int:
    """The open loop on a server that stalls: its p99, beside that of what was really sent."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "stalling.py").write_text(STALLING)
        command = ours("stalling:app")
        path = os.pathsep.join([folder, os.environ.get("PYTHONPATH", "")])
        with (
            Server(
                "stalling", lambda port: ["env", f"PYTHONPATH={path}", *command(port)]
            ) as server,
            Generator(Plan((server.url,)), cores()[1]) as generator,
        ):
            result = generator.run(10.0, rate=1000.0)
    sent = result.uncorrected or result.latency
    p99, p99_sent = result.latency.percentile(99) / 1e9, sent.percentile(99) / 1e9
    print(
        f"1,000 requests/s for 10 s, a stall of 1 s: {result.requests:,} answered, {result.errors}"
    )
    print(f"p99 from when they were due {p99:.3f} s (wanted: 0.9 or a little more)")
    print(f"p99 from when they were sent {p99_sent:.3f} s; {result.waited:,} waited, "
          f"{result.missed:,} missed by the generator")  # fmt: skip
    return 0 if 0.85 <= p99 <= 1.1 else 1


def main() -> int:
    parser = argparse.ArgumentParser(description="reactor.load against wrk and h2load, in pairs")
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--slot", type=int, default=2, metavar="SECONDS")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--stall", action="store_true", help="the open loop instead")
    options = parser.parse_args()
    if why := missing():
        print(why, file=sys.stderr)
        return 1
    return stall() if options.stall else closed(options)


def closed(options: argparse.Namespace) -> int:
    """The closed loop in pairs."""
    others = [tool for tool in (wrk, h2load) if shutil.which(tool.__name__)]
    if not others:
        print("neither wrk nor h2load is installed: apt install wrk nghttp2-client")
        return 1
    shown = [["on nginx", "reactor.load", "the other", "ratio (min-max)", "wanted"]]
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder, "site")
        site.mkdir()
        make_site(site)
        peers = Peers(Path(folder), site, sys.executable)
        if "nginx" in peers.unusable:
            print("nginx is not installed: apt install nginx-light", file=sys.stderr)
            return 1
        with peers.server("nginx", f"/{SMALL[0]}") as server:
            for other in others:
                pairs = in_pairs(
                    reactor,
                    other,
                    lambda tool: tool(server, options.connections, options.slot),
                    options.pairs,
                )
                shown += rows(other.__name__, pairs)
    print(table(shown))
    print(
        f"\n{options.connections} connections, closed loop; medians of {options.pairs} pairs of "
        f"{options.slot} s, A B B A. CPU is the load generator's, not the server's."
    )
    return 0


if __name__ == "__main__":
    end_with(main)
