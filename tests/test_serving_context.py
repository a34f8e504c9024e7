"""An app is told once how it is served: by both models, before the first request."""

from __future__ import annotations

import threading

import pytest
from processes import MODELS, exchange, open_descriptors

from reactor import Inet, Limits, Response, Server, Unix
from reactor.errors import ConfigurationError
from reactor.http.app import ServingContext

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Handler:
    """A handler with a memory of what it was told, and when."""

    def __init__(self):
        self.told = []

    def serving(self, context):
        self.told.append(context)

    def __call__(self, request):
        self.told.append(request.path)
        return Response(200, {}, b"fine")


class OwnApp:
    """One that implements the interface of an app itself."""

    body_bytes_max = 0

    def __init__(self):
        self.told = []

    def serving(self, context):
        self.told.append(context)

    def respond(self, request):
        self.told.append(request.path)
        return Response(200, {}, b"fine")


class Run:
    """A server that runs in a thread."""

    def __init__(self, target, **options):
        self.server = Server(target, port=0, limits=Limits(connections_max=7), **options)
        self.thread = threading.Thread(target=self.server.run)

    def __enter__(self):
        self.thread.start()
        return self.server

    def __exit__(self, *error):
        self.server.stop(0)
        self.thread.join()


@pytest.mark.parametrize("make", [Handler, OwnApp])
@pytest.mark.parametrize("model", MODELS)
def test_it_is_told_once_before_the_first_request(make, model):
    app = make()
    with Run(app, model=model) as server:
        address = server.sockets[0].getsockname()
        assert exchange(address, GET).endswith(b"fine")
        assert exchange(address, GET).endswith(b"fine")
        context, *paths = app.told
        assert paths == ["/", "/"]
        assert context.addresses == (Inet("127.0.0.1", address[1]),)
        threads = 7 if model == "threads" else 1
        assert (context.scheme, context.processes, context.threads) == ("http", 1, threads)
        assert not context.draining()
    assert context.draining()


@pytest.mark.parametrize("model", MODELS)
def test_it_is_told_all_addresses(model, tmp_path):
    app = Handler()
    where = [Unix(str(tmp_path / "s")), Inet("127.0.0.1", 0)]
    server = Server(app, bind=where, model=model)
    [context] = app.told
    assert context.addresses == (where[0], Inet("127.0.0.1", server.sockets[1].getsockname()[1]))
    server.close()


@pytest.mark.parametrize("model", MODELS)
def test_what_it_raises_is_raised_and_no_socket_is_left(model):
    class Failing(Handler):
        def serving(self, context):
            raise ZeroDivisionError

    before = open_descriptors()
    with pytest.raises(ZeroDivisionError):
        Server(Failing(), port=0, model=model)
    assert open_descriptors() == before


@pytest.mark.parametrize("model", MODELS)
def test_an_app_need_not_listen(model, tmp_path):
    (tmp_path / "note").write_bytes(b"a note")
    with Run(str(tmp_path), model=model) as server:
        answer = exchange(server.sockets[0].getsockname(), GET.replace(b"/", b"/note", 1))
        assert answer.endswith(b"a note")
    with Run(lambda request: Response(200, {}, b"fine"), model=model) as server:
        assert exchange(server.sockets[0].getsockname(), GET).endswith(b"fine")


def test_a_server_that_cannot_listen_tells_nobody():
    app = Handler()
    with pytest.raises(ConfigurationError):
        Server(app, host="192.0.2.1", port=0)
    assert app.told == []


def test_nothing_is_known_of_an_app_that_nobody_serves():
    context = ServingContext()
    assert (context.addresses, context.threads, context.draining()) == ((), 1, False)
