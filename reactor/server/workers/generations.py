"""The generations of an application: each has a mold, and one follows another at a reload.

    import ─> loaded ─> its workers take the slots, one by one ─> settled
       └────────┴── fails: those who serve go on, and slots go back to the mold before

Must never know: a signal, or how a worker is watched.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Protocol

from reactor.errors import ConfigurationError
from reactor.log import log
from reactor.loop import Loop
from reactor.process._page import Page
from reactor.server.notify import Notifier
from reactor.server.record import Record
from reactor.server.workers.children import children_of, fork, how_ended
from reactor.server.workers.members import Mold, Worker, WorkerState
from reactor.server.workers.mold import mold
from reactor.server.workers.policy import Policies
from reactor.server.workers.slots import Slots, workers_said
from reactor.server.workers.worker import RETIRE, Service

CANNOT_START = 3
# Before a mold that has died is made anew.
MOLD_PAUSE_S = 1.0


class Owner(Protocol):
    """Whose generations they are."""

    has_served: bool
    stopping: bool
    slots: Slots
    record: Record

    def give_up(self, code: int) -> None:
        """Nothing has ever served, and nothing will."""

    def release(self, line: int) -> None:
        """In a child: close what is the owner's alone; ``line`` is the child's own."""

    def ended(self, worker: Worker, status: int | None) -> None: ...
    def end_if_empty(self) -> None: ...


class Generations:
    """The molds of a supervisor.

    ``read_again`` is called before a reload: what is read here is for the generation to come.
    """

    def __init__(
        self,
        loop: Loop,
        service: Service,
        policies: Policies,
        notifier: Notifier,
        owner: Owner,
        read_again: Callable[[], object],
        page: Page,
        drain_s: float,
    ) -> None:
        self._loop, self._service, self._policies = loop, service, policies
        self._notifier, self._owner, self._read_again = notifier, owner, read_again
        self._page, self._drain_s = page, drain_s
        self._mold: Mold | None = None  # the one whose workers have served
        self._next: Mold | None = None  # of the generation that comes
        self._old: list[Mold] = []
        self._number = 0
        self._forks: list[Callable[[], None]] = []
        self._again = False

    @property
    def molds(self) -> list[Mold]:
        """All that there are, those too that are about to end."""
        return [*filter(None, (self._mold, self._next)), *self._old]

    @property
    def source(self) -> Mold | None:
        """Where workers come from now."""
        for found in (self._next, self._mold):
            if found is not None and found.is_loaded:
                return found
        return None

    def start(self) -> None:
        """The next generation."""
        self._number += 1
        self._plan_mold(self._number, self._policies.preload)

    def fork_planned(self) -> None:
        """Between two runs of the loop."""
        forks, self._forks = self._forks, []
        for make in forks:
            make()

    def dismiss(self) -> None:
        """The server stops."""
        for made in filter(None, (self._mold, self._next)):
            self._dismiss(made)
        self._mold = self._next = None

    def kill(self) -> None:
        """The server ends now. A worker that a mold has not made yet ends with the mold."""
        for made in self.molds:
            self._end(made)

    def _dismiss(self, mold: Mold) -> None:
        if mold.child.ended:
            return
        self._old.append(mold)
        mold.dismiss()
        # One that is stopped, or hangs in what the application does at a fork, does not hear it.
        self._loop.call_later(self._policies.start_timeout_s, self._end, mold)

    @staticmethod
    def _end(mold: Mold) -> None:
        # What it has forked, and hangs in a hook of the application, would outlive all of us.
        if not mold.child.ended:
            for child in children_of(mold.child.pid):
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
        mold.child.kill(signal.SIGKILL)

    def reload(self) -> None:
        """Import the application anew, and replace each worker when its successor is ready. While
        that is under way it is remembered, once."""
        if self._owner.stopping:
            return
        first = not self._owner.has_served and not self._policies.waits_for_change
        if self._next is not None or self._forks or first:
            self._again = True
            return
        log(logging.INFO, "reloading")
        self._notifier.reloading()
        try:
            self._read_again()
        except ConfigurationError as error:
            self._say_failed(error)
            return
        self.start()

    def _plan_mold(self, generation: int, preload: bool) -> None:
        self._forks.append(partial(self._fork_mold, generation, preload))
        self._loop.stop()  # it is forked behind the turn

    def _fork_mold(self, generation: int, preload: bool) -> None:
        if self._owner.stopping:
            return
        try:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        except OSError as error:
            self._no_mold(f"no descriptor: {error.strerror}")
            return
        parent = os.getpid()

        def body() -> int:
            self._owner.release(theirs.fileno())
            return mold(theirs, parent, self._service, self._page, preload, self._drain_s)

        with theirs:
            try:
                pid = fork(body)
            except OSError as error:
                ours.close()
                self._no_mold(f"no process: {error.strerror}")
                return
        self._next = Mold(self._loop, ours, pid, generation, self)
        self._loop.call_later(self._policies.start_timeout_s, self._mold_too_late, self._next)

    def _mold_too_late(self, late: Mold) -> None:
        if late is self._next and not late.is_loaded:
            seconds = self._policies.start_timeout_s
            log(logging.ERROR, "the import is ended after %g s (--timeout-worker-start)", seconds)
            late.child.kill(signal.SIGABRT)

    def _no_mold(self, why: str) -> None:
        """There is none of the next generation; those who serve go on."""
        failed, self._next = self._next, None
        if failed is not None:
            self._dismiss(failed)
            for worker in self._owner.slots.workers:
                if worker.generation == failed.generation and worker.state is WorkerState.STARTING:
                    worker.kill("its generation has failed")
        if not self._owner.has_served:
            log(logging.ERROR, "cannot start: %s", why)
            self._cannot_start(CANNOT_START)
        elif self._mold is None or self._mold.child.ended:
            if failed is not None and failed.failure:
                log(logging.ERROR, "the application cannot be loaded again: %s", why)
            self._loop.call_later(MOLD_PAUSE_S, self._mold_again)
        else:
            self._say_failed(why)
            self._reload_if_asked()
            self._owner.slots.fill()  # whoever is of that generation is replaced by one of the old

    def _say_failed(self, why: object) -> None:
        log(logging.ERROR, "the reload has failed, and those who serve go on: %s", why)
        self._owner.record.failed(str(why))
        self._notifier.reloaded()

    def _cannot_start(self, code: int) -> None:
        """The first generation has failed, and has said why."""
        if not self._policies.waits_for_change:
            self._owner.give_up(code)
            return
        failed, self._next = self._next, None
        if failed is not None:
            self._dismiss(failed)
        log(logging.ERROR, "it is started again when a file has changed")
        self._reload_if_asked()

    def _mold_again(self) -> None:
        # Of the same generation: the workers that serve are no older.
        if self.source is None and self._next is None and not self._owner.stopping:
            self._plan_mold(self._number, self._policies.preload)

    def _reload_if_asked(self) -> None:
        """One that came meanwhile."""
        if self._again:
            self._again = False
            self._loop.call_soon(self.reload)

    # --- what molds say --------------------------------------------------------------------------

    def loaded(self, mold: Mold) -> None:
        if self._mold is None:
            self._owner.slots.fill()
        else:
            self._owner.slots.try_again()  # what failed may be what was corrected

    def threaded(self, mold: Mold, names: str) -> None:
        log(
            logging.WARNING,
            "the import has started threads, which a fork would lose (%s): each worker imports "
            "the application for itself; --no-preload says so without this warning",
            names,
        )
        self._next = None
        self._plan_mold(mold.generation, preload=False)

    def mold_ended(self, mold: Mold, status: int | None) -> None:
        if mold in self._old:
            self._old.remove(mold)
        for worker in self._owner.slots.workers:
            if worker.generation == mold.generation and worker.child is None:
                # If it was forked after all, it finds its channel closed: that alone would mean
                # that there is no supervisor, and that nobody goes on with the sockets.
                worker.order(RETIRE)
                worker.hang_up()
                self._owner.ended(worker, None)
        if mold.closed:
            return
        if not self._owner.has_served and mold is self._next and mold.explained:
            if mold.failure:
                log(logging.ERROR, "cannot start: %s", mold.failure)
            self._cannot_start(code_of(status))
            return
        if self._owner.stopping:
            return
        if mold is self._next:
            self._no_mold(mold.failure or f"the import ended {how_ended(status)}")
        elif mold is self._mold:
            log(logging.WARNING, "the mold %d ended %s", mold.child.pid, how_ended(status))
            mold.closed = True
            self._mold = None
            self._mold_again()

    def forked(self, mold: Mold, number: int, pid: int) -> None:
        for worker in self._owner.slots.workers:
            if worker.number == number:
                if pid:
                    self._page.slot(worker.index)["pid"] = pid
                    worker.is_process(pid)
                else:
                    worker.hang_up()
                    self._owner.ended(worker, None)
                break

    def unmade(self, worker: Worker) -> None:
        """Its mold does not answer: it is stopped, or hangs in what is done at a fork."""
        seconds = self._policies.start_timeout_s
        for deaf in self.molds:
            if deaf.generation == worker.generation:
                what = f"it has forked no worker for {seconds:g} s (--timeout-worker-start)"
                log(logging.ERROR, "the mold %d is ended: %s", deaf.child.pid, what)
                self._end(deaf)

    def settled(self) -> None:
        """All slots have workers of the newest generation."""
        if self._next is None or not self._next.is_loaded:
            return
        before, self._mold, self._next = self._mold, self._next, None
        if before is not None:
            self._dismiss(before)
            ready = f"{workers_said(len(self._owner.slots.serving))} ready"
            log(logging.INFO, "reloaded: %s", ready)
            self._owner.record.reloaded(f"generation {self._number}: {ready}")
            self._notifier.reloaded()
        self._reload_if_asked()

    # --- what becomes of its workers ------------------------------------------------------------

    def failed(self, worker: Worker, status: int | None) -> bool:
        """The first worker of a generation has not become ready."""
        if not self._owner.has_served:  # why is in the log
            self._cannot_start(code_of(status) if worker.explained else CANNOT_START)
            return True
        comes = self._next is not None and worker.generation == self._next.generation
        if comes and self._mold is not None and not self._mold.child.ended:
            ended = f"worker {worker.pid} ended {how_ended(status)} before it served"
            if not worker.pid:
                ended = "no worker could be forked"
            self._no_mold(worker.failure or ended)
            return True
        return False


def code_of(status: int | None) -> int:
    """The exit code of whoever ended with it before anything was served."""
    code = 0 if status is None else os.waitstatus_to_exitcode(status)
    return code if code > 0 else CANNOT_START
