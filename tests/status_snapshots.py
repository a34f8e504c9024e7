"""Snapshots made by hand, for tests of what shows them."""

from __future__ import annotations

import math
import random

from reactor.http._counting import BUCKETS_S
from reactor.server.status.history import History
from reactor.server.status.quantiles import upper_s
from reactor.server.status.snapshot import (
    CertificateInUse,
    Counters,
    Event,
    Listening,
    Process,
    Reload,
    Slow,
    Snapshot,
    Stall,
    Worker,
)

STARTED_AT = 1_764_000_000.0


def counters(requests=0, seconds=0.0002, **more):
    """As if ``requests`` had taken so long each, a bit more or less."""
    durations, latency = [0] * 104, [0] * (len(BUCKETS_S) + 1)
    for n in range(20):
        took = seconds * 2 ** (3 * (n / 20) ** 6)
        step = next((i for i in range(104) if upper_s(i) > took), 103)
        bucket = next((i for i, bound in enumerate(BUCKETS_S) if took <= bound), len(BUCKETS_S))
        durations[step] += requests // 20
        latency[bucket] += requests // 20
    usual = {
        "requests": requests,
        "codes": {"200": requests * 97 // 100, "404": requests * 2 // 100, "304": requests // 100},
        "methods": {"GET": requests * 9 // 10, "POST": requests // 10},
        "latency": {"2xx": tuple(latency)},
        "latency_s": {"2xx": requests * seconds},
        "durations": tuple(durations),
        "received_bytes": requests * 180,
        "sent_bytes": requests * 1400,
        "accepted": requests // 50,
        "busy_s": requests * 0.00003,
    }
    return Counters(**{**usual, **more})


def worker(slot=0, requests=1000, **more):
    usual = {
        "slot": slot,
        "pid": 4000 + slot,
        "generation": 1,
        "state": "ready",
        "age_s": 3725.0,
        "connections": 40,
        "active": 5,
        "writing": 2,
        "blocked_s": 0.0,
        "cpu_s": requests * 0.00004,
        "memory_bytes": 34_000_000,
        "counters": counters(requests),
    }
    return Worker(**{**usual, **more})


def snapshot(number=1, requests=1000, second=0.0, **more):
    """All of it there is; ``second`` since the start of a minute."""
    usual = {
        "at": STARTED_AT + 90_000 + second,
        "clock": 500.0 + second,
        "version": "0.2.0",
        "python": "3.11.7",
        "target": "shop:app",
        "started_at": STARTED_AT,
        "state": "ready",
        "counters": counters(requests),
        "workers": tuple(worker(n, requests // number) for n in range(number)),
        "listeners": (
            Listening("127.0.0.1:8000", 3, 2048),
            Listening("unix:/run/shop.sock", None, 2048),
        ),
        "limits": {"connections_max": 10_000, "header_timeout_s": 10.0, "body_bytes_max": 16 << 20},
        "process": Process(requests * 0.00004, 30_000_000, 200_000_000, 57, 1024, 1),
    }
    return Snapshot(**{**usual, **more})


def full(number=4, requests=12_345_678, **more):
    """One in which everything has happened."""
    now = STARTED_AT + 90_000
    usual = {
        "counters": counters(
            requests,
            refused={"header-timeout": 12, "target": 3, "keep-alive-timeout": 40_123},
            shed=7,
            accept_pauses=1,
            handshakes={"full": 120, "resumed": 880, "failed": 4},
            codes={"200": requests, "304": 20_000, "404": 1234, "500": 17, "5xx": 2},
            turns=tuple(range(16)),
            stalls=3,
            log_lines_lost=5,
        ),
        "certificates": (
            CertificateInUse("shop.example, www.shop.example", now + 61 * 86400),
            CertificateInUse("old.example", now + 2 * 86400),
        ),
        "reload": Reload(True, now - 4000),
        "starts": number + 2,
        "exits": {"crash": 1, "reload": 1},
        "events": (
            Event(now - 65, "death", "worker 2 (4002) by SIGKILL, out of memory?"),
            Event(now - 4000, "reload", "generation 2 serves"),
        ),
        "stalls": (Stall(now - 130, 1.27, "/srv/shop/views.py:87 (checkout)", 4001),),
        "slowest": (
            Slow(now - 3, 1.31, "POST", "/checkout", 200, 4001),
            Slow(now - 20, 0.62, "GET", "/search", 200, 4000),
            Slow(now - 40, 0.55, "GET", "/reports/yearly/with/a/very/long/path", 503, 4003),
            Slow(now - 41, 0.12, "GET", "/<script>alert(1)</script>", 404, 4003),
        ),
        "collections": ({"collections": 5, "collected": 70, "uncollectable": 0},) * 3,
    }
    return snapshot(number, requests, **{**usual, **more})


def minute(workers=4, seconds=59):
    """The history of a minute with something to see in it, and its last snapshot."""
    history, chance = History(), random.Random(1)
    done = [0] * workers
    now = None
    for second in range(seconds + 1):
        for n in range(workers):
            wave = 1 + 0.4 * math.sin(second / 7 + n)
            done[n] += int(900 * wave * chance.uniform(0.85, 1.15))
        total = 2_000_000 + sum(done)
        crew = tuple(
            worker(
                n,
                done[n],
                connections=int(60 + 25 * math.sin(second / 9 + n)),
                active=int(8 + 5 * math.sin(second / 3 + n)),
                writing=chance.randrange(4),
                blocked_s=1.3 if n == 2 and second == seconds else 0.0,
                counters=counters(done[n], busy_s=done[n] * 0.0006),
            )
            for n in range(workers)
        )
        seen = [0] * 104
        for n in range(workers):
            took = 0.0002 * (1.5 + math.sin(second / 11))
            part = counters(done[n], took).durations
            seen = [a + b for a, b in zip(seen, part, strict=True)]
        now = full(
            workers,
            total,
            second=float(second),
            workers=crew,
            process=Process(total * 0.00004 * chance.uniform(1, 1), 3e7, 2e8, 57, 1024, 1),
        )
        history.add(now)
    return history, now
