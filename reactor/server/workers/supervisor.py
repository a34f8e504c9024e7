"""A supervisor: it owns the listening sockets and keeps workers on them, at any reload and crash.

    supervisor ── mold of generation g ── workers, which are the supervisor's children

It imports no application, starts no thread and runs on a `Loop`. Everything that it waits for is an
event there: what its processes say, their ends (pidfd), signals, times. It forks between two runs
of the loop, so that a child finds no turn under way.

Must never know: what is served, or how a worker does it.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Iterable

from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.log import log
from reactor.net import Reactor
from reactor.process._page import DRAINING, FREE, READY, STARTING, Page
from reactor.process._parentage import adopt_orphans
from reactor.server.notify import Notifier
from reactor.server.record import Record
from reactor.server.stopping import delay_s, say_delayed
from reactor.server.workers.children import close_all_but, descriptors, how_ended, reap_strangers
from reactor.server.workers.generations import Generations
from reactor.server.workers.members import Worker, WorkerState
from reactor.server.workers.policy import Policies, longest_drain_s, longest_stop_s
from reactor.server.workers.slots import Slots, workers_said
from reactor.server.workers.worker import DRAIN, INTERRUPT, NOW, Service, show_stacks
from reactor.server.workers.worker_watch import WorkerWatch

# Slots of the page for each worker that is wanted: those that serve, that drain, and that start,
# while the number of workers is changed too.
PAGE_SLOTS = 4
PAGE_SLOTS_MIN = 64


class Supervisor:
    """Serves ``service`` by several processes, until SIGTERM or SIGINT.

    Args:
        service: what the mold and the workers do. It has the sockets.
        keep: descriptors that are open already and are this process's alone. No child has what
            is opened later: by this class, or by who serves something on its ``loop``.
        on_serving: gets the sentence of a worker, once all are ready.
        read_again: called before a reload: what is read here is for the next generation.
        reopen_logs: called at SIGUSR1, which workers get too.
    """

    def __init__(
        self,
        service: Service,
        policies: Policies,
        limits: Limits = DEFAULT_LIMITS,
        *,
        page: Page | None = None,
        notifier: Notifier | None = None,
        keep: Iterable[int] = (),
        on_serving: Callable[[str], object] = lambda sentence: None,
        read_again: Callable[[], object] = lambda: None,
        reopen_logs: Callable[[], object] = lambda: None,
    ) -> None:
        self._limits = limits
        self.page = page_for(policies) if page is None else page
        # What is opened from here on, the loop's own too, no child has.
        self._shared = descriptors() - {*keep}
        self._heard: list[signal.Signals] = []
        self.loop = Reactor()
        self._notifier = Notifier() if notifier is None else notifier
        self._on_serving = on_serving
        self._reopen_own_logs = reopen_logs
        self.slots = Slots(self.loop, self, policies, lambda: longest_drain_s(limits))
        self.watch = WorkerWatch(self.loop, self.slots, self.page, policies)
        self.generations = Generations(
            self.loop,
            service,
            policies,
            self._notifier,
            self,
            read_again,
            self.page,
            longest_drain_s(limits),
        )
        self.record = Record()
        self._worker_number = 0
        self.has_served = self._said = False
        self.stopping = self._over = False
        self._code = 0
        self.insisted: int | None = None

    def run(self) -> int:
        """Until all workers have ended; the exit code."""
        adopt_orphans()
        with self.loop:
            self._hear_signals()
            self.watch.start()
            if self._notifier.beat_s is not None:
                self._beat(self._notifier.beat_s)
            self.generations.start()
            while not self._over:
                self.generations.fork_planned()
                self.loop.run()
        return self._code

    def reload(self) -> None:
        """As SIGHUP: import the application anew, and replace each worker by a new one."""
        self.generations.reload()

    def reopen_logs(self) -> None:
        """As SIGUSR1: go on in the files of the logs' names, in all processes."""
        self._reopen_own_logs()
        for worker in self.slots.workers:
            if worker.child is not None:
                worker.child.kill(signal.SIGUSR1)

    def _beat(self, every_s: float) -> None:
        # For as long as somebody serves: a manager has nothing better than to start all anew.
        if any(self.watch.moves(worker) for worker in self.slots.serving):
            self._notifier.alive()
        self.loop.call_later(every_s, self._beat, every_s)

    def release(self, line: int) -> None:
        """In a child: give up all that is this process's alone; ``line`` is the child's own."""
        signal.set_wakeup_fd(-1)
        for number in self._heard:
            signal.signal(number, signal.SIG_DFL)
        # By their numbers: an orderly end would take them out of the epoll set of this process,
        # and say to its clients that it ends.
        close_all_but({*self._shared, line})

    def _hear_signals(self) -> None:
        def hear(number: signal.Signals, call: Callable[..., object], *what: object) -> None:
            self._heard.append(number)
            self.loop.on_signal(number, call, *what)

        hear(signal.SIGTERM, self.stop, signal.SIGTERM)
        hear(signal.SIGINT, self.stop, signal.SIGINT)
        hear(signal.SIGCHLD, self._reap)
        show_stacks()
        hear(signal.SIGUSR1, self.reopen_logs)
        hear(signal.SIGUSR2, self._stay)
        hear(signal.SIGTTIN, self._more)
        hear(signal.SIGTTOU, self._fewer)
        # nohup asks that it be ignored.
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            hear(signal.SIGHUP, self.reload)

    # --- what workers say -----------------------------------------------------------------------

    @property
    def generation(self) -> int | None:
        source = self.generations.source
        return None if source is None else source.generation

    def make(self, slot: int) -> Worker | None:
        source = self.generations.source
        index = next((i for i in range(self.page.slots) if self._is_free(i)), None)
        if source is None or index is None:
            return None
        try:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        except OSError as error:
            log(logging.ERROR, "a worker cannot be started: %s", error.strerror)
            return None
        self._worker_number += 1
        number = self._worker_number
        worker = Worker(self.loop, ours, number, slot, source.generation, index, self)
        with theirs:
            if not source.fork(number, index, theirs):
                worker.hang_up()
                return None
        self.record.starts += 1
        page = self.page.slot(index)
        page["state"], page["generation"] = STARTING, source.generation
        page["started_ns"] = time.monotonic_ns()
        return worker

    def _is_free(self, index: int) -> bool:
        return self.page.slot(index)["state"] == FREE

    def ready(self, worker: Worker, sentence: str) -> None:
        self.slots.ready(worker, sentence)

    def asked(self, worker: Worker, reason: str) -> None:
        if not self.stopping:
            self.slots.replace(worker, reason)

    def ended(self, worker: Worker, status: int | None) -> None:
        requests = self.page.slot(worker.index)["requests"]
        said = f"worker {worker.pid} (slot {worker.slot}) ended {how_ended(status)}"
        if worker.killed_for:
            said += f": {worker.killed_for}"
        self.record.ended(status, bool(worker.killed_for), f"{said}, after {requests} requests")
        self.slots.ended(worker, status, requests)
        if self.stopping and not self._code and not worker.killed_for and status is not None:
            # One whose lifespan could not end in order, say. A signal's number is none.
            self._code = max(0, os.waitstatus_to_exitcode(status))
        self.end_if_empty()

    def leaves(self, worker: Worker) -> None:
        self.page.slot(worker.index)["state"] = DRAINING

    def gone(self, worker: Worker) -> None:
        self.watch.forget(worker)
        self.page.retire(worker.index)

    def unmade(self, worker: Worker) -> None:
        self.generations.unmade(worker)

    def failed(self, worker: Worker, status: int | None) -> bool:
        return self.generations.failed(worker, status)

    def settled(self) -> None:
        self.generations.settled()

    def serves(self, worker: Worker, sentence: str) -> None:
        self.has_served = True
        page = self.page.slot(worker.index)
        page["state"], page["ready_ns"] = READY, time.monotonic_ns()
        if not self._said and len(self.slots.serving) >= len(self.slots.slots):
            self._said = True
            self._on_serving(sentence)

    # --- signals --------------------------------------------------------------------------------

    def stop(self, number: int) -> None:
        """The first time in order; then at once."""
        if self.stopping:
            self.insisted = number
            self._end_now(128 + number)
            return
        self.stopping = self.slots.stopping = True
        delay = delay_s(self._limits, None, number == signal.SIGTERM)
        self._notifier.stopping(delay + self._limits.graceful_timeout_s)
        self.generations.dismiss()
        if not self.has_served and number == signal.SIGINT:
            self._code = 128 + number
        for worker in self.slots.workers:
            if worker.state is WorkerState.STARTING:
                worker.kill("the server stops")
            worker.order(INTERRUPT if number == signal.SIGINT else DRAIN)
        # Until then they share new clients as ever.
        self.loop.call_later(delay, self._no_more_clients) if delay else self._no_more_clients()
        self.loop.call_later(longest_stop_s(self._limits), self._kill_all, "the server stops")
        self.end_if_empty()
        if delay and not self._over:
            say_delayed(self._limits)

    def _no_more_clients(self) -> None:
        for worker in self.slots.workers:
            self.page.slot(worker.index)["state"] = DRAINING

    def _end_now(self, code: int) -> None:
        self._code = code
        for worker in self.slots.workers:
            worker.order(NOW)
        # What a worker does in order, it does at once; one that is held up does not hear it.
        self.loop.call_later(self._limits.insist_timeout_s, self._kill_all, "at once")

    def give_up(self, code: int) -> None:
        self._code = code
        self.stopping = self.slots.stopping = True
        self.generations.dismiss()
        self._kill_all("the server cannot start")
        self.end_if_empty()

    def _kill_all(self, why: str) -> None:
        for worker in self.slots.workers:
            worker.kill(why)
        self.generations.kill()

    def end_if_empty(self) -> None:
        if self.stopping and not self.slots.workers:
            self._over = True
            self.loop.stop()

    def _stay(self) -> None:
        # By gunicorn and nginx a new program takes the sockets. The default action would end this.
        log(
            logging.WARNING,
            "SIGUSR2 does nothing here: SIGHUP loads the application anew, and where systemd has "
            "the sockets a restart loses nobody (docs/deploy.md)",
        )

    def _more(self) -> None:
        if not self.stopping and PAGE_SLOTS * len(self.slots.slots) < self.page.slots:
            log(logging.INFO, "SIGTTIN: %s", workers_said(self.slots.add()))

    def _fewer(self) -> None:
        if not self.stopping:
            count = self.slots.remove(lambda one: self.page.slot(one.index)["connections"])
            log(logging.INFO, "SIGTTOU: %s", workers_said(count))

    def _reap(self) -> None:
        children = [one.child for one in self.generations.molds]
        children += [one.child for one in self.slots.workers if one.child is not None]
        expecting = any(one.forking for one in self.generations.molds)
        reap_strangers({child.pid: child for child in children}, expecting)


def page_for(policies: Policies) -> Page:
    return Page(max(PAGE_SLOTS_MIN, PAGE_SLOTS * policies.workers))
