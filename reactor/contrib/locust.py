"""Locust drives reactor's clients: load from many machines, with one master that counts.

    from reactor.contrib.locust import ReactorSwarm

    class Swarm(ReactorSwarm):
        paths = ("/",)
        rate_per_user = 100.0

    locust -f locustfile.py --master        locust -f locustfile.py --worker

* `ReactorSwarm`: each worker has one compiled load generator, a child process, and its users say
  how much it does. For as much load as there are cores, on requests that are known beforehand.
* `ReactorUser`: each user is a greenlet with a connection of its own. For scenarios.

Locust patches sockets by gevent, so no loop of ours runs in its processes: a user's socket is a
plain one, and only bytes are parsed by us. Needs the extra ``locust``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import gevent
from locust import User, events, task
from locust.runners import MasterRunner, WorkerRunner
from locust.stats import StatsEntry, StatsError, bucket_response_time

from reactor.contrib._exchange import BlockingClient
from reactor.errors import LoadError, ReactorError
from reactor.load import Expect, Generator, Histogram, Plan, Result

logger = logging.getLogger("reactor")
REPORT_KEY = "reactor_histogram"
# Messages from the master to its workers and back, when a test is to end.
FINISH, FINISHED = "reactor_finish", "reactor_finished"
FINISH_S = 15.0  # more than a slot takes, with all time-outs
# Where every latency of every swarm is kept exactly: Locust rounds to milliseconds.
_exact: WeakKeyDictionary[Any, Histogram] = WeakKeyDictionary()


def histogram(environment: Any) -> Histogram:
    """Every swarm's latencies so far, in ns; on a master those of all workers that reported."""
    return _exact.setdefault(environment, Histogram())


class ReactorUser(User):
    """A user with a ``client``: ``self.client.get("/")``, ``self.client.request("PUT", ...)``.

    Each request is reported to Locust; one that fails returns None.
    """

    abstract = True

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        if self.host is None:
            raise LoadError("a ReactorUser needs a host: set its attribute, or use --host")
        self.client = _ReportingClient(self.host, environment)

    def on_stop(self) -> None:
        self.client.close()


class _ReportingClient(BlockingClient):
    def __init__(self, host: str, environment: Any) -> None:
        super().__init__(host)
        self._environment = environment

    def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        name: str | None = None,
    ) -> Any:
        """The response, or None; ``name`` groups requests in Locust's table."""
        response = None
        failure: Exception | None = None
        start_time, began = time.time(), time.perf_counter()
        try:
            response = self.exchange(method, path, headers or {}, body)
            if response.status >= 400:
                failure = LoadError(f"the status is {response.status}")
        except (OSError, ReactorError) as error:
            failure = error
        self._environment.events.request.fire(
            request_type=method,
            name=name or path,
            response_time=(time.perf_counter() - began) * 1000,
            response_length=len(response.body) if response else 0,
            response=response,
            context={},
            exception=failure,
            start_time=start_time,
        )
        return response if failure is None else None

    def get(self, path: str, **options: Any) -> Any:
        """`request` with GET."""
        return self.request("GET", path, **options)


class ReactorSwarm(User):
    """Users that together make one load generator's load.

    ``paths`` are asked for in turn, at the ``host``. ``connections`` is how many the generator has,
    in each worker. ``rate_per_user`` times the worker's users is its rate; None: a closed loop.
    ``expect`` and ``headers`` are a `Plan`'s. ``name`` is the row in Locust's table.
    """

    abstract = True
    paths: tuple[str, ...] = ("/",)
    connections = 64
    rate_per_user: float | None = None
    method = "GET"
    headers: Mapping[str, str] = {}
    expect: tuple[Expect, ...] = (Expect(),)
    name = "reactor"
    slot_s = 1.0

    @task
    def stay(self) -> None:
        """The generator does the work; a user only counts."""
        gevent.sleep(self.slot_s)

    def on_start(self) -> None:
        drivers = _drivers.setdefault(self.environment, {})
        driver = drivers.get(type(self))
        if driver is None:
            driver = drivers[type(self)] = _Driver(self)
        driver.users += 1

    def on_stop(self) -> None:
        # When the test is over they have stopped already.
        driver = _drivers.get(self.environment, {}).get(type(self))
        if driver is not None:
            driver.users -= 1


class _Driver:
    """A worker's generator of one kind of swarm: a slot after the other while there are users."""

    def __init__(self, user: ReactorSwarm) -> None:
        self.users = 0
        self._environment = user.environment
        self._swarm = user
        self._stopping = False
        self._greenlet = gevent.spawn(self._drive)

    def stop(self) -> None:
        """Let the slot under way end, report it, and end the generator."""
        self._stopping = True
        self._greenlet.join()

    def _drive(self) -> None:
        while not self._stopping:
            try:
                with Generator(plan := self._plan()) as generator:
                    where = f"{plan.connections} connections to {self._swarm.host}"
                    logger.info("reactor swarm: a generator is ready, with %s", where)
                    self._slots(generator)
            except LoadError as error:
                self._environment.stats.log_error(self._swarm.method, self._swarm.name, str(error))
                gevent.sleep(self._swarm.slot_s)  # then the server may be there again

    def _plan(self) -> Plan:
        swarm = self._swarm
        if swarm.host is None:
            raise LoadError("a ReactorSwarm needs a host: set its attribute, or use --host")
        return Plan(
            tuple(swarm.host.rstrip("/") + path for path in swarm.paths),
            swarm.connections,
            method=swarm.method,
            headers=swarm.headers,
            expect=swarm.expect,
        )

    def _slots(self, generator: Generator) -> None:
        swarm = self._swarm
        while not self._stopping:
            if self.users == 0:
                gevent.sleep(0.1)  # between two steps of a load shape
                continue
            rate = None if swarm.rate_per_user is None else swarm.rate_per_user * self.users
            report(
                self._environment, swarm.method, swarm.name, generator.run(swarm.slot_s, rate=rate)
            )


