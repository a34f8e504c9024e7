"""TLS on a loop: its connections, and the certificates that they get, renewed while it serves.

Files are read anew at SIGHUP, and looked at now and then: whoever renews them need not know that
there is a server. What cannot be used changes nothing, and is said once.

Must never know: what a context is made of.
"""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import Any

from reactor.limits import Limits
from reactor.loop import Loop
from reactor.net._tls_connection import ServerTls
from reactor.server.notify import Notifier
from reactor.server.tls import Contexts


class Renewal:
    """Keeps `connections` on the newest context of ``contexts``."""

    def __init__(self, loop: Loop, contexts: Contexts, limits: Limits) -> None:
        self._loop = loop
        self._contexts = contexts
        self._count = 0  # of reloads that were asked for
        self._period_s = limits.tls_reload_s
        self.connections = ServerTls(contexts.serving, limits, contexts.alpn)

    def start(self, notifier: Notifier) -> None:
        """From here on, and when ``notifier`` reloads; in a thread other than the main one no
        signal is heard, and none that somebody, as nohup, has asked to be ignored."""
        self._loop.call_later(self._period_s, self._look)
        notifier.reloads.append(self._reload)
        before = signal.getsignal(signal.SIGHUP)
        if before is not signal.SIG_IGN:
            with suppress(ValueError):
                self._loop.on_signal(signal.SIGHUP, self._hear, notifier, before)

    def _hear(self, notifier: Notifier, before: Any) -> None:
        count = self._count
        if callable(before):
            before(signal.SIGHUP, None)  # what the signal means besides, which may be just this
        if self._count == count:
            notifier.reload()

    def _reload(self) -> None:
        self._count += 1
        self._contexts.reload()
        self.connections.context = self._contexts.serving

    def _look(self) -> None:
        self._loop.call_later(self._period_s, self._look)
        if self._contexts.reload_if_changed():
            self.connections.context = self._contexts.serving
