"""One request after another on a blocking socket, kept alive: the client of a Locust user.

`socket` is whatever the process has made of it (gevent patches it): this module only calls
`sendall` and `recv`, and everything else is parsing.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping

from reactor.client import Url
from reactor.limits import DEFAULT_LIMITS
from reactor.parser._framing import ResponseParser
from reactor.parser._message import Response
from reactor.parser._parts import Body, End
from reactor.parser._serialise import serialise_request

RECEIVE_BYTES = 65536  # of one read, as `Limits.read_bytes_max`


class BlockingClient:
    """A connection to ``host`` (http://name:port) that is opened when it is needed."""

    def __init__(self, host: str) -> None:
        self._url = Url.parse(host)
        self._sock: socket.socket | None = None

    def close(self) -> None:
        """End the connection. Idempotent."""
        sock, self._sock = self._sock, None
        if sock is not None:
            sock.close()

    def exchange(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response:
        """The whole response.

        Raises:
            OSError: there is no connection, or it ended.
            ReactorError: the request cannot be made, or the response is no HTTP.
        """
        target = Url.parse(f"http://{self._url.authority}{path}").target
        fields = {"Host": self._url.authority, **headers}
        request = serialise_request(method, target, fields, body)
        kept = self._sock is not None
        try:
            return self._once(method, request)
        except ConnectionError:
            self.close()
            # RFC 9110 9.2.2: the server may have ended a kept connection at that very moment.
            if not kept or method not in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE"):
                raise
            return self._once(method, request)
        except BaseException:
            self.close()
            raise

    def _once(self, method: str, request: bytes) -> Response:
        if self._sock is None:
            address = (self._url.host, self._url.port)
            self._sock = socket.create_connection(address, DEFAULT_LIMITS.connect_timeout_s)
            self._sock.settimeout(DEFAULT_LIMITS.response_timeout_s)
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock.sendall(request)
        parser = ResponseParser(DEFAULT_LIMITS)
        parser.expect(method)
        response = _receive(self._sock, parser)
        if not response.keep_alive or parser.buffered:
            self.close()
        return response


def _receive(sock: socket.socket, parser: ResponseParser) -> Response:
    head: Response | None = None
    pieces: list[bytes] = []
    while True:
        event = parser.next()
        if event is None:
            data = sock.recv(RECEIVE_BYTES)
            if not data and head is None:
                raise ConnectionError("the connection ended before the response")
            if data:
                parser.feed(data)
            else:
                parser.eof()
        elif isinstance(event, Body):
            pieces.append(event.data)
        elif isinstance(event, End):
            if head is not None:
                return head.with_body(b"".join(pieces))
        elif isinstance(event, Response) and event.status >= 200:
            head = event
            if event.complete:
                return event
