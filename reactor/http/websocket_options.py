"""How a server opens WebSockets: what its user has said.

Apart from what opens them, which a server loads with the first that is asked for.
"""

from __future__ import annotations

from reactor._value import Value


class WebSocketOptions(Value):
    """How a server opens WebSockets.

    Attributes:
        origins: whose pages may open one, in lower case, as ``https://example.com``; ``*``: all.
            None given: all, but on a loopback address only pages of the host that was asked for
            and of this machine.
        deflate: whether permessage-deflate is agreed on.
        possible: whether there is a loop to call them.
    """

    origins: tuple[str, ...] = ()
    deflate: bool = True
    possible: bool = True


DEFAULT_WEBSOCKETS = WebSocketOptions()
