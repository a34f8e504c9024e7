"""A comparison's results as they come out of one, for the tests of what reads them."""

from reactor.bench.results import (
    Environment,
    Failure,
    HighestRate,
    Latency,
    Plan,
    Ratio,
    Results,
    Row,
    Slot,
    Trial,
)
from reactor.load import Histogram


def histogram(slower=1.0):
    made = Histogram()
    for value in range(100_000, 5_000_000, 7_000):
        made.record(int(value * slower))
    return made


def latency(found):
    return Latency(*(found.percentile(p) / 1e9 for p in (50, 90, 99, 99.9)), found.max / 1e9)


def row(server, connections=64, cpu_us=10.0, access_log=False):
    found = histogram()
    p99_s = found.percentile(99) / 1e9
    slots = [
        Slot(n // 2, 10_000, 0.5, cpu_us / 100 * (1 + n / 1000), p99_s, found.encode())
        for n in range(12)
    ]
    return Row(
        server, connections, None, access_log, 20_000.0, cpu_us, latency(found), None,
        found.encode(), 0.5, 0, 20_000_000, 800.0, 1, 70, 0.1, "VALID", None, slots,
    )  # fmt: skip


def highest_rate(server):
    trials = [
        Trial(10_000.0, 10_000, 0.002, 0, 0, 0.3, True),
        Trial(20_000.0, 20_000, 0.050, 5, 0, 0.6, False),
    ]
    return HighestRate(server, 64, 0.005, 10_000.0, "VALID", None, trials)


def results():
    environment = Environment(
        "2026-01-01T00:00:00+00:00", "Linux 6.1", "A processor", 2, None, "3.11.7", [0.1, 1.5],
        "0123abc", ["reactor", "bench"], {"reactor": "0.1", "nginx": None},
        {"reactor": ["python", "-m", "reactor"]}, {"nginx": "daemon off;\n\terror_log <none>;\n"},
    )  # fmt: skip
    plan = Plan("hello", 64, None, 1, True, 12, 0.5, 0.5, 1)
    ratio = Ratio(
        "reactor", "threads", 64, "cpu_us_per_request", 0.5, 0.48, 0.52, [0.98, 1.02], True
    )
    return Results(
        environment,
        plan,
        [row("reactor"), row("threads", cpu_us=20.0)],
        [ratio],
        [highest_rate("reactor")],
        [Failure("nginx", "nginx is not installed")],
    )