_drivers: WeakKeyDictionary[Any, dict[type, _Driver]] = WeakKeyDictionary()


def report(environment: Any, method: str, name: str, result: Result) -> None:
    """Add a run to Locust's figures, all at once, and to the exact histogram."""
    histogram(environment).merge(result.latency)
    stats = environment.stats
    entry = _entry(stats, method, name, result)
    stats.get(name, method).extend(entry)
    stats.total.extend(entry)
    faults = {**result.errors, **({"unsent": result.unsent} if result.unsent else {})}
    for kind, count in faults.items():
        text = f"{kind}: {result.first_error}" if result.first_error else kind
        key = StatsError.create_key(method, name, text)
        error = stats.errors.setdefault(key, StatsError(method, name, text))
        error.occurred()
        error.occurrences += count - 1


def _entry(stats: Any, method: str, name: str, result: Result) -> Any:
    entry = StatsEntry(stats, name, method)
    now = time.time()
    failed = sum(result.errors.values())
    # To Locust a request that failed is a request too; those without a time are "none".
    entry.num_requests = result.requests + failed + result.unsent
    entry.num_none_requests = entry.num_requests - len(result.latency)
    entry.num_failures = failed + result.unsent
    for value_ns, count in result.latency.buckets():
        key = bucket_response_time(round(value_ns / 1e6))
        entry.response_times[key] = entry.response_times.get(key, 0) + count
    entry.total_response_time = result.latency.mean * len(result.latency) / 1e6
    if len(result.latency):
        entry.min_response_time = result.latency.min / 1e6
        entry.max_response_time = result.latency.max / 1e6
    entry.total_content_length = result.bytes
    entry.start_time = now - result.wall_s
    entry.last_request_timestamp = now
    entry.num_reqs_per_sec[int(now)] = entry.num_requests
    entry.num_fail_per_sec[int(now)] = entry.num_failures
    return entry


# --- between workers and their master -----------------------------------------------------


@events.init.add_listener
def _on_init(environment: Any, **_: Any) -> None:
    """Attach to a process of Locust, whichever it is."""
    runner = environment.runner
    environment.events.test_start.add_listener(lambda **_: histogram(environment).clear())
    if isinstance(runner, WorkerRunner):
        _attach_worker(environment, runner)
    elif isinstance(runner, MasterRunner):
        _attach_master(environment, runner)
    else:
        environment.events.test_stopping.add_listener(lambda **_: _finish(environment))
    if not isinstance(runner, WorkerRunner):
        environment.events.quit.add_listener(lambda **_: _tell(histogram(environment)))


def _finish(environment: Any) -> None:
    """End every generator of this process, its last slot reported."""
    for driver in _drivers.pop(environment, {}).values():
        driver.stop()


def _attach_worker(environment: Any, runner: Any) -> None:
    def send(data: dict[str, Any], **_: Any) -> None:
        data[REPORT_KEY] = histogram(environment).encode()
        histogram(environment).clear()

    def finish(**_: Any) -> None:
        _finish(environment)
        # Now: with --stop-timeout the worker's own last report comes when its master has gone.
        runner._send_stats()
        runner.send_message(FINISHED)

    environment.events.report_to_master.add_listener(send)
    runner.register_message(FINISH, finish, concurrent=True)


def _attach_master(environment: Any, runner: Any) -> None:
    """A master waits half a second for the last reports of its workers: their slots end before."""
    finished: set[str] = set()

    def take(data: dict[str, Any], **_: Any) -> None:
        if REPORT_KEY in data:
            histogram(environment).merge(Histogram.decode(data[REPORT_KEY]))

    def stop(**_: Any) -> None:
        finished.clear()
        runner.send_message(FINISH)
        with gevent.Timeout(FINISH_S, False):
            while not finished.issuperset(runner.clients):
                gevent.sleep(0.02)

    environment.events.worker_report.add_listener(take)
    environment.events.test_stopping.add_listener(stop)
    runner.register_message(FINISHED, lambda msg, **_: finished.add(msg.node_id))


def _tell(exact: Histogram) -> None:
    if len(exact):
        times = ", ".join(f"p{p:g} {exact.percentile(p) / 1e3:.0f} us" for p in (50, 99, 99.9))
        logger.info("reactor swarm: %s latencies, %s", f"{len(exact):,}", times)
