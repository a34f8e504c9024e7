"""The environ of a WSGI request, variable by variable (PEP 3333 and RFC 3875)."""

from __future__ import annotations

import io
import socket
import sys

import pytest

from reactor import Inet, Request, Unix, parse_request
from reactor.apps._environ import KEPT_KEYS, Environs
from reactor.apps._wsgi import KEPT_STATUSES
from reactor.apps.wsgi import FileWrapper, WsgiApp, environ_template
from reactor.http.app import ServingContext
from reactor.log.output import unwaiting


def environ_of(method="GET", target="/", headers=(("Host", "a.example"),), body=b"", **options):
    """The environ that an application gets for a request."""
    seen = []

    def application(environ, start_response):
        seen.append(environ)
        start_response("200 OK", [])
        return []

    request = Request(method, target, headers, body, options.get("version", 11))
    request.client = options.get("client", ("192.0.2.7", 4711))
    app = WsgiApp(application)
    if "address" in options:
        app.serving(ServingContext((options["address"],)))
    app.respond(request)
    return seen[0]


class TestEnviron:
    def test_a_get(self):
        environ = environ_of(target="/a/b?c=d%20e", address=Inet("127.0.0.1", 8000))
        assert type(environ) is dict
        body, errors = environ.pop("wsgi.input"), environ.pop("wsgi.errors")
        assert environ.pop("reactor.draining")() is False
        assert body.read() == b""
        assert errors is unwaiting(sys.stderr)
        assert environ == {
            "GATEWAY_INTERFACE": "CGI/1.1",
            "HTTP_HOST": "a.example",
            "PATH_INFO": "/a/b",
            "QUERY_STRING": "c=d%20e",
            "REMOTE_ADDR": "192.0.2.7",
            "REMOTE_PORT": "4711",
            "REQUEST_METHOD": "GET",
            "REQUEST_URI": "/a/b?c=d%20e",
            "SCRIPT_NAME": "",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_SOFTWARE": "reactor",
            "wsgi.file_wrapper": FileWrapper,
            "wsgi.input_terminated": True,
            "wsgi.multiprocess": False,
            "wsgi.multithread": False,
            "wsgi.run_once": False,
            "wsgi.url_scheme": "http",
            "wsgi.version": (1, 0),
        }

    def test_a_post(self):
        fields = [("Host", "a"), ("Content-Type", "text/x"), ("Content-Length", "005")]
        environ = environ_of("POST", "/", fields, b"hello")
        assert environ["CONTENT_TYPE"] == "text/x"
        assert environ["CONTENT_LENGTH"] == "5"
        assert environ["wsgi.input"].read() == b"hello"
        assert not {"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"} & set(environ)

    def test_a_chunked_body_has_a_length_and_no_coding(self):
        fields = [("Host", "a"), ("Transfer-Encoding", "chunked")]
        environ = environ_of("POST", "/", fields, b"hello")
        assert environ["CONTENT_LENGTH"] == "5"
        assert "HTTP_TRANSFER_ENCODING" not in environ
        assert environ_of("POST", "/", fields)["CONTENT_LENGTH"] == "0"

    @pytest.mark.parametrize(
        ("target", "path"),
        [
            ("/", "/"),
            ("/?q", "/"),
            ("//evil//x", "//evil//x"),
            ("/%C3%A9", "/\xc3\xa9"),
            ("/%e9%FF", "/\xe9\xff"),
            ("/%ed%a0%80", "/\xed\xa0\x80"),
            ("/a%2Fb%00c", "/a/b\0c"),
            ("/a%zz%4", "/a%zz%4"),
            ("/a+b", "/a+b"),
            ("/../x", "/../x"),
            ("http://other.example:81/x/%20y?z", "/x/ y"),
            ("http://other.example", "/"),
            ("http://other.example?z", "/"),
        ],
    )
    def test_path_info(self, target, path):
        environ = environ_of(target=target)
        assert environ["PATH_INFO"] == path
        path.encode("latin-1")
        assert environ["REQUEST_URI"] == target

    @pytest.mark.parametrize(("method", "target"), [("OPTIONS", "*"), ("CONNECT", "a.example:80")])
    def test_a_target_without_a_path(self, method, target):
        environ = environ_of(method, target)
        assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == ("", "")
        assert environ["HTTP_HOST"] == "a.example"

    def test_the_targets_authority_replaces_host(self):
        environ = environ_of(target="http://other.example:81/x?z", headers=[("Host", "mine")])
        assert environ["HTTP_HOST"] == "other.example:81"
        assert environ["QUERY_STRING"] == "z"

    def test_headers(self):
        environ = environ_of(
            headers=[
                ("Host", "a"), ("X-One", "1"), ("x-ONE", "2"), ("X-One", "1"), ("X-Empty", ""),
                ("X-Empty", ""), ("Cookie", "a=1"), ("Cookie", "b=2"), ("X-Latin", "\xe9"),
                ("Accept", "text/*"), ("accept", "*/*"), ("X.Dot~1", "d"),
            ]
        )  # fmt: skip
        assert environ["HTTP_X_ONE"] == "1,2,1"
        assert environ["HTTP_X_EMPTY"] == ","
        assert environ["HTTP_COOKIE"] == "a=1; b=2"
        assert environ["HTTP_X_LATIN"] == "\xe9"
        assert environ["HTTP_ACCEPT"] == "text/*,*/*"
        assert environ["HTTP_X.DOT~1"] == "d"

    @pytest.mark.parametrize(
        "name",
        ["X_One", "_", "Content_Length", "Content_Type", "HTTP_HOST", "Proxy", "PROXY", "proxy"],
    )
    def test_headers_that_could_be_taken_for_others_are_dropped(self, name):
        usual = environ_of()
        forged = environ_of(headers=[("Host", "a.example"), (name, "x"), (name, "y")])
        assert set(forged) == set(usual)
        assert forged["HTTP_HOST"] == "a.example"

    @pytest.mark.parametrize("name", ["wsgi.input", "REMOTE_ADDR", "Server-Name", "Path-Info"])
    def test_no_header_can_be_a_variable(self, name):
        environ = environ_of(headers=[("Host", "a"), (name, "forged")])
        assert [key for key, value in environ.items() if value == "forged"] in (
            [],
            ["HTTP_" + name.upper().replace("-", "_")],
        )

    def test_http_1_0(self):
        environ = environ_of(headers=[], version=10)
        assert environ["SERVER_PROTOCOL"] == "HTTP/1.0"
        assert "HTTP_HOST" not in environ

    @pytest.mark.parametrize("client", [None, "", b""])
    def test_a_unix_socket_has_no_remote_address(self, client):
        environ = environ_of(client=client, address=Unix("/run/x"))
        assert environ["REMOTE_ADDR"] == ""
        assert environ["REMOTE_PORT"] == ""
        assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("localhost", "80")

    @pytest.mark.parametrize("host", ["0.0.0.0", "::"])
    def test_all_interfaces_are_no_name(self, host):
        assert environ_of(address=Inet(host, 1))["SERVER_NAME"] == socket.gethostname()

    def test_each_request_has_its_own(self):
        seen = []

        def application(environ, start_response):
            seen.append(dict(environ))
            environ.clear()
            start_response("200 OK", [])
            return []

        app = WsgiApp(application)
        for _ in range(2):
            app.respond(Request("GET", "/", [("Host", "a")]))
        assert seen[0].keys() == seen[1].keys()
        assert seen[0]["wsgi.input"] is not seen[1]["wsgi.input"]

    def test_input(self):
        body = b"one\ntwo\nthree"
        read = environ_of("POST", "/", [("Host", "a")], body)["wsgi.input"]
        assert read.read(2) == b"on"
        assert read.readline() == b"e\n"
        assert read.readline(2) == b"tw"
        assert list(read) == [b"o\n", b"three"]
        assert read.read(10) == read.readline() == b""
        assert environ_of("POST", "/", (), body)["wsgi.input"].readlines() == [
            b"one\n", b"two\n", b"three",
        ]  # fmt: skip

    def test_names_that_clients_make_up_are_not_kept_for_ever(self):
        for number in range(600):
            environ = environ_of(headers=[("Host", "a"), (f"X-Made-Up-{number}", "x")])
            assert environ[f"HTTP_X_MADE_UP_{number}"] == "x"
        assert len(KEPT_KEYS) <= 512

    def test_statuses_that_applications_make_up_are_not_kept_for_ever(self):
        def application(environ, start_response):
            start_response(environ["PATH_INFO"][1:], [])
            return []

        app = WsgiApp(application)
        for number in range(300):
            response = app.respond(Request("GET", f"/200%20made-up-{number}", [("Host", "a")]))
            assert response.reason == f"made-up-{number}"
        assert len(KEPT_STATUSES) <= 256


