"""`get` against curl, httpx and requests on one nginx, pair by pair: CPU of the whole process.

    python bench/bench_get.py                            every row
    python bench/bench_get.py --rows big,start --pairs 7
    python bench/bench_get.py --python OTHER/bin/python  the interpreter that has httpx and requests

A process is started, fetches, ends, and the kernel says what user and system time it took. nginx
has one core, the client another. Every file that was fetched is compared, that of 1 GiB by its
SHA-256. Clients that are not installed are named and left out.

Each process has a folder of its own, and small files are deleted when all is over: for some seconds
ext4 does not give out inodes that were just freed, and to look for others makes a file cost 10 to
100 us, by chance.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from command import end_with
from origins import Origins
from pairing import Pairs, Slot, in_pairs, table

from reactor.bench.servers import cores, missing

GIB = 1 << 30
FILES = 10_000
STARTS = 10  # one start is too short to be timed
ROWS = ("big", "many", "python", "start")
BLOCK = bytes(range(256)) * 4096
# With it, each start compiles the sources that were edited since they were installed.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
# As their manuals have it: one session for all.
PYTHON = {
    "httpx": """
import httpx, sys
with httpx.Client() as client:
    for line in open(sys.argv[1]):
        url = line.strip()
        with open(url.rpartition("/")[2], "wb") as file:
            file.write(client.get(url).raise_for_status().content)
""",
    "requests": """
import requests, sys
with requests.Session() as session:
    for line in open(sys.argv[1]):
        url = line.strip()
        response = session.get(url)
        response.raise_for_status()
        with open(url.rpartition("/")[2], "wb") as file:
            file.write(response.content)
