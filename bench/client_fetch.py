"""Fetch a URL, or N URLs whose "{}" is a number from 1, and drop the bodies: for client_cpu.sh."""

import os
import resource
import sys

from reactor import Reactor
from reactor.client import Client

url, count = sys.argv[1], int(sys.argv[2])
numbers = iter(range(1, count + 1))
not_done = set(range(count))
sink = os.open(os.devnull, os.O_WRONLY)


def start() -> None:
    number = next(numbers, None)
    if number is not None:
        client.request(
            "GET",
            url.replace("{}", str(number)),
            on_head=lambda head, transfer: None,
            on_body=lambda data: os.write(sink, data),
            on_done=done,
        )


def done(error: Exception | None) -> None:
    if error is not None:
        raise error
    not_done.pop()
    if not_done:
        start()
    else:
        loop.stop()


with Reactor() as loop, Client(loop) as client:
    for _ in range(12):
        start()
    loop.run()
print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss} KiB at most", file=sys.stderr)
