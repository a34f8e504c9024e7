"""The generator's side of its protocol: a plan, then runs, then the end.

    > {"urls": ["http://127.0.0.1:8000/"], "connections": 64}
    < {"type": "ready", ...}
    > {"run_s": 1.0}
    < {"type": "result", "requests": 61234, ...}

One JSON object a line; docs/bench.md has every key. Before ``ready`` each connection has had one
answer, rightly. Between runs the loop goes on, so that connections that the server ends are
known to be gone before they are needed.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, TextIO

from reactor.errors import LoadError
from reactor.limits import DEFAULT_LIMITS
from reactor.load._answers import Target
from reactor.load._generator import Load
from reactor.load.connections import Opener, raise_descriptor_limit, resolve
from reactor.load.plan import Plan
from reactor.loop._core import EVENT_READ
from reactor.net import Reactor

TICK_S = 1.0  # how often a run reports, and looks whether its parent is still there
SCHEDULED = Path("/proc/self/schedstat")  # computed, waited for a core (ns), times scheduled
LINE_BYTES_MAX = 256 * 1024 * 1024  # a plan may hold bodies; endless input is no plan


class Lines:
    """The lines of a descriptor, waited for on the loop."""

    def __init__(self, reactor: Reactor, descriptor: int) -> None:
        self._reactor = reactor
        self._descriptor = descriptor
        self._read = bytearray()
        self._ended = False
        try:
            self._registration = reactor.register(descriptor, EVENT_READ, self)
        except PermissionError as error:
            raise LoadError(
                "the plan must come through a pipe: a file cannot be waited for"
            ) from error
        reactor.modify(self._registration, 0)

    def next(self) -> bytes | None:
        """The next line; None at the end of the input."""
        self._reactor.modify(self._registration, EVENT_READ)
        while b"\n" not in self._read and not self._ended:
            self._reactor.run()
        self._reactor.modify(self._registration, 0)
        line, newline, rest = bytes(self._read).partition(b"\n")
        self._read[:] = rest
        return line if line or newline else None

    def on_readable(self) -> None:
        data = os.read(self._descriptor, 65536)
        self._read += data
        self._ended = not data or len(self._read) > LINE_BYTES_MAX
        if self._ended or b"\n" in data:
            self._reactor.stop()

    def on_writable(self) -> None:
        raise NotImplementedError

    def on_deadline(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        self._reactor.unregister(self._registration)


def parse(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise LoadError(f"{line[:60]!r} is no JSON: {error}") from error


class Session:
    """One plan carried out; ``out`` is told everything."""

    def __init__(self, reactor: Reactor, plan: Plan, out: TextIO) -> None:
        raise_descriptor_limit(plan.connections)
        self._reactor = reactor
        self._plan = plan
        self._out = out
        self._targets = plan.targets()
        address = resolve(plan.url.host, plan.url.port, plan.unix)
        self._opener = Opener(reactor, address, plan.connections)
        self._load = Load(
            reactor,
            self._targets,
            self._opener,
            plan.connections,
            plan.pipeline,
            not plan.keep_alive,
        )
        self._answer_timeout_s = plan.connect_timeout_s
        self._timed = False  # the run ends some time, whatever is answered until then
        self._answers = 0
        self._silent_since = time.monotonic()
        self._parent = os.getppid()
        self._reactor.call_later(TICK_S, self._look)

    # --- until it is ready ----------------------------------------------------------------

    def connect(self) -> None:
        """Have one right answer on each connection, and to each URL.

        Raises:
            LoadError: there is no server, or it answers wrongly.
        """
        clients = self._load.clients
        # The first client asks alone: from its answers the others learn what is right.
        self._warm(clients[:1], len(self._targets))
        for target, expect in zip(self._targets, self._expected(), strict=True):
            if expect is not None and _sha256(target) != expect:
                raise LoadError(f"{target.url}: the body has not the SHA-256 that it must have")
        if self._plan.keep_alive:
            wave = DEFAULT_LIMITS.load_opening_max
            for start in range(1, len(clients), wave):
                some = clients[start : start + wave]
                self._warm(some, len(some))
        self._answer_timeout_s = DEFAULT_LIMITS.load_answer_timeout_s
        self._say(
            type="ready",
            connections=len(clients),
            targets=[
                {
                    "url": target.url,
                    "status": target.status,
                    "length": None if target.length < 0 else target.length,
                    "sha256": _sha256(target),
                    "request_bytes": max(map(len, target.requests)),
                }
                for target in self._targets
            ],
        )

    def _expected(self) -> list[str | None]:
        given = [one.sha256 and one.sha256.lower() for one in self._plan.expect]
        return given * len(self._targets) if len(given) == 1 else given

    def _warm(self, clients: list[Any], requests: int) -> None:
        self._load.run_closed(clients, requests, 0, 1)
        self._run()
        if self._load.first_error is not None:
            raise LoadError(self._load.first_error)

    # --- runs -----------------------------------------------------------------------------

    def run(self, command: Any) -> None:
        """One run: of ``run_s`` seconds or ``requests``, at the plan's ``rate`` or another."""
        if not isinstance(command, dict) or not set(command) <= {"run_s", "requests", "rate"}:
            raise LoadError(
                f"{command!r:.60} is no run: write {{'run_s': 1.0}} or {{'requests': 1000}}"
            )
        seconds, requests = _amount(command, "run_s"), _amount(command, "requests")
        rate = _amount(command, "rate") or self._plan.rate
        if bool(seconds) == bool(requests):
            raise LoadError("a run takes either run_s or requests")
        began = _clocks()
        if rate is not None:
            self._load.run_open(rate, round(requests or max(1, rate * (seconds or 0))))
        else:
            self._load.run_closed(
                self._load.clients, round(requests or 2**62), seconds or 0, self._plan.pipeline
            )
        self._timed = bool(seconds) or rate is not None
        timers = [self._reactor.call_later(TICK_S, self._tick, 0, 0)]
        if seconds:
            timers.append(self._reactor.call_later(seconds, self._load.expire))
        self._timers = timers
        try:
            self._run()
        finally:
            for timer in self._timers:
                timer.cancel()
        wall_s, cpu_s, core_wait_s = (
            after - before for before, after in zip(began, _clocks(), strict=True)
        )
        self._result(wall_s, cpu_s, core_wait_s, rate is not None)

    def _run(self) -> None:
        self._silent_since = time.monotonic()
        while self._load.running and self._load.fault is None:
            self._reactor.run()
        if self._load.fault is not None:
            raise LoadError(self._opener.explain(self._load.fault)) from self._load.fault

    def _result(self, wall_s: float, cpu_s: float, core_wait_s: float, open_loop: bool) -> None:
        load = self._load
        self._say(
            type="result",
            requests=load.answered,
            errors=load.errors,
            first_error=load.first_error,
            wall_s=round(wall_s, 6),
            cpu_s=round(cpu_s, 6),
            core_wait_s=round(core_wait_s, 6),
            bytes=load.bytes,
            missed=load.missed,
            waited=load.waited,
            unsent=load.unsent,
            late_s=load.late_ns / 1e9,
            histogram=load.corrected.encode(),
            uncorrected=load.raw.encode() if open_loop else None,
        )

    def _tick(self, requests: int, errors: int) -> None:
        """A line for the second that has passed."""
        load = self._load
        failed = sum(load.errors.values())
        try:
            self._say(type="tick", requests=load.answered - requests, errors=failed - errors)
        except BrokenPipeError:
            raise SystemExit(unheard()) from None  # nor will anybody read the result
        self._timers[0] = self._reactor.call_later(TICK_S, self._tick, load.answered, failed)

    def _look(self) -> None:
        """Once a second: for whom is this, and does the server still answer?"""
        self._reactor.call_later(TICK_S, self._look)
        if os.getppid() != self._parent:
            # The process that wanted this load is gone. The end of its pipes would tell, but other
            # children have inherited them.
            raise SystemExit(unheard())
        before = time.monotonic_ns() - int(self._answer_timeout_s * 1e9)
        for client in self._load.clients:
            client.overdue(before)
        if self._load.answered != self._answers:
            self._answers = self._load.answered
            self._silent_since = time.monotonic()
        patience_s = DEFAULT_LIMITS.load_silent_timeouts * self._answer_timeout_s
        if not self._timed and time.monotonic() - self._silent_since > patience_s:
            self._load.give_up()

    def _say(self, **line: Any) -> None:
        print(json.dumps(line), file=self._out, flush=True)

    def close(self) -> None:
        """End the connections."""
        self._load.close()


