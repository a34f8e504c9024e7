"""A connection over TLS, of a listener that has a `ServerTls`."""

import ssl

from typing_extensions import disjoint_base

from reactor.limits import Limits
from reactor.net._connection import Connection
from reactor.net._listener import ConnectionKind

@disjoint_base
class ServerTls(ConnectionKind):
    """What the TLS connections of a server share.

    Args:
        context: a server's.
        alpn: the protocols that are spoken: a client that offers others only gets an alert. (): it
            does not matter what a client offers.
    """

    context: ssl.SSLContext
    """Of who connects next. Another may take its place; established connections keep theirs."""

    def __init__(
        self, context: ssl.SSLContext, limits: Limits = ..., alpn: tuple[str, ...] = ()
    ) -> None: ...
    @property
    def handshakes(self) -> int:
        """How many were completed."""

    @property
    def failures(self) -> int:
        """How many were not; the log says why, at its debug level."""

@disjoint_base
class TlsConnection(Connection):
    """A `Connection` over TLS; its protocol is made when the handshake is done."""
