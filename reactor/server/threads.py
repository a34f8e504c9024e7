"""The documented model: bind, listen, accept, and one blocking thread per connection.

It is what every socket tutorial ends with, kept in the product as the rival that
`Reactor` is measured against: the same HTTP machine and the same apps, driven by
blocking sockets. The only module of this package that starts threads.
"""

from __future__ import annotations

import logging
import math
import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from reactor.http._server import ServerMachines
from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.log import log, report
from reactor.net import Protocol
from reactor.net._socket import refuse_new
from reactor.net.address import is_loopback
from reactor.net.descriptors import connections_max
from reactor.net.proxied import Refusals
from reactor.process._forked import end_if_forked, serving
from reactor.process.interrupts import is_from_a_signal
from reactor.server.blocking_transport import BlockingTransport
from reactor.server.notify import Notifier
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
    from reactor.server.slow import SlowRequests
    from reactor.server.workers.worker import Channel

# How often who waits for the end looks for threads that went idle in the moment of the stop.
_LOOK_S = 0.05
# A thread that has not begun by then never will.
_BEGINNING_S = 2.0
# How often who accepts looks for threads that ended before they could clean up.
_BURIAL_S = 1.0


class _QueueEnd:
    """Waits, as a poll object does, for a socket that other workers wait for too.

    The kernel wakes the first of its queue, which is the last poll object that came to wait: alone
    with it one worker takes all. Whoever waits here goes to the end of the queue.
    """

    def __init__(self, listener: socket.socket) -> None:
        self._epoll = select.epoll()
        self._listener = listener
        self._join()

    def _join(self) -> None:
        self._epoll.register(self._listener, select.EPOLLIN | select.EPOLLEXCLUSIVE)

    def register(self, fd: Any, events: int) -> None:
        self._epoll.register(fd, events)

    def poll(self, timeout_ms: float | None) -> object:
        self._epoll.unregister(self._listener)
        self._join()
        return self._epoll.poll(None if timeout_ms is None else timeout_ms / 1000)


