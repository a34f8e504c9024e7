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
from reactor.server.tls import Contexts


class Renewal:
    """Keeps `connections` on the newest context of ``contexts``."""

    def __init__(self, loop: Loop, contexts: Contexts, limits: Limits) -> None:
        self._loop = loop
        self._contexts = contexts
        self._period_s = limits.tls_reload_s
        self.connections = ServerTls(contexts.serving, limits, contexts.alpn)

    def start(self) -> None:
        """From here on; in a thread other than the main one no signal is heard, and none that
        somebody, as nohup, has asked to be ignored."""
        self._loop.call_later(self._period_s, self._look)
        before = signal.getsignal(signal.SIGHUP)
        if before is not signal.SIG_IGN:
            with suppress(ValueError):
                self._loop.on_signal(signal.SIGHUP, self._reload, before)

    def _reload(self, before: Any) -> None:
        self._contexts.reload()
        self.connections.context = self._contexts.serving
        if callable(before):
            before(signal.SIGHUP, None)  # what the signal means besides

    def _look(self) -> None:
        self._loop.call_later(self._period_s, self._look)
        if self._contexts.reload_if_changed():
            self.connections.context = self._contexts.serving
