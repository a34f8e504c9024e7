"""What `every_call.py` gives: right arguments for each compiled class, and wrong ones for all."""

from __future__ import annotations

import io
import os
import selectors
import socket
import ssl
from collections.abc import Callable
from types import SimpleNamespace

from fakes import FakeJournal

from reactor import (
    Body,
    End,
    Headers,
    Limits,
    Request,
    RequestParser,
    Response,
    WebSocket,
)
from reactor._protocol import Protocol
from reactor.apps._environ import Environs
from reactor.apps._scope import Scopes
from reactor.apps._tasks import Tasks
from reactor.client.client import Client
from reactor.errors import RemoteProtocolError
from reactor.http._client import ClientMachine, Exchange
from reactor.http._collecting import BodyRoom, BodyStore
from reactor.http._context import Dates, ServerContext
from reactor.http._server import ServerMachine
from reactor.http._websocket_sending import WebSocketContext
from reactor.http.app import App
from reactor.load._answers import Target
from reactor.load._generator import Load
from reactor.load._histogram import Histogram
from reactor.loop import Loop, Registration
from reactor.loop._deadlines import Deadlines
from reactor.loop._epoll import EpollSelector
from reactor.loop._spin_guard import SpinGuard
from reactor.net import Connection, Reactor
from reactor.net._listener import Listener
from reactor.parser._framing import ResponseParser
from reactor.process._page import Slot
from reactor.server._line_formats import Combined
from reactor.testing import FakeTransport

READ = selectors.EVENT_READ


class Handler:
    """Does nothing, and is no compiled class."""

    def on_readable(self) -> None: ...
    def on_writable(self) -> None: ...
    def on_deadline(self) -> None: ...
    def close(self) -> None: ...


class Closed:
    """A file object without a descriptor."""

    def fileno(self) -> int:
        return -1


class Raising:
    """Has everything, and all of it raises."""

    def __getattr__(self, name: str) -> object:
        raise LookupError(name)

    def __call__(self, *arguments: object) -> object:
        raise LookupError("called")


class Answers(App):
    body_bytes_max = 100

    def respond(self, request: Request) -> Response:
        return Response(200, {"Content-Type": "text/plain"}, b"hello")


def pair() -> socket.socket:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    theirs.detach()
    return ours


def listening() -> socket.socket:
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


def closed_socket() -> socket.socket:
    sock = socket.socket()
    sock.close()
    return sock


def closed_loop() -> Reactor:
    loop = Reactor()
    loop.close()
    return loop


def closed_connection() -> Connection:
    connection = Connection(Reactor(), pair(), Protocol(), None)
    connection.abort()
    return connection


def registration() -> Registration:
    return Reactor().register(pair(), READ, Handler())


def context() -> ServerContext:
    return ServerContext(Answers(), Limits(), lambda: b"now", FakeJournal())


def load() -> Load:
    return Load(Reactor(), [target()], lambda client: None, 1, 1, False)


