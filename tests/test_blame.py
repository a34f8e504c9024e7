"""What the log says of an application that breaks its contract: whose it is, and what to write."""

from __future__ import annotations

import doctest
import functools

import pytest
from processes import MODELS, eventually, exchange, serving

from reactor import Response
from reactor.apps.function import FunctionApp
from reactor.apps.wsgi import WsgiApp
from reactor.http import blame

APPS = """
from reactor import Response

def gen(request):
    return Response(200, {}, iter(["text"]))

def later(request):
    def pieces():
        yield b"first"
        yield "second"
    return Response(200, {}, pieces())

def word(request):
    return "text"

class Sequence:
    # Iterable by the old way, without __iter__.

    def __getitem__(self, index):
        return [b"a", b"b"][index]

def empty(environ, start_response):
    start_response("200 OK", [])
    return {"/text": "", "/bytes": b"", "/dict": {}}[environ["PATH_INFO"]]

def sequence(environ, start_response):
    start_response("200 OK", [])
    return Sequence()

class Site:
    def __call__(self, environ, start_response):
        start_response("200 OK", [])
        return {"a": 1}

site = Site()

def text(environ, start_response):
    start_response("200 OK", [])
    return "text"

def nothing(environ, start_response):
    start_response("200 OK", [])

def listed(environ, start_response):
    start_response("200 OK", [])
    return ["text"]

def yields(environ, start_response):
    start_response("200 OK", [])
    yield "text"
"""
ENCODE = "TypeError: a body yields bytes, not str: encode it, text.encode()"
ITERABLE = "TypeError: a WSGI application returns an iterable of bytes (PEP 3333), as [b'...'], not"


@pytest.fixture
def apps(tmp_path):
    (tmp_path / "wrong_apps.py").write_text(APPS)
    return tmp_path


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("name", "doing", "sentence"),
    [
        ("gen", "answering GET /x", ENCODE),
        ("later", "reading the body for GET /x", ENCODE),
        ("word", "answering GET /x", "TypeError: a handler returns a Response, not str"),
        ("site", "answering GET /x", f"{ITERABLE} dict"),
        ("text", "answering GET /x", f"{ITERABLE} str"),
        ("nothing", "answering GET /x", f"{ITERABLE} None"),
        ("listed", "answering GET /x", ENCODE),
        ("yields", "answering GET /x", ENCODE),
    ],
)
def test_the_log_names_the_application(apps, model, name, doing, sentence):
    target = f"wrong_apps:{name}"
    with serving(
        target, "--model", model, "--no-access-log", cwd=apps, traceback_expected=True
    ) as server:
        with server.connect() as sock:
            sock.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            while sock.recv(4096):
                pass
        eventually(lambda: sentence in server.err, "the log says what is wrong")
        assert f"ERROR exception while {doing} by {target}\n" in server.err


def test_an_iterable_needs_no_iter(apps):
    with serving("wrong_apps:sequence", cwd=apps) as server:
        assert exchange(server.address, b"GET / HTTP/1.0\r\n\r\n").endswith(b"\r\n\r\nab")


@pytest.mark.parametrize("model", MODELS)
def test_empty_text_is_an_empty_body(apps, model):
    with serving("wrong_apps:empty", "--model", model, cwd=apps) as server:
        for kind in (b"text", b"bytes", b"dict"):
            answer = exchange(server.address, b"GET /%s HTTP/1.0\r\n\r\n" % kind)
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert answer.endswith(b"\r\n\r\n")


def named(request):
    return Response(200)


def test_names():
    assert doctest.testmod(blame).attempted
    assert FunctionApp(named).name == f"{__name__}:named"
    assert WsgiApp(named).name == f"{__name__}:named"
    # An object without a name of its own has its class's.
    assert blame.name_of(functools.partial(named)) == "functools:partial"


@pytest.mark.parametrize("app", [object(), 7])
def test_an_app_without_a_name(app):
    assert blame.doing("answering", None, app) == "answering a request"
