"""WSGI, rule by rule (PEP 3333): the response, `start_response` and `write`."""

from __future__ import annotations

import sys

import pytest
from wsgi_driven import PLAIN, Driven

from reactor import LocalProtocolError, Request
from reactor.apps.wsgi import FileWrapper, WsgiApp
from reactor.http.body import LateResponse


def respond(application, method="GET"):
    response = WsgiApp(application).respond(Request(method, "/", [("Host", "a")]))
    if isinstance(response, LateResponse):
        return response.begin(next(filter(None, response.pieces), b""))
    return response


# --- start_response and write -------------------------------------------------------------


class TestStartResponse:
    def test_status_headers_and_body(self):
        def application(environ, start_response):
            start_response("404 Nothing here", [("X-A", "1"), ("X-A", "\xe9 ")])
            return [b"body"]

        response = respond(application)
        assert (response.status, response.reason, response.body) == (404, "Nothing here", b"body")
        assert response.headers.items() == [("X-A", "1"), ("X-A", "\xe9")]

    @pytest.mark.parametrize(
        "status", ["200", "200 ", "200 OK", "200  two  spaces", "999 x", "200 \xe9"]
    )
    def test_a_status(self, status):
        def application(environ, start_response):
            start_response(status, [])
            return []

        response = respond(application)
        assert response.status == int(status[:3])
        assert response.reason == (status[4:].strip() or "OK")

    @pytest.mark.parametrize(
        "headers",
        [
            {"X": "1", "Y": "2"}.items(),
            (("X", "1"), ("Y", "2")),
            [["X", "1"], ("Y", "2")],
            (pair for pair in [("X", "1"), ("Y", "2")]),
        ],
    )
    def test_what_other_servers_take_is_taken(self, headers):
        def application(environ, start_response):
            start_response("204", headers)
            return []

        response = respond(application)
        assert (response.status, response.reason) == (204, "No Content")
        assert response.headers.items() == [("X", "1"), ("Y", "2")]

    def test_headers_are_taken_when_they_are_given(self):
        def application(environ, start_response):
            headers = [("X", "1")]
            start_response("200 OK", headers)
            headers[:] = [("X", "2\r\n")]
            yield b"body"

        assert respond(application).headers.items() == [("X", "1")]

    def test_exc_info_replaces_headers_that_are_not_sent(self):
        def application(environ, start_response):
            start_response("200 OK", [("X", "1")])
            yield b""
            try:
                raise ValueError
            except ValueError:
                start_response("503 Sorry", [("Y", "2")], sys.exc_info())
            yield b"error page"

        response = respond(application)
        assert (response.status, response.headers.items()) == (503, [("Y", "2")])
        assert b"".join(response.body) == b"error page"

    def test_exc_info_is_raised_with_its_traceback_when_headers_are_sent(self):
        def fail():
            raise ValueError("inner")

        def application(environ, start_response):
            start_response("200 OK", [])
            yield b"body"
            try:
                fail()
            except ValueError:
                start_response("503 Sorry", [], sys.exc_info())
            yield b"never"

        body = iter(respond(application).body)
        assert next(body) == b"body"
        with pytest.raises(ValueError, match="inner") as caught:
            next(body)
        assert caught.traceback[-1].name == "fail"

    def test_exc_info_is_not_an_excuse_for_bad_headers(self):
        def application(environ, start_response):
            try:
                raise ValueError
            except ValueError:
                start_response("503 Sorry", [("X", "\n")], sys.exc_info())
            return [b"never"]

        with pytest.raises(LocalProtocolError):
            respond(application)

    @pytest.mark.parametrize("late", [0, 1, 3])
    def test_it_may_be_called_as_late_as_the_first_piece(self, late):
        def application(environ, start_response):
            for _ in range(late):
                yield b""
            start_response("201 Created", [])
            yield b""
            yield b"body"

        response = respond(application)
        assert response.status == 201
        assert b"".join(response.body) == b"body"

    def test_the_first_piece_that_is_not_empty_sends_the_headers(self):
        pulled = []

        def application(environ, start_response):
            start_response("200 OK", [])
            for piece in (b"", b"", b"one", b"two"):
                pulled.append(piece)
                yield piece

        respond(application)
        assert pulled == [b"", b"", b"one"]


def with_fields(application, fields, status="200 OK"):
    def changed(environ, start_response):
        return application(environ, lambda *_: start_response(status, fields))

    return changed


class TestWrite:
    def application(self, result, *written):
        def application(environ, start_response):
            write = start_response("200 OK", PLAIN)
            for data in written:
                write(data)
            return result

        return application

    def test_what_is_written_comes_first(self):
        head, body = Driven(self.application([b"three"], b"one", b"", b"two")).get()
        assert b"Transfer-Encoding: chunked\r\n" in head
        assert body == b"3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n"

    def test_it_is_sent_while_the_application_runs(self):
        seen = []

        def application(environ, start_response):
            write = start_response("200 OK", PLAIN)
            write(b"one")
            seen.append(driven.transport.take()[-8:])
            write(b"two")
            seen.append(driven.transport.take())
            return []

        driven = Driven(application)
        driven.get()
        assert seen == [b"3\r\none\r\n", b"3\r\ntwo\r\n"]

    def test_it_is_held_to_the_length(self):
        app = self.application([b"x"], b"12", b"34")
        length = [("Content-Length", "5")]
        head, body = Driven(with_fields(app, length)).get()
        assert (b"Content-Length: 5\r\n" in head, body) == (True, b"1234x")
        driven = Driven(with_fields(self.application([], b"1234", b"56"), length))
        assert driven.get()[1] == b"1234"
        assert driven.transport.closed
        assert not driven.transport.aborted
        assert [type(error) for error, _ in driven.journal.failures] == [ValueError]

    @pytest.mark.parametrize("method", [b"GET", b"HEAD"])
    def test_what_has_no_body_sends_nothing_of_it(self, method):
        status = "204 No Content" if method == b"GET" else "200 OK"
        driven = Driven(with_fields(self.application([], b"1234"), [], status))
        assert driven.get(method)[1] == b""
        assert not driven.transport.closed

    def test_before_an_iterator(self):
        head, body = Driven(self.application(iter([b"three"]), b"one", b"two")).get()
        assert b"Transfer-Encoding: chunked\r\n" in head
        assert body == b"3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n"

    def test_before_a_file(self, tmp_path):
        (tmp_path / "f").write_bytes(b"file")
        wrapper = FileWrapper((tmp_path / "f").open("rb"))
        _, body = Driven(self.application(wrapper, b"one")).get(version=b"1.0")
        assert body == b"onefile"
        assert wrapper.file.closed

    def test_nothing_written(self):
        head, body = Driven(self.application((), b"", b"")).get()
        assert b"Content-Length: 0\r\n" in head
        assert body == b""

    def test_what_a_slow_client_leaves_is_bounded(self):
        driven = Driven(self.application([], b"12345", b"67890"))
        driven.transport.get_write_buffer_size = lambda: 17 << 20
        assert driven.get()[1] == b"5\r\n12345\r\n"
        [(error, _)] = driven.journal.failures
        assert "return an iterable" in str(error)

    def test_it_needs_a_connection(self):
        with pytest.raises(RuntimeError, match="no connection"):
            WsgiApp(self.application([], b"1")).respond(Request("GET", "/", [("Host", "a")]))