class _Refusal:
    """What accept does again and again in one thread: it fails. Nothing may spin."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._warned_at = -math.inf
        self.over()

    def over(self) -> None:
        """A connection was accepted."""
        self._pause_s = 0.0

    def wait(self, error: OSError | MemoryError) -> None:
        """Before the next try: not at all the first time, and then longer and longer."""
        now = time.monotonic()
        # Once, and it was a client that has gone, or that another process was faster to accept.
        harmless = isinstance(error, BlockingIOError) or (
            isinstance(error, ConnectionAbortedError) and not self._pause_s
        )
        if not harmless and now - self._warned_at > self._limits.full_warning_s:
            self._warned_at = now
            why = error.strerror if isinstance(error, OSError) else "no memory"
            log(logging.WARNING, "new clients wait: %s", why)
        time.sleep(self._pause_s)
        longest = self._limits.accept_pause_max_s
        self._pause_s = min(max(2 * self._pause_s, self._limits.accept_pause_s), longest)


class _Beginning(threading.Event):
    """What `Thread.start` waits for, but not for ever.

    A thread that finds no memory for its first frame ends without a word, and who started it, the
    thread that accepts, would wait until the process ends.
    """

    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(_BEGINNING_S if timeout is None else timeout)


class ThreadServer:
    """Accepts on each listener, and starts a thread for each connection.

    The thread that calls `run` accepts on the first listener; each further one has a
    thread of its own. Connection threads are daemons: a client that stays connected
    must not keep the process from ending. At the limit of connections the next client is
    accepted, so that it is known to be there, and served when another one has gone; who
    comes after it waits in the backlog.
    """

    def __init__(
        self,
        listeners: list[socket.socket],
        factory: Callable[[], Protocol],
        limits: Limits = DEFAULT_LIMITS,
        channel: Channel | None = None,
    ) -> None:
        self._listeners = listeners
        self.notifier = Notifier()
        self._refusals = Refusals(limits)
        self._factory: Any = factory
        self._limits = limits
        self._serving: dict[threading.Thread, BlockingTransport] = {}
        self._places_max = connections_max(limits)
        self._places = threading.Semaphore(self._places_max)
        self._warned_at = self._buried_at = -math.inf
        self._wake = WakePipe()
        self._grace_s = 0.0
        self._stopping = self._now = False
        self._drains_at: float | None = None  # a stop was asked for, which begins then
        self.slow: SlowRequests | None = None
        self.lock = threading.Lock()  # for who is called by all of them
        self._channel = channel
        if channel is not None:
            channel.attach(self, listeners)
            channel.watched(self._heard_all)
            if isinstance(factory, ServerMachines):  # a TCP protocol has no requests to count
                factory.context.slot = channel.slot

    def _heard_all(self) -> None:
        self._channel = None

    def run(self, on_running: Callable[[], object] | None = None) -> int | None:
        """Serve until `stop`, or SIGINT or SIGTERM, has done its work; the signal that ended it
        while something was under way, None for an orderly end.

        ``on_running`` is called when signals are waited for.
        """
        channel = self._channel
        with (
            StopSignals(self, self._wake, self._limits)
            if channel is None
            else channel.signals(self._wake)
        ) as signals:
            serving(lambda: self._serve_all(on_running))
        return signals.insisted

    def _serve_all(self, on_running: Callable[[], object] | None) -> None:
        if on_running is not None:
            on_running()
        threads = [
            threading.Thread(target=self._accept_on, args=(listener,), daemon=True)
            for listener in self._listeners[1:]
        ]
        for thread in threads:
            thread.start()
        self._accept_on(self._listeners[0], self._channel)
        for thread in threads:
            thread.join()
        self._wait_for_connections(time.monotonic())

    def stop(self, grace_s: float | None = None, final: bool = True) -> None:
        """Finish what is under way, then end `run`. For any thread. Called again: end it now."""
        if self._drains_at is not None:
            self._now = self._stopping = True
            self._wake.wake()
            return
        delay = delay_s(self._limits, grace_s, final)
        self._grace_s = idle_grace_s(self._limits) if grace_s is None else grace_s
        self._drains_at = time.monotonic() + delay
        self.notifier.stopping(delay + self._limits.graceful_timeout_s)
        if not delay:
            self._drain()
        elif hasattr(self._factory, "drain"):
            self._factory.drain(None)
        self._wake.wake()
        if delay and self._channel is None:  # else the supervisor says it, for all
            # From a signal's handler: a stream in the middle of a write refuses a second one.
            with suppress(RuntimeError):
                say_delayed(self._limits)

    def _drain(self) -> None:
        if hasattr(self._factory, "drain"):
            self._factory.drain(self._grace_s)
        self._stopping = True

    def _takes_clients(self) -> bool:
        """Whether there was no stop, or its delay is not over."""
        if self._drains_at is not None and time.monotonic() >= self._drains_at:
            self._drain()
        return not self._stopping

    def close(self) -> None:
        self._wake.close()

    def blocked(self) -> bool:
        return False  # the main thread accepts, and runs nobody's code

    # --- accepting -----------------------------------------------------------------------------

    def _accept_on(self, listener: socket.socket, channel: Channel | None = None) -> None:
        refusal = _Refusal(self._limits)
        listener.setblocking(False)
        # A few, so that a stop is seen before all who go on coming are accepted.
        per_turn = self._limits.accepts_per_turn_max
        ready: select.poll | _QueueEnd
        if self._channel is None:
            ready = select.poll()
            ready.register(listener, select.POLLIN)
        else:
            ready = _QueueEnd(listener)
            per_turn = self._limits.shared_accepts_per_turn_max
        ready.register(self._wake, select.POLLIN)
        if channel is not None:
            ready.register(channel, select.POLLIN)
        while self._takes_clients():
            self.notifier.alive()
            ready.poll(self._pause_ms())
            if not self._stopping:
                self._wake.drain()
            if self.slow is not None:
                self.slow.look_at_threads()
            if channel is not None:
                channel.on_readable()
            self._bury()
            self._accept(listener, refusal, per_turn)
        self._wake.wake()  # the others who accept: what was to wake them may have woken this thread
        if getattr(listener, "shared", False):
            # The next process serves its queue. But the kernel may have woken this one, and no
            # other, for somebody who has just come.
            self._accept(listener, refusal, per_turn)
        else:
            self._accept_rest(listener, refusal)
        listener.close()

    def _accept_rest(self, listener: socket.socket, refusal: _Refusal) -> None:
        """Take no new client, and accept those whom the kernel has taken."""
        refuse_new(listener.fileno(), listener.family == socket.AF_UNIX)
        rest = self._limits.backlog + 1  # the kernel's queue holds one more than it was told
        self._accept(listener, refusal, rest)
        if not is_loopback(listener):  # else both ends of a handshake are in one kernel
            time.sleep(self._limits.last_handshake_s)
            self._accept(listener, refusal, rest)

    def _pause_ms(self) -> float | None:
        """How long a thread that accepts may wait for the next client; None: for ever."""
        # A beat that is due is seen in half of its time at the latest.
        due = [_BURIAL_S] * bool(self._serving)
        due += [self.slow.every_s] if self.slow is not None and self._serving else []
        due += [self.notifier.beat_s / 2] if self.notifier.beat_s is not None else []
        due += [self._drains_at - time.monotonic()] if self._drains_at is not None else []
        return max(0.0, min(due) * 1000) if due else None

    def _accept(self, listener: socket.socket, refusal: _Refusal, at_most: int) -> None:
        """Accept who waits."""
        for count in range(at_most):
            try:
                sock, peer = listener.accept()
            except (OSError, MemoryError) as error:
                if not self._stopping and not (count and isinstance(error, BlockingIOError)):
                    refusal.wait(error)
                elif isinstance(error, ConnectionAbortedError):
                    continue  # a client that has gone: the next may be there
                return
            refusal.over()
            if not self._refusals.may_connect(listener, sock.fileno(), peer):
                sock.close()
                continue
            self._take_place()
            try:
                self._start(sock, peer, getattr(listener, "proxy", None))
            except BaseException as error:
                end_if_forked(error)
                sock.close()
                self._places.release()
                if is_from_a_signal(error):
                    raise
                # No protocol could be made, or no thread: that client's bad luck only.
                report(error, f"accepting {peer!r}")

    def _take_place(self) -> None:
        """Wait until another connection may be served; idle and silent ones make room.

        A stop ends the waiting: whoever has been accepted until then is served too.
        """
        if self._places.acquire(blocking=False):
            return
        now = time.monotonic()
        if now - self._warned_at > self._limits.full_warning_s:
            self._warned_at = now
            log(
                logging.WARNING,
                "%d connections are the limit: idle and silent ones are closed, new clients wait",
                self._places_max,
            )
        while self._takes_clients():
            waiting = [one for one in list(self._serving.values()) if one.gives_way]
            if waiting:
                min(waiting, key=lambda transport: transport.waits_since).give_way()
            # A connection that goes idle tells nobody, so the next look is after a pause.
            if self._places.acquire(timeout=self._limits.accept_pause_s):
                return

    def _start(self, sock: socket.socket, peer: Any, proxy: str | None) -> None:
        transport = BlockingTransport(sock, self._factory(), peer, self._limits)
        thread = threading.Thread(target=self._serve, args=(transport, proxy), daemon=True)
        thread._started = _Beginning()  # type: ignore[attr-defined]
        self._serving[thread] = transport
        try:
            thread.start()
            if thread.ident is None:
                raise MemoryError
        except BaseException:
            self._serving.pop(thread, None)
            raise

    def _bury(self) -> None:
        """Close what belongs to threads that ended before they came to it, for want of memory."""
        now = time.monotonic()
        if now - self._buried_at < _BURIAL_S:
            return
        self._buried_at = now
        for thread, transport in list(self._serving.items()):
            over = thread.ident is not None and not thread.is_alive()
            if over and self._serving.pop(thread, None) is not None:
                transport.bury()
                self._places.release()

    def _serve(self, transport: BlockingTransport, proxy: str | None) -> None:
        try:
            if proxy is None or transport.introduce(proxy, self._refusals):
                transport.serve()
        finally:
            # One that began after all, when it had been given up, finds its socket closed.
            if self._serving.pop(threading.current_thread(), None) is not None:
                self._places.release()
            if self._stopping:
                self._wake.wake()

    # --- the end -------------------------------------------------------------------------------

    def _wait_for_connections(self, begun: float) -> None:
        """Return when they have ended, or shall wait no longer."""
        what = "response" if hasattr(self._factory, "drain") else "connection"
        woken = select.poll()
        woken.register(self._wake, select.POLLIN)
        said = False
        while self._serving and not self._now:
            self.notifier.alive()
            passed = time.monotonic() - begun
            if passed >= self._limits.graceful_timeout_s:
                say_cut(what, self._under_way(), self._limits)
                break
            if passed >= SAID_AFTER_S and not said:
                said = True
                busy = self._under_way()
                say_waiting(what, busy, len(self._serving) - busy, self._limits, self._grace_s)
            if passed >= self._grace_s:
                self._end_idle()
            woken.poll(_LOOK_S * 1000)
            if self._channel is not None:
                self._channel.on_readable()
            self._wake.drain()
        for transport in list(self._serving.values()):
            transport.cut()

    def _end_idle(self) -> None:
        if hasattr(self._factory, "end_streams"):
            self._factory.end_streams()
        for transport in list(self._serving.values()):
            transport.finish_idle()

    def _under_way(self) -> int:
        return sum(transport.under_way for transport in list(self._serving.values()))
