"""A server whose reactor hosts an asyncio loop: for ASGI, for async handlers, for TCP protocols
that want a running loop.

    run ─> lifespan.startup ─> accept ... ─> stop ─> requests ─> tasks ─> lifespan.shutdown

The listening sockets are bound before, so that a port that is taken is said at once; nobody is
accepted before the application is ready. At the end its tasks may finish within what is left of
the grace; then they are cancelled, and have a moment for their ``finally``.

"""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Callable
from typing import Any

from reactor.apps.lifespan import Lifespan
from reactor.apps.load import ProtocolFactory
from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.log import log, report
from reactor.loop.stall import describe
from reactor.net.hosted import HostedReactor, end_tasks, hosting_loop
from reactor.process._forked import end_if_forked
from reactor.process.interrupts import is_from_a_signal
from reactor.server.loop_server import LoopServer
from reactor.server.stopping import say_cut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reactor.server.slow import SlowRequests
    from reactor.server.status.observed import Observed
    from reactor.server.tls import Contexts
    from reactor.server.workers.worker import Channel


class Hosting:
    """A reactor that hosts asyncio, and the app that is to be served there."""

    def __init__(self, app: Any) -> None:
        self._reactor = HostedReactor()
        self._loop = hosting_loop(self._reactor)
        self._app = app
        if hasattr(app, "hosted"):
            app.hosted(self._reactor, self._loop)

    def server(
        self,
        sockets: list[socket.socket],
        factory: ProtocolFactory,
        limits: Limits,
        tls: Contexts | None = None,
        channel: Channel | None = None,
        observed: Observed | None = None,
    ) -> HostedServer:
        lifespan_in = getattr(self._app, "lifespan_in", None)
        return HostedServer(
            sockets,
            factory,
            limits,
            reactor=self._reactor,
            loop=self._loop,
            going=getattr(self._app, "going", set()),
            lifespan=None if lifespan_in is None else lifespan_in(self._loop),
            tls=tls,
            channel=channel,
            observed=observed,
        )

    def close(self) -> None:
        """If no server was made."""
        self._loop.close()


class HostedServer(LoopServer):
    """As `LoopServer`, on the reactor in ``loop``.

    ``going`` are the bodies of the application's tasks; ``lifespan`` None: there is none.
    """

    advice = "; everybody waited meanwhile. What blocks is awaited: asyncio.to_thread(function)"

    def __init__(
        self,
        sockets: list[socket.socket],
        factory: ProtocolFactory,
        limits: Limits = DEFAULT_LIMITS,
        *,
        reactor: HostedReactor,
        loop: Any,
        going: set[Any],
        lifespan: Lifespan | None = None,
        tls: Contexts | None = None,
        channel: Channel | None = None,
        observed: Observed | None = None,
    ) -> None:
        self._loop = loop
        self._going = going
        self._lifespan = lifespan
        self._on_running: Callable[[], object] | None = None
        self._failure: Exception | None = None
        self._stops_by = 0.0
        self._ending = self._over = False
        super().__init__(sockets, factory, limits, reactor, tls, channel, observed)
        self._reactor: HostedReactor = reactor

    def _listen(self) -> Any:
        return None  # not before the application is ready

    def _serve(self, on_running: Callable[[], object] | None) -> None:
        self._on_running = on_running
        self._reactor.call_soon(self._begin)
        if self.slow is not None:
            self._look_at_tasks(self.slow)
        end_loop = self._loop.stop

        def end() -> None:
            self._over = True
            end_loop()

        self._reactor.on_stop = end
        self._loop.stop = _refuse_to_stop
        try:
            self._reactor.run(self._run_loop)
        finally:
            del self._loop.stop
            self._finish()
        if self._failure is not None:
            raise self._failure

    def _run_loop(self) -> None:
        """Run asyncio's loop until this server stops it. What a task or a callback of the
        application raises ends that task; a Task lets these two through (0064)."""
        while True:
            try:
                self._loop.run_forever()
            except (KeyboardInterrupt, SystemExit) as error:
                # Out of a turn of the reactor's comes only what was let through there.
                if is_from_a_signal(error) or not self._reactor.in_asyncio:
                    raise
                end_if_forked(error)
                report(error, "running a task or a callback of the application")
            if self._over:
                return

    def _look_at_tasks(self, slow: SlowRequests) -> None:
        slow.look_at_tasks(self._going)
        self._reactor.call_later(slow.every_s, self._look_at_tasks, slow)

    def close(self) -> None:
        self._loop.close()
        self._wake.close()

    # --- the start ------------------------------------------------------------------------

    def _begin(self) -> None:
        if self._lifespan is None:
            self._started(None)
        else:
            self._lifespan.start(self._limits.startup_timeout_s, self._started)

    def _started(self, failure: Exception | None) -> None:
        if failure is not None:
            self._failure = failure
            self._reactor.stop()
            return
        self._listener = self._accept()
        self._serves()
        if self._on_running is not None:
            self._on_running()

    # --- the end --------------------------------------------------------------------------

    def _stop(self, grace_s: float, delay: float) -> None:
        if self._listener is None:
            self._reactor.stop()  # it has not started: nobody was accepted
            return
        super()._stop(grace_s, delay)

    def _drain(self, grace_s: float) -> None:
        self._stops_by = self._reactor.time() + self._limits.graceful_timeout_s
        super()._drain(grace_s)

    def _emptied(self) -> None:
        """No connection is left; tasks may go on behind their answers."""
        if self._going and self._reactor.time() < self._stops_by:
            self._reactor.call_later(0.02, self._emptied)
            return
        for body in list(self._going):
            body.task.cancel()
        self._shut_down()

    def _cut(self) -> None:
        if self._ending:
            return
        say_cut(self._what, self._listener.under_way, self._limits)
        self._listener.abort()  # which comes back to `_emptied`

    def _shut_down(self) -> None:
        if self._ending:
            return
        self._ending = True
        if self._lifespan is None:
            self._reactor.stop()
            return
        left_s = max(self._limits.last_words_s, self._stops_by - self._reactor.time())
        self._lifespan.stop(left_s, self._shut)

    def _shut(self, failure: Exception | None) -> None:
        self._failure = failure
        self._reactor.stop()

    def _finish(self) -> None:
        """The loop has ended, in order or not: what is left of the application ends too."""
        if self._listener is not None:
            self._listener.abort()
        if self._lifespan is not None:
            self._lifespan.cancel()
        self._reactor.on_stop = None  # a signal that is heard now ends nothing more
        try:
            end_tasks(self._loop, self._limits.last_words_s)
        except BaseException as error:
            # By `loop.stop`, or what a Task lets through: nobody waits for the others any more.
            if is_from_a_signal(error):
                raise
            end_if_forked(error)
            report(error, "ending the tasks of the application")
        finally:
            self._loop.close()


def _refuse_to_stop() -> None:
    """In the place of the loop's `stop`, which would end the server in the middle of everything."""
    caller = sys._getframe(1)
    where = describe(caller)
    if caller.f_globals.get("__name__", "").partition(".")[0] == "asyncio":
        where = "a callback of the application"  # by `call_soon(loop.stop)`
    log(
        logging.ERROR,
        "loop.stop() was called by %s, and is ignored: this loop serves everybody. What ends the "
        "server is SIGTERM, as os.kill(os.getpid(), signal.SIGTERM) sends it (docs/stop.md)",
        where,
    )
