"""The extensions of ASGI's HTTP: files by the kernel, early hints, trailers."""

import asyncio
import os

import pytest
from asgi_driven import driven, sending
from driven import GET, get, statuses
from processes import exchange, serving

START = {"type": "http.response.start", "status": 200, "headers": []}
LAST = {"type": "http.response.body", "body": b""}


def start(*headers, **more):
    return {**START, "headers": list(headers), **more}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(bytes(range(256)) * 40)
    return path


def body_of(messages, request=GET, methods=()):
    with driven(sending(*messages)) as d:
        [(status, headers, body)] = statuses(d.feed(request), methods)
        return status, headers, body, d


class TestPathsend:
    @pytest.mark.parametrize("length", [None, 10240])
    def test_a_file_is_the_body(self, file, length):
        given = [(b"content-length", b"%d" % length)] if length else []
        path = {"type": "http.response.pathsend", "path": str(file)}
        status, headers, body, d = body_of([start(*given), path])
        assert (status, body) == (200, file.read_bytes())
        assert headers["content-length"] == "10240"
        assert not d.transport.closed

    def test_head_has_no_body(self, file):
        path = {"type": "http.response.pathsend", "path": str(file)}
        _, headers, body, d = body_of([start(), path], get(b"/", method=b"HEAD"), ["HEAD"])
        assert body == b""
        assert not d.transport.closed

    @pytest.mark.parametrize("what", ["missing", "folder", "relative", "pipe"])
    def test_what_cannot_be_sent_is_a_500(self, tmp_path, what):
        os.mkfifo(tmp_path / "pipe")
        names = {"missing": tmp_path / "no", "folder": tmp_path, "relative": "file.bin"}
        path = {"type": "http.response.pathsend", "path": str(names.get(what, tmp_path / "pipe"))}
        status, _, _, d = body_of([start(), path])
        assert status == 500
        assert len(d.journal.failures) == 1

    def test_nothing_follows(self, file):
        path = {"type": "http.response.pathsend", "path": str(file)}
        _, _, body, d = body_of([start(), path, LAST])
        assert body == file.read_bytes()
        assert "after the end" in str(d.journal.failures[0])

    def test_a_length_that_the_file_has_not(self, file):
        path = {"type": "http.response.pathsend", "path": str(file)}
        assert body_of([start((b"content-length", b"99999")), path])[0] == 500


class TestZerocopysend:
    def test_regions_mixed_with_bytes(self, file):
        async def app(scope, receive, send):
            await send(START)
            await send({"type": "http.response.body", "body": b"<", "more_body": True})
            with file.open("rb") as opened:
                region = {"type": "http.response.zerocopysend", "file": opened, "more_body": True}
                await send({**region, "offset": 2, "count": 3})
                opened.seek(10238)
                await send(region)
            await send({"type": "http.response.body", "body": b">"})

        with driven(app) as d:
            [(_, headers, body)] = statuses(d.feed(GET))
            assert body == b"<" + bytes([2, 3, 4, 254, 255]) + b">"
            assert headers["transfer-encoding"] == "chunked"
            assert not d.transport.closed

    def test_a_whole_file_with_its_length(self, file):
        async def app(scope, receive, send):
            await asyncio.sleep(0)
            await send(start((b"content-length", b"10240")))
            with file.open("rb") as opened:
                await send({"type": "http.response.zerocopysend", "file": opened.fileno()})

        with driven(app) as d:
            [(_, headers, body)] = statuses(d.feed(GET))
            assert body == file.read_bytes()
            assert headers["content-length"] == "10240"

    @pytest.mark.parametrize("more", [{"count": 99999}, {"offset": -1}, {"offset": 5, "count": -2}])
    def test_a_region_that_is_none(self, file, more):
        async def app(scope, receive, send):
            await send(START)
            with file.open("rb") as opened:
                await send({"type": "http.response.zerocopysend", "file": opened, **more})

        before = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
        with driven(app) as d:
            assert statuses(d.feed(GET))[0][0] == 500
        after = len(os.listdir("/proc/self/fd")) if before else 0
        assert after <= before

    def test_by_sendfile(self, tmp_path, file):
        (tmp_path / "files.py").write_text(f"""
async def app(scope, receive, send):
    if scope["type"] != "http":
        raise ValueError
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    if scope["path"] == "/path":
        await send({{"type": "http.response.pathsend", "path": {str(file)!r}}})
    else:
        with open({str(file)!r}, "rb") as opened:
            await send({{"type": "http.response.zerocopysend", "file": opened, "count": 10000}})
""")
        with serving("files:app", cwd=tmp_path) as server:
            for path, size in ((b"/path", 10240), (b"/region", 10000)):
                lines = b"GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % path
                [(_, _, body)] = statuses(exchange(server.address, lines))
                assert body == file.read_bytes()[:size]


HINT = {"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload", b"</b>"]}


class TestEarlyHint:
    LINES = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nLink: </b>\r\n\r\n"

    @pytest.mark.parametrize("before", [True, False])
    def test_it_goes_before_the_head(self, before):
        messages = [HINT, START] if before else [START, HINT]
        with driven(sending(*messages, LAST)) as d:
            sent = d.feed(GET)
            assert sent.startswith(self.LINES + b"HTTP/1.1 200 OK\r\n")

    def test_not_for_http_1_0(self):
        with driven(sending(START, HINT, LAST)) as d:
            assert d.feed(get(b"/", version=b"1.0")).startswith(b"HTTP/1.1 200")


class TestTrailers:
    MESSAGES = (
        start(trailers=True),
        {"type": "http.response.body", "body": b"abc"},
        {"type": "http.response.trailers", "headers": [(b"x-a", b"1")], "more_trailers": True},
        {"type": "http.response.trailers", "headers": [(b"x-b", b"2")]},
    )

    def test_to_who_takes_them(self):
        with driven(sending(*self.MESSAGES)) as d:
            sent = d.feed(get(b"/", b"TE: trailers\r\nConnection: TE\r\n"))
            assert sent.endswith(b"3\r\nabc\r\n0\r\nx-a: 1\r\nx-b: 2\r\n\r\n")
            assert d.journal.failures == []
            assert not d.transport.closed

    @pytest.mark.parametrize("request_", [GET, get(b"/", b"TE: trailers\r\n", version=b"1.0")])
    def test_to_others_they_are_dropped(self, request_):
        with driven(sending(*self.MESSAGES)) as d:
            assert d.feed(request_).endswith(b"abc")
            assert d.journal.failures == []

    def test_announced_and_never_sent_is_an_answer_that_is_not_whole(self):
        with driven(sending(*self.MESSAGES[:2])) as d:
            assert d.feed(get(b"/", b"TE: trailers\r\n")).endswith(b"3\r\nabc\r\n")
            assert d.transport.closed
            assert len(d.journal.failures) == 1

    def test_without_an_announcement(self):
        with driven(sending(START, self.MESSAGES[3])) as d:
            assert statuses(d.feed(GET))[0][0] == 500
