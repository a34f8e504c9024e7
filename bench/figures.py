"""README's picture and the print-outs of docs/bench.md, from results that docs/bench/ keeps.

    python bench/figures.py                                       from what is kept
    python bench/figures.py --measure --python PEERS/bin/python   measure first
    python bench/figures.py --measure --python ... logged         measure only that run

Measuring takes twenty minutes of a quiet machine; `--pairs 2 --slot 0.2` only tries it.

No figure is written by hand: README and docs/bench.md say what the JSON has, and the JSON has its
command line, its time and the machine's load. Paths of the machine are shortened in it. Needs
matplotlib, and what `reactor bench` needs.
"""

from __future__ import annotations

import argparse
import html
import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from made_parts import write_part  # noqa: E402

from reactor.bench.cells import machine  # noqa: E402
from reactor.bench.results import Results, Row  # noqa: E402
from reactor.cli.bench_tables import text  # noqa: E402

RESULTS = ROOT / "docs" / "bench"
PICTURE = RESULTS / "cpu.svg"
# The line of README that shows it.
ALTERNATIVE = re.compile(r"^!\[CPU per request.*$", re.MULTILINE)
README, PAGE = ROOT / "README.md", ROOT / "docs" / "bench.md"
PEERS = "wsgi,threads,nginx,bjoern,fastwsgi,fastpysgi,granian,uvicorn,waitress,gunicorn"
# The picture is of `varied`: one constant request is a hit in every cache on its way.
RUNS = {
    "varied": ("--varied", "--against", PEERS),
    "logged": ("--varied", "--access-log", "--against", PEERS),
    "constant": ("--memory", "--against", f"{PEERS},floor"),
}
SHOWN = {
    "reactor": "reactor, native",
    "wsgi": "reactor, WSGI",
    "threads": "reactor, --model threads",
}
WITH_LOG = " + access log"
MARGIN, LINE, LETTERS = 14, 13, 118  # points; letters of a line below the picture


def maker(name: str) -> str:
    return f"bench/figures.py: {name}"


def results(name: str) -> Results:
    return Results.read(RESULTS / f"{name}.json")


def measure(name: str, python: str, *words: str) -> None:
    """Exits if a server is missing, or the run was interrupted: then nothing is kept."""
    RESULTS.mkdir(exist_ok=True)
    made, file = RESULTS / f"{name}.new.json", RESULTS / f"{name}.json"
    command = [sys.executable, "-m", "reactor", "bench", "--python", python, *RUNS[name], *words]
    subprocess.run([*command, "--json", str(made.relative_to(ROOT))], cwd=ROOT, check=False)
    try:
        keep(made, file, python)
    finally:
        made.unlink(missing_ok=True)


def keep(made: Path, file: Path, python: str) -> None:
    """Under its name, with paths of this machine shortened."""
    if not made.exists():
        sys.exit(f"{made}: nothing was measured")
    found = Results.read(made)
    wanted = {"reactor", *RUNS[file.stem][-1].split(",")}
    if missing := wanted - {row.server for row in found.rows}:
        sys.exit(f"not measured, so nothing is kept: {', '.join(sorted(missing))}")
    if not found.complete:
        sys.exit("interrupted, so nothing is kept")
    told = made.read_text(encoding="utf-8").replace(made.name, file.name)
    for path, shown in ((python, "PEERS/bin/python"), (sys.executable, "python"), (ROOT, ".")):
        told = told.replace(json.dumps(str(path))[1:-1], shown)  # as JSON spells it
    file.write_text(told, encoding="utf-8")


def print_out(found: Results) -> str:
    """When, the command line, and what it printed, as a block of a page."""
    command = " ".join(found.environment.command_line).replace("reactor", "python -m reactor", 1)
    failed = [f"reactor: {one.sentence}" for one in found.failures]
    lines = [f"$ {command}", *text(found).splitlines(), *failed]
    return f"{found.environment.started}:\n\n" + textwrap.indent("\n".join(lines), "    ") + "\n"


def both(found: Results, logged: Results) -> list[Row]:
    """Each server without an access log, and behind it with its own, if it has one."""
    with_log = {row.server: row for row in logged.rows if row.access_log}
    rows = []
    for row in found.rows:
        name = SHOWN.get(row.server, row.server)
        rows.append(replace(row, server=name))
        if row.server in with_log:
            rows.append(replace(with_log[row.server], server=f"{name}{WITH_LOG}"))
    return rows


