"""The part of `soak.py` that takes a server's memory away: held bodies, and small requests.

The process may have 200 MiB of addresses, its own included. Clients announce bodies and send half
of them, until the server takes no more; meanwhile others ask for a page. What has to hold: the
server lives, and serves everyone again when those have gone.
"""

from __future__ import annotations

import os
import resource
import socket
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from processes import MODELS, command, eventually, started

ADDRESS_SPACE_BYTES = 200 << 20
CLIENTS = 40
BODY_BYTES = 16 << 20
RUNS = 20
ASKING_S = 10
# A sanitizer's allocator takes terabytes for its shadow.
MAPS_MUCH = "libasan" in os.environ.get("LD_PRELOAD", "")

APP = """
from reactor import Response

def app(request):
    return Response(200, [], "a note\\n")
"""
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def few_addresses():
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))


def held(address, count, stack):
    """Connections with half a body each, or as much of it as the server took."""
    socks = []
    for _ in range(count):
        with suppress(OSError):
            sock = stack.enter_context(socket.create_connection(address, timeout=0.2))
            head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % BODY_BYTES
            sock.sendall(head)
            socks.append(sock)
    # All of them at once: then memory ends in the middle of all.
    piece = bytes(256 << 10)
    for _ in range(BODY_BYTES // len(piece) // 2):
        for sock in list(socks):
            try:
                sock.sendall(piece)
            except OSError:  # it takes nothing more, or has given that one up
                socks.remove(sock)
    return socks


def asked(address):
    """What a small request gets, at this moment."""
    data = b""
    with suppress(OSError), socket.create_connection(address, timeout=1) as sock:
        sock.sendall(GET)
        while piece := sock.recv(4096):
            data += piece
    return data


def right_now(address):
    return asked(address).endswith(b"\r\n\r\na note\n")


def run(folder, model, clients=CLIENTS, requests=50):
    """(held bodies, small requests that were answered meanwhile, whether all is well after)."""
    Path(folder, "held.py").write_text(APP)
    # In memory, and not in files: that is what is to be taken away here.
    where = ("--limit-body-files", "0")
    arguments = ["serve", "held:app", "--port", "0", "--model", model, *where]
    program = command(*arguments, "--no-access-log", "--log-level", "critical")
    with (
        started(program, cwd=folder, preexec_fn=few_addresses, traceback_expected=True) as server,
        ExitStack() as stack,
    ):
        before = server.descriptors()
        holding = held(server.address, clients, stack)
        answered = sum(right_now(server.address) for _ in range(requests))
        alive = server.process.poll() is None
        stack.close()
        # Memory comes back thread by thread: some seconds, and then everyone.
        well = alive and eventually(
            lambda: all(right_now(server.address) for _ in range(20)), "served again", ASKING_S
        )
        well = well and server.descriptors() == before
    return len(holding), answered, well


def memory(site, options):
    for model in MODELS:
        begun = time.monotonic()
        runs = [run(site, model) for _ in range(RUNS)]
        alive = sum(well for _, _, well in runs)
        yield (
            f"--model {model}, {ADDRESS_SPACE_BYTES >> 20} MiB of addresses, {CLIENTS} bodies of "
            f"{BODY_BYTES >> 20} MiB half sent ({min(h for h, _, _ in runs)} to "
            f"{max(h for h, _, _ in runs)} still held): {alive} of {RUNS} alive and well, "
            f"{sum(a for _, a, _ in runs)} of {50 * RUNS} small requests answered meanwhile "
            f"({time.monotonic() - begun:.0f} s)",
            alive == RUNS,
        )


PARTS = {"memory": memory}
