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
    """

    context: ssl.SSLContext
    """Of who connects next. Another may take its place; established connections keep theirs."""

    def __init__(self, context: ssl.SSLContext, limits: Limits = ...) -> None: ...
    @property
    def handshakes(self) -> int:
        """How many were completed."""

    @property
    def failures(self) -> int:
        """How many were not; the log says why, at its debug level."""

@disjoint_base
class TlsConnection(Connection):
    """A `Connection` over TLS; its protocol is made when the handshake is done."""
