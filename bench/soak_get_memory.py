"""The parts ``memory`` and ``hostile`` of `soak_get.py`: peaks of memory, process by process."""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from fetching import Done, fetch
from hostile_cases import LENGTH, said
from hostile_server import Case, Hostile, certificates
from hostile_verdict import CASES, arguments, faults, prepare
from origins import PAGE, Origins

STREAM_BYTES = 4 << 30
URLS = 10_000
GROWTH_KIB_MAX = 2 << 10
# What a start and an end may take on a machine that does other work.
PROCESS_S = 5.0


def memory(place: Path, options: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    """4 GiB to /dev/null and to a file, and 10,000 URLs: against a small download."""
    site, folder = place / "site", place / "out"
    site.mkdir()
    folder.mkdir()
    (site / PAGE).write_bytes(b"x")
    with open(site / "large", "wb") as file:
        file.truncate(STREAM_BYTES)  # sparse
    for number in range(URLS):
        (site / str(number)).write_text(f"file {number}")
    nginx = Origins(place, site).get("nginx")
    if nginx is None:
        yield "nginx is not installed", False
        return
    with nginx.server as server:
        small, large = f"{server.url}{PAGE}", f"{server.url}large"
        for what, more in (("stdout", ("-o", "-")), ("a file", ("-o", "file"))):
            before = fetch(*more, small, folder=folder, stdout=subprocess.DEVNULL)
            done = fetch(*more, large, folder=folder, stdout=subprocess.DEVNULL)
            size = (folder / "file").stat().st_size if what == "a file" else STREAM_BYTES
            yield _grown(f"4 GiB to {what}", before, done, size == STREAM_BYTES)
        (folder / "file").unlink()
        one, all_of_them = place / "one", place / "all"
        one.write_text(small)
        all_of_them.write_text("".join(f"{server.url}{number}\n" for number in range(URLS)))
        before = fetch("-i", str(one), folder=folder, stdout=subprocess.DEVNULL)
        done = fetch("-i", str(all_of_them), folder=folder, stdout=subprocess.DEVNULL)
        right = all((folder / str(n)).read_text() == f"file {n}" for n in range(URLS))
        yield _grown(f"{URLS:,} URLs, each saved", before, done, right)


def _grown(what: str, before: Done, done: Done, right: bool) -> tuple[str, bool]:
    grown = done.peak_kib - before.peak_kib
    return (
        f"{what}: peak {done.peak_kib:,} KiB, {grown:+,} KiB against a small download; "
        f"exit code {done.code}, {'all bytes' if right else 'NOT ALL BYTES'}",
        right and done.code == before.code == 0 and grown <= GROWTH_KIB_MAX,
    )


def hostile(place: Path, options: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    """Every hostile server of the tests, before a process each: the end, the time, the memory."""
    made = certificates(place)
    baselines = {}
    for kind in ("http", "https", "http, compressed", "https, compressed"):
        case = said(
            kind,
            LENGTH,
            codes=(0,),
            tls="good" if kind.startswith("https") else None,
            options=("--cacert", "{ca}", *["--compressed"] * ("compressed" in kind)),
        )
        _, done, _ = _played(case, made)
        baselines[kind] = done.peak_kib
    wrong, latest, largest = [], (0.0, ""), (-1 << 30, "")
    for _, case in CASES:
        found, done, late_s = _played(case, made)
        grown = done.peak_kib - baselines[_kind(case)]
        latest, largest = max(latest, (late_s, case.name)), max(largest, (grown, case.name))
        if late_s > PROCESS_S:
            found.append(f"it took {late_s:.1f} s more than its --max-time")
        if grown > GROWTH_KIB_MAX:
            found.append(f"memory {grown:+,} KiB")
        if found:
            wrong.append(case.name)
            yield f"{case.name}: {'; '.join(found)}", False
    yield (
        f"{len(CASES)} behaviours: {len(CASES) - len(wrong)} end with the right code, in time, "
        f"with no credential told to others and no file under a final name that is not whole; "
        f"memory at most {largest[0]:+,} KiB against a good download ({largest[1]}), "
        f"end at most {max(latest[0], 0):.1f} s after --max-time",
        not wrong,
    )


def _kind(case: Case) -> str:
    """Which good download it is compared with: TLS and decoders are loaded when they are needed."""
    secure = case.tls or case.other_tls or case.scheme == "https"
    return ("https" if secure else "http") + ", compressed" * ("--compressed" in case.options)


def _played(case: Case, made) -> tuple[list[str], Done, float]:
    """What is wrong, how it ended, and how many seconds after its time-out."""
    with tempfile.TemporaryDirectory() as folder, Hostile(case, *made) as server:
        prepare(server, Path(folder))
        begun = time.monotonic()
        done = fetch(*arguments(server), folder=folder, env=server.env)
        late_s = time.monotonic() - begun - case.max_time_s
        return faults(server, done, Path(folder)), done, late_s
