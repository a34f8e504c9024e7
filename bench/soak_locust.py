"""A hundred thousand requests by a real Locust, one master and two workers: does every count agree?

    pip install -e '.[locust]'; python bench/soak_locust.py

The application counts what it is asked, Locust what it is told, and the histogram that the master
has merged from both workers its latencies. All three must be the same number.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from locusts import WORKERS, run_locust
from processes import exchange, serving

from reactor.load import Histogram

CONNECTIONS = 32
LOCUSTFILE = f"""
from reactor.contrib.locust import ReactorSwarm
from reactor.load import Expect

class Swarm(ReactorSwarm):
    connections = {CONNECTIONS}
    expect = (Expect(body=b"the page"),)
"""
APPLICATION = """
from reactor import Response
asked = 0

def app(request):
    global asked
    if request.path == "/asked":
        return Response(200, {}, str(asked).encode())
    asked += 1
    return Response(200, {}, b"the page")
"""
COUNT = b"GET /asked HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="counts of Locust, the server and the histogram")
    parser.add_argument("--requests", type=int, default=100_000, help="at least so many")
    options = parser.parse_args()
    if find_spec("locust") is None:
        print("Locust is not installed: pip install -e '.[locust]'", file=sys.stderr)
        return 1
    seconds = 5
    while True:
        asked, failures, exact, served = attempt(seconds)
        if asked >= options.requests or asked == 0:
            break
        seconds = seconds * options.requests // asked + seconds // 4 + 1
    warm_up = WORKERS * CONNECTIONS
    print(f"Locust's table       {asked:>9,} requests, {failures} failures")
    print(f"merged histogram     {len(exact):>9,} latencies")
    print(
        f"server's own count   {served - warm_up:>9,} requests, besides {warm_up} before the runs"
    )
    print(*(f"p{p:g} {exact.percentile(p) / 1e3:,.0f} us" for p in (50, 99, 99.9)), sep=", ")
    agree = asked == len(exact) == served - warm_up and not failures and asked >= options.requests
    print(f"{WORKERS} workers, {seconds} s: {'all counts agree' if agree else 'THE COUNTS DIFFER'}")
    return 0 if agree else 1


def attempt(seconds: int) -> tuple[int, int, Histogram, int]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "counting.py").write_text(APPLICATION)
        path = {"PYTHONPATH": name}
        with serving("counting:app", "--no-access-log", cwd=name, env=path) as server:
            rows, text, _ = run_locust(folder, LOCUSTFILE, server.url, WORKERS, seconds)
            asked = sum(row["num_requests"] for row in rows)
            served = int(exchange(server.address, COUNT).rpartition(b"\r\n\r\n")[2])
    failures = sum(row["num_failures"] for row in rows)
    return asked, failures, Histogram.decode(text), served


if __name__ == "__main__":
    sys.exit(main())