HEADS = [
    b"GET /a?b HTTP/1.1\r\nHost: a.example\r\nCookie: a=1\r\nAccept: */*\r\n\r\n",
    b"HEAD /b HTTP/1.1\r\nHost: a.example\r\nCookie: a=1\r\nAccept: */*\r\n\r\n",
    b"GET /b?c HTTP/1.1\r\nHost: a.example\r\nCookie: a=1\r\nAccept: */*\r\n\r\n",
    b"GET /a?b HTTP/1.1\r\nHost: a.example\r\nCookie: a=2\r\nAccept: */*\r\n\r\n",
    b"GET /a?b HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\nCookie: a=1\r\n\r\n",
    b"GET /a?b HTTP/1.1\r\nHost:a.example\r\nCookie:  a=1\r\nAccept: */*\r\n\r\n",
    b"GET /a?b HTTP/1.1\r\nHost: a.example\r\nCookie: a=1\r\nAccept: */*\r\nX_y: z\r\n\r\n",
    b"GET /a?b HTTP/1.1\r\nHost: a.example\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n",
    b"GET http://b.example/c HTTP/1.1\r\nHost: a.example\r\nCookie: a=1\r\nAccept: */*\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a.example\r\nCookie: a=1\r\nAccept: */*\r\n\r\n",
    b"GET /a?b HTTP/1.0\r\nHost: a.example\r\nCookie: a=1\r\nAccept: */*\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nab",
    b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost:a\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a.example\r\nX-Long: " + 2048 * b"x" + b"\r\n\r\n",
]  # fmt: skip


