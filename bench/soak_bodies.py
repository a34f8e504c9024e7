"""The part of `soak.py` that uploads to a slow application: what does the server hold meanwhile?

All clients send at once, and the application reads each body in small pieces and takes its time.
What has to hold: every body arrives as it was sent, and the resident memory grows by a part of what
was sent, since bodies over `Limits.body_in_memory_bytes_max` are in files.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from pathlib import Path

from processes import MODELS, read_to_end, serving

CLIENTS = 100
BODY_BYTES = 16 << 20
GROWTH_KIB_MAX = 150_000
SLOW_S = 0.05

APP = f"""
import hashlib, time

def app(environ, start_response):
    found = hashlib.sha256()
    while piece := environ["wsgi.input"].read(65536):
        found.update(piece)
    time.sleep({SLOW_S})
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [found.hexdigest().encode()]
"""
HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"


class Uploads:
    """Clients that send the same body; ``right`` counts those who were answered with its hash."""

    def __init__(self, server, clients, body):
        self.server, self.body = server, body
        self.digest = hashlib.sha256(body).hexdigest().encode()
        self.answers = []
        self.together = threading.Barrier(clients)
        self.threads = [threading.Thread(target=self.upload) for _ in range(clients)]

    def upload(self):
        with self.server.connect() as sock:
            sock.settimeout(300)
            sock.sendall(HEAD % len(self.body) + self.body[:1])
            self.together.wait()  # all of them are under way at the same time
            sock.sendall(memoryview(self.body)[1:])
            self.answers.append(read_to_end(sock))

    def run(self):
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join()
        return sum(answer.endswith(b"\r\n\r\n" + self.digest) for answer in self.answers)


def run(folder, model, clients=CLIENTS, size=BODY_BYTES):
    """(right answers, KiB by which the most that was resident is more than at the start)."""
    Path(folder, "slow.py").write_text(APP)
    options = ("--no-access-log", "--log-level", "error", "--timeout-body", "300")
    with serving("slow:app", "--model", model, *options, cwd=folder) as server:
        Uploads(server, 2, b"warm").run()
        before = server.status("VmRSS")
        right = Uploads(server, clients, os.urandom(size)).run()
        grown = server.status("VmHWM") - before
    return right, grown


def bodies(site, options):
    for model in MODELS:
        begun = time.monotonic()
        right, grown = run(site, model)
        yield (
            f"--model {model}: {CLIENTS} clients upload {BODY_BYTES >> 20} MiB each at once to a "
            f"WSGI application that takes {SLOW_S * 1000:.0f} ms: {right} of {CLIENTS} right, peak "
            f"RSS {grown:+,} KiB ({time.monotonic() - begun:.0f} s)",
            right == CLIENTS and grown < GROWTH_KIB_MAX,
        )


PARTS = {"bodies": bodies}
