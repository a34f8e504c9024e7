"""The same URL by https, for whoever has asked in plain text.

The path and the query are handed back byte for byte: whoever decodes and encodes them again makes
another URL of some. Must never know who listens where.
"""

from __future__ import annotations

from reactor.http.app import App
from reactor.parser._message import Request, Response

HTTPS_PORT = 443
# In HTTP/1.0 there may be no Host field, and in HTTP/1.1 an empty one.
NO_HOST = "This server answers by https; without a Host field it cannot say at which address.\n"


class RedirectToHttps(App):
    """Answers every request with a 308: unlike after a 301, the method and the body stay the same
    (RFC 9110 15.4.9). ``port`` is where https is spoken."""

    body_bytes_max = 0  # the other address gets it
    name = "the redirect to https"

    def __init__(self, port: int) -> None:
        self._port = "" if port == HTTPS_PORT else f":{port}"

    def respond(self, request: Request) -> Response:
        host = _without_port(request.host or "")
        if not host:
            return _said(400, NO_HOST)
        url = f"https://{host}{self._port}{_origin_form(request.target)}"
        return _said(308, "This server answers by https.\n", ("Location", url))


def _said(status: int, text: str, *fields: tuple[str, str]) -> Response:
    kind = ("Content-Type", "text/plain; charset=utf-8")
    return Response(status, [kind, *fields], text)


def _without_port(authority: str) -> str:
    # RFC 3986 3.2.2: the colons of an IPv6 address stand in brackets.
    if authority.startswith("["):
        return authority.partition("]")[0] + "]"
    return authority.partition(":")[0]


def _origin_form(target: str) -> str:
    if target.startswith("/"):
        return target
    # RFC 9112 3.2.4: what is asked of the server itself has neither path nor query. Of the
    # absolute form all that follows the authority is left, the first of "/" and "?" included.
    rest = target.partition("://")[2]
    return rest[min((at for at in map(rest.find, "/?") if at >= 0), default=len(rest)) :]
