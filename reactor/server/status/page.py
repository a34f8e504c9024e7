"""The status page: one document that needs nothing else, and the same without script.

It is made of parts with names. Without script it is asked for as a whole again and again; with
it, the parts that have changed come by server-sent events (`app.py`), and take their places.
Everything that a client chose is escaped, here and once.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from string import Template

from reactor.apps.markup import text
from reactor.server.status import words
from reactor.server.status.history import Sample
from reactor.server.status.page_style import SCRIPT, STYLE
from reactor.server.status.quantiles import quantile_s
from reactor.server.status.snapshot import Snapshot, Worker
from reactor.server.status.tiles import tiles

# Without script: as often as a person looks.
REFRESH_S = 5
# The page stays below 40 KiB, and nobody reads more rows. JSON and `reactor top` have all.
WORKERS_SHOWN_MAX = 16
# A certificate that ends within these days should have been renewed, and ends soon.
WARNED_DAYS, URGENT_DAYS = 14, 3


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src {_hash(STYLE)}; script-src {_hash(SCRIPT)}; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)

PAGE = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<noscript><meta http-equiv="refresh" content="$refresh"></noscript>
<link rel="icon" href="data:,">
<title>$title</title>
<style>$style</style>
</head>
<body>
<header>
<h1>$title</h1>
<p id="state">$state</p>
<nav><a href="/metrics">metrics</a><a href="/status?json">JSON</a><span id="live"></span></nav>
</header>
<main>
<section class="tiles" id="tiles">$tiles</section>
<section class="card" id="workers">$workers</section>
<div class="cards">
<div>
<section class="card" id="slowest">$slowest</section>
<section class="card" id="events">$events</section>
</div>
<div>
<section class="card" id="stalls">$stalls</section>
<section class="card" id="listeners">$listeners</section>
<section class="card" id="refused">$refused</section>
<section class="card" id="certificates">$certificates</section>
</div>
</div>
<section class="card" id="limits">$limits</section>
</main>
<script>$script</script>
</body>
</html>
""")


def page(snapshot: Snapshot, samples: Iterable[Sample]) -> str:
    """The whole document."""
    return PAGE.substitute(
        sections(snapshot, samples),
        title=f"reactor {text(snapshot.version)} · {text(snapshot.target)}",
        refresh=REFRESH_S,
        style=STYLE,
        script=SCRIPT,
    )


def sections(snapshot: Snapshot, samples: Iterable[Sample]) -> dict[str, str]:
    """The parts that change, by the id of the element that each is in."""
    minute = list(samples)
    return {
        "state": _state(snapshot),
        "tiles": tiles(snapshot, minute),
        "workers": _workers(snapshot, minute[-1] if minute else None),
        "slowest": _slowest(snapshot),
        "stalls": _stalls(snapshot),
        "listeners": _listeners(snapshot),
        "refused": _refused(snapshot),
        "certificates": _certificates(snapshot),
        "events": _events(snapshot),
        "limits": _limits(snapshot),
    }


def _state(snapshot: Snapshot) -> str:
    look = "good" if snapshot.ready else "warn"
    up = words.age(snapshot.at - snapshot.started_at)
    number = len(snapshot.workers)
    workers = "1 process" if number == 1 else f"{number} workers"
    return (
        f'<span class="pill {look}">{text(snapshot.state)}</span> for {up} · {workers} · '
        f"Python {text(snapshot.python)}"
    )


# --- tables ------------------------------------------------------------------------------------

# (title, class of its cells)
Column = tuple[str, str]


