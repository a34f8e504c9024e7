"""The rows in which servers are compared: who with whom, under which load, with which goal.

A row is one run of `reactor.bench`'s comparison: all its servers in turn, launched anew, answers
checked. The varied rows ask 10,000 different requests; from them the goals are judged, and the
constant ones, which every cache answers, stand beside them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from goals import AFTER, Goal, Line

from reactor.bench.answers import VARIED, Right
from reactor.bench.comparison import Comparison, Contender, Tell
from reactor.bench.peers import Peers
from reactor.bench.results import Metric, Plan, Results
from reactor.bench.served.apps import BODY, LARGE, MESSAGE, SMALL, content
from reactor.bench.servers import Server
from reactor.load.varied import DEFAULT as VARIATIONS

CPU: Metric = "cpu_us_per_request"
BEFORE = "before"


@dataclass(frozen=True)
class Row:
    """``goals`` by the server that ours is compared with; None: it is shown, no more.

    ``load`` and ``their_load`` are fields of the comparison's plan, theirs where it differs.
    """

    ours: str
    goals: Mapping[str, Goal | None]
    load: Mapping[str, Any] = field(default_factory=dict)
    their_load: Mapping[str, Any] = field(default_factory=dict)
    path: str = "/"
    body: bytes = BODY
    metric: Metric = CPU
    websocket: bool = False  # each request is a message that comes back
    asgi: str | None = None  # the application of `apps` that all serve, instead of the plain one

    def is_app(self) -> bool:
        """Its answers vary with the requests; a file's do not."""
        return self.path == "/"


def varied(row: Row, goals: Mapping[str, Goal | None] | None = None) -> Row:
    """The same of 10,000 different requests, with the same goals where no others are given."""
    return replace(
        row, load={**row.load, "varied": VARIATIONS}, goals=row.goals if goals is None else goals
    )


NATIVE = Row("reactor", {"floor": Goal(1.15), "nginx": Goal(1.0), "threads": None})
WSGI = Row(
    "wsgi",
    {
        "floor": Goal(1.20),
        **dict.fromkeys(("bjoern", "fastwsgi", "fastpysgi", "granian"), Goal(0.9)),
        **dict.fromkeys(("uvicorn", "gunicorn", "waitress")),
    },
)
ASGI = Row(
    "asgi",
    {
        "floor": Goal(1.8),
        "reactor": Goal(1.45),
        "uvicorn": Goal(0.30),
        "granian-asgi": Goal(0.45),
        "fastpysgi-asgi": Goal(0.50),
        **dict.fromkeys(("gunicorn-asgi", "hypercorn")),
    },
)
FRAMEWORK_PEERS = {"uvicorn": Goal(0.60), "granian-asgi": None}
CLOSE = Row("reactor", {"nginx": Goal(1.05)}, {"keep_alive": False})
STATIC = Row(
    "static",
    {"nginx": Goal(0.6), "nginx+cache": Goal(1.0), "static-threads": None},
    path=f"/{SMALL[0]}",
    body=content(SMALL[1]),
)
LARGE_FILE = Row("static", {"nginx": Goal(1.1)}, path=f"/{LARGE[0]}", body=content(LARGE[1]))
# Each server with its access log to a file; and ours against itself without one.
LOGGED = Row(
    "reactor",
    {"nginx": Goal(0.85), **dict.fromkeys(("threads", "granian", "uvicorn", "gunicorn"))},
    {"access_log": True},
)
LOGGED_OFF = Row(
    "reactor", {"reactor": Goal(1.25)}, {"access_log": True}, their_load={"access_log": False}
)
JSON_OFF = replace(LOGGED_OFF, ours="native-json", goals={"reactor": Goal(1.40)})
# Each answer counted, and nobody looks.
METRICS_OFF = Row("native-metrics", {"reactor": Goal(1.03)})
THREADS = Row("wsgi", {"wsgi-threads": Goal(0.6)})
MANY = Row("wsgi", {"wsgi": Goal(1.5)}, {"connections": 1000}, {"connections": 64})
PIPELINED = Row(
    "wsgi",
    {"nginx": Goal(4, True), "fastwsgi": Goal(20, True), "fastpysgi": Goal(20, True)},
    {"pipeline": 16},
    metric="requests_per_s",
)

