"""A snapshot as text for Prometheus: its format 0.0.4, or OpenMetrics 1.0 for who accepts that.

Names and buckets are OpenTelemetry's where it has them, in Prometheus's spelling; all others begin
with ``reactor_``, or are those of every Prometheus client (process_, python_). No label has a
host, a path or a peer: whoever asks could make as many series as they like.

Must never know: where the figures come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from reactor.http._counting import BUCKETS_S
from reactor.server.status.snapshot import Snapshot

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
# Where a turn's step ends: 64 us, doubled up to 1.05 s.
TURN_BUCKETS_S = tuple(64e-6 * 2**n for n in range(15))

Labels = Mapping[str, str]
# (what is behind the name, labels, value)
Sample = tuple[str, Labels, float]


class Family:
    """A metric: its name without ``_total``, its kind, what it says, its samples."""

    def __init__(self, name: str, kind: str, says: str, samples: Iterable[Sample]) -> None:
        self.name = name
        self.kind = kind
        self.says = says
        self.samples = samples


def exposed(snapshot: Snapshot, openmetrics: bool = False) -> str:
    """The whole text."""
    lines: list[str] = []
    for family in families(snapshot):
        lines += _lines(family, openmetrics)
    if openmetrics:
        lines.append("# EOF")
    return "\n".join(lines) + "\n"


def _lines(family: Family, openmetrics: bool) -> Iterator[str]:
    # In the older format the suffix of a counter is a part of its name, and an info is a gauge.
    name, kind, suffix = family.name, family.kind, ""
    if kind == "info":
        suffix = "_info"
    elif kind == "counter":
        suffix = "_total"
    samples = [
        _sample(name + (suffix or behind), labels, value)
        for behind, labels, value in family.samples
    ]
    if not samples:
        return
    if not openmetrics:
        name += suffix
        kind = "gauge" if kind == "info" else kind
    yield f"# HELP {name} {family.says}"
    yield f"# TYPE {name} {kind}"
    yield from samples


def _sample(name: str, labels: Labels, value: float) -> str:
    inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{inside}}} {_number(value)}" if inside else f"{name} {_number(value)}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(value: float) -> str:
    if isinstance(value, int) or value == int(value):
        return str(int(value))
    return repr(round(value, 9))


def _one(value: float) -> list[Sample]:
    return [("", {}, value)]


def _by(label: str, values: Mapping[str, float]) -> list[Sample]:
    return [("", {label: name}, value) for name, value in values.items()]


def _histogram(
    bounds: Iterable[float], counts: Iterable[int], total_s: float, labels: Labels
) -> Iterator[Sample]:
    ends = [*(f"{bound:g}" for bound in bounds), "+Inf"]
    count = 0
    for end, count in zip(ends, accumulate(counts), strict=True):
        yield "_bucket", {**labels, "le": end}, count
    yield "_sum", labels, total_s
    yield "_count", labels, count


def families(snapshot: Snapshot) -> Iterator[Family]:
    yield from _http(snapshot)
    yield from _connections(snapshot)
    yield from _loop(snapshot)
    yield from _service(snapshot)
    yield from _process(snapshot)


def _http(snapshot: Snapshot) -> Iterator[Family]:
    yield from _answers(snapshot)
    yield from _clients(snapshot)


def _answers(snapshot: Snapshot) -> Iterator[Family]:
    counters = snapshot.counters
    yield Family(
        "http_server_request_duration_seconds",
        "histogram",
        "From a whole head to the last byte of the answer that the kernel took, by status class.",
        [
            sample
            for name, counts in counters.latency.items()
            for sample in _histogram(
                BUCKETS_S,
                counts,
                counters.latency_s.get(name, 0.0),
                {"http_response_status_code": name},
            )
        ],
    )
    yield Family(
        "reactor_responses",
        "counter",
        "Answers by status; of rarer ones the class.",
        _by("http_response_status_code", counters.codes),
    )
    yield Family(
        "reactor_requests",
        "counter",
        "Answered requests by method.",
        _by("http_request_method", counters.methods),
    )


def _clients(snapshot: Snapshot) -> Iterator[Family]:
    counters = snapshot.counters
    active = sum(worker.active for worker in snapshot.workers)
    yield Family(
        "reactor_requests_active",
        "gauge",
        "Requests whose head has come and whose answer is not over.",
        _one(active),
    )
    yield Family(
        "reactor_refused",
        "counter",
        "Connections that ended by the client's fault, by the rule, limit or time-out.",
        _by("reason", counters.faults),
    )
    yield Family(
        "reactor_expired",
        "counter",
        "Connections whose client asked nothing more, or nothing at all, in time.",
        _by("reason", counters.expired),
    )
    yield Family(
        "reactor_received_bytes", "counter", "From clients.", _one(counters.received_bytes)
    )
    yield Family("reactor_sent_bytes", "counter", "To clients.", _one(counters.sent_bytes))


def _connections(snapshot: Snapshot) -> Iterator[Family]:
    counters = snapshot.counters
    yield Family(
        "reactor_connections", "gauge", "Open ones by state.", _by("state", snapshot.by_state)
    )
    if "connections_max" in snapshot.limits:
        yield Family(
            "reactor_connections_limit",
            "gauge",
            "How many there may be, of all workers.",
            _one(snapshot.limits["connections_max"] * max(1, len(snapshot.workers))),
        )
    yield Family(
        "reactor_connections_accepted", "counter", "Since the start.", _one(counters.accepted)
    )
    yield Family(
        "reactor_shed", "counter", "Those that made room for new ones.", _one(counters.shed)
    )
    yield Family(
        "reactor_accept_paused",
        "counter",
        "How often new clients had to wait, for want of descriptors, memory or places.",
        _one(counters.accept_pauses),
    )
    queues = {one.address: one for one in snapshot.listeners}
    yield Family(
        "reactor_accept_queue_length",
        "gauge",
        "Clients that the kernel has connected and nobody has accepted yet.",
        _by("address", {name: one.queue for name, one in queues.items() if one.queue is not None}),
    )
    yield Family(
        "reactor_accept_queue_limit",
        "gauge",
        "How many of them there may be: who comes then is dropped.",
        _by("address", {name: one.queue_max for name, one in queues.items()}),
    )
    yield Family(
        "reactor_tls_handshakes",
        "counter",
        "By result.",
        _by("result", counters.handshakes) if any(counters.handshakes.values()) else [],
    )
    yield Family(
        "reactor_tls_certificate_not_after_seconds",
        "gauge",
        "When a certificate in use ends.",
        _by("names", {one.names: one.not_after for one in snapshot.certificates}),
    )


def _loop(snapshot: Snapshot) -> Iterator[Family]:
    counters = snapshot.counters
    yield Family(
        "reactor_loop_busy_seconds",
        "counter",
        "Time in which loops did not wait: its rate is the share of a core's time, of all workers.",
        _one(counters.busy_s),
    )
    if any(counters.turns):
        yield Family(
            "reactor_loop_turn_duration_seconds",
            "histogram",
            "How long a loop's turn kept all others waiting.",
            list(_histogram(TURN_BUCKETS_S, counters.turns, counters.busy_s, {})),
        )
    yield Family(
        "reactor_loop_stalls", "counter", "Turns that took too long.", _one(counters.stalls)
    )
    yield Family(
        "reactor_log_lines_lost",
        "counter",
        "Of the logs, because nobody took them.",
        _one(counters.log_lines_lost),
    )


def _service(snapshot: Snapshot) -> Iterator[Family]:
    workers = snapshot.workers
    states = dict.fromkeys(("starting", "ready", "draining"), 0)
    for worker in workers:
        states[worker.state] = states.get(worker.state, 0) + 1
    yield Family("reactor_workers", "gauge", "Processes that serve.", _by("state", states))
    yield Family(
        "reactor_worker_starts", "counter", "Workers that were started.", _one(snapshot.starts)
    )
    yield Family(
        "reactor_worker_exits", "counter", "Workers that ended.", _by("reason", snapshot.exits)
    )
    memory: dict[str, float] = {}
    for worker in workers:
        key = str(worker.slot)
        memory[key] = memory.get(key, 0) + worker.memory_bytes
    yield Family(
        "reactor_worker_memory_bytes", "gauge", "Resident, by slot.", _by("worker", memory)
    )
    if snapshot.reload is not None:
        yield Family(
            "reactor_config_last_reload_successful",
            "gauge",
            "Whether what serves is what the last reload asked for.",
            _one(snapshot.reload.successful),
        )
        yield Family(
            "reactor_config_last_reload_success_timestamp_seconds",
            "gauge",
            "When the configuration in use was loaded.",
            _one(snapshot.reload.at),
        )
    yield Family(
        "reactor_start_time_seconds", "gauge", "Of the service.", _one(snapshot.started_at)
    )
    yield Family(
        "reactor",
        "info",
        "What runs.",
        [("", {"version": snapshot.version, "python": snapshot.python}, 1)],
    )


def _process(snapshot: Snapshot) -> Iterator[Family]:
    process = snapshot.process
    yield Family(
        "process_cpu_seconds", "counter", "User and system, of all processes.", _one(process.cpu_s)
    )
    for name, says, value in (
        ("process_resident_memory_bytes", "Resident memory.", process.resident_bytes),
        ("process_virtual_memory_bytes", "Virtual memory.", process.virtual_bytes),
        ("process_open_fds", "Open descriptors.", process.descriptors),
        ("process_max_fds", "How many there may be.", process.descriptors_max),
        ("process_threads", "Threads.", process.threads),
        ("process_start_time_seconds", "When it started.", snapshot.started_at),
    ):
        yield Family(name, "gauge", says, _one(value) if value else [])
    for name, key, says in (
        ("python_gc_collections", "collections", "Runs of the garbage collector."),
        ("python_gc_objects_collected", "collected", "What it has freed."),
        ("python_gc_objects_uncollectable", "uncollectable", "What it could not free."),
    ):
        yield Family(
            name,
            "counter",
            says,
            _by("generation", {str(n): one[key] for n, one in enumerate(snapshot.collections)}),
        )