""",
}


class Failed(Exception):
    """A client did not fetch what it was told to."""


@dataclass(frozen=True)
class Contender:
    """A command that saves so many files in an empty folder; run so many times in a slot."""

    name: str
    command: list[str]
    files: int
    times: int = 1


@dataclass(frozen=True)
class Row:
    what: str
    goal: str
    ours: Contender
    theirs: Contender


class Bench:
    """The files, the lists of them, and the rows.

    Args:
        place: a folder for everything.
        url: of nginx, which serves ``place/site``.
        python: the interpreter that has httpx and requests.
    """

    def __init__(self, place: Path, url: str, python: str) -> None:
        self._place, self._site = place, place / "site"
        self._folders = itertools.count()
        self._url, self._interpreter = url, python
        self._list, self._config = place / "list", place / "config"
        self.sha256: dict[str, str] = {}
        self.unusable: dict[str, str] = {}

    def make_files(self) -> None:
        self._site.mkdir()
        (self._site / "one").write_bytes(b"1")
        with open(self._site / "big", "wb") as file:
            for number in range(GIB // len(BLOCK)):
                file.write(number.to_bytes(8, "big") + BLOCK[8:])
        with open(self._list, "w") as urls, open(self._config, "w") as config:
            for number in range(FILES):
                (self._site / f"small-{number}").write_text(f"file {number}\n")
                urls.write(f"{self._url}small-{number}\n")
                config.write(f'url = "{self._url}small-{number}"\noutput = "small-{number}"\n')

    def rows(self, names: list[str]) -> Iterator[Row]:
        for name in names:
            yield from getattr(self, f"_{name}")()

    def _get(self, files: int, *arguments: str, times: int = 1) -> Contender:
        command = [sys.executable, "-m", "reactor", "get", "-q", *arguments]
        return Contender("get", command, files, times)

    def _big(self) -> Iterator[Row]:
        url = f"{self._url}big"
        for where, files in (("big", 1), ("/dev/null", 0)):
            ours = self._get(files, "-o", where, url)
            curl = Contender("curl", ["curl", "-q", "-s", "-f", "-o", where, url], files)
            yield Row(f"1 GiB to {where}", "at most 1.20", ours, curl)

    def _many(self) -> Iterator[Row]:
        curl = ["curl", "-q", "-f", "--no-progress-meter", "--parallel", "--parallel-max", "6"]
        theirs = Contender("curl --parallel", [*curl, "--config", str(self._config)], FILES)
        yield Row(f"{FILES:,} small files", "at most 1.00", self._get_list(), theirs)

    def _python(self) -> Iterator[Row]:
        for name, script in PYTHON.items():
            found = subprocess.run(
                [self._interpreter, "-c", f"import {name}"], capture_output=True, check=False
            )
            if found.returncode:
                self.unusable[name] = f"not installed for {self._interpreter}"
                continue
            theirs = Contender(name, [self._interpreter, "-c", script, str(self._list)], FILES)
            yield Row(f"{FILES:,} small files", "at most 0.10", self._get_list(), theirs)

    def _get_list(self) -> Contender:
        return self._get(FILES, "-i", str(self._list))

    def _start(self) -> Iterator[Row]:
        ours = self._get(1, "-o", "one", f"{self._url}one", times=STARTS)
        imports = [sys.executable, "-c", "import socket, ssl"]
        yield Row(
            "1 byte, from start to end",
            "at most 1.50",
            ours,
            Contender("import socket, ssl", imports, 0, STARTS),
        )

    # --- one slot -------------------------------------------------------------------------

    def slot(self, contender: Contender) -> Slot:
        cpu = seconds = 0.0
        for _ in range(contender.times):
            folder = self._place / f"out-{next(self._folders)}"
            folder.mkdir()
            begun = time.perf_counter()
            process = subprocess.Popen(
                contender.command, cwd=folder, env=ENVIRONMENT, stdin=subprocess.DEVNULL
            )
            _, status, usage = os.wait4(process.pid, 0)
            seconds += time.perf_counter() - begun
            cpu += usage.ru_utime + usage.ru_stime
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise Failed(f"{contender.name} ended with {process.returncode}")
            self._check(contender, folder)
            if contender.files < FILES:
                shutil.rmtree(folder)
        return Slot(contender.times, seconds, cpu)

    def _check(self, contender: Contender, folder: Path) -> None:
        """Every file that is there is the one on the server, and none is missing."""
        saved = os.listdir(folder)
        if len(saved) != contender.files:
            raise Failed(f"{contender.name} saved {len(saved)} of {contender.files} files")
        for name in saved:
            got, there = folder / name, self._site / name
            if name == "big":
                self._check_digest(contender, got, there)
            elif got.read_bytes() != there.read_bytes():
                raise Failed(f"{contender.name}: {name} is not the same")

    def _check_digest(self, contender: Contender, got: Path, there: Path) -> None:
        self.sha256.setdefault("nginx", _digest(there))
        self.sha256[contender.name] = _digest(got)
        if self.sha256[contender.name] != self.sha256["nginx"]:
            raise Failed(f"{contender.name}: {got.name} has another SHA-256")


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def measured(bench: Bench, names: list[str], pairs: int) -> Iterator[list[str]]:
    yield ["what / against", "goal", "CPU ratio (min-max)", "CPU ms", "time ratio", "time ms"]
    for row in bench.rows(names):
        for contender in (row.ours, row.theirs):
            bench.slot(contender)  # warms up what it reads
        made: Pairs = in_pairs(row.ours, row.theirs, bench.slot, pairs)
        cells = []
        for figure in ("cpu_s", "seconds"):
            ours, theirs = (value * 1000 / row.ours.times for value in made.medians(figure))
            cells += [str(made.ratio(figure)), f"{ours:,.1f} / {theirs:,.1f}"]
        yield [f"{row.what} / {row.theirs.name}", row.goal, *cells]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default=",".join(ROWS), help="of: %(default)s")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--python", default=sys.executable, help="where httpx and requests are")
    options = parser.parse_args()
    names = options.rows.split(",")
    if unknown := set(names) - set(ROWS):
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    why = missing() or (None if shutil.which("curl") else "curl is not installed")
    if why:
        print(why, file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o755)
        nginx = Origins(place, place / "site").get("nginx")
        if nginx is None:
            print("nginx is not installed", file=sys.stderr)
            return 1
        bench = Bench(place, nginx.server.url, options.python)
        bench.make_files()
        with nginx.server:
            os.sched_setaffinity(0, {cores()[1]})  # the clients' too
            try:
                rows = []
                for row in measured(bench, names, options.pairs):
                    print("  ".join(row), file=sys.stderr, flush=True)
                    rows.append(row)
            except Failed as error:
                print(error, file=sys.stderr)
                return 1
    print(table(rows))
    print(f"\nMedians of {options.pairs} pairs, A B B A, get / the other; user and system time.")
    if bench.sha256:
        print(f"SHA-256 of the 1 GiB: {', '.join(bench.sha256)}: {bench.sha256['nginx']}")
    for name, reason in bench.unusable.items():
        print(f"{name}: {reason}")
    return 0


if __name__ == "__main__":
    end_with(main)
