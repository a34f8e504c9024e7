"""CPython's own tests of asyncio, on a loop with a reactor in it, next to asyncio's own selector.

    python tests/asyncio_suite.py [MODULE...]       such as test_events; every module without one

Both run in this interpreter's own version of the tests (Debian has them in a package of its own,
`libpython3.11-testsuite`). Exit 1 if a test fails on the reactor, alone and again, that does not
fail on asyncio's own selector.
"""

from __future__ import annotations

import json
import pkgutil
import selectors
import signal
import subprocess
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

PACKAGE = "test.test_asyncio"
MODULE_TIMEOUT_S = 300
TRIES = 3
AT_A_TIME = 4  # they mostly wait
REACTOR, OWN = "reactor", "asyncio"


class Names(unittest.TestResult):
    """Which tests ran, and which of them failed."""

    def __init__(self) -> None:
        super().__init__()
        self.failed: dict[str, str] = {}

    def addError(self, test: Any, err: Any) -> None:
        super().addError(test, err)
        self.failed[test.id()] = self.errors[-1][1]

    def addFailure(self, test: Any, err: Any) -> None:
        super().addFailure(test, err)
        self.failed[test.id()] = self.failures[-1][1]

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.failed[test.id()] = str(err[1])


def run_here(kind: str, names: list[str]) -> None:
    """In a child: run them, and print what failed as JSON."""
    # A shell ignores it for what runs in the background, and tests that wait for it would hang.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    made = []
    if kind == REACTOR:
        from asyncio.selector_events import BaseSelectorEventLoop

        from reactor.net.hosted import HostedReactor, ReactorSelector

        def selector() -> ReactorSelector:
            made.append(1)
            return ReactorSelector(HostedReactor())

        def begin(loop: Any, *arguments: Any) -> None:
            begin_of_asyncio(loop, *arguments)
            if isinstance(loop._selector, ReactorSelector):
                loop._selector.serves(loop)  # as `reactor.aio.new_event_loop` has it

        begin_of_asyncio = BaseSelectorEventLoop.__init__
        BaseSelectorEventLoop.__init__ = begin  # type: ignore[method-assign,assignment]
        # What `asyncio.SelectorEventLoop()` takes: `reactor.aio.new_event_loop` for everybody.
        selectors.DefaultSelector = selectors.EpollSelector = selector  # type: ignore[misc,assignment]
    result = Names()
    unittest.defaultTestLoader.loadTestsFromNames(names).run(result)
    json.dump(
        {"run": result.testsRun, "failed": result.failed, "reactors": len(made)}, sys.__stdout__
    )


def run(kind: str, *names: str) -> dict[str, Any]:
    """In a process of their own; one that hangs or dies has failed."""
    try:
        child = subprocess.run(
            [sys.executable, __file__, "--child", kind, *names],
            capture_output=True,
            text=True,
            timeout=MODULE_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return {"run": 0, "failed": dict.fromkeys(names, "it hangs")}
    start = child.stdout.rfind('{"run"')
    if start < 0:
        why = f"exit {child.returncode}: {child.stderr[-2000:]}"
        return {"run": 0, "failed": dict.fromkeys(names, why)}
    found: dict[str, Any] = json.loads(child.stdout[start:])
    return found


def only_here(module: str) -> tuple[int, int, list[str], dict[str, str]]:
    """(how many ran, on how many reactors, what fails on asyncio's own selector, and what fails on
    the reactor alone)."""
    own, ours = run(OWN, module), run(REACTOR, module)
    for _ in range(TRIES):
        if own["run"] == ours["run"]:
            break
        own, ours = run(OWN, module), run(REACTOR, module)
    suspects = {name: why for name, why in ours["failed"].items() if name not in own["failed"]}
    # Other people's tests measure times: what passes when it is alone is no fault of the loop.
    for name in list(suspects):
        if any(not run(REACTOR, name)["failed"] for _ in range(TRIES)):
            del suspects[name]
    if own["run"] != ours["run"]:
        suspects[module] = f"{own['run']} tests ran on asyncio's own, {ours['run']} here"
    return ours["run"], ours.get("reactors", 0), list(own["failed"]), suspects


def main() -> int:
    if sys.argv[1:2] == ["--child"]:
        run_here(sys.argv[2], sys.argv[3:])
        return 0
    try:
        package = import_module(PACKAGE)
    except ImportError:
        print(f"there is no {PACKAGE} here (Debian: apt install libpython3.11-testsuite)")
        return 2
    found = [info.name for info in pkgutil.iter_modules(package.__path__)]
    modules = [name for name in found if name.startswith("test_")]
    chosen = [f"{PACKAGE}.{name}" for name in sys.argv[1:] or modules]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        rows = list(pool.map(only_here, chosen))
    tests, reactors = (sum(row[place] for row in rows) for place in range(2))
    own = [name for _, _, failed, _ in rows for name in failed]
    worse = {name: why for *_, failed in rows for name, why in failed.items()}
    for name in own:
        print(f"on asyncio's own selector: {name}")
    for name, why in worse.items():
        print(f"only on the reactor: {name}\n{why}")
    print(
        f"Python {sys.version.split()[0]}: {tests} tests of asyncio on {reactors} reactors; "
        f"{len(own)} fail on asyncio's own selector, {len(worse)} on the reactor only"
    )
    return 1 if worse or not reactors else 0


if __name__ == "__main__":
    sys.exit(main())