def alternative(rows: Sequence[Row]) -> str:
    """The picture in README, its figures in words for readers who do not see it."""
    figures = "; ".join(f"{row.server} {row.cpu_us_per_request:.1f}" for row in rows)
    return f"![CPU per request, us: {figures}]({PICTURE.relative_to(ROOT)})"


def picture(found: Results, rows: Sequence[Row]) -> str:
    """CPU per request as an SVG file that stands alone: in light and dark, with its own words.

    ``rows`` are of `both`; where and how is told of ``found``.
    """
    from reactor.bench.drawing import MUTED, SERIES, looks, styled
    from reactor.bench.page_style import COLORS
    from reactor.bench.plots import cpu

    look = {
        server: replace(
            one, color=SERIES[0] if server.removesuffix(WITH_LOG) in SHOWN.values() else MUTED
        )
        for server, one in looks([row.server for row in rows]).items()
    }
    with styled():
        plot = cpu(rows, look)
    _, _, width, height = map(float, re.search(r'viewBox="([^"]*)"', plot.svg)[1].split())
    below = textwrap.wrap(f"{plot.caption} {_how(found)}", LETTERS)
    top, whole = MARGIN + 2 * LINE, width + 2 * MARGIN
    foot = top + height + LINE
    tall = foot + LINE * len(below) + MARGIN / 2
    inner = plot.svg.replace(
        "<svg ", f'<svg x="{MARGIN}" y="{top}" width="{width:g}" height="{height:g}" ', 1
    )
    said = "\n".join(
        f'<text class="quiet" x="{MARGIN}" y="{foot + LINE * n:g}">{html.escape(line)}</text>'
        for n, line in enumerate(below)
    )
    title = html.escape(plot.title)
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img" \
width="{1.25 * whole:g}" height="{1.25 * tall:g}" viewBox="0 0 {whole:g} {tall:g}">
<title>{title}</title>
<style>
{COLORS}text {{ font-family: system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }}
.title {{ font-size: 13px; font-weight: 600; fill: var(--c00); }}
.quiet {{ font-size: 9.5px; fill: var(--c01); }}
</style>
<rect width="100%" height="100%" fill="var(--c03)"/>
<text class="title" x="{MARGIN}" y="{MARGIN + LINE}">{title}</text>
{inner}
{said}
</svg>
"""


def _how(found: Results) -> str:
    plan, environment = found.plan, found.environment
    requests = f"{plan.varied:,} different requests" if plan.varied else "One constant request"
    return (
        f"{requests}, one worker. An access log goes to a file, in combined format or what the "
        "server can of it. What runs: a handler on reactor where it does not say WSGI, "
        "nothing on nginx, an ASGI application on uvicorn, a WSGI one on the others. "
        f"{plan.pairs} slots of {plan.slot_s:g} s. "
        f"{machine(found)}. {environment.started}."
    )


def write() -> None:
    """All that is made from the results."""
    for name in RUNS:
        write_part(PAGE, maker(name), print_out(results(name)))
    rows = both(results("varied"), results("logged"))
    shown, line = README.read_text(encoding="utf-8"), alternative(rows)
    README.write_text(ALTERNATIVE.sub(lambda _: line, shown), encoding="utf-8")
    PICTURE.write_text(picture(results("varied"), rows), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "runs", nargs="*", metavar="RUN", help=f"of {', '.join(RUNS)}; default: all"
    )
    parser.add_argument("--measure", action="store_true", help="measure anew first")
    parser.add_argument("--python", help="the interpreter in which the peers are installed")
    parser.add_argument("--pairs", default="12", help="see reactor bench; default: %(default)s")
    parser.add_argument("--slot", default="0.6", help="see reactor bench; default: %(default)s")
    options = parser.parse_args()
    if options.measure:
        if options.python is None:
            parser.error("--measure needs --python, the interpreter in which the peers are")
        for name in options.runs or RUNS:
            measure(name, options.python, "--pairs", options.pairs, "--slot", options.slot)
    write()


if __name__ == "__main__":
    main()