ROWS = {
    "native-varied": varied(NATIVE, {"nginx": Goal(0.92), "threads": None}),
    "native": NATIVE,
    "logged-varied": varied(LOGGED),
    "logged": LOGGED,
    "logged-off-varied": varied(LOGGED_OFF),
    "logged-off": LOGGED_OFF,
    "logged-json-off-varied": varied(JSON_OFF),
    "logged-json-off": JSON_OFF,
    "metrics-off-varied": varied(METRICS_OFF),
    "metrics-off": METRICS_OFF,
    "native-reused": Row("native-reused", {"floor": Goal(1.15), "nginx": Goal(1.0)}),
    "native-varied-constant": varied(
        Row("reactor", {"reactor": Goal(1.18)}, their_load={"varied": 0})
    ),
    "wsgi-varied": varied(
        WSGI,
        {
            "fastwsgi": Goal(0.8),
            "fastpysgi": Goal(0.8),
            "granian": Goal(0.4),
            **dict.fromkeys(("bjoern", "uvicorn", "gunicorn", "waitress")),
        },
    ),
    "wsgi": WSGI,
    "wsgi-varied-constant": varied(Row("wsgi", {"wsgi": None}, their_load={"varied": 0})),
    "asgi-varied": varied(
        ASGI, {peer: goal for peer, goal in ASGI.goals.items() if peer not in ("floor", "reactor")}
    ),
    "asgi": ASGI,
    "asgi-starlette": Row("asgi", FRAMEWORK_PEERS, asgi="asgi_starlette"),
    "asgi-stream": Row("asgi", FRAMEWORK_PEERS, asgi="asgi_stream"),
    "websocket": Row("reactor", {"picows": Goal(0.80)}, body=MESSAGE, websocket=True),
    "websocket-asgi": Row(
        "asgi",
        {"uvicorn": Goal(0.60), **dict.fromkeys(("granian-asgi", "hypercorn"))},
        body=MESSAGE,
        websocket=True,
    ),
    "close-varied": varied(CLOSE),
    "close": CLOSE,
    "static-varied": varied(STATIC),
    "static": STATIC,
    "static-large-varied": varied(LARGE_FILE),
    "static-large": LARGE_FILE,
    "threads-varied": varied(THREADS),
    "threads": THREADS,
    "threads-1000": Row("wsgi", {"wsgi-threads": Goal(0.2)}, {"connections": 1000}, metric="p99_s"),
    "wsgi-1000-varied": varied(MANY),
    "wsgi-1000": MANY,
    "pipelined-varied": varied(PIPELINED),
    "pipelined": PIPELINED,
}


def measure(name: str, plan: Plan, peers: Peers, before: str | None, tell: Tell) -> Iterator[Line]:
    """The row's lines. With ``before``, the interpreter of an earlier reactor: after / before."""
    row = ROWS[name]
    if before is not None:
        row = replace(row, goals={BEFORE: AFTER}, their_load={}, metric=CPU)
    plan = replace(plan, target=name, **row.load)
    named = {peer: _name(row, peer) for peer in row.goals}
    usable = [peer for peer in row.goals if peer not in peers.unusable]
    contenders = [_contender(row, plan, peers, row.ours, row.ours, {})]
    for peer in usable:
        if peer == BEFORE:
            contenders.append(Contender(BEFORE, partial(_before, peers, row, plan, before or "")))
        else:
            contenders.append(_contender(row, plan, peers, peer, named[peer], row.their_load))
    comparison = Comparison(plan, contenders, right=_right(row, plan), tell=tell)
    results = comparison.run([plan.connections])
    for peer, goal in row.goals.items():
        label = f"{name}: {row.ours} / {named[peer]}"
        if peer in peers.unusable:
            yield Line(label, goal, doubt=peers.unusable[peer])
        else:
            yield _line(results, label, row, named[peer], goal)


def _name(row: Row, peer: str) -> str:
    """The same server under another load has its own name."""
    words = [f"{field_} {value}" for field_, value in row.their_load.items()]
    return ", ".join([peer, *words])


def _contender(
    row: Row, plan: Plan, peers: Peers, server: str, name: str, differs: Mapping[str, Any]
) -> Contender:
    load = replace(plan, **differs)
    vary = bool(load.varied) and row.is_app()
    make = partial(
        *(peers.server, server, row.path),
        varied=vary,
        asgi=row.asgi,
        websocket=row.websocket,
        access_log=load.access_log,
    )
    return Contender(name, make, right=_right(row, load), differs=differs)


def _right(row: Row, load: Plan) -> Right:
    return VARIED if load.varied and row.is_app() else Right(row.body, row.websocket)


def _before(peers: Peers, row: Row, plan: Plan, python: str) -> Server:
    """Ours, of another interpreter; `-P`, or this folder's reactor would be the one that runs."""
    server = _contender(row, plan, peers, row.ours, BEFORE, {}).make()
    server.command = [python, "-P", *server.command[1:]]
    return server


def _line(results: Results, label: str, row: Row, other: str, goal: Goal | None) -> Line:
    ratio = next(
        (one for one in results.ratios if one.b == other and one.metric == row.metric), None
    )
    if ratio is None:
        failed = {one.server: one.sentence for one in results.failures}
        why = failed.get(other) or failed.get(row.ours) or "no pair of slots"
        return Line(label, goal, doubt=why)
    doubts = {
        one.verdict
        for one in results.rows
        if one.server in (row.ours, other) and one.verdict != "VALID"
    }
    if row.metric == CPU:
        doubts -= {"GENERATOR-BOUND"}  # CPU per request is the server's all the same
    return Line(label, goal, ratio, " and ".join(sorted(doubts)) or None)
