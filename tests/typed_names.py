"""Every public name, as a program that is checked by type uses it: `mypy --strict` and
`pyright --strict` find nothing to say (test_typed_names.py), and it runs."""

# pyright: strict

from __future__ import annotations

from collections.abc import Iterator

from reactor import (
    Answer,
    Body,
    Client,
    End,
    Headers,
    Inet,
    Limits,
    LocalProtocolError,
    Protocol,
    ProtocolError,
    Reactor,
    RemoteProtocolError,
    Request,
    RequestParser,
    Response,
    ResponseParser,
    Server,
    Unix,
    WebSocket,
    events,
    get,
    join,
    last_event_id,
    parse_request,
    parse_response,
    post,
    request,
    serialise_chunk,
    serialise_last_chunk,
    serialise_request,
    serialise_response,
    serve,
    split_head,
    split_message,
)


class Echo(Protocol):
    def connection_made(self, transport: object) -> None:
        self.sent = 0

    def data_received(self, data: bytes) -> None:
        self.sent += len(data)


class Chat(WebSocket):
    def on_open(self, request: Request) -> None:
        self.path = request.path

    def on_message(self, data: str | bytes) -> None:
        self.send(f"{self.path}: {len(data)}")


def chat(request: Request) -> object:
    return request.websocket(Chat)


def pieces() -> Iterator[bytes]:
    yield b"a"
    yield b"b"


def handler(request: Request) -> Response:
    fields = Headers({"Content-Type": "text/plain"})
    if request.path == "/stream":
        return Response(200, fields, pieces())
    language: str | None = request.headers.get("accept-language")
    return Response(200, fields, f"{request.method} {request.query} {language}")


def ticker(request: Request) -> Response:
    return events({"id": str(n), "data": "tick"} for n in range(int(last_event_id(request) or 0)))


def heads() -> tuple[str, int]:
    request = parse_request(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    response = parse_response(b"HTTP/1.1 204 No Content\r\n\r\n", lenient=True)
    assert request is not None
    assert response is not None
    return request.target, response.status


def bytes_of_messages() -> bytes:
    asked = serialise_request("POST", "/", {"Host": "a", "Transfer-Encoding": "chunked"})
    answered = serialise_response(200, [("A", "b")], b"body")
    whole = join([asked, serialise_chunk(b"abc"), serialise_last_chunk()])
    cut = split_message([whole, b""])
    head = split_head(answered)
    return (cut[0] if cut else b"") + (head[1] if head else b"")


def messages(data: bytes) -> list[str]:
    found: list[str] = []
    parser = RequestParser(Limits(body_bytes_max=1024))
    parser.feed(data)
    while (event := parser.next()) is not None:
        match event:
            case Request():
                found.append(event.method)
            case Body(data=part):
                found.append(part.decode())
            case End(trailers=trailers):
                found.append(str(len(trailers)))
    return found


def status(data: bytes) -> int:
    parser = ResponseParser(lenient=False)
    parser.expect("GET")
    parser.feed(data)
    event = parser.next()
    return event.status if isinstance(event, Response) else 0


def fault(data: bytes) -> int:
    try:
        parse_request(data)
    except RemoteProtocolError as error:
        return error.status
    except LocalProtocolError as error:
        return len(error.code)
    except ProtocolError as error:
        return error.offset
    return 0


def listen(reactor: Reactor) -> int:
    listener = reactor.listen(Inet("127.0.0.1", 0), Echo)
    reactor.call_later(0.0, reactor.stop)
    reactor.run()
    return len(listener)


def embedded() -> list[str]:
    server = Server(handler, port=0, limits=Limits(backlog=16), metrics="127.0.0.1:0")
    urls = list(server.urls)
    urls += server.status.urls if server.status is not None else []
    server.stop()
    server.run()
    return urls


def command(url: str) -> bytes:
    serve(handler, bind=[Unix("/tmp/reactor.sock")])
    body: bytes = get(url).body
    return body


def fetched(url: str) -> list[int]:
    answers: list[Answer] = [get(url), post(url, json={"a": 1}), request("PUT", url, data=b"x")]
    with Client(timeout=5.0) as client:
        answers.append(client.get(url, params={"q": "x"}).raise_for_status())
    return [len(answer.text) for answer in answers if answer.ok]
