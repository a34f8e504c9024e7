"""The six figures that an operator looks at first, each with its last minute."""

from __future__ import annotations

from collections.abc import Sequence

from reactor.server.status import words
from reactor.server.status.charts import area, bar, chart, decade, line, logarithms, scale
from reactor.server.status.history import Sample
from reactor.server.status.quantiles import quantile_s
from reactor.server.status.snapshot import Snapshot

WORKER_COLORS = ("ca", "cb", "cc", "cd", "ce", "cf")
# More lines than that nobody can tell apart: then the busiest ones are drawn.
LINES_MAX = 12


def tiles(snapshot: Snapshot, minute: Sequence[Sample]) -> str:
    return (
        _throughput(snapshot, minute)
        + _latency(snapshot, minute)
        + _connections(snapshot, minute)
        + _cpu(snapshot, minute)
        + _busy(snapshot, minute)
        + _answers(snapshot, minute)
    )


def _tile(title: str, top: str, big: str, drawn: str, notes: Sequence[str]) -> str:
    return (
        f'<div class="tile"><h2>{title}<small>{top}</small></h2><div class="big">{big}</div>'
        f'{drawn}<p class="note">{"".join(f"<span>{note}</span>" for note in notes)}</p></div>'
    )


def _key(look: str, name: str, value: str) -> str:
    return f'<span class="key {look}">{name} <b>{value}</b></span>'


def _throughput(snapshot: Snapshot, minute: Sequence[Sample]) -> str:
    values = [sample.requests for sample in minute]
    top = scale(values, 1)
    last = minute[-1] if minute else None
    return _tile(
        "Throughput",
        f"up to {words.count(top)}/s",
        f"{words.count(last.requests) if last else words.NOTHING} <small>requests/s</small>",
        chart("requests a second", area(values, top, "ca t"), line(values, top, "ca")),
        [
            f"{words.count(snapshot.counters.requests)} in all",
            f"in {words.size(last.received if last else 0)}/s",
            f"out {words.size(last.sent if last else 0)}/s",
        ],
    )


def _latency(snapshot: Snapshot, minute: Sequence[Sample]) -> str:
    p50 = [sample.p50_s for sample in minute]
    p99 = [sample.p99_s for sample in minute]
    top = scale([*p50, *p99], 1e-5)
    low = min(decade(p50), top / 10)  # logarithmic: else the one is a line on the ground
    height = logarithms([top], low)[0] or 1.0
    durations = snapshot.counters.durations
    now = minute[-1] if minute else None
    return _tile(
        "Latency",
        f"{words.duration(low)} to {words.duration(top)}",
        f"{words.duration(now.p50_s if now else None)} <small>p50</small> "
        f"{words.duration(now.p99_s if now else None)} <small>p99</small>",
        chart(
            "latency, p50 and p99, on a logarithmic scale",
            line(logarithms(p99, low), height, "cb"),
            line(logarithms(p50, low), height, "ca"),
        ),
        [
            _key("ca", "p50", words.duration(quantile_s(durations, 0.5))),
            _key("cb", "p99", words.duration(quantile_s(durations, 0.99))),
            "since the start",
        ],
    )


def _connections(snapshot: Snapshot, minute: Sequence[Sample]) -> str:
    idle = [float(sample.idle) for sample in minute]
    active = [float(sample.active) for sample in minute]
    writing = [float(sample.writing) for sample in minute]
    lower = [a + b for a, b in zip(writing, active, strict=True)]
    top = scale([a + b for a, b in zip(lower, idle, strict=True)], 1)
    now = snapshot.by_state
    limit = snapshot.limits.get("connections_max")
    of = f" <small>of {words.count(limit * max(1, len(snapshot.workers)))}</small>" if limit else ""
    return _tile(
        "Connections",
        f"up to {words.count(top)}",
        f"{words.count(snapshot.connections)}{of}",
        chart(
            "connections by state",
            area(writing, top, "cc"),
            area(active, top, "ca", writing),
            area(idle, top, "ci", lower),
        ),
        [
            _key("ca", "active", words.count(now["active"])),
            _key("cc", "writing", words.count(now["writing"])),
            _key("ci", "idle", words.count(now["idle"])),
        ],
    )


def _cpu(snapshot: Snapshot, minute: Sequence[Sample]) -> str:
    values = [sample.cpu_s_per_request for sample in minute]
    top = scale(values, 1e-6)
    last = minute[-1] if minute else None
    memory = sum(worker.memory_bytes for worker in snapshot.workers)
    return _tile(
        "CPU a request",
        f"up to {words.duration(top)}",
        f"{words.duration(last.cpu_s_per_request if last else None)} <small>of a core</small>",
        chart("CPU a request", line(values, top, "cd")),
        [
            f"cores busy {words.count(round(last.cpu_share, 2)) if last else words.NOTHING}",
            f"memory {words.size(memory)}",
            f"{words.count(snapshot.process.descriptors)} descriptors",
        ],
    )


def _busy(snapshot: Snapshot, minute: Sequence[Sample]) -> str:
    last = minute[-1].busy if minute else {}
    slots = sorted(last, key=lambda slot: -last[slot])[:LINES_MAX]
    slots.sort(key=lambda slot: (len(slot), slot))
    lines = [
        line([sample.busy.get(slot) for sample in minute], 1.0, _worker_color(slot))
        for slot in slots
    ]
    held = snapshot.counters.stalls
    return _tile(
        "Loop busy",
        "up to 100 %",
        f"{words.share(max(last.values(), default=None))} "
        f"<small>{'of its time' if len(last) < 2 else 'the busiest worker'}</small>",
        chart("the share of time in which a loop did not wait", *lines),
        [
            *(_key(_worker_color(slot), slot, words.share(last[slot])) for slot in slots[:6]),
            f"held up {words.count(held)} {'time' if held == 1 else 'times'}",
        ],
    )


def _worker_color(slot: str) -> str:
    return WORKER_COLORS[int(slot) % len(WORKER_COLORS)]


def _answers(snapshot: Snapshot, minute: Sequence[Sample]) -> str:
    codes = snapshot.counters.codes
    classes = dict.fromkeys("12345", 0)
    for code, times in codes.items():
        classes[code[0]] += times
    looks = {"1": "cf", "2": "cc", "3": "ca", "4": "cb", "5": "cx"}
    failed = [sample.failed for sample in minute]
    total = sum(classes.values())
    share = classes["5"] / total if total else None
    look = ' class="bad"' if classes["5"] else ""
    common = sorted(codes.items(), key=lambda pair: -pair[1])[:5]
    return _tile(
        "Answers",
        f"{words.count(failed[-1]) if failed else words.NOTHING} of 5xx/s",
        f"<span{look}>{words.share(share)}</span> <small>failed (5xx)</small>",
        bar([(looks[name], times) for name, times in classes.items()], "answers by class"),
        [_key(looks[code[0]], code, words.count(times)) for code, times in common] or ["none yet"],
    )
