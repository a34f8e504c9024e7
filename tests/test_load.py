"""What a TARGET is taken for: told by what it is, never by calling it."""

from __future__ import annotations

import functools
from wsgiref.validate import validator

import pytest
from processes import run_reactor

from reactor.apps.asgi import AsgiApp
from reactor.apps.async_function import AsyncFunctionApp
from reactor.apps.echo import Echo
from reactor.apps.function import FunctionApp
from reactor.apps.load import as_app, load_target
from reactor.apps.static import StaticFolder
from reactor.apps.wsgi import WsgiApp
from reactor.errors import ConfigurationError


def wsgi(environ, start_response):
    raise AssertionError("called")


def wsgi_with_an_option(environ, start_response, exc_info=None, *, option=1):
    raise AssertionError("called")


def other_names(a, b, /):
    raise AssertionError("called")


def generator(environ, start_response):
    raise AssertionError("called")
    yield b""


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


def anything(*args, **kwargs):
    raise AssertionError("called")


def handler(request):
    raise AssertionError("called")


def handler_with_an_option(request, verbose=False):
    raise AssertionError("called")


class ResponseClass:
    """PEP 3333's second example: the class is the application, its instance the response."""

    def __init__(self, environ, start_response):
        raise AssertionError("made")

    def __iter__(self):
        raise AssertionError("iterated")


class Middleware:
    def __init__(self, application, config):
        self.application = application

    def __call__(self, environ, start_response):
        raise AssertionError("called")


class Methods:
    def wsgi(self, environ, start_response):
        raise AssertionError("called")

    def handler(self, request):
        raise AssertionError("called")

    @staticmethod
    def static_wsgi(environ, start_response):
        raise AssertionError("called")

    @classmethod
    def class_handler(cls, request):
        raise AssertionError("called")


class CallableHandler:
    def __call__(self, request):
        raise AssertionError("called")


class App:
    body_bytes_max = 0

    def respond(self, request):
        raise AssertionError("called")


async def asgi(scope, receive, send):
    raise AssertionError("called")


async def asgi_handler(request):
    raise AssertionError("called")


class Asgi:
    async def __call__(self, scope, receive, send):
        raise AssertionError("called")


class SyncAsgi:
    """What a middleware in C or a plain wrapper looks like."""

    def __call__(self, scope, receive, send):
        raise AssertionError("called")


class Unsigned:
    """Does not tell its arguments."""

    __signature__ = "none"

    def __call__(self, *args):
        raise AssertionError("called")


def factory():
    raise AssertionError("called")


@pytest.mark.parametrize(
    "thing",
    [
        wsgi, wsgi_with_an_option, other_names, generator, logged(wsgi), anything,
        functools.partial(wsgi_with_an_option, option=2), functools.partial(asgi.__call__, {}),
        lambda environ, start_response: [], ResponseClass, Middleware(wsgi, {}),
        Middleware(wsgi, {}).__call__, Methods().wsgi, Methods.static_wsgi, validator(wsgi),
        logged(Middleware(wsgi, {}).__call__),
    ],
)  # fmt: skip
def test_wsgi_applications(thing):
    assert type(as_app(thing, "it")) is WsgiApp


@pytest.mark.parametrize(
    "thing",
    [
        handler, handler_with_an_option, logged(handler), CallableHandler(), Methods().handler,
        Methods.class_handler, functools.partial(wsgi, {}), lambda request: None,
    ],
)  # fmt: skip
def test_handlers(thing):
    assert type(as_app(thing, "it")) is FunctionApp


def test_what_is_an_app_already():
    app = App()
    assert as_app(app, "it") is app
    adapted = WsgiApp(Unsigned())
    assert as_app(adapted, "it") is adapted


def test_protocols_are_classes():
    assert as_app(Echo, "it") is Echo


class Endpoint:
    """As Starlette's: made with the three, and awaited."""

    def __init__(self, scope, receive, send):
        raise AssertionError("called")

    def __await__(self):
        raise AssertionError("called")


async def any_asgi(*arguments):
    raise AssertionError("called")


