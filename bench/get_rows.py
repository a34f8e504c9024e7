"""The rows in which `get` is compared with curl, httpx and requests, on one nginx.

A process is started, fetches, ends, and the kernel says what user and system time it took; so
each pair is of new launches. nginx has one core, the clients another. Every file that was
fetched is compared, that of 1 GiB by its SHA-256.

Each process has a folder of its own, and small files are deleted when all is over: for some seconds
ext4 does not give out inodes that were just freed, and to look for others makes a file cost 10 to
100 us, by chance.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from goals import AFTER, Goal, Line
from origins import Origins

from reactor.bench.comparison import TWIN, Tell
from reactor.bench.results import Plan, Slot
from reactor.bench.servers import NotServed, cores
from reactor.bench.tables import make_ratios

GIB = 1 << 30
FILES = 10_000
STARTS = 10  # one start is too short to be timed
ROWS = ("get-file", "get-null", "get-many", "get-python", "get-start")
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


@dataclass(frozen=True)
class Contender:
    """A command that saves so many files in an empty folder; run so many times in a slot."""

    name: str
    command: list[str]
    files: int
    times: int = 1


@dataclass(frozen=True)
class Row:
    ours: Contender
    others: list[tuple[Contender, Goal]]


class Fetches:
    """The files, the lists of them, and the rows.

    Args:
        place: a folder for everything.
        url: of nginx, which serves ``place/site``.
        python: the interpreter that has httpx and requests.
        before: the interpreter of an earlier reactor: the rows are then after / before.
    """

    def __init__(self, place: Path, url: str, python: str, before: str | None) -> None:
        self._place, self._site = place, place / "site"
        self._folders = itertools.count()
        self._url, self._interpreter, self._before = url, python, before
        self._list, self._config = place / "list", place / "config"
        self._sha256: dict[Path, str] = {}

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

    def row(self, name: str) -> Row:
        row = {
            "get-file": lambda: self._big("big", 1),
            "get-null": lambda: self._big("/dev/null", 0),
            "get-many": self._many,
            "get-python": self._python,
            "get-start": self._start,
        }[name]()
        if self._before is None:
            return row
        ours = row.ours
        earlier = [self._before, "-P", *ours.command[1:]]
        return Row(ours, [(Contender("before", earlier, ours.files, ours.times), AFTER)])

    def _get(self, files: int, *arguments: str, times: int = 1) -> Contender:
        command = [sys.executable, "-m", "reactor", "get", "-q", *arguments]
        return Contender("get", command, files, times)

    def _get_list(self) -> Contender:
        return self._get(FILES, "-i", str(self._list))

    def _big(self, where: str, files: int) -> Row:
        url = f"{self._url}big"
        curl = Contender("curl", ["curl", "-q", "-s", "-f", "-o", where, url], files)
        return Row(self._get(files, "-o", where, url), [(curl, Goal(1.2))])

    def _many(self) -> Row:
        curl = ["curl", "-q", "-f", "--no-progress-meter", "--parallel", "--parallel-max", "6"]
        theirs = Contender("curl --parallel", [*curl, "--config", str(self._config)], FILES)
        return Row(self._get_list(), [(theirs, Goal(1.0))])

    def _python(self) -> Row:
        commands = {
            name: [self._interpreter, "-c", script, str(self._list)]
            for name, script in PYTHON.items()
        }
        others = [(Contender(name, one, FILES), Goal(0.1)) for name, one in commands.items()]
        return Row(self._get_list(), others)

    def _start(self) -> Row:
        ours = self._get(1, "-o", "one", f"{self._url}one", times=STARTS)
        imports = [sys.executable, "-c", "import socket, ssl"]
        return Row(ours, [(Contender("import socket, ssl", imports, 0, STARTS), Goal(1.5))])

    # --- one slot -------------------------------------------------------------------------

    def slot(self, contender: Contender, launch: int) -> Slot:
        """So many processes after each other; raises NotServed if one did not fetch rightly."""
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
                raise NotServed(f"{contender.name} ended with {process.returncode}")
            self._check(contender, folder)
            if contender.files < FILES:
                shutil.rmtree(folder)
        # There is no latency but that of the whole process.
        return Slot(launch, contender.times, seconds, cpu, seconds / contender.times, "")

    def _check(self, contender: Contender, folder: Path) -> None:
        """Every file that is there is the one on the server, and none is missing."""
        saved = os.listdir(folder)
        if len(saved) != contender.files:
            raise NotServed(f"{contender.name} saved {len(saved)} of {contender.files} files")
        for name in saved:
            got, there = folder / name, self._site / name
            if name == "big":
                self._check_digest(contender, got, there)
            elif got.read_bytes() != there.read_bytes():
                raise NotServed(f"{contender.name}: {name} is not the same")

    def _check_digest(self, contender: Contender, got: Path, there: Path) -> None:
        right = self._sha256.setdefault(there, _digest(there))
        if _digest(got) != right:
            raise NotServed(f"{contender.name}: {got.name} has another SHA-256")


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def missing(contender: Contender) -> str | None:
    """Why it cannot be started, or None."""
    program = contender.command[0]
    if shutil.which(program) is None:
        return f"{program} is not installed"
    if contender.name in PYTHON:
        found = subprocess.run(
            [program, "-c", f"import {contender.name}"], capture_output=True, check=False
        )
        return f"not installed for {program}" if found.returncode else None
    return None


def measure_all(
    names: list[str], folder: Path, python: str, before: str | None, plan: Plan, tell: Tell
) -> Iterator[Line]:
    """The lines of these rows, with nginx running."""
    folder.chmod(0o755)
    nginx = Origins(folder, folder / "site").get("nginx")
    if nginx is None:
        yield from (Line(name, None, doubt="nginx is not installed") for name in names)
        return
    fetches = Fetches(folder, nginx.server.url, python, before)
    fetches.make_files()
    allowed = os.sched_getaffinity(0)
    with nginx.server:
        os.sched_setaffinity(0, {cores()[1]})  # the clients' too
        try:
            for name in names:
                try:
                    yield from measure(name, fetches, plan, tell)
                except NotServed as error:
                    yield Line(name, None, doubt=str(error))
        finally:
            os.sched_setaffinity(0, allowed)


def measure(name: str, fetches: Fetches, plan: Plan, tell: Tell) -> Iterator[Line]:
    """A B B A, as servers are compared; after each two rounds another one is first."""
    row = fetches.row(name)
    why = {one.name: missing(one) for one, _ in row.others}
    others = [one for one, _ in row.others if why[one.name] is None]
    twin = row.ours.name + TWIN
    turn = [(row.ours.name, row.ours), *((one.name, one) for one in others), (twin, row.ours)]
    slots: dict[str, list[Slot]] = {label: [] for label, _ in turn}
    for label, one in turn[:-1]:
        tell(f"{name}: {label} warms up what it reads")
        fetches.slot(one, 0)
    for number in range(plan.pairs):
        tell(f"{name}: round {number + 1} of {plan.pairs}")
        first = number // 2 % len(turn)
        for label, one in [*turn[first:], *turn[:first]][:: -1 if number % 2 else 1]:
            slots[label].append(fetches.slot(one, number))
    noise = slots.pop(twin)
    made = make_ratios(slots, noise, plan)
    ratios = {one.b: one for one in made if one.metric == "cpu_us_per_request"}
    for one, goal in row.others:
        yield Line(f"{name}: get / {one.name}", goal, ratios.get(one.name), why[one.name])
