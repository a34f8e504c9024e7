"""What a request and an idle connection cost, beside what they cost when it was last noted.

    python bench/guard.py           exits 1 if a figure grew
    python bench/guard.py --keep    notes the figures of now in bench/guard.json

Instructions are callgrind's (`instructions.py`), bytes are the slope of resident memory over
idle connections; neither depends on what else the machine does. A commit that makes one grow
notes it with --keep, and its message says why. The figures hold for one CPython and one
compiler: those of another are shown, and not compared. Needs valgrind and Linux.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import instructions
from command import end_with
from pairing import table

from reactor.bench.memory import idle_slope
from reactor.bench.served.apps import BODY
from reactor.bench.servers import Server, missing, ours, raise_descriptor_limit

FILE = Path(__file__).with_name("guard.json")
ROWS = ("native", "wsgi", "static", "varied", "wsgi-varied", "static-varied", "asgi")
IDLE = "bytes an idle connection"
CONNECTIONS = 9_000
SPARE_DESCRIPTORS = 500
# Two runs of one commit differ by less.
INSTRUCTIONS_MAX, BYTES_MAX = 1.005, 1.01


def built_with() -> dict[str, str]:
    """What instructions depend on besides the source."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    said = "unknown"
    if compiler is not None:
        done = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True)
        said = done.stdout.splitlines()[0]
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return {"python": python, "compiler": said, "machine": platform.machine()}


def measured() -> dict[str, float]:
    figures = {}
    for name in ROWS:
        figures[name] = round(instructions.instructions(name))
        print(f"{name}: {figures[name]:,}", file=sys.stderr, flush=True)
    connections = min(CONNECTIONS, raise_descriptor_limit() - SPARE_DESCRIPTORS)
    with Server("reactor", ours("apps:hello", "--timeout-keep-alive", "75")) as server:
        figures[IDLE] = round(idle_slope(server, BODY, connections)[0])
    return figures


def compared(kept: dict[str, float], now: dict[str, float]) -> tuple[list[list[str]], list[str]]:
    """The table's rows, and the names of what grew."""
    rows, grown = [["a request, in instructions", "kept", "now", "now / kept", "at most"]], []
    for name, figure in now.items():
        most = BYTES_MAX if name == IDLE else INSTRUCTIONS_MAX
        before = kept.get(name)
        if before is None:
            rows.append([name, "-", f"{figure:,}", "-", f"{most:g}"])
            continue
        rows.append([name, f"{before:,}", f"{figure:,}", f"{figure / before:.4f}", f"{most:g}"])
        if figure > before * most:
            grown.append(name)
    return rows, grown


def main() -> int:
    parser = argparse.ArgumentParser(description="did a request, or a connection, become dearer?")
    parser.add_argument("--keep", action="store_true", help="note the figures of now")
    keep = parser.parse_args().keep
    if why := missing() or instructions.missing():
        print(why, file=sys.stderr)
        return 1
    kept = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {"figures": {}}
    built, now = built_with(), measured()
    rows, grown = compared(kept["figures"], now)
    print(table(rows))
    if keep:
        noted = {"built_with": built, "figures": now}
        FILE.write_text(json.dumps(noted, indent=1) + "\n", encoding="utf-8")
        print(f"Noted in {FILE.name}.")
        return 0
    if kept.get("built_with") != built:
        print(f"Not compared: kept with {kept.get('built_with')}, now {built}.")
        return 0
    if grown:
        print(
            f"Grown: {', '.join(grown)}. Make it as it was, or note it with --keep and say why in "
            "the commit."
        )
    return int(bool(grown))


if __name__ == "__main__":
    end_with(main)
