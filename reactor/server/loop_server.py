"""A protocol on listening sockets, served by one reactor until it is stopped; no thread.

What a stop does, and when, is in docs/stop.md.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from reactor.apps.load import ProtocolFactory
from reactor.http._server import ServerMachines
from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.loop._core import EVENT_READ
from reactor.loop.stall import ADVICE, StallWatch
from reactor.net import Reactor
from reactor.server.notify import Notifier
from reactor.server.redirects import factories_of
from reactor.server.stopping import (
    SAID_AFTER_S,
    StopSignals,
    WakePipe,
    delay_s,
    idle_grace_s,
    say_cut,
    say_delayed,
    say_waiting,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reactor.process._page import Slot
    from reactor.server.renewal import Renewal
    from reactor.server.slow import SlowRequests
    from reactor.server.status.observed import Observed
    from reactor.server.tls import Contexts
    from reactor.server.workers.worker import Channel, WorkerSignals


class LoopServer:
    """Serves a protocol on listening sockets until it is stopped, with one reactor, no thread.

    ``channel``: it is a worker, whose supervisor stops it, and no signal.
    """

    advice = ADVICE  # to whoever holds the loop up

    def __init__(
        self,
        sockets: list[socket.socket],
        factory: ProtocolFactory,
        limits: Limits = DEFAULT_LIMITS,
        reactor: Reactor | None = None,
        tls: Contexts | None = None,
        channel: Channel | None = None,
        observed: Observed | None = None,
    ) -> None:
        self._reactor = Reactor() if reactor is None else reactor
        self._channel, self._observed = channel, observed
        self._watch = StallWatch(self._reactor, limits.stall_warning_s, advice=self.advice)
        self._limits = limits
        self._factory = factory
        self._factories = factories_of(factory, sockets)
        self._what = "response" if hasattr(factory, "drain") else "connection"
        self._sockets = sockets
        if channel is not None:
            self._count_in(channel.slot)
        if observed is not None:
            self._count_in(observed.slot)
            observed.attach(self._factories, self._watch)
        self._renewal = None if tls is None else _renewal(self._reactor, tls, limits)
        self._listener = self._listen()
        self._wake = WakePipe()
        self._reactor.register(self._wake, EVENT_READ, self._wake)
        self._stopping = False
        self.notifier = Notifier()
        if channel is not None:
            channel.attach(self, sockets)
            heard = self._reactor.register(channel, EVENT_READ, channel)
            channel.watched(partial(self._reactor.unregister, heard))
        self.at_turn_end = self._reactor.turn_end.call
        self.slow: SlowRequests | None = None

    def _count_in(self, slot: Slot) -> None:
        self._reactor.slot = slot
        for factory in self._factories:
            if isinstance(factory, ServerMachines):  # a TCP protocol has no requests
                factory.context.slot = slot

    def _listen(self) -> Any:
        return self._accept()

    def _accept(self) -> Any:
        tls = None if self._renewal is None else self._renewal.connections
        listener = self._reactor.serve(self._sockets, self._factory, self._limits, tls)
        if self._observed is not None:
            listener.refusals.count = self._observed.refused
        return listener

    def run(self, on_running: Callable[[], object] | None = None) -> int | None:
        """Serve until `stop`, or SIGINT or SIGTERM, has done its work; the signal that ended it
        while something was under way, None for an orderly end.

        ``on_running`` is called when signals are waited for.
        """
        if self.slow is not None:
            self._watch.on_tick = self.slow.look_here
        self._watch.start()
        if self.notifier.beat_s is not None:
            self._beat(self.notifier.beat_s)
        try:
            # The end of the connections is under the signals too: it calls the application.
            with self._signals() as signals, self._reactor:
                if self._renewal is not None:
                    self._renewal.start(self.notifier)
                if self._observed is not None:
                    self._observed.serve(self._reactor)
                self._serve(on_running)
        finally:
            self._watch.stop()
        return signals.insisted

    def _signals(self) -> StopSignals | WorkerSignals:
        if self._channel is None:
            return StopSignals(self, self._wake, self._limits)
        return self._channel.signals(self._wake)

    def _serve(self, on_running: Callable[[], object] | None) -> None:
        self._serves()
        if on_running is not None:
            self._reactor.call_soon(on_running)
        self._reactor.run()

    def _serves(self) -> None:
        """Everybody who connects is served from here on."""
        if self._observed is not None:
            self._observed.has_state("draining" if self._stopping else "ready")

    def stop(self, grace_s: float | None = None, final: bool = True) -> None:
        """Finish what is under way, then end `run`. For any thread. Called again: end it now."""
        delay = delay_s(self._limits, grace_s, final)
        grace_s = idle_grace_s(self._limits) if grace_s is None else grace_s
        self.notifier.stopping(delay + self._limits.graceful_timeout_s)
        # Not in the loop's turn: the answer that an application is about to give says close.
        for factory in self._factories:
            if hasattr(factory, "drain"):
                factory.drain(None if delay else grace_s)
        with suppress(RuntimeError):  # it has ended
            self._reactor.call_soon_threadsafe(self._stop, grace_s, delay)

    def close(self) -> None:
        self._reactor.close()
        self._wake.close()

    def blocked(self) -> bool:
        loop = self._reactor
        return loop.in_turn and loop.clock() - loop.turn_began > self._limits.stall_warning_s

    def _stop(self, grace_s: float, delay: float) -> None:
        if self._stopping:
            self._reactor.stop()
            return
        self._stopping = True
        if self._observed is not None:
            self._observed.has_state("draining")
        if not delay:
            self._drain(grace_s)
            return
        if self._channel is None:  # else the supervisor says it, for all
            say_delayed(self._limits)
        self._reactor.call_later(delay, self._delay_is_over, grace_s)

    def _delay_is_over(self, grace_s: float) -> None:
        for factory in self._factories:
            if hasattr(factory, "drain"):
                factory.drain(grace_s)
        self._drain(grace_s)

    def _drain(self, grace_s: float) -> None:
        later = self._reactor.call_later
        later(grace_s, self._end_streams)
        later(SAID_AFTER_S, self._say_waiting, grace_s)
        later(self._limits.graceful_timeout_s, self._cut)
        self._listener.finish(grace_s, on_empty=self._emptied)

    def _beat(self, every_s: float) -> None:
        # From the loop: one that hangs does not beat.
        self.notifier.alive()
        self._reactor.call_later(every_s, self._beat, every_s)

    def _emptied(self) -> None:
        """Nobody is connected any more."""
        self._reactor.stop()

    def _end_streams(self) -> None:
        if hasattr(self._factory, "end_streams"):
            self._factory.end_streams()
        self._listener.end_streams()

    def _say_waiting(self, grace_s: float) -> None:
        busy = self._listener.under_way
        say_waiting(self._what, busy, len(self._listener) - busy, self._limits, grace_s)

    def _cut(self) -> None:
        say_cut(self._what, self._listener.under_way, self._limits)
        self._reactor.stop()


def _renewal(loop: Reactor, contexts: Contexts, limits: Limits) -> Renewal:
    from reactor.server.renewal import Renewal  # a plain server starts without `ssl`

    return Renewal(loop, contexts, limits)
