"""The blocking client: `reactor.get`, `post`, `request` and `reactor.Client`, on a real server."""

from __future__ import annotations

import io
import json
import socket

import pytest
from processes import given_back, open_descriptors

import reactor
from reactor import Answer, Client, Response, Server
from reactor.client import Proxies
from reactor.client.session import body_of, with_params
from reactor.errors import FetchError, LocalProtocolError

KIND = "content-type"


def site(request):
    """Tells what it was asked; some paths have a way of their own."""
    path = request.path
    if path == "/away":
        return Response(302, {"Location": "/told?from=away", "Set-Cookie": "way=1; Path=/"}, b"")
    if path == "/gone":
        return Response(404, {}, b"not here")
    if path == "/latin":
        return Response(200, {"Content-Type": 'text/plain; charset="ISO-8859-1"'}, b"caf\xe9")
    if path == "/odd":
        return Response(200, {"Content-Type": "text/plain; charset=rot13"}, b"a\xff")
    if path == "/set":
        return Response(200, {"Set-Cookie": "kept=2; Path=/"}, b"")
    told = {
        "method": request.method,
        "target": request.target,
        "headers": {name.lower(): value for name, value in request.headers.items()},
        "body": request.body.decode("utf-8"),
        "client": request.client[1],
    }
    return Response(200, {"Content-Type": "application/json"}, json.dumps(told))


@pytest.fixture(scope="module")
def url():
    with Server(site, port=0) as server:
        yield server.urls[0].rstrip("/")


@pytest.fixture
def client():
    with Client(proxies=Proxies()) as client:
        yield client


def told(answer):
    assert answer.status == 200
    return answer.json()


def test_get_gives_an_answer(url):
    answer = reactor.get(f"{url}/a", params={"q": "tea & milk", "n": [1, 2], "none": None})
    assert isinstance(answer, Answer)
    assert (answer.status, answer.status_code, answer.reason, answer.ok) == (200, 200, "OK", True)
    assert answer.headers["Content-Type"] == "application/json"
    assert told(answer)["target"] == "/a?q=tea+%26+milk&n=1&n=2"
    assert answer.url == f"{url}/a?q=tea+%26+milk&n=1&n=2"
    assert json.loads(answer.text) == json.loads(answer.content) == answer.json()
    assert answer.body == answer.content
    assert repr(answer) == f"<Answer 200 {answer.url}>"


def test_post_sends_json_forms_and_bytes(url):
    sent = told(reactor.post(f"{url}/", json={"é": [1, None]}))
    assert (sent["method"], sent["body"], sent["headers"][KIND]) == (
        "POST",
        '{"é":[1,null]}',
        "application/json",
    )
    sent = told(reactor.post(f"{url}/", data={"a": "b c", "d": ["e", "f"]}))
    assert (sent["body"], sent["headers"][KIND]) == (
        "a=b+c&d=e&d=f",
        "application/x-www-form-urlencoded",
    )
    sent = told(reactor.post(f"{url}/", data=[("a", "1"), ("a", "2")]))
    assert sent["body"] == "a=1&a=2"
    for data in (b"as it is", "as it is", io.BytesIO(b"as it is")):
        sent = told(reactor.post(f"{url}/", data=data))
        assert (sent["body"], sent["headers"].get(KIND)) == ("as it is", None)


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_each_method_has_its_name(client, url, method):
    assert told(getattr(client, method)(f"{url}/x"))["method"] == method.upper()
    assert told(client.request(method.upper(), f"{url}/x"))["method"] == method.upper()


def test_head_has_no_content(client, url):
    answer = client.head(f"{url}/x")
    assert (answer.status, answer.content) == (200, b"")


def test_a_client_keeps_its_connection_and_its_cookies(client, url):
    first, second = told(client.get(f"{url}/1")), told(client.get(f"{url}/2"))
    assert first["client"] == second["client"]
    assert "cookie" not in second["headers"]
    client.get(f"{url}/set")
    client.get(f"{url}/gone")
    assert told(client.get(f"{url}/3"))["headers"]["cookie"] == "kept=2"
    assert "cookie" not in told(reactor.get(f"{url}/4"))["headers"]


def test_redirects_are_followed(client, url):
    answer = client.get(f"{url}/away")
    assert told(answer)["headers"]["cookie"] == "way=1"
    assert answer.url == f"{url}/told?from=away"
    assert answer.redirects == [f"{url}/away"]