def target() -> Target:
    return Target("http://a/", "GET", (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",))


def parsed(parser: RequestParser | ResponseParser, line: bytes) -> object:
    parser.feed(line + b"\r\nHost: a\r\nX-Filler: " + b"x" * 80 + b"\r\nUpgrade: h\r\n\r\n")
    return parser.next()


def bare(cls: type) -> Callable[[], object]:
    return lambda: cls.__new__(cls)


# What is wrong nearly everywhere, made anew for each call.
VALUES: dict[str, Callable[[], object]] = {
    "None": lambda: None,
    "-1": lambda: -1,
    "0": lambda: 0,
    "1": lambda: 1,
    "a closed number": lambda: 199,
    "2**31": lambda: 2**31,
    "-2**63": lambda: -(2**63),
    "2**70": lambda: 2**70,
    "nan": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "str": lambda: "GET",
    "empty str": lambda: "",
    "wide str": lambda: "\ud800\U0001f600",
    "bytes": lambda: b"HTTP/1.1 200 OK\r\n\r\n",
    "empty bytes": lambda: b"",
    "bytearray": lambda: bytearray(b"x"),
    "list": lambda: [None, b"x", 1],
    "pairs": lambda: [("a", "b")] * 20,
    "tuple": tuple,
    "dict": lambda: {1: None},
    "object": object,
    "raising": Raising,
    "function": lambda: lambda *arguments: None,
    "iterator": lambda: iter([b"x", None]),
    "file": lambda: io.BytesIO(b"x"),
    "closed file object": Closed,
    "socket": pair,
    "closed socket": closed_socket,
    "limits": Limits,
    "wrong limits": lambda: SimpleNamespace(**dict.fromkeys(Limits.field_names, "x")),
    "negative limits": lambda: SimpleNamespace(**dict.fromkeys(Limits.field_names, -1)),
    "loop": Reactor,
    "closed loop": closed_loop,
    "bare loop": bare(Loop),
    "registration": registration,
    "bare registration": bare(Registration),
    "connection": lambda: Connection(Reactor(), pair(), Protocol(), None),
    "closed connection": closed_connection,
    "bare connection": bare(Connection),
    "transport": lambda: FakeTransport(None),
    "protocol": Protocol,
    "headers": lambda: Headers({"a": "b"}),
    "bare headers": bare(Headers),
    "request": lambda: Request("GET", "/", {"Host": "a"}),
    "bare request": bare(Request),
    "parsed request": lambda: parsed(RequestParser(), b"GET /a?b HTTP/1.1"),
    "parsed response": lambda: parsed(ResponseParser(), b"HTTP/1.1 200 OK"),
    "parts": lambda: [Body(b"x"), End()],
    "exchange": Exchange,
    "target": target,
    "load": load,
    "selector": EpollSelector,
    "histogram": Histogram,
    "response": lambda: Response(200),
    "bare response": bare(Response),
    "bare parser": bare(RequestParser),
    "bare response parser": bare(ResponseParser),
    "service": context,
    "bare service": bare(ServerContext),
    "bare server machine": bare(ServerMachine),
    "bare client machine": bare(ClientMachine),
    "bare environs": bare(Environs),
    "bare exchange": bare(Exchange),
    "bare room": bare(BodyRoom),
    "bare store": bare(BodyStore),
    "tuple of bytes": lambda: (b"x", b""),
    "tuple of None": lambda: (None,),
    "bare target": bare(Target),
    "bare load": bare(Load),
    "bare listener": bare(Listener),
    "bare histogram": bare(Histogram),
    "bare selector": bare(EpollSelector),
    "bare deadlines": bare(Deadlines),
    "bare dates": bare(Dates),
}


def asked() -> SimpleNamespace:
    return SimpleNamespace(
        url=SimpleNamespace(text="http://a/"), method="GET", upload=None, repeatable=True
    )


def tasks() -> Tasks:
    return Tasks(None, Reactor(), print, KeyError, True)


# Only C makes these: Python gets a TypeError, and no object without its members.
MADE_IN_C = {"AsgiCall", "AsgiExchange", "Awaited"}

# The arguments that make an object of each class; those without any need no entry.
RECIPES: dict[str, Callable[[], tuple[object, ...]]] = {
    "AccessLines": lambda: (Combined(), print),
    "Acceptor": tuple,
    "reactor.apps._wsgi.WsgiCaller": lambda: (print, print, Environs({}), 100),
    "reactor.net._owner.CallbackOwner": tuple,
    "AsgiCalls": lambda: (print, tasks(), Scopes({}, {}), SimpleNamespace()),
    "CallTask": lambda: (SimpleNamespace(),),
    "Scopes": lambda: ({}, {}),
    "Tasks": lambda: (None, Reactor(), print, KeyError, True),
    "BodyRoom": lambda: (100,),
    "BodyStore": lambda: (Limits(),),
    "CertifiedHosts": lambda: (print,),
    "Client": lambda: (load(), 0, 1),
    "ClientMachine": lambda: (Limits(),),
    "Custom": lambda: (print,),
    "Pairs": lambda: (True,),
    "CollectedBody": lambda: (BodyStore(Limits()), 20, 50),
    "Connection": lambda: (Reactor(), pair(), Protocol(), ("192.0.2.7", 1)),
    "Environs": lambda: ({},),
    "FileStamps": lambda: (os.open("/", os.O_RDONLY), [b"tmp"]),
    "File": lambda: (os.open(os.devnull, os.O_RDONLY), 10),
    "FrameReader": lambda: (True, 100),
    "InflateTurns": lambda: (Limits(),),
    "WebSocketContext": lambda: (Limits(), FakeJournal()),
    "WebSocketMachine": lambda: (WebSocketContext(Limits(), FakeJournal()), WebSocket()),
    "Headers": lambda: ([("a", "b")],),
    "ResponseReader": lambda: (Limits(),),
    "Body": lambda: (b"x",),
    "Listener": lambda: (Reactor(), [listening()], Protocol),
    "Load": lambda: (Reactor(), [target()], lambda client: None, 1, 1, False),
    "AnswerCounts": lambda: (Slot(),),
    "Page": lambda: (2,),
    "Registration": lambda: (pair(), 0, Handler()),
    "Request": lambda: ("GET", "/", {"Host": "a"}),
    "Responder": tuple,
    "ServerMachine": lambda: (context(),),
    "ServerMachines": lambda: (context(),),
    "ServerContext": lambda: (Answers(), Limits(), lambda: b"now", FakeJournal()),
    "TurnEnd": lambda: (SpinGuard(),),
    "ServerTls": lambda: (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),),
    "TlsConnection": lambda: (Reactor(), pair(), Protocol(), ("192.0.2.7", 1)),
    "Target": lambda: ("http://a/", "GET", (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",)),
    "Transfer": lambda: (Client(Reactor()), asked(), print, print, print, 0),
    "_Map": lambda: (EpollSelector(),),
}

# Right arguments of methods and functions, to be made wrong one at a time.
ARGUMENTS: dict[str, Callable[[], tuple[object, ...]]] = {
    "Loop.register": lambda: (pair(), READ, Handler()),
    "Loop.modify": lambda: (registration(), READ),
    "Loop.set_deadline": lambda: (registration(), 1.0),
    "Loop.call_later": lambda: (1.0, print),
    "Loop.call_at": lambda: (1.0, print),
    "Loop.on_signal": lambda: (10, print),
    "Loop.report": lambda: (ValueError("x"), "doing"),
    "EpollSelector.register": lambda: (pair(), READ, None),
    "EpollSelector.modify": lambda: (pair(), READ, None),
    "Connection.sendfile": lambda: (io.BytesIO(b"x"), 0, 1),
    "Connection.extend_deadline": lambda: (1.0, 2.0),
    "Connection.set_write_buffer_limits": lambda: (10, 1),
    "ClientMachine.send": lambda: ("GET", b"GET / HTTP/1.1\r\n\r\n", Exchange(), None),
    "ServerMachine.connection_made": lambda: (FakeTransport(None),),
    "Load.run_closed": lambda: ([], 1, 0.0, 1),
    "Load.run_open": lambda: (1.0, 1),
    "WsgiCall.start_response": lambda: ("200 OK", [("a", "b")], None),
    "FileStamps.reopen": lambda: (os.open("/", os.O_RDONLY), os.O_RDONLY),
    "Environs.make": lambda: (parsed(RequestParser(), b"GET /a?b HTTP/1.1"),),
    "open_beneath": lambda: (os.open("/", os.O_RDONLY), b"tmp", os.O_RDONLY),
    "rename_noreplace": lambda: (199, b"a", b"b"),
    "link_unnamed": lambda: (199, 198, "a"),
    "write_unnamed": lambda: (199, [b"a"]),
    "parse_request": lambda: (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, Limits()),
    "parse_response": lambda: (b"HTTP/1.1 200 OK\r\n\r\n", 0, Limits(), True),
    "serialise_request": lambda: ("GET", "/", {"Host": "a"}, b"", 11),
    "serialise_response": lambda: (200, {"A": "b"}, b"", "OK", 11),
    "_request": lambda: ("GET", "/", 11, {"Host": "a"}, b"", 0, True, 0, None),
    "_response": lambda: (200, "OK", 11, {"A": "a"}, b"", 0, True, 0),
    "Journal.refused": lambda: (None, RemoteProtocolError(400, "x", "y", 0)),
    "WsgiCall.response": lambda: ([b"x"],),
    "WsgiCaller.respond": lambda: (Request("GET", "/", {"Host": "a"}),),
}
