"""How an ASGI server starts and ends: each is a function of what starts the server.

Its value says with which code the server ended, and what was seen before.
"""

import json
import signal

from uvicorn_behaviours import scope_of
from uvicorn_driven import Socket, answer_of, seen

LIVES = {}


def life(function):
    LIVES[function.__name__] = function
    return function


def ended(server):
    """Its exit code after SIGTERM."""
    server.signal(signal.SIGTERM)
    return server.wait()


def lived(start, lifespan, *options):
    """Of this lifespan: whether it served, and with what state; its exit code."""
    with start(*options, PROBE_LIFESPAN=lifespan) as server:
        served = bool(server.urls)
        state = scope_of(server)["state"] if served else None
        return served, state, ended(server) if served else server.wait()


for name, words in {
    "complete": ("complete complete",),
    "startup_failed": ("failed complete",),
    "startup_raises": ("raise complete",),
    "without_one": ("early complete",),
    "without_one_on": ("early complete", "--lifespan", "on"),
    "returns": ("return complete",),
    "off": ("failed complete", "--lifespan", "off"),
    "shutdown_failed": ("complete failed",),
    "shutdown_raises": ("complete raise",),
}.items():
    LIVES[f"lifespan[{name}]"] = lambda start, words=words: lived(start, *words)


@life
def root_path(start):
    with start("--root-path", "/mounted") as server:
        found = [scope_of(server, "/x%C3%A9")]
        sock = Socket(server, "/y")
        found.append(json.loads(sock.frame()[1]))
        sock.send(8)
        sock.rest()
        ended(server)
    return [[scope[key] for key in ("root_path", "path", "raw_path")] for scope in found]


@life
def stop_with_a_websocket(start):
    with start() as server:
        sock = Socket(server, "/stop")
        server.signal(signal.SIGTERM)
        frames = sock.rest()
        server.wait()
        return frames[0][:2]


@life
def stop_with_a_request(start):
    """It is answered."""
    with start() as server:
        with server.connect() as sock:
            sock.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            seen(server, "slow", 1)
            server.signal(signal.SIGTERM)
            answer = answer_of(sock)
        server.wait()
    return answer[0], answer[2]
