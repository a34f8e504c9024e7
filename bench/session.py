"""The blocking client against requests: CPU of 1,000 small answers over one kept connection.

    python bench/session.py [ROUNDS]

User and system time of this process, in pairs A B B A; each answer's JSON is read, and its text
looked at. Goal: at most 0.15 of requests' CPU. Needs requests, and httpx for its row.
"""

from __future__ import annotations

import importlib.util
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import reactor

ANSWERS, ROUNDS = 1_000, 5
SERVED = """
import sys
from reactor import Response, serve
BODY = b'{"name": "tea", "price": 3.5, "tags": ["hot", "green"]}'
def app(request):
    return Response(200, {"Content-Type": "application/json"}, BODY)
serve(app, port=0, on_listening=lambda socks: print(socks[0].getsockname()[1], flush=True))
"""


def asked(get: Callable[[str], Any], url: str) -> float:
    """Seconds of CPU."""
    began = time.process_time()
    for _ in range(ANSWERS):
        answer = get(url)
        if answer.json()["name"] != "tea" or "tea" not in answer.text:
            raise SystemExit("that is another answer")
    return time.process_time() - began


def clients() -> dict[str, Callable[[str], Any]]:
    found: dict[str, Callable[[str], Any]] = {"reactor": reactor.Client().get}
    for name, made in (("requests", "Session"), ("httpx", "Client")):
        if importlib.util.find_spec(name) is None:
            print(f"{name} is not installed")
        else:
            found[name] = getattr(importlib.import_module(name), made)().get
    return found


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    command = [sys.executable, "-c", SERVED]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            url = f"http://127.0.0.1:{server.stdout.readline().strip()}/"
            gets = clients()
            spent: dict[str, list[float]] = {name: [] for name in gets}
            for get in gets.values():
                asked(get, url)
            for _ in range(rounds):
                for name in [*gets, *reversed(gets)]:
                    spent[name].append(asked(gets[name], url))
        finally:
            server.terminate()
    middle = {name: statistics.median(figures) for name, figures in spent.items()}
    for name, seconds in middle.items():
        ratio = middle["reactor"] / seconds
        print(f"{name:10} {seconds / ANSWERS * 1e6:7.1f} us of CPU an answer; ours is {ratio:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
