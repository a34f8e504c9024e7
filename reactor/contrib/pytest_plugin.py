"""A fixture for other people's tests: an application on a free port, by a real server.

    def test_the_page(reactor_server):
        url = reactor_server(app)
        assert reactor.get(url).text == "hello"

pytest loads this with every run, in projects that have no test of a server too: nothing of
`reactor` is imported before the fixture is used. Must never know what is served.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest


@pytest.fixture
def reactor_server() -> Iterator[Callable[..., str]]:
    """Serves an application until the test is over: ``reactor_server(app)`` is its URL.

    ``app`` is whatever `reactor.Server` serves: a handler, a WSGI or ASGI application, a folder's
    path, ``"module:attr"``, a TCP protocol. Further arguments are `reactor.Server`'s. Several
    servers at once, called again, each have a port of their own.
    """
    with ExitStack() as servers:

        def serve(app: Any, **options: Any) -> str:
            from reactor.server import Server

            if "bind" not in options:
                options.setdefault("port", 0)
            server = servers.enter_context(Server(app, **options))
            url: str = server.urls[0]
            return url

        yield serve
