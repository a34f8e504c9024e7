"""Requests that open WebSockets, and a server's machine that is driven by them."""

from driven import App, Driven
from websockets_driven import Recorder

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 1.3's own example
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
FIELDS = {
    "Host": "a",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
}


def opening(line="GET /chat HTTP/1.1", body=b"", **fields):
    """A handshake with these fields changed: None leaves one out, a list writes several."""
    lines = [line]
    for name, value in {**FIELDS, **{k.replace("_", "-"): v for k, v in fields.items()}}.items():
        values = value if isinstance(value, list) else [value]
        lines += [f"{name}: {item}" for item in values if item is not None]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Opened(App):
    """Opens a WebSocket for each request, and keeps it."""

    def __init__(self, make=Recorder, **options):
        super().__init__(self.open)
        self.make, self.options, self.sockets = make, options, []

    def open(self, request):
        def made():
            self.sockets.append(self.make())
            return self.sockets[-1]

        return request.websocket(made, **self.options)


def driven(app=None, sockname=("192.0.2.1", 80), options=None, **made):
    d = Driven(app=app or Opened(**made))
    d.context.websocket_options = options
    facts = {"peername": ("192.0.2.7", 1234), "sockname": sockname}
    d.transport.get_extra_info = lambda name, default=None: facts.get(name, default)
    return d


def head_of(sent):
    head, _, behind = sent.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return first, dict(line.split(": ", 1) for line in lines), behind
