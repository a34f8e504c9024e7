"""What a client and an application see of an ASGI server.

Each behaviour is a function of the server. Its value says what was seen: two can be compared.
"""

import json
import socket

from uvicorn_driven import Socket, answer_of, ask, json_of, reset, seen, status_of

BEHAVIOURS = {}


def behaviour(*arguments):
    """Name the function among the behaviours; with arguments, once for each of them."""

    def named(function, rest=arguments):
        if not rest:
            BEHAVIOURS[function.__name__] = function
        for one in rest:
            BEHAVIOURS[f"{function.__name__}[{one}]"] = lambda server, one=one: function(
                server, one
            )
        return function

    if len(arguments) == 1 and callable(arguments[0]):
        return named(arguments[0], ())
    return named


# --- the scope ----------------------------------------------------------------------------


def scope_of(server, target="/scope", **options):
    scope = json_of(ask(server, target, **options))
    assert scope["client"][0] == "127.0.0.1"
    assert isinstance(scope["client"][1], int)
    assert scope["server"] == ["127.0.0.1", server.port]
    del scope["client"], scope["server"], scope["asgi"]["spec_version"]
    scope["extensions"] = None
    return scope


@behaviour
def scope(server):
    fields = [("X-One", "  spaced"), ("x-two", "b"), ("X-One", "2"), ("X_Under", "kept")]
    return scope_of(server, "/scope/a%2Fb//../%20?q=1?b=%C3%A9&", headers=fields)


@behaviour
def white_space_behind_a_value(server):
    return dict(scope_of(server, headers=[("X-One", "spaced \t")])["headers"])["x-one"]


@behaviour
def spec_version(server):
    return json_of(ask(server, "/scope"))["asgi"]["spec_version"]


@behaviour("/caf%C3%A9", "/caf%FF", "/scope?", "/scope/%2e%2e/x", "/scope/a;b=c", "/scope/%zz")
def path(server, target):
    scope = scope_of(server, target)
    return {key: scope[key] for key in ("path", "raw_path", "query_string")}


@behaviour
def extensions(server):
    return sorted(json_of(ask(server, "/scope")).get("extensions") or {})


@behaviour
def asterisk(server):
    answer = ask(server, "*", method="OPTIONS")
    return answer[0], json_of(answer)["path"]


@behaviour
def absolute_form(server):
    scope = scope_of(server, "http://a/scope?x")
    return {key: scope[key] for key in ("path", "raw_path", "query_string", "headers")}


@behaviour
def scope_of_1_0(server):
    return scope_of(server, version="1.0")["http_version"]


@behaviour
def state(server):
    return scope_of(server)["state"]


@behaviour
def context_variables(server):
    """Each request's are its own, and the lifespan's are not theirs."""
    with server.connect() as sock:
        found = []
        for _ in range(3):
            sock.sendall(b"GET /context HTTP/1.1\r\nHost: a\r\n\r\n")
            found.append(answer_of(sock)[2])
    return found


# --- receive ------------------------------------------------------------------------------


@behaviour
def no_body(server):
    return json_of(ask(server, "/first"))


@behaviour("GET", "POST", "DELETE")
def whole_body(server, method):
    return json_of(ask(server, "/first", method, b"whole"))


@behaviour(0, 10, 1_000_000)
def upload(server, size):
    answer = ask(server, f"/upload/{size}", "POST", b"x" * size)
    return answer, seen(server, f"upload/{size}", 2)


@behaviour
def chunked_upload(server):
    body = b"5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: x\r\n\r\n"
    answer = ask(server, "/upload/chunked", "POST", body, [("Transfer-Encoding", "chunked")])
    return answer, seen(server, "upload/chunked", 2)


@behaviour
def receive_waits(server):
    """When the body is read it waits, until the client has gone."""
    with server.connect() as sock:
        sock.sendall(b"GET /again HTTP/1.1\r\nHost: a\r\n\r\n")
        before = seen(server, "again", 1)
        reset(sock)
    return before, seen(server, "again", 2)


@behaviour
def receive_after_the_answer(server):
    return ask(server, "/after"), seen(server, "after", 3)


@behaviour
def half_closed(server):
    with server.connect() as sock:
        sock.sendall(b"GET /half HTTP/1.1\r\nHost: a\r\n\r\n")
        sock.shutdown(socket.SHUT_WR)
        answer = answer_of(sock)
    return answer and answer[2], seen(server, "half", 1)