@pytest.mark.parametrize(
    "thing",
    [
        asgi, Asgi(), SyncAsgi(), logged(asgi), functools.partial(asgi), Endpoint, any_asgi,
        lambda scope, receive, send: asgi(scope, receive, send),
    ],
)  # fmt: skip
def test_asgi_applications(thing):
    assert type(as_app(thing, "it")) is AsgiApp


@pytest.mark.parametrize("thing", [asgi_handler, logged(asgi_handler)])
def test_async_handlers(thing):
    assert type(as_app(thing, "it")) is AsyncFunctionApp
    assert type(as_app(thing, "it", interface="native")) is AsyncFunctionApp


def test_who_says_the_interface_is_believed():
    assert type(as_app(anything, "it", interface="asgi")) is AsgiApp
    assert type(as_app(anything, "it", interface="native")) is FunctionApp
    assert type(as_app(Unsigned(), "it", interface="wsgi")) is WsgiApp
    assert as_app(Echo, "it", interface="tcp") is Echo


@pytest.mark.parametrize(
    ("thing", "interface", "words"),
    [
        (wsgi, "asgi", "called with 2 arguments: an ASGI application is called with three"),
        (handler, "asgi", "called with 1 argument: an ASGI"),
        (asgi, "wsgi", "called with 3 arguments: a WSGI"),
        (5, "asgi", "an object of type int, not callable"),
        (handler, "tcp", "not the class of a protocol"),
    ],
)
def test_an_interface_that_it_cannot_have(thing, interface, words):
    with pytest.raises(ConfigurationError, match=words):
        as_app(thing, "it", interface=interface)


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (None, "an object of type NoneType, not callable"),
        ("text", "an object of type str, not callable"),
        ({}, "an object of type dict, not callable"),
        (Middleware, "the class Middleware, not an instance of it"),
        (CallableHandler, "the class CallableHandler, not an instance of it"),
        (dict, "the class dict, not an instance of it"),
        (factory, "called without an argument .if it makes the application, name it with"),
        (lambda a, b, c, d: None, "called with 4 arguments"),
        (Unsigned(), "an object of type Unsigned that does not tell its arguments"),
    ],
)
def test_what_cannot_be_served(thing, words):
    with pytest.raises(ConfigurationError, match=f"^'it' is {words}"):
        as_app(thing, "it")


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    (tmp_path / "loaded_site.py").write_text(
        "def app(environ, start_response): ...\n"
        "class shelf:\n    app = staticmethod(app)\n"
        "number = 3\n",
        encoding="ascii",
    )
    (tmp_path / "loaded_broken.py").write_text("import loaded_missing\n", encoding="ascii")


class TestTargets:
    def test_a_folder(self, tmp_path):
        assert type(load_target(str(tmp_path))) is StaticFolder

    @pytest.mark.parametrize("target", ["loaded_site:app", "loaded_site:shelf.app"])
    def test_an_application(self, module, target):
        assert type(load_target(target)) is WsgiApp

    @pytest.mark.parametrize(
        ("target", "words"),
        [
            ("nowhere", "there is no folder 'nowhere'"),
            ("loaded_site.py", "is Python source; to serve the application in it"),
            ("loaded_nowhere:app", "there is no module 'loaded_nowhere'"),
            ("loaded_site:application", "module 'loaded_site' has no attribute 'application'"),
            ("loaded_site:shelf.x", "module 'loaded_site' has no attribute 'shelf.x'"),
            ("loaded_site:number", "'loaded_site:number' is an object of type int"),
            ("loaded_site:shelf", "is the class shelf, not an instance of it"),
            ("loaded_site:", "there is no folder 'loaded_site:'; to serve an application write"),
        ],
    )
    def test_the_sentence_says_what_is_wrong(self, module, target, words):
        with pytest.raises(ConfigurationError, match=words):
            load_target(target)

    def test_a_module_that_the_users_own_one_misses(self, module):
        with pytest.raises(ModuleNotFoundError, match="loaded_missing"):
            load_target("loaded_broken:app")

    def test_the_command_says_it_too(self):
        done = run_reactor("serve", "test_load:Middleware", cwd=__file__.rpartition("/")[0])
        assert done.returncode == 3
        assert "'test_load:Middleware' is the class Middleware" in done.stderr