def _sha256(target: Target) -> str | None:
    return None if target.body is None else hashlib.sha256(target.body).hexdigest()


def _clocks() -> tuple[float, float, float]:
    """Seconds: the wall's, those in which this process computed, those it waited for its core."""
    try:
        waited_ns = int(SCHEDULED.read_text().split()[1])
    except FileNotFoundError:  # no Linux, or one that does not count it
        waited_ns = 0
    return time.perf_counter(), time.process_time(), waited_ns / 1e9


def _amount(command: dict[str, Any], key: str) -> float | None:
    value = command.get(key)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 2**62:
        raise LoadError(f"{key} is a number above zero, not {value!r:.40}")
    return value


def unheard() -> int:
    """Nobody reads what is said; nor is there a place for what is still in the buffer."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141


def main() -> int:
    """``python -m reactor.load``: the exit code."""
    try:
        try:
            _carry_out()
        except LoadError as error:
            print(json.dumps({"type": "error", "message": str(error)}), flush=True)
            return 1
    except BrokenPipeError:
        return unheard()
    except KeyboardInterrupt:
        return 130
    return 0


def _carry_out() -> None:
    """The plan, then run after run until the input ends."""
    with Reactor() as reactor:
        lines = Lines(reactor, sys.stdin.fileno())
        first = lines.next()
        if first is None:
            raise LoadError("there is no plan: write it as a line of JSON on the standard input")
        session = Session(reactor, Plan.from_json(parse(first)), sys.stdout)
        try:
            session.connect()
            while (line := lines.next()) is not None:
                session.run(parse(line))
        finally:
            session.close()
            lines.close()
