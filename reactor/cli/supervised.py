"""``reactor serve`` with several processes: what each of them does."""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from reactor.cli.addresses import announcement, warn_of_others
from reactor.cli.configuration import read_again
from reactor.cli.edge_options import edge_policy
from reactor.cli.identity import check_root, open_all
from reactor.cli.logs import Logs
from reactor.cli.observing import metrics_of, say_where
from reactor.cli.reload_options import sources_of
from reactor.cli.serving import explained, limits_of, make_server
from reactor.cli.target import load
from reactor.cli.tls_options import tls_options
from reactor.cli.workers import policies_of
from reactor.log import log as log_line
from reactor.net.address import Bind
from reactor.net.listening import ListeningSocket
from reactor.net.passed import forget_passed
from reactor.server.models import import_ahead
from reactor.server.notify import Notifier
from reactor.server.workers.sources import Sources
from reactor.server.workers.supervisor import Supervisor
from reactor.server.workers.worker import Channel

if TYPE_CHECKING:
    from reactor.server.status.crew import CrewStatus
    from reactor.server.status.notes import Notes


def supervise(
    options: argparse.Namespace,
    workers: int,
    bind: list[Bind],
    logs: Logs,
    notifier: Notifier,
    keep: list[int],
) -> int:
    """Serve by ``workers`` processes; the exit code. ``keep``: descriptors of this process alone.

    Raises:
        ConfigurationError, WrongUsage: it cannot start; the message says why.
    """
    # A function that makes contexts is the application's: a mold calls it.
    tls = None if options.ssl_context else tls_options(options, bind)
    sockets, contexts = open_all(options, bind, tls)
    sources = sources_of(options)
    showing = ExitStack()
    try:
        check_root(options, sockets)
        notifier.keep_sockets(sockets)
        forget_passed()

        def serving(sentence: str) -> None:
            logs.stdout.write(sentence + "\n")
            warn_of_others(sockets)
            say_where(status.urls if status is not None else ())
            notifier.ready(sentence)

        logs.open()
        service = _Service(options, bind, logs, sockets, contexts, showing, sources)
        supervisor = Supervisor(
            service,
            policies_of(options, workers),
            limits_of(options),
            notifier=notifier,
            keep=keep if sources is None else [*keep, *sources.keep],
            on_serving=serving,
            read_again=service.read_again,
            reopen_logs=logs.reopen,
        )
        if sources is not None:
            sources.attach(supervisor.loop, supervisor.reload)
        status = service.status_of(supervisor)
        with showing:
            showing.enter_context(logs.logging())
            if status is not None:
                status.start()
            return supervisor.run()
    finally:
        if sources is not None:
            sources.close()
        for sock in sockets:
            sock.close()


class _Service:
    def __init__(
        self,
        options: argparse.Namespace,
        bind: list[Bind],
        logs: Logs,
        sockets: list[ListeningSocket],
        contexts: Any,
        showing: ExitStack,
        sources: Sources | None,
    ) -> None:
        self._options, self._bind, self._logs = options, bind, logs
        self._sockets, self._tls = sockets, contexts
        self._showing, self._sources = showing, sources
        self._app: Any = None
        self._was_read_again = False
        self.failure = ""
        self._notes: Notes | None = None  # of the workers; None: nobody looks

    def status_of(self, supervisor: Supervisor) -> CrewStatus | None:
        """Who looks at them; before the first is forked."""
        options = self._options
        where = metrics_of(options)
        if where is None:
            return None
        # Only who looks at it pays for it.
        from reactor.server.status.crew import CrewStatus
        from reactor.server.status.notes import Notes

        self._notes = Notes(supervisor.page.slots)
        limits, policy = limits_of(options), edge_policy(options)
        status = CrewStatus(where, supervisor, self._notes, self._sockets, limits, policy)
        status.target, status.contexts = options.target, self._tls
        return status

    def read_again(self) -> None:
        """In the supervisor, for the generation that comes."""
        self._options, kept = read_again(self._options)
        self._was_read_again = True
        if kept:
            log_line(logging.WARNING, "only a restart changes %s", ", ".join(kept))
        self._logs.reopen()
        if self._tls is not None:
            self._tls.reload_if_changed()

    def load(self) -> int:
        # The log of the supervisor is not this process's: the application may have one of its own.
        self._showing.close()
        load = self._load
        if self._sources is not None:
            load = partial(self._load_watched, self._sources)
        return self._explained(load)

    def _explained(self, body: Callable[[], int]) -> int:
        """At the start a sentence for who has started it; later for the supervisor's log."""
        return explained(body, self._keep if self._was_read_again else None)

    def _keep(self, sentence: str) -> None:
        self.failure = sentence

    def _load_watched(self, sources: Sources) -> int:
        began = time.time_ns()
        try:
            code = self._load()
        except BaseException as error:
            sources.loaded(began, error)
            raise
        sources.loaded(began)
        return code

    def _load(self) -> int:
        options = self._options
        self._app = load(options, limits_of(options))
        if options.ssl_context:
            from reactor.server.tls import Contexts

            made = tls_options(options, self._bind)
            self._tls = None if made is None else Contexts(made)
        import_ahead(self._app, options.loop, options.model, folders=bool(options.static))
        return 0

    def serve(self, channel: Channel) -> int:
        return self._explained(partial(self._serve, channel))

    def _serve(self, channel: Channel) -> int:
        options = self._options
        for sock in self._sockets:
            sock.disown()
        observed = None
        if self._notes is not None:
            from reactor.server.status.observed import Observed

            observed = Observed(channel.slot, self._notes, channel.slot.index)
        logs = self._logs
        logs.of_worker(channel, options)
        sockets = list(self._sockets)
        server = make_server(options, self._app, sockets, self._tls, logs, channel, observed)
        with logs.logging():
            server.run(lambda sockets: channel.ready(announcement(options.target, server)))
        return 0
