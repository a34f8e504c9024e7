"""A pytest plugin that runs tests against mutants instead of running them once.

It collects the tests once and runs each of them once, to learn how long it takes and which mutants
it reaches. Then it forks for every mutant: the child turns the mutant on and runs the tests that
reach it, the fastest first, until one fails. Whatever ends the child but the end of the tests is a
kill: a failure, a crash, an endless loop. Knows numbers of mutants alone, from the file that
`mutate.py` names, and writes one line for each into another.
"""

from __future__ import annotations

import faulthandler
import json
import mmap
import os
import resource
import signal
import struct
import time
from math import ceil
from pathlib import Path

from _pytest.runner import runtestprotocol

MEMORY_MAX = 4 << 30
TASK = "REACTOR_MUTANTS"


class Task:
    def __init__(self) -> None:
        said = json.loads(Path(os.environ[TASK]).read_text())
        self.mutants: dict[int, int] = {int(n): probe for n, probe in said["mutants"].items()}
        self.results = Path(said["results"]).open("a", buffering=1)  # noqa: SIM115
        state = os.open(said["state"], os.O_RDWR)
        self.memory = mmap.mmap(state, 0)
        self.seconds: dict[object, float] = {}
        self.reached: dict[object, frozenset[int]] = {}
        self.kills: dict[object, int] = {}

    def passes(self, item) -> bool:
        reports = runtestprotocol(item, log=False, nextitem=None)
        return not any(report.failed for report in reports)

    def learn(self, items) -> list[str]:
        """Run each test as it is; the names of those that fail."""
        failing = []
        for item in items:
            self.memory[4:] = bytes(len(self.memory) - 4)
            started = time.perf_counter()
            if not self.passes(item):
                failing.append(item.nodeid)
            self.seconds[item] = time.perf_counter() - started
            seen = self.memory[4:]
            self.reached[item] = frozenset(n for n in set(self.mutants.values()) if seen[n])
        return failing

    def attack(self, number: int, items) -> str | None:
        """The name of the test that killed the mutant, None if it survives."""
        probe = self.mutants[number]
        order = sorted(
            (item for item in items if probe in self.reached[item]),
            key=lambda item: self.seconds[item] / (1 + self.kills.get(item, 0)),
        )
        if not order:
            return None
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            self.be_mutant(number, order, writer)
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            begun = pipe.read()
        _, status = os.waitpid(child, 0)
        if status == 0:
            return None
        killer = order[max(len(begun) // 4 - 1, 0)]
        self.kills[killer] = self.kills.get(killer, 0) + 1
        return killer.nodeid

    def be_mutant(self, number: int, order, writer: int) -> None:
        status = 1
        try:
            faulthandler.disable()  # a crash is a result here
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            self.memory[:4] = struct.pack("=i", number)
            for index, item in enumerate(order):
                os.write(writer, struct.pack("=i", index))
                signal.alarm(ceil(20 * self.seconds[item]) + 2)
                if not self.passes(item):
                    break
            else:
                status = 0
        finally:
            self.memory[:4] = bytes(4)
            os._exit(status)


def pytest_runtestloop(session) -> bool:
    if session.testsfailed or not session.items:
        raise session.Failed("the tests cannot be collected")
    task = Task()
    failing = task.learn(session.items)
    task.results.write(json.dumps({"failing": failing, "tests": len(session.items)}) + "\n")
    for number in () if failing else task.mutants:
        started = time.perf_counter()
        killer = task.attack(number, session.items)
        task.memory[:4] = bytes(4)
        spent = round(time.perf_counter() - started, 2)
        task.results.write(json.dumps({"mutant": number, "killer": killer, "s": spent}) + "\n")
    task.results.close()
    return True