def _table(columns: Sequence[Column], rows: Iterable[Sequence[str]], stack: bool = False) -> str:
    """Cells are HTML. ``stack``: on a narrow screen each has its title above it."""
    head = "".join(f"<th{_class(look)}>{title}</th>" for title, look in columns)
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{_class(look)}{_label(title) if stack else ''}>{cell}</td>"
            for (title, look), cell in zip(columns, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide"><table{_class("stack" if stack else "")}><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _label(title: str) -> str:
    return f' data-l="{title}"'


def _class(look: str) -> str:
    return f' class="{look}"' if look else ""


def _card(title: str, small: str, inside: str) -> str:
    return f"<h2>{title}<small>{small}</small></h2>{inside}"


def _when(at: float, now: float) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    # To the minute, so that a part in which nothing has happened is not sent again each second.
    ago = now - at
    said = "just now" if ago < 60 else f"{words.age(ago // 60 * 60)} ago".replace(" 0 s", "")
    return f'<time datetime="{moment:%Y-%m-%dT%H:%M:%SZ}" title="{moment:%F %T} UTC">{said}</time>'


def _workers(snapshot: Snapshot, last: Sample | None) -> str:
    columns = (
        ("#", ""), ("PID", "n"), ("Gen", "n"), ("State", ""), ("Age", "n"), ("Requests", "n"),
        ("Per s", "n"), ("Conn.", "n"), ("Active", "n"), ("Writing", "n"), ("Busy", "n"),
        ("CPU", "n"), ("Memory", "n"), ("p50", "n"), ("p99", "n"),
    )  # fmt: skip
    rows = [_worker(worker, last) for worker in _shown(snapshot.workers)]
    gone = sum(snapshot.exits.values())
    small = f"{snapshot.starts} started, {gone} ended" if gone else "p50 and p99 since their start"
    if (more := len(snapshot.workers) - len(rows)) > 0:
        small += f"; the {len(rows)} with the most connections, and {more} more"
    return _card("Workers", small, _table(columns, rows, stack=True))


def _shown(workers: Sequence[Worker]) -> Sequence[Worker]:
    """Those that need a look are among them: held up, starting, draining."""
    if len(workers) <= WORKERS_SHOWN_MAX:
        return workers
    calm = [worker.state == "ready" and worker.blocked_s < 1 for worker in workers]
    order = sorted(range(len(workers)), key=lambda n: (calm[n], -workers[n].connections))
    return [workers[n] for n in sorted(order[:WORKERS_SHOWN_MAX])]


def _worker(worker: Worker, last: Sample | None) -> list[str]:
    key = str(worker.slot)
    rate = last.rates.get(key) if last else None
    durations = worker.counters.durations
    state = text(worker.state)
    if worker.blocked_s >= 1:
        state = f'<b class="bad">blocked {words.duration(worker.blocked_s)}</b>'
    return [
        key,
        str(worker.pid),
        str(worker.generation),
        state,
        words.age(worker.age_s),
        words.count(worker.counters.requests),
        words.NOTHING if rate is None else words.count(rate),
        words.count(worker.connections),
        words.count(max(0, worker.active - worker.writing)),
        words.count(worker.writing),
        words.share(last.busy.get(key) if last else None),
        words.duration(worker.cpu_s),
        words.size(worker.memory_bytes),
        words.duration(quantile_s(durations, 0.5)),
        words.duration(quantile_s(durations, 0.99)),
    ]


def _slowest(snapshot: Snapshot) -> str:
    columns = (("Took", "n"), ("Status", "n"), ("Method", ""), ("Path", "w"))
    rows = [
        (
            words.duration(slow.seconds),
            f"<span{_class(_look(slow.status))}>{slow.status}</span>",
            text(slow.method),
            text(slow.path),
        )
        for slow in snapshot.slowest
    ]
    inside = _table(columns, rows) if rows else "<p>No request in this time.</p>"
    return _card("Slowest requests", "of the last minute", inside)


def _look(status: int) -> str:
    return "bad" if status >= 500 else "warn" if status >= 400 else ""


def _stalls(snapshot: Snapshot) -> str:
    small = f"{words.count(snapshot.counters.stalls)} since the start"
    if not snapshot.stalls:
        return _card("Loop held up", small, "<p>No function has held the loop up.</p>")
    columns = (("Up to", "n"), ("Last", "n"), ("Where", "w"))
    rows = [
        (
            f'<b class="bad">{words.duration(stall.seconds)}</b>',
            _when(stall.at, snapshot.at),
            text(stall.where),
        )
        for stall in snapshot.stalls
    ]
    return _card("Loop held up", small, _table(columns, rows))


def _listeners(snapshot: Snapshot) -> str:
    columns = (("Address", "w"), ("Waiting", "n"), ("Limit", "n"))
    rows = []
    for one in snapshot.listeners:
        look = ""
        if one.queue is not None and one.queue * 2 > one.queue_max:
            look = "bad"
        waiting = words.NOTHING if one.queue is None else words.count(one.queue)
        rows.append(
            (text(one.address), f"<span{_class(look)}>{waiting}</span>", words.count(one.queue_max))
        )
    counters = snapshot.counters
    small = f"{words.count(counters.accepted)} accepted"
    if counters.accept_pauses:
        small += f", paused {words.count(counters.accept_pauses)} times"
    return _card("Listeners", small, _table(columns, rows))


def _refused(snapshot: Snapshot) -> str:
    counters = snapshot.counters
    rows = sorted(counters.faults.items(), key=lambda pair: -pair[1])
    failed = counters.handshakes.get("failed", 0)
    rows += [("TLS handshake", failed)] if failed else []
    rows += [("idle or silent, for a new one", counters.shed)] if counters.shed else []
    expired = sum(counters.expired.values())
    small = f"and {words.count(expired)} that were idle for long" if expired else ""
    if not rows:
        return _card("Refused", small, "<p>Nobody.</p>")
    columns = (("Reason", "w"), ("Times", "n"))
    cells = [(text(reason), words.count(times)) for reason, times in rows[:12]]
    return _card("Refused", small, _table(columns, cells))


def _certificates(snapshot: Snapshot) -> str:
    if not snapshot.certificates:
        return ""
    rows = []
    for one in snapshot.certificates:
        days = (one.not_after - snapshot.at) / 86400
        look = "bad" if days < URGENT_DAYS else "warn" if days < WARNED_DAYS else ""
        until = datetime.fromtimestamp(one.not_after, UTC)
        rows.append((text(one.names), f"{until:%F}", f"<span{_class(look)}>{days:.0f}</span>"))
    columns = (("Names", "w"), ("Until", "n"), ("Days left", "n"))
    handshakes = snapshot.counters.handshakes
    small = f"{words.count(handshakes.get('full', 0) + handshakes.get('resumed', 0))} handshakes"
    return _card("Certificates", small, _table(columns, rows))


def _events(snapshot: Snapshot) -> str:
    if not snapshot.events:
        return ""
    small = ""
    if snapshot.reload is not None and not snapshot.reload.successful:
        small = '<b class="bad">the last reload failed: what serves is older</b>'
    columns = (("When", "n"), ("What", ""), ("", "w"))
    rows = [
        (_when(event.at, snapshot.at), text(event.what), text(event.text))
        for event in snapshot.events
    ]
    return _card("Deaths and reloads", small, _table(columns, rows))


def _limits(snapshot: Snapshot) -> str:
    pairs = "".join(
        f"<div><dt>{_limit_name(name)}</dt><dd>{_limit(name, value)}</dd></div>"
        for name, value in snapshot.limits.items()
    )
    return _card("Limits in force", "", f"<dl>{pairs}</dl>")


def _limit_name(name: str) -> str:
    for ending in ("_bytes_max", "_max", "_s"):
        name = name.removesuffix(ending)
    return text(name.replace("_", " "))


def _limit(name: str, value: float) -> str:
    if name.endswith("_s"):
        return f"{value:g} s"
    if "bytes" in name or "memory" in name:
        return words.size(value)
    return words.count(value)