@behaviour
def cut_upload(server):
    """The client goes in the middle of a body: never a part that is said to be all."""
    with server.connect() as sock:
        sock.sendall(b"POST /upload/cut HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf!")
    return seen(server, "upload/cut", 2)[0]


@behaviour
def expectation(server):
    """100 is sent when the body is asked for."""
    with server.connect() as sock:
        sock.sendall(
            b"POST /upload/expected HTTP/1.1\r\nHost: a\r\n"
            b"Content-Length: 4\r\nExpect: 100-continue\r\n\r\n"
        )
        interim = sock.recv(25, socket.MSG_WAITALL)
        sock.sendall(b"body")
        return interim.decode(), answer_of(sock)


@behaviour
def unmet_expectation(server):
    """...and is not sent before an answer without it."""
    with server.connect() as sock:
        sock.sendall(
            b"POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
            b"Expect: 100-continue\r\nConnection: close\r\n\r\n"
        )
        return sock.recv(12, socket.MSG_WAITALL).decode()


@behaviour
def unread_body(server):
    return ask(server, "/unread", "POST", b"small")


@behaviour
def answer_to_nobody(server):
    with server.connect() as sock:
        sock.sendall(b"GET /gone HTTP/1.1\r\nHost: a\r\n\r\n")
        seen(server, "gone", 1)
        reset(sock)
    return seen(server, "gone", 4)


@behaviour
def stream_to_nobody(server):
    with server.connect() as sock:
        sock.sendall(b"GET /gone_stream HTTP/1.1\r\nHost: a\r\n\r\n")
        seen(server, "gone_stream", 1)
        reset(sock)
    return seen(server, "gone_stream", 3)


# --- send ---------------------------------------------------------------------------------

NAMES = ("unsized", "empty", "streamed", "streamed_sized", "fields", "framed", "closes", "view")


@behaviour(*NAMES)
def answer(server, name):
    return ask(server, f"/{name}")


@behaviour(*NAMES)
def answer_to_head(server, name):
    return ask(server, f"/{name}", method="HEAD")


@behaviour("unsized", "streamed", "fields")
def answer_to_1_0(server, name):
    return ask(server, f"/{name}", version="1.0")


@behaviour("unsized", "streamed")
def kept_alive_1_0(server, name):
    return ask(server, f"/{name}", version="1.0", headers=[("Connection", "keep-alive")])


@behaviour("204/empty", "204/unsized", "304/empty", "304/unsized", "304/sized", "205/empty")
def status(server, kind):
    return ask(server, f"/status/{kind}")


@behaviour("raises", "returns", "raises_started", "returns_started", "starts_twice")
def failure(server, name):
    return status_of(ask(server, f"/{name}"))


@behaviour("raises_streaming", "returns_streaming", "raises_after", "returns_value")
def late_failure(server, name):
    return ask(server, f"/{name}")


@behaviour("longer", "longer_streamed", "shorter")
def wrong_length(server, name):
    answer = ask(server, f"/{name}")
    return status_of(answer) if answer[0] == 500 else answer


@behaviour(
    *("body-first", "unknown", "text-status", "text-fields", "line-feed", "interim"),
    *("twice", "complete"),
)
def misuse(server, kind):
    """What `send` makes of it, and what the client gets."""
    answer = ask(server, f"/misused/{kind}")
    return seen(server, f"misused/{kind}", 1), status_of(answer)


@behaviour
def pipelined(server):
    """In their order."""
    names = ("streamed", "unsized", "view", "unread")
    with server.connect() as sock:
        sock.sendall(b"".join(b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % n.encode() for n in names))
        data = b""
        while b"whole" not in data:
            data += sock.recv(65_536)
    places = [data.find(word) for word in (b"two", b"unsized", b"abc", b"whole")]
    return places == sorted(places), data.count(b"HTTP/1.1 200")


@behaviour
def nothing_after_close(server):
    """`Connection: close`: what is pipelined behind it is not answered."""
    with server.connect() as sock:
        sock.sendall(
            b"GET /unsized HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            b"GET /unsized HTTP/1.1\r\nHost: a\r\n\r\n"
        )
        data = b""
        while piece := sock.recv(65_536):
            data += piece
    return data.count(b"HTTP/1.1 200")


