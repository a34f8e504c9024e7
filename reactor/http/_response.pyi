"""The head of a response as bytes; an application's fields are looked at first."""

from typing import Any

from reactor.parser._headers import Headers

__pyx_capi__: dict[str, Any]

def refuse_the_machines(headers: Headers, upgrade_required: bool = False) -> int:
    """Nothing, if an application may set these fields.

    Raises:
        LocalProtocolError: one of them frames a message or speaks about the connection, which
            only the HTTP machine does (RFC 9110 7.6.1, RFC 9112 6.1 and 9.3).
    """