class TestHeaderSectionsThatRecur:
    """They are kept, with what they came to: nobody may see that."""

    def requests(self, heads):
        peers = [("192.0.2.7", 1), ("192.0.2.7", 2), None, ("2001:db8::1", 1, 0, 0)]
        for number, head in enumerate(heads):
            request = parse_request(head)
            request.client = peers[number // 2 % 4]
            yield request

    def environs(self, environs, heads):
        """Of each head as it is received, and ruined after it was looked at."""
        for request in self.requests(heads):
            environ = environs.make(request)
            environ["wsgi.input"] = environ["wsgi.input"].read()
            yield dict(environ)
            environ.update(dict.fromkeys(environ, "ruined"))

    def fresh(self, heads):
        for request in self.requests(heads):
            environ = Environs(environ_template(ServingContext())).make(request)
            environ["wsgi.input"] = environ["wsgi.input"].read()
            yield environ

    @pytest.mark.parametrize("times", [2, 3, 4])
    def test_one_after_the_other(self, times):
        heads = [head for head in HEADS for _ in range(times)]
        kept = self.environs(Environs(environ_template(ServingContext())), heads)
        assert list(kept) == list(self.fresh(heads))

    def test_in_turn(self):
        heads = HEADS * 4
        kept = self.environs(Environs(environ_template(ServingContext())), heads)
        assert list(kept) == list(self.fresh(heads))

    def test_more_than_are_kept(self):
        heads = [
            b"GET / HTTP/1.1\r\nHost: a.example\r\nX: %d\r\n\r\n" % (number % 600)
            for times in (1, 2, 3)
            for number in range(0, 600 * times, times)
        ]
        kept = self.environs(Environs(environ_template(ServingContext())), heads)
        assert list(kept) == list(self.fresh(heads))

    def test_they_are_kept(self):
        environs = Environs(environ_template(ServingContext()))
        values = [environs.make(parse_request(HEADS[0]))["HTTP_COOKIE"] for _ in range(4)]
        assert values[2] is values[3]
        assert values[0] is not values[1]

    def test_what_was_made_is_not_taken_for_what_was_received(self):
        # Its fields lie without colons and line ends: these two would be the same bytes.
        environs = Environs(environ_template(ServingContext()))
        for _ in range(3):
            one = environs.make(Request("GET", "/", [("Accept", "text/html-and-more")]))
            two = environs.make(Request("GET", "/", [("Accepttext", "/html-and-more")]))
            assert one["HTTP_ACCEPT"] == "text/html-and-more"
            assert two["HTTP_ACCEPTTEXT"] == "/html-and-more"

    def test_a_peer_that_is_none_leaves_nothing_behind(self):
        environs = Environs(environ_template(ServingContext()))
        request = parse_request(HEADS[0])
        for client in [("192.0.2.7", 1)] * 3 + [("192.0.2.8", "no port")]:
            request.client = client
            if client[1] == 1:
                environs.make(request)
            else:
                with pytest.raises(TypeError):
                    environs.make(request)
        request.client = ("192.0.2.7", 1)
        assert environs.make(request)["REMOTE_ADDR"] == "192.0.2.7"

    def test_stderr_is_the_one_of_the_request(self, monkeypatch):
        environs = Environs(environ_template(ServingContext()))
        for _ in range(3):
            environs.make(parse_request(HEADS[0]))
        monkeypatch.setattr(sys, "stderr", io.StringIO())
        assert environs.make(parse_request(HEADS[0]))["wsgi.errors"] is sys.stderr
