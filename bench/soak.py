"""The long forms of what the tests show in short, with their figures.

    python bench/soak.py                  everything, some minutes
    python bench/soak.py hostile stop     only these

Each part starts its own server, ends it, and fails on a traceback on its stderr. The exit
code is 0 only if every figure is what it has to be.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests")]

import soak_bodies  # noqa: E402
import soak_memory  # noqa: E402
import soak_safety  # noqa: E402
import soak_stop  # noqa: E402
import soak_websocket  # noqa: E402
from clients import NOTE, Hostile, answered_twice, check_health, stop_under_load  # noqa: E402
from processes import MODELS, run_reactor, serving  # noqa: E402

FILE_BYTES = 100_000_000
GROWTH_KIB_MAX = 2_000
SEED = 10_000


def many(site, options):
    """Clients connected at once, each answered twice on its kept-alive connection."""
    for model in MODELS:
        with serving(site, "--model", model, "--no-access-log") as server:
            begun = time.monotonic()
            right, threads = answered_twice(server, options.clients)
            seconds = time.monotonic() - begun
        expected = 1 if model == "reactor" else options.clients + 1
        yield (
            f"--model {model}: {options.clients:,} clients at once, {right:,} of "
            f"{2 * options.clients:,} answers right, Threads: {threads} ({seconds:.1f} s)",
            right == 2 * options.clients and threads == expected,
        )


def large(site, options):
    """100 MB through our serve and our get."""
    path = Path(site, "large.bin")
    with open(path, "wb") as file:
        for _ in range(FILE_BYTES // 1_000_000):
            file.write(os.urandom(1_000_000))
    expected = digest(path)
    for model in MODELS:
        with (
            tempfile.TemporaryDirectory() as folder,
            serving(site, "--model", model, "--no-access-log") as server,
        ):
            check_health(server.address, 10)
            before = server.status("VmRSS")
            begun = time.monotonic()
            done = run_reactor("get", f"{server.url}large.bin", cwd=folder)
            seconds = time.monotonic() - begun
            grown = server.status("VmRSS") - before
            peak = server.status("VmHWM") - before
            same = done.returncode == 0 and digest(Path(folder, "large.bin")) == expected
        yield (
            f"--model {model}: {FILE_BYTES:,} bytes, SHA-256 {expected[:16]}... "
            f"{'the same' if same else 'DIFFERS'}, server RSS {grown:+,} KiB, "
            f"peak {peak:+,} KiB ({seconds:.1f} s)",
            same and peak < GROWTH_KIB_MAX,
        )
    path.unlink()


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hostile(site, options):
    """Clients that reset, half-close, stall or leave at random points."""
    for model in MODELS:
        with serving(site, "--model", model, "--no-access-log") as server:
            check_health(server.address)
            before, memory = server.descriptors(), server.status("VmRSS")
            clients = Hostile(server.address, SEED)
            begun = time.monotonic()
            clients.run(options.hostile)
            seconds = time.monotonic() - begun
            check_health(server.address)
            after = server.descriptors()
            grown = server.status("VmRSS") - memory
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(clients.done.items()))
        yield (
            f"--model {model}: {options.hostile:,} hostile clients ({kinds}), then 100 of 100 "
            f"right, descriptors {before} -> {after}, tracebacks {server.err.count('Traceback')}, "
            f"RSS {grown:+,} KiB ({seconds:.1f} s)",
            before == after,
        )


def stop(site, options):
    """SIGTERM while 200 connections are served; ten times."""
    for model in MODELS:
        total, broken, codes = 0, [], []
        for _ in range(10):
            with serving(site, "--model", model, "--no-access-log") as server:
                whole, partly, code = stop_under_load(server, 200, options.responses)
                total += whole
                broken += partly
                codes.append(code)
        yield (
            f"--model {model}: 10 stops under 200 connections, {total:,} whole responses, "
            f"{len(broken)} broken, exit codes {sorted(set(codes))}",
            not broken and set(codes) == {0},
        )


PARTS = {
    "many": many,
    "large": large,
    "hostile": hostile,
    "stop": stop,
    **soak_safety.PARTS,
    **soak_memory.PARTS,
    **soak_bodies.PARTS,
    **soak_stop.PARTS,
    **soak_websocket.PARTS,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="|".join(PARTS), default=[])
    parser.add_argument("--clients", type=int, default=2_000)
    parser.add_argument("--hostile", type=int, default=10_000)
    parser.add_argument("--pipelined", type=int, default=100_000)
    parser.add_argument("--resets", type=int, default=10_000)
    parser.add_argument("--websockets", type=int, default=10_000, help="idle ones")
    parser.add_argument("--websocket-gib", type=float, default=10, help="what one is sent")
    parser.add_argument("--idle-s", type=int, default=60)
    parser.add_argument("--responses", type=int, default=5_000, help="before each of the stops")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {unknown.pop()!r}")
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, allowed))
    passed = True
    with tempfile.TemporaryDirectory() as site:
        Path(site, "note.txt").write_bytes(NOTE)
        Path(site, "medium.bin").write_bytes(bytes(range(256)) * 2000)
        for name in options.parts or PARTS:
            for figures, right in PARTS[name](site, options):
                passed = passed and right
                print(f"{'ok  ' if right else 'FAIL'} {name}: {figures}", flush=True)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
