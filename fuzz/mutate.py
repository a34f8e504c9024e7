"""Mutation testing of the parser: break one rule at a time; the tests must notice.

    python fuzz/mutate.py [--minutes M] [--workers N] [--module NAME] [--skip N] [--list]

Each mutant changes one comparison, boolean, or constant in the source of the scanners, builds
that one module in a copy of the tree, and runs the fast tests of the parser. Mutants are taken
in an order that is shuffled once and for all, so that a run that is cut short is a fair sample.
It prints each survivor, and the share that was killed; the exit status is 1 below 90 %.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).resolve().parent.parent
MODULES = (
    "reactor/_head.pyx",
    "reactor/_fields.pyx",
    "reactor/http/_chunked.pyx",
    "reactor/http/_framing.pyx",
    "reactor/_scan.h",
)
# What to build when a header is mutated instead of a module.
USERS = {
    "reactor/_scan.h": ("reactor/_head.pyx", "reactor/_fields.pyx", "reactor/http/_chunked.pyx")
}
TESTS = ("test_framing", "test_parse", "test_message", "test_serialise")
TEST_SECONDS_MAX = 60
KILLED_MIN = 0.9

SWAPS = {
    " == ": " != ",
    " != ": " == ",
    " < ": " <= ",
    " <= ": " < ",
    " > ": " >= ",
    " >= ": " > ",
    " and ": " or ",
    " or ": " and ",
    " not ": " ",
    "True": "False",
    "False": "True",
    " += ": " = ",
    " && ": " || ",
    " | ": " & ",
}
TOKENS = re.compile("|".join(map(re.escape, SWAPS)) + r"|c'(?:\\.|.)'|(?<![\w.'])\d+\b|0x[0-9a-f]+")
# Declarations, imports and text have nothing to break; the SIMD constants are compared as a whole.
SKIPPED = re.compile(
    r"^\s*(#|/?\*|//|from |import |cimport |cdef extern|\"\"\"|@|#define|#if|#end|#else)"
    r"|^\s*(const |bint |int |cdef enum|enum )|noexcept|SCAN_ONES|_H$"
)


def changed(token: str) -> str:
    if token in SWAPS:
        return SWAPS[token]
    if token.startswith("c'"):
        return "c'\\x01'" if "\\" in token else f"c'{chr(ord(token[2]) + 1)}'"
    return str(int(token, 0) + 1)


def mutants(module: str) -> list[tuple[str, int, str, str]]:
    """(module, line number, line, mutated line)"""
    found, in_text = [], False
    for number, line in enumerate((ROOT / module).read_text().splitlines()):
        quotes = line.count('"""')
        if in_text or quotes or SKIPPED.search(line):
            in_text ^= quotes == 1
            continue
        code = re.split(r"  # |  /\*| // ", line)[0]
        for match in TOKENS.finditer(code):
            new = line[: match.start()] + changed(match[0]) + line[match.end() :]
            found.append((module, number, line, new))
    return found


class Tree:
    """A copy of what the parser needs, built once; mutants rebuild one module of it."""

    def __init__(self, parent: Path, number: int) -> None:
        self.root = parent / str(number)
        shutil.copytree(
            ROOT / "reactor",
            self.root / "reactor",
            ignore=shutil.ignore_patterns("*.c", "__pycache__"),
        )
        shutil.copytree(
            ROOT / "tests",
            self.root / "tests",
            ignore=shutil.ignore_patterns("conftest.py", "__pycache__", "vectors"),
        )
        (self.root / "docs").mkdir()

    def run(self, *command: str, seconds: float = 300) -> int:
        try:
            return subprocess.run(
                command,
                cwd=self.root,
                timeout=seconds,
                check=False,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={
                    **os.environ,
                    "PYTHONPATH": str(self.root),
                    "REACTOR_EVERY_CUT_BYTES_MAX": "0",
                    "PYTHONDONTWRITEBYTECODE": "1",
                },
            ).returncode
        except subprocess.TimeoutExpired:
            return -1

    def build(self, source: str) -> bool:
        c = str(Path(source).with_suffix(".c"))
        extension = str(Path(source).with_suffix(sysconfig.get_config_var("EXT_SUFFIX")))
        include = sysconfig.get_path("include")
        return (
            self.run(
                sys.executable,
                "-m",
                "cython",
                "-3",
                "-X",
                "wraparound=False",
                "-X",
                "boundscheck=False",
                "-X",
                "cdivision=True",
                source,
                "-o",
                c,
            )
            == 0
            and self.run(
                "gcc",
                "-O1",
                "-w",
                "-shared",
                "-fPIC",
                f"-I{include}",
                "-Ireactor",
                c,
                "-o",
                extension,
            )
            == 0
        )

    def passes(self) -> bool:
        return (
            self.run(
                sys.executable,
                "-m",
                "pytest",
                "-xq",
                "-p",
                "no:cacheprovider",
                "-p",
                "no:benchmark",
                *(f"tests/{name}.py" for name in TESTS),
                seconds=TEST_SECONDS_MAX,
            )
            == 0
        )

    def survives(self, mutant: tuple[str, int, str, str]) -> bool | None:
        """None: the mutant does not compile, so it is none."""
        module, number, _, new = mutant
        path = self.root / module
        original = path.read_text()
        sources = USERS.get(module, (module,))
        lines = original.splitlines()
        lines[number] = new
        path.write_text("\n".join(lines) + "\n")
        try:
            if not all(self.build(source) for source in sources):
                return None
            return self.passes()
        finally:
            path.write_text(original)
            # Another module is mutated next: this one must be itself again.
            for source in sources:
                extension = Path(source).with_suffix(sysconfig.get_config_var("EXT_SUFFIX"))
                shutil.copy(ROOT / extension, self.root / extension)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--minutes", type=float, default=60)
    arguments.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    arguments.add_argument("--module", choices=MODULES, action="append")
    arguments.add_argument("--skip", type=int, default=0, help="mutants that an earlier run tried")
    arguments.add_argument("--list", action="store_true")
    given = arguments.parse_args()
    todo = [mutant for module in given.module or MODULES for mutant in mutants(module)]
    random.Random(0).shuffle(todo)
    todo = todo[given.skip :]
    if given.list:
        print(
            *(f"{module}:{number + 1}: {new.strip()}" for module, number, _, new in todo), sep="\n"
        )
        return 0
    end = time.monotonic() + given.minutes * 60
    killed = survived = 0
    with tempfile.TemporaryDirectory(prefix="mutants") as parent:
        trees: Queue[Tree] = Queue()
        for number in range(given.workers):
            trees.put(Tree(Path(parent), number))

        def attempt(mutant: tuple[str, int, str, str]) -> tuple | None:
            if time.monotonic() > end:
                return None
            tree = trees.get()
            try:
                return mutant, tree.survives(mutant)
            finally:
                trees.put(tree)

        with ThreadPoolExecutor(given.workers) as pool:
            for result in pool.map(attempt, todo):
                if result is None or result[1] is None:
                    continue
                (module, number, old, new), alive = result
                killed, survived = killed + (not alive), survived + alive
                if alive:
                    print(f"{module}:{number + 1}: {old.strip()}\n  -> {new.strip()}", flush=True)
    share = killed / max(killed + survived, 1)
    print(f"{killed} of {killed + survived} mutants killed ({share:.1%}), {len(todo)} known")
    return int(share < KILLED_MIN)


if __name__ == "__main__":
    sys.exit(main())