def test_headers_of_a_client_and_of_a_request(url):
    with Client(headers={"X-A": "client", "X-B": "client"}, proxies=Proxies()) as client:
        sent = told(client.get(f"{url}/", headers={"x-a": "request"}, auth=("me", "secret")))
    assert sent["headers"]["x-a"] == "request"
    assert sent["headers"]["x-b"] == "client"
    assert sent["headers"]["authorization"] == "Basic bWU6c2VjcmV0"
    sent = told(reactor.post(f"{url}/", json=1, headers={"content-type": "application/x"}))
    assert sent["headers"][KIND] == "application/x"
    assert told(reactor.get(f"{url}/", headers=None))["method"] == "GET"


def test_a_status_is_raised_only_where_it_is_asked_for(client, url):
    answer = client.get(f"{url}/gone")
    assert (answer.status, answer.ok, answer.text) == (404, False, "not here")
    with pytest.raises(FetchError, match=r"/gone: the server answered 404") as raised:
        answer.raise_for_status()
    assert raised.value.exit_code == 22
    good = client.get(f"{url}/")
    assert good.raise_for_status() is good


def test_text_has_the_answer_s_encoding(client, url):
    assert client.get(f"{url}/latin").text == "café"
    assert client.get(f"{url}/latin").encoding == "iso8859-1"
    assert client.get(f"{url}/odd").text == "a\ufffd"
    with pytest.raises(ValueError, match="Expecting value"):
        client.get(f"{url}/gone").json()


def test_a_timeout_is_for_the_whole_request(url):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        where = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(FetchError) as raised:
            reactor.get(where, timeout=0.1)
        assert raised.value.exit_code == 28
        with Client(timeout=0.1, proxies=Proxies()) as client:
            with pytest.raises(FetchError):
                client.get(where)
            assert client.get(f"{url}/", timeout=20).ok


def test_ctrl_c_ends_the_wait_and_the_client_goes_on(client, url):
    import signal
    import threading

    with socket.create_server(("127.0.0.1", 0)) as silent:
        timer = threading.Timer(
            0.1, lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        )
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            client.get(f"http://127.0.0.1:{silent.getsockname()[1]}/")
        timer.join()
    assert client.get(f"{url}/").ok


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"timeout": "5"}, TypeError, "a timeout is seconds for the whole request"),
        ({"timeout": (1, 2)}, TypeError, "a timeout is seconds for the whole request"),
        ({"timeout": 0}, ValueError, "a timeout is above zero"),
        ({"timeout": float("nan")}, ValueError, "a timeout is above zero"),
        ({"data": b"x", "json": 1}, TypeError, "give one of them"),
        ({"json": float("nan")}, ValueError, None),
        ({"headers": {"A": "b\r\nC: d"}}, LocalProtocolError, None),
        ({"files": {}}, TypeError, "files"),
    ],
)
def test_a_wrong_value_is_said(url, options, error, says):
    before = open_descriptors()
    with pytest.raises(error, match=says):
        reactor.post(f"{url}/", **options)
    given_back(before)


def test_a_client_that_is_closed_says_so(url):
    client = Client(proxies=Proxies())
    client.close()
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.get(f"{url}/")


def test_nothing_is_left(url):
    reactor.get(f"{url}/")
    before = open_descriptors()
    for _ in range(20):
        reactor.get(f"{url}/")
        with Client(proxies=Proxies()) as client:
            client.get(f"{url}/")
    given_back(before)


@pytest.mark.parametrize(
    ("url", "params", "whole"),
    [
        ("http://a/", None, "http://a/"),
        ("http://a/", {}, "http://a/"),
        ("http://a/", "x=y", "http://a/?x=y"),
        ("http://a/?b", {"c": "d"}, "http://a/?b&c=d"),
        ("http://a/?", {"c": "d"}, "http://a/?c=d"),
        ("http://a/#f", [("c", "é")], "http://a/?c=%C3%A9#f"),
        ("http://a/", {"c": None}, "http://a/"),
    ],
)
def test_params_are_added_to_the_query(url, params, whole):
    assert with_params(url, params) == whole


def test_a_body_that_is_none():
    assert body_of(None, None) == (None, None)
    assert body_of({}, None) == (b"", "application/x-www-form-urlencoded")
