"""The comparison: every server in one run, slots in turn, each answer checked.

A round gives each server one slot; the next round goes through them backwards (A B B A), so that
what the machine does beside hits all alike. Then every server is started anew, and another one
comes first: a process keeps for its life what it got by chance, where its memory lies and who
came before it, and that is no difference of servers. The first server runs twice, as two
processes; their ratio is the noise band. Servers share one core, since only one of them has work
at a time; the load generators share another.

It knows no server by name and writes to no terminal: `contenders` make servers, `tell` is called
with a sentence as things go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from reactor.bench import capacity
from reactor.bench.answers import FIELDS, Right
from reactor.bench.environment import load_average, observe
from reactor.bench.results import Failure, Plan, Results, Slot
from reactor.bench.servers import Memory, NotServed, Server, cores
from reactor.bench.tables import make_ratios, make_row
from reactor.errors import LoadError
from reactor.load import Expect, Generator, Result
from reactor.load import Plan as Load
from reactor.load.varied import REQUEST_ID_CHARS, SUFFIX_CHARS

TWIN = " (again)"
PAIRS_PER_LAUNCH = 2  # A B B A
Tell = Callable[[str], object]


@dataclass(frozen=True)
class Contender:
    """A server to compare: ``make`` gives it unstarted; raises NotServed if it cannot be.

    ``right`` is its right answer where that is not the comparison's, and ``differs`` has the
    fields of the plan that are not the comparison's: the same server under two loads.
    """

    name: str
    make: Callable[[], Server]
    version: str | None = None
    right: Right | None = None
    differs: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Entrant:
    """A contender that takes part, and what it has done in all its launches."""

    contender: Contender
    slots: list[Slot] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    switches: int = 0
    memory: Memory | None = None

    @property
    def name(self) -> str:
        return self.contender.name


@dataclass(frozen=True)
class Launched:
    """A server that runs, and the generator that is connected to it."""

    server: Server
    generator: Generator
    right: Right

    def slot(self, entrant: Entrant, launch: int, plan: Plan) -> None:
        """One more of ``entrant``; raises NotServed if an answer is wrong, before, in or after."""
        self.server.fetch(self.right)
        before, cpu = self.server.memory(), self.server.cpu_seconds()
        made = run(self.server, self.generator, plan.slot_s)
        cpu = self.server.cpu_seconds() - cpu
        entrant.memory = self.server.memory()
        self.server.fetch(self.right)
        entrant.switches += max(0, entrant.memory.context_switches - before.context_switches)
        p99_s = made.latency.percentile(99) / 1e9
        histogram = made.latency.encode()
        entrant.slots.append(Slot(launch, made.requests, made.wall_s, cpu, p99_s, histogram))
        entrant.results.append(made)


def run(server: Server, generator: Generator, seconds: float) -> Result:
    """Load for so long; raises NotServed on any wrong answer."""
    try:
        made = generator.run(seconds)
    except LoadError as error:
        raise NotServed(_why(server, str(error))) from error
    if made.errors or not made.requests:
        raise NotServed(_why(server, made.first_error or "no answer at all"))
    return made


def _why(server: Server, otherwise: str) -> str:
    last = server.died()
    if last is None:
        return f"{server.name}: {otherwise}"
    return f"{server.name} died in a slot{last and ': '}{last}"


def _load(server: Server, plan: Plan, right: Right) -> Load:
    return Load(
        (server.url,),
        plan.connections,
        plan.rate,
        plan.pipeline,
        plan.keep_alive,
        headers={**FIELDS, "Connection": "keep-alive" if plan.keep_alive else "close"},
        body=(right.body or b"") if right.websocket else b"",
        expect=(Expect() if right.websocket else _expected(server, right),),
        varied=plan.varied,
        websocket=right.websocket,
    )


def _expected(server: Server, right: Right) -> Expect:
    if right.body is not None:
        return Expect(body=right.body)
    # Of the request's id, a space, and its path.
    path = urlsplit(server.url).path
    return Expect(varies=True, length=REQUEST_ID_CHARS + 1 + len(path) + SUFFIX_CHARS)


class Comparison:
    """One run over all contenders; `results` is right at any time, whole or not.

    ``right`` is the right answer; None: what the first server says first.
    """

    def __init__(
        self,
        plan: Plan,
        contenders: Sequence[Contender],
        *,
        right: Right | None = None,
        tell: Tell = lambda sentence: None,
        command_line: Sequence[str] = (),
    ) -> None:
        self._plan = plan
        self._right = right
        self._tell = tell
        first = contenders[0]
        self._contenders = contenders
        # One server alone has no ratio, and so no noise to judge it by.
        self._twins = [replace(first, name=first.name + TWIN)] if len(contenders) > 1 else []
        versions = {one.name: one.version for one in contenders}
        environment = observe(command_line, versions)
        self.results = Results(environment, plan, complete=False)

    def run(self, connections: Sequence[int]) -> Results:
        """Compare at each of these numbers of connections; an interrupt leaves a partial result.

        Raises:
            KeyboardInterrupt: `results` has what was measured until then.
        """
        for number in connections:
            self._compare(replace(self._plan, connections=number))
        self.results = replace(self.results, complete=True)
        return self.results

    def _compare(self, plan: Plan) -> None:
        entrants = [Entrant(contender) for contender in (*self._contenders, *self._twins)]
        rounds = range(plan.pairs)
        begun = time.monotonic()
        try:
            for start in rounds[::PAIRS_PER_LAUNCH]:
                with ExitStack() as stack:
                    launched = self._launch(stack, entrants, plan)
                    for number in rounds[start : start + PAIRS_PER_LAUNCH]:
                        self._round(number, entrants, launched, plan)
                        took = time.monotonic() - begun
                        left = took / (number + 1) * (plan.pairs - number - 1)
                        self._tell(
                            f"{plan.connections:,} connections: round {number + 1} of "
                            f"{plan.pairs}, {left:.0f} s to go"
                        )
        finally:
            self._conclude(plan, entrants)

    def _launch(self, stack: ExitStack, entrants: list[Entrant], plan: Plan) -> dict[str, Launched]:
        """Start all; who fails is no entrant any more, nor is the first one's twin without it."""
        launched: dict[str, Launched] = {}
        for one in tuple(entrants):
            if one.contender in self._twins and self._contenders[0].name not in launched:
                entrants.remove(one)  # why has been said
                break
            try:
                launched[one.name] = self._start(stack, one.contender, plan)
            except NotServed as error:
                entrants.remove(one)
                self._fail(one.name, error)
        return launched

    def _fail(self, name: str, error: NotServed) -> None:
        self.results.failures.append(Failure(name, str(error)))
        self._tell(str(error))

    def _start(self, stack: ExitStack, contender: Contender, plan: Plan) -> Launched:
        self._tell(f"{contender.name}: starts, {plan.connections:,} connections")
        server = contender.make()
        server.name = contender.name  # the twin's is not that of the first
        stack.enter_context(server)
        self.results.environment.commands[contender.name] = server.command
        right = contender.right or self._right
        if right is None:
            right = self._right = Right(server.learn())
        server.fetch(right)
        load = _load(server, replace(plan, **contender.differs), right)
        try:
            generator = stack.enter_context(Generator(load, cores()[1]))
        except LoadError as error:
            raise NotServed(_why(server, str(error))) from error
        run(server, generator, plan.warm_up_s)
        server.check_log()
        return Launched(server, generator, right)

    def _round(
        self, number: int, entrants: list[Entrant], launched: Mapping[str, Launched], plan: Plan
    ) -> None:
        """A slot of each; in each launch another one is first, and the second round is back."""
        launch = number // PAIRS_PER_LAUNCH
        first = launch % max(1, len(entrants))
        turn = [*entrants[first:], *entrants[:first]][:: -1 if number % PAIRS_PER_LAUNCH else 1]
        for one in turn:
            try:
                launched[one.name].slot(one, launch, plan)
            except NotServed as error:
                entrants.remove(one)
                self._fail(one.name, error)

    def _conclude(self, plan: Plan, entrants: list[Entrant]) -> None:
        """Rows and ratios of what was measured, if only in part."""
        self.results.environment.load_average[1:] = [load_average()]
        measured = [one for one in entrants if one.slots]
        first = self._contenders[0].name
        twin = next((one for one in measured if one.name == first + TWIN), None)
        others = [one for one in measured if one is not twin]
        self.results.rows.extend(
            make_row(one, replace(plan, **one.contender.differs)) for one in others
        )
        if others and others[0].name == first:
            self.results.ratios.extend(
                make_ratios(
                    {one.name: one.slots for one in others}, twin.slots if twin else None, plan
                )
            )

    def highest_rates(self, bound_s: float) -> None:
        """Find each server's, one after the other; half of what its slots reached comes first."""
        reached = {row.server: row.requests_per_s for row in self.results.rows}
        for contender in self._contenders:
            if contender.name not in reached:
                continue  # why has been said
            try:
                with ExitStack() as stack:
                    one = self._start(stack, contender, self._plan)
                    name = contender.name
                    self._tell(f"{name}: the highest rate with p99 <= {bound_s * 1e3:g} ms")
                    first = max(1.0, reached[name] / 2)
                    try:
                        found = capacity.find(
                            name, one.generator, bound_s, first, self._plan.slot_s
                        )
                    except LoadError as error:
                        raise NotServed(_why(one.server, str(error))) from error
                self.results.highest_rates.append(found)
            except NotServed as error:
                self._fail(contender.name, error)

    def memory(self, name: str, bytes_per_connection: float) -> None:
        """Note what an idle connection takes in the server's rows."""
        self.results.rows[:] = [
            replace(row, bytes_per_idle_connection=bytes_per_connection)
            if row.server == name
            else row
            for row in self.results.rows
        ]
