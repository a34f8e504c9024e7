"""Mutation testing of the parser: break one rule at a time; the tests must notice.

    python fuzz/mutate.py [--workers N] [--only TEXT] [--survivors FILE] [--list]

One build holds every mutant behind a switch (`mutants.py`), so a mutant costs only the tests that
reach it (`mutant_loop.py`). It prints each survivor and the share that was killed, once of all
mutants and once without those that `equivalent.txt` proves to be no change of behaviour. The exit
status is 1 if fewer than 90 % of all were killed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import weave
from mutant_loop import TASK
from mutants import HEADER, SOURCES, Mutant, Switcher, weave_header

TESTS = (
    *("test_framing", "test_framing_ends", "test_parse", "test_message", "test_serialise"),
    *("test_vectors", "test_digits", "test_length"),
    "test_http_server",
)
KILLED_MIN = 0.9
EQUIVALENT = Path(__file__).with_name("equivalent.txt")


def equivalents() -> dict[tuple[str, ...], str]:
    """The mutants that change nothing, with the proof: five fields a line, tabs between."""
    lines = EQUIVALENT.read_text().splitlines() if EQUIVALENT.exists() else []
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return {tuple(row[:4]): row[4] for row in rows}


def prepare(root: Path) -> Switcher:
    weave.copy_parser(root)
    switcher = Switcher(root, SOURCES)
    weave.to_c(root, switcher)
    weave_header(root, switcher)
    weave.compile_c(root, switcher.size)
    return switcher


def start(root: Path, number: int, share: dict[int, int], size: int) -> subprocess.Popen:
    """Try a share of the mutants, given with the probes that show that they were reached."""
    state = weave.State(root / f"state{number}", size)
    task = root / f"task{number}.json"
    said = {
        "mutants": share,
        "results": str(root / f"results{number}"),
        "state": str(state.path),
    }
    task.write_text(json.dumps(said))
    environment = weave.environment(root, state.path)
    environment["PYTHONPATH"] += f"{os.pathsep}{Path(__file__).parent}"
    environment[TASK] = str(task)
    tests = [f"tests/{test}.py" for test in TESTS]
    return subprocess.Popen(
        weave.pytest_command("-p", "mutant_loop", *tests),
        cwd=root,
        env=environment,
    )


def results(root: Path) -> dict[int, str | None]:
    """Who killed each mutant so far."""
    found: dict[int, str | None] = {}
    for path in root.glob("results*"):
        for line in path.read_text().splitlines():
            said = json.loads(line)
            if said.get("failing"):
                sys.exit(f"these tests fail without any mutant: {said['failing']}")
            if "mutant" in said:
                found[said["mutant"]] = said["killer"]
    return found


def report(tried: list[Mutant], killers: dict[int, str | None], out: Path | None) -> int:
    known, alive = equivalents(), [m for m in tried if killers[m.number] is None]
    same = [mutant for mutant in alive if mutant.key in known]
    for mutant in alive:
        proof = known.get(mutant.key)
        print(f"{mutant}" + (f"\n    equivalent: {proof}" if proof else ""))
    if out is not None:
        out.write_text("".join("\t".join(m.key) + "\n" for m in alive if m not in same))
    killed, of = len(tried) - len(alive), len(tried)
    print(f"{killed} of {of} mutants killed ({killed / of:.1%}); without the {len(same)} that are "
          f"equivalent {killed} of {of - len(same)} ({killed / (of - len(same)):.1%})")  # fmt: skip
    return int(killed / of < KILLED_MIN)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    arguments.add_argument("--only", default="", help="mutants whose description holds this")
    arguments.add_argument("--survivors", type=Path, help="write those without a proof here")
    arguments.add_argument("--list", action="store_true")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="reactor-mutants-") as name:
        root = Path(name)
        started = time.monotonic()
        switcher = prepare(root)
        todo = [m for _, m in sorted(switcher.mutants.items()) if given.only in str(m)]
        print(f"{len(todo)} mutants, built in {time.monotonic() - started:.0f} s", flush=True)
        if given.list or not todo:
            print(*todo, sep="\n")
            return 0
        probes = switcher.controls | {m.number: m.reached_by for m in todo}
        shares = [dict([*probes.items()][i :: given.workers]) for i in range(given.workers)]
        workers = [start(root, i, share, switcher.size) for i, share in enumerate(shares)]
        if sum(worker.wait() for worker in workers):
            sys.exit("the tests did not run to their end")
        killers = results(root)
        missing = [str(m) for m in todo if m.number not in killers]
        if missing:
            sys.exit(f"the run broke off; {len(missing)} mutants were not tried")
        if wrong := [killers[number] for number in switcher.controls if killers[number]]:
            sys.exit(f"the portable scans of {HEADER} fail: {wrong}")
        print(f"tried in {time.monotonic() - started:.0f} s", flush=True)
        return report(todo, killers, given.survivors)


if __name__ == "__main__":
    sys.exit(main())