# --- WebSocket ----------------------------------------------------------------------------


def ws_scope_of(server):
    sock = Socket(server, "/scope/%C3%A9?x", Sec_WebSocket_Protocol="one, two")
    scope = json.loads(sock.frame()[1])
    sock.send(8)
    sock.rest()
    return scope


@behaviour
def ws_extensions(server):
    return sorted(ws_scope_of(server)["extensions"])


@behaviour
def ws_scope(server):
    scope = ws_scope_of(server)
    assert scope["client"][0] == "127.0.0.1"
    assert scope["server"] == ["127.0.0.1", server.port]
    scope["headers"] = sorted(name for name, _ in scope["headers"])
    del scope["client"], scope["asgi"]["spec_version"]
    scope["server"] = scope["extensions"] = None
    return scope


@behaviour
def ws_echo(server):
    with Socket(server, "/echo") as sock:
        found = []
        for opcode, data in ((1, "é".encode()), (2, b"\0\xff"), (1, b""), (1, b"x" * 100_000)):
            sock.send(opcode, data)
            found.append(sock.frame())
        sock.send(8, b"\x0f\xa2gone")
        found[-1] = found[-1][1] == "x" * 100_000
        return found, seen(server, "echo", 3)


@behaviour("03e8", "0fa2676f6e65", "")
def ws_close_of_the_client(server, payload):
    sock = Socket(server, f"/code/{payload}")
    sock.send(8, bytes.fromhex(payload))
    return sock.rest(), seen(server, f"code/{payload}", 3)


@behaviour
def ws_reset(server):
    sock = Socket(server, "/reset")
    seen(server, "reset", 1)
    reset(sock.sock)
    return seen(server, "reset", 3)


@behaviour
def ws_cut(server):
    """The end of the connection without a Close."""
    with Socket(server, "/cut") as sock:
        seen(server, "cut", 1)
        sock.sock.shutdown(socket.SHUT_WR)
        return seen(server, "cut", 3)


@behaviour
def ws_ping(server):
    with Socket(server, "/ping") as sock:
        sock.send(9, b"who")
        sock.send(1, b"then")
        return sock.frame(), sock.frame()


@behaviour
def ws_too_large(server):
    with Socket(server, "/large") as sock:
        # A frame of 2^40 bytes, of which none comes.
        sock.sock.sendall(b"\x82\xff" + (1 << 40).to_bytes(8, "big") + b"\0\0\0\0")
        return sock.frame()[1], seen(server, "large", 2)[1][:2]


@behaviour
def ws_unmasked(server):
    with Socket(server, "/unmasked") as sock:
        sock.sock.sendall(b"\x81\x02hi")
        return sock.frame()[1]


@behaviour(None, "one", "one, two")
def ws_fields(server, offered):
    sock = Socket(server, "/fields", Sec_WebSocket_Protocol=offered)
    return sock.status, sock.fields, sock.rest()


@behaviour("closes", "closes_bare", "returns", "raises")
def ws_end(server, name):
    return Socket(server, f"/{name}").rest()


@behaviour
def ws_after_its_close(server):
    Socket(server, "/closes/late").rest()
    return seen(server, "closes/late", 2)


@behaviour("returns_early", "raises_early")
def ws_failure(server, name):
    return Socket(server, f"/{name}").refusal()[0]


@behaviour
def ws_refused(server):
    sock = Socket(server, "/refuses")
    return sock.refusal()[::2], seen(server, "refuses", 1)


@behaviour
def ws_denied(server):
    sock = Socket(server, "/denies")
    return sock.refusal(), ("x-one", "1") in sock.fields, seen(server, "denies", 1)


@behaviour
def ws_out_of_order(server):
    sock = Socket(server, "/hasty")
    return sock.rest(), seen(server, "hasty", 2)


@behaviour("Sec-WebSocket-Key", "Sec-WebSocket-Version", "version")
def ws_bad_handshake(server, field):
    fields = {"Sec-WebSocket-Version": "12"} if field == "version" else {field: None}
    sock = Socket(server, "/echo", **fields)
    return sock.refusal()[::2], [pair for pair in sock.fields if pair[0] == "sec-websocket-version"]
