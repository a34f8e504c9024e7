"""An empty piece of a body says that there is nothing yet: everybody else has a turn meanwhile.

PEP 3333 has applications yield one where they cannot go on. One that does so for ever holds up
nobody, before its first real piece and behind it; its client's end and a stop are seen.
"""

import itertools
import signal
import socket
import struct

import pytest
from processes import MODELS, eventually, exchange, serving, serving_limited

APPS = """
import sys
from reactor import Response, events

class Body:
    def __init__(self, pieces, number=""):
        self.pieces = pieces
        self.number = number
    def __iter__(self):
        return self
    def __next__(self):
        return next(self.pieces)
    def close(self):
        self.pieces.close()
        sys.stderr.write(f"closed {self.number}.\\n")
        sys.stderr.flush()

def pieces(path):
    if path == "/behind":
        yield b"piece"
        while True:
            yield b""
    if path == "/never":
        while True:
            yield b""
    if path == "/stream":
        yield b"data: x\\n\\n"
        while True:
            yield b""
    if path == "/fails":
        yield b""
        yield b""
        raise ZeroDivisionError
    if path == "/text":
        yield b""
        yield "text"
    if path == "/nothing":
        yield b""
        yield b""
        return
    if path == "/interrupted":
        yield b""
        raise KeyboardInterrupt
    yield b""
    yield b""
    yield b"fine"
    for _ in range(100):
        yield b""
    yield b"ly"
    yield b""

def fields(path):
    if path == "/stream":
        return [("Content-Type", "text/event-stream")]
    return [("Content-Length", "6")] if path == "/long" else [("X-Late", "1")]

def native(request):
    if request.path == "/list":
        return Response(200, {}, [b"", b"fine", b"", b"ly", b""])
    return Response(200, fields(request.path), Body(pieces(request.path), request.query))

def wsgi(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/list":
        start_response("200 OK", [])
        return [b"", b"fine", b"", b"ly", b""]
    if path == "/late":
        return late(start_response)
    if path == "/unbegun":
        return Body(pieces("/"))
    if path == "/changed":
        return changed(start_response)
    if path == "/written":
        start_response("200 OK", [])(b"written, ")
        return Body(pieces("/"))
    if path == "/long/wrong":
        start_response("200 OK", [("Content-Length", "2")])
        return Body(pieces("/"))
    start_response("200 OK", fields(path))
    return Body(pieces(path), environ["QUERY_STRING"])

async def awaited(request):
    if request.path == "/fine":
        return Response(200, {}, b"fine")
    return Response(200, {}, empties())

async def empties():
    try:
        while True:
            yield b""
    finally:
        sys.stderr.write("closed .\\n")
        sys.stderr.flush()

async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    await send({"type": "http.response.start", "status": 200})
    if scope["path"] == "/fine":
        await send({"type": "http.response.body", "body": b"fine"})
        return
    try:
        while True:
            await send({"type": "http.response.body", "more_body": True})
    finally:
        sys.stderr.write("closed .\\n")
        sys.stderr.flush()

def late(start_response):
    yield b""
    yield b""
    start_response("200 OK", [("X-Late", "1")])
    yield b""
    yield b"fine"

def changed(start_response):
    start_response("200 OK", [])
    yield b""
    try:
        1 / 0
    except ZeroDivisionError:
        start_response("503 Service Unavailable", [], sys.exc_info())
    yield b"sorry"
"""
GET = b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
KEPT = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKS = b"4\r\nfine\r\n2\r\nly\r\n0\r\n\r\n"
KINDS = ["native", "wsgi"]
SOON = {"abandoned_grace_s": 0.1, "graceful_timeout_s": 0.5, "idle_grace_s": 0.1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("empty")
    (folder / "empty.py").write_text(APPS)
    return folder


@pytest.fixture(scope="module", params=[(kind, model) for kind in KINDS for model in MODELS],
                ids="-".join)  # fmt: skip
def server(request, folder):
    kind, model = request.param
    options = {"cwd": folder, "traceback_expected": True}
    with serving_limited(f"empty:{kind}", model, SOON, **options) as server:
        server.kind = kind
        yield server


def body_of(answer):
    return answer.partition(b"\r\n\r\n")[2]


NUMBERS = itertools.count()


def numbered(path):
    """With what tells the request from all others; what is said when its body is closed."""
    number = next(NUMBERS)
    return b"%s?%d" % (path, number), f"closed {number}.\n"


def check_closed(server, *said):
    """Each of these once."""
    for line in said:
        eventually(lambda line=line: line in server.err, "the body is closed")
    assert [server.err.count(line) for line in said] == [1] * len(said)


# --- what is sent -------------------------------------------------------------------------


def test_the_answer_begins_with_the_first_piece_that_is_not_empty(server):
    (path, said), (long, long_said) = numbered(b"/"), numbered(b"/long")
    answer = exchange(server.address, GET % path)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\nX-Late: 1\r\n")
    assert body_of(answer) == CHUNKS
    assert body_of(exchange(server.address, GET % long)) == b"finely"
    old = exchange(server.address, b"GET / HTTP/1.0\r\n\r\n")
    assert body_of(old) == b"finely"
    assert b"chunked" not in old
    check_closed(server, said, long_said)


def test_a_connection_goes_on_behind_it(server):
    answers = exchange(server.address, KEPT % b"/" + KEPT % b"/nothing" + GET % b"/")
    assert answers.count(b"HTTP/1.1 200 OK\r\n") == 3
    assert answers.count(CHUNKS) == 2


def test_empty_pieces_alone_are_an_empty_body(server):
    answer = exchange(server.address, GET % b"/nothing")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert body_of(answer) in {b"", b"0\r\n\r\n"}


def test_head_has_the_same_head(server):
    answer = exchange(
        server.address, b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 200 OK\r\nX-Late: 1\r\n")
    assert body_of(answer) == b""


@pytest.mark.parametrize("path", [b"/fails", b"/text", b"/interrupted"])
def test_what_fails_behind_them_is_a_clean_500(server, path):
    path, said = numbered(path)
    assert exchange(server.address, GET % path).startswith(b"HTTP/1.1 500 ")
    check_closed(server, said)


def test_a_list_is_sent_whole(server):
    assert exchange(server.address, GET % b"/list").endswith((b"\r\n\r\nfinely", CHUNKS))


def test_a_head_may_come_as_late(server):
    if server.kind != "wsgi":
        pytest.skip("a native response has its head")
    late = exchange(server.address, GET % b"/late")
    assert late.startswith(b"HTTP/1.1 200 OK\r\nX-Late: 1\r\n")
    assert b"fine" in late
    changed = exchange(server.address, GET % b"/changed")
    assert changed.startswith(b"HTTP/1.1 503 ")
    assert b"sorry" in changed
    assert exchange(server.address, GET % b"/unbegun").startswith(b"HTTP/1.1 500 ")
    written = exchange(server.address, GET % b"/written")
    assert written.endswith(b"9\r\nwritten, \r\n" + CHUNKS)
    assert exchange(server.address, GET % b"/long/wrong").startswith(b"HTTP/1.1 500 ")


# --- one that goes on so for ever ---------------------------------------------------------


def begun(server, path):
    sock = server.connect()
    sock.sendall(GET % path)
    if not path.startswith(b"/never"):
        data = b""
        while b"\r\n\r\n" not in data:
            data += sock.recv(1000)
        assert data.startswith(b"HTTP/1.1 200 ")
    return sock


@pytest.mark.parametrize("path", [b"/behind", b"/never"])
def test_others_are_answered_and_a_reset_is_seen(server, path):
    path, said = numbered(path)
    with begun(server, path) as sock:
        for _ in range(3):
            assert body_of(exchange(server.address, GET % b"/")) == CHUNKS
        assert said not in server.err
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    check_closed(server, said)


@pytest.mark.parametrize("path", [b"/behind", b"/never"])
def test_a_client_that_has_ended_its_side_is_waited_for_a_while(server, path):
    path, said = numbered(path)
    with begun(server, path) as sock:
        sock.shutdown(socket.SHUT_WR)
        check_closed(server, said)
        assert b"0\r\n\r\n" not in sock.recv(1000)


def test_one_that_has_ended_its_side_gets_its_answer(server):
    assert body_of(exchange(server.address, GET % b"/", half_close=True)) == CHUNKS


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", [b"/behind", b"/never", b"/stream"])
def test_a_stop_is_heard(folder, kind, model, path):
    with serving_limited(f"empty:{kind}", model, SOON, cwd=folder) as server:
        with begun(server, path) as sock:
            server.signal(signal.SIGTERM)
            rest = b""
            try:
                while data := sock.recv(1000):
                    rest += data
            except ConnectionError:
                assert path != b"/stream"  # an event stream ends in order
            assert rest.endswith(b"0\r\n\r\n") == (path == b"/stream")
        assert server.wait() == 0


def test_workers_do_the_same(folder):
    options = ("-w", "2", "--timeout-graceful-shutdown", "0.5")
    with serving("empty:wsgi", *options, cwd=folder) as server, begun(server, b"/never"):
        for _ in range(10):
            assert body_of(exchange(server.address, GET % b"/")) == CHUNKS
        assert server.stop() == 0


@pytest.mark.parametrize("kind", ["awaited", "asgi"])
@pytest.mark.parametrize("ending", ["reset", "stop"])
def test_an_asynchronous_one_does_the_same(folder, kind, ending):
    with serving_limited(f"empty:{kind}", "reactor", SOON, cwd=folder) as server:
        with begun(server, b"/") as sock:
            for _ in range(3):
                assert exchange(server.address, GET % b"/fine").endswith(b"fine")
            if ending == "stop":
                server.signal(signal.SIGTERM)
                assert server.wait() == 0
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        check_closed(server, "closed .\n")
