"""A comparison as one HTML page that needs nothing else: no network, no script, no second file.

Everything in it is escaped, since names, targets and command lines are somebody else's words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from string import Template

from reactor.apps.markup import text
from reactor.bench.cells import (
    COST_HEAD,
    RATE_HEAD,
    RATIO_HEAD,
    SENT_HEAD,
    SPEED_HEAD,
    cost_cells,
    interrupted,
    machine,
    rate_cells,
    ratio_cells,
    remarks,
    sent_cells,
    speed_cells,
)
from reactor.bench.drawing import Plot
from reactor.bench.page_style import STYLE
from reactor.bench.plots import plots
from reactor.bench.results import Results

PAGE = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<style>
$style</style>
</head>
<body>
<main>
<h1>$title</h1>
<p class="quiet">$where</p>
$remarks
$first
$speed
$sent
$cost
$rates
$others
$ratios
<h2>Where and how</h2>
$environment
<h2>Command lines</h2>
$commands
$configurations
</main>
</body>
</html>
""")


def page(results: Results) -> str:
    """The whole text."""
    first, *others = dict.fromkeys(row.server for row in results.rows) or ["Nothing was measured"]
    environment = results.environment
    said = [*remarks(results), *(one.sentence for one in results.failures)]
    if not results.complete:
        said.insert(0, interrupted(results))
    figures = [_figure(plot) for plot in plots(results)]
    return PAGE.substitute(
        title=text(f"{first} against {', '.join(others)}" if others else first),
        style=STYLE,
        where=text(f"{environment.started}. {machine(results)}."),
        remarks=_list(said),
        ratios=_table(RATIO_HEAD, map(ratio_cells, results.ratios), "Ratios in figures"),
        speed=_table(SPEED_HEAD, map(speed_cells, results.rows), "Throughput and latency"),
        sent=_table(SENT_HEAD, sent_cells(results.rows), "Latency from when requests left"),
        cost=_table(COST_HEAD, map(cost_cells, results.rows), "What it takes"),
        rates=_table(RATE_HEAD, map(rate_cells, results.highest_rates), "Highest rates"),
        first="".join(figures[:1]),
        others="\n".join(figures[1:]),
        environment=_pairs(_how(results)),
        commands=_pairs(
            (name, " ".join(words)) for name, words in environment.commands.items() if words
        ),
        configurations="\n".join(
            f"<h2>Configuration of {text(name)}</h2>\n<pre>{_lines(config)}</pre>"
            for name, config in environment.configurations.items()
        ),
    )


def _lines(words: str) -> str:
    return "\n".join(map(text, words.expandtabs().splitlines()))


def _how(results: Results) -> Iterable[tuple[str, str]]:
    environment, plan = results.environment, results.plan
    yield "command line", " ".join(environment.command_line)
    yield "target", plan.target
    yield "load", "a closed loop" if plan.rate is None else f"{plan.rate:,g} requests a second"
    yield "connections", "kept alive" if plan.keep_alive else "a new one for each request"
    yield "requests under way on a connection", f"{plan.pipeline:,}"
    yield "slots", f"{plan.pairs:,} of {plan.slot_s:g} s, two a launch"
    yield "warm-up", f"{plan.warm_up_s:g} s a launch"
    yield "cores", f"{environment.cores:,}, governor {environment.governor or 'unknown'}"
    yield "git revision", environment.git_revision or "unknown"
    for name, version in environment.versions.items():
        yield f"version of {name}", version or "unknown"


def _figure(plot: Plot) -> str:
    title, caption = text(plot.title), text(plot.caption)
    svg = plot.svg.replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)
    return f"<h2>{title}</h2>\n<figure>\n{svg}\n<figcaption>{caption}</figcaption>\n</figure>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], title: str) -> str:
    body = [_row("td", cells) for cells in rows]
    if not body:
        return ""
    return (
        f'<h2>{title}</h2>\n<div class="wide"><table>\n<thead>{_row("th", head)}</thead>\n'
        "<tbody>\n" + "\n".join(body) + "\n</tbody>\n</table></div>"
    )


def _row(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{text(cell)}</{tag}>' for cell in cells)}</tr>"


def _list(sentences: Sequence[str]) -> str:
    if not sentences:
        return ""
    return f"<ul>{''.join(f'<li>{text(one)}</li>' for one in sentences)}</ul>"


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    rows = "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>\n" for name, value in pairs)
    return f"<dl>\n{rows}</dl>"
