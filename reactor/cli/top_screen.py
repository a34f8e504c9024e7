"""What `reactor top` draws: a server's status as a screen of rich's.

Every text that came from elsewhere is plain here: no markup, and nothing that drives a terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from reactor.cli.output import shown
from reactor.server.status import words
from reactor.server.status.quantiles import quantile_s

_BARS = "▁▂▃▄▅▆▇█"
# What is beside them, and what they may have of the rest.
_BESIDES, _SPARKS = 64, 50
# Titles of a worker's figures; those with a star are left out where there is no room for them.
_WORKER_COLUMNS = (
    *("#", "PID", "*gen", "state", "*age", "requests", "/s", "conn.", "*active", "busy"),
    *("*memory", "p50", "p99"),
)
_WIDE = 112


def screen(status: dict[str, Any], trouble: str, width: int = _WIDE) -> Group:
    """``status`` is what `/status?json` said last; ``trouble`` why that is no newer."""
    parts: list[Text | Table] = [_title(status, trouble), _figures(status, width)]
    parts.append(_workers(status, width))
    parts += [
        _table(*one) for one in (_slowest(status), _stalls(status), _events(status)) if one[2]
    ]
    return Group(*parts)


def sparks(values: Sequence[float | None], most: int = _SPARKS) -> str:
    """A small chart of letters.

    >>> sparks([0, 1, 2, None, 7])
    '▁▂▃ █'
    """
    values = list(values)[-most:]
    top = max((value for value in values if value is not None), default=0) or 1
    return "".join(" " if v is None else _BARS[min(7, int(v / top * 7.999))] for v in values)


def _title(status: dict[str, Any], trouble: str) -> Text:
    state = str(status.get("state", ""))
    text = Text(f"reactor {shown(str(status.get('version', '')))} · ", "bold")
    text.append(shown(str(status.get("target", ""))), "bold")
    text.append(f"  ● {shown(state)}", "green" if state == "ready" else "yellow")
    text.append(f" for {words.age(status['at'] - status['started_at'])}", "dim")
    if trouble:
        text.append(f"  {trouble}", "bold red")
    return text


def _figures(status: dict[str, Any], width: int) -> Table:
    most = max(8, min(_SPARKS, width - _BESIDES))
    minute = status.get("minute", [])
    last = minute[-1] if minute else {}
    counters = status["counters"]
    states = status.get("by_state", {})
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))

    def row(name: str, now: str, key: str | None, more: str) -> None:
        drawn = sparks([one.get(key) for one in minute], most) if key is not None else ""
        table.add_row(Text(name, "dim"), Text(now, "bold"), Text(drawn, "cyan"), Text(more, "dim"))

    row("throughput", f"{words.count(last.get('requests', 0))}/s", "requests",
        f"{words.count(counters['requests'])} in all")  # fmt: skip
    row("p50", words.duration(last.get("p50_s")), "p50_s",
        f"{words.duration(quantile_s(counters['durations'], 0.5))} since the start")  # fmt: skip
    row("p99", words.duration(last.get("p99_s")), "p99_s",
        f"{words.duration(quantile_s(counters['durations'], 0.99))} since the start")  # fmt: skip
    row("connections", words.count(sum(states.values())), "idle",
        ", ".join(f"{words.count(n)} {shown(name)}" for name, n in states.items()))  # fmt: skip
    row("CPU a request", words.duration(last.get("cpu_s_per_request")), "cpu_s_per_request",
        f"{words.count(round(last.get('cpu_share', 0), 2))} cores busy")  # fmt: skip
    row("in", f"{words.size(last.get('received', 0))}/s", "received", "")
    row("out", f"{words.size(last.get('sent', 0))}/s", "sent", "")
    codes = sorted(counters["codes"].items(), key=lambda pair: -pair[1])[:6]
    row("answers", "", None, "  ".join(f"{shown(c)} {words.count(n)}" for c, n in codes) or "none")
    return table


def _workers(status: dict[str, Any], width: int) -> Table:
    minute = status.get("minute", [])
    last = minute[-1] if minute else {}
    busy, rates = last.get("busy", {}), last.get("rates", {})
    rows = []
    for worker in status.get("workers", []):
        key = str(worker["slot"])
        blocked = worker.get("blocked_s", 0)
        state = f"blocked {words.duration(blocked)}" if blocked >= 1 else str(worker["state"])
        durations = worker["counters"]["durations"]
        rows.append(
            (
                key,
                str(worker["pid"]),
                str(worker["generation"]),
                state,
                words.age(worker["age_s"]),
                words.count(worker["counters"]["requests"]),
                words.count(rates.get(key, 0)),
                words.count(worker["connections"]),
                words.count(worker["active"]),
                words.share(busy.get(key)),
                words.size(worker["memory_bytes"]),
                words.duration(quantile_s(durations, 0.5)),
                words.duration(quantile_s(durations, 0.99)),
            )
        )
    kept = [n for n, name in enumerate(_WORKER_COLUMNS) if width >= _WIDE or name[0] != "*"]
    names = [_WORKER_COLUMNS[n].strip("*") for n in kept]
    return _table("workers", names, [[row[n] for n in kept] for row in rows])


# (its title, the titles of its columns, its rows)
_Part = tuple[str, Sequence[str], Sequence[Sequence[str]]]


def _slowest(status: dict[str, Any]) -> _Part:
    rows = [
        (words.duration(one["seconds"]), str(one["status"]), str(one["method"]), str(one["path"]))
        for one in status.get("slowest", [])[:5]
    ]
    return "slowest of the last minute", ("took", "status", "method", "path"), rows


def _stalls(status: dict[str, Any]) -> _Part:
    rows = [
        (words.duration(one["seconds"]), _ago(one, status), str(one["where"]))
        for one in status.get("stalls", [])[:5]
    ]
    return "the loop was held up", ("up to", "last", "where"), rows


def _events(status: dict[str, Any]) -> _Part:
    rows = [
        (_ago(one, status), str(one["what"]), str(one["text"]))
        for one in status.get("events", [])[:5]
    ]
    return "deaths and reloads", ("when", "what", ""), rows


def _ago(one: dict[str, Any], status: dict[str, Any]) -> str:
    return f"{words.age(status['at'] - one['at'])} ago"


def _table(title: str, names: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(
        title=Text(f"\n{title}", "bold"),
        title_justify="left",
        header_style="dim",
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    for name in names:
        words_of = name in ("path", "where", "")
        right = not words_of and name not in ("state", "method", "what")
        table.add_column(
            name, justify="right" if right else "left", overflow="fold", no_wrap=not words_of
        )
    for row in rows:
        table.add_row(*(Text(shown(cell)) for cell in row))
    return table
