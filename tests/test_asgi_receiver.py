"""ASGI over HTTP, by bytes: the scope, and what `receive` gives."""

import asyncio

import pytest
from asgi_driven import answering, driven, sending
from driven import GET, get, statuses

from reactor import Limits


def scope_of(data, **options):
    seen = []

    async def app(scope, receive, send):
        seen.append(scope)
        for message in answering():
            await send(message)

    with driven(app, **options) as d:
        d.feed(data)
    return seen[0]


def received(feeds, calls=3, method=b"POST"):
    """What `receive` gave, called so many times, or as often as it gave anything."""
    got = []

    async def app(scope, receive, send):
        for _ in range(calls):
            got.append(await receive())

    with driven(app) as d:
        for data in feeds:
            d.feed(data)
    return got


class TestScope:
    def test_all_of_it(self):
        scope = scope_of(get(b"/a%20b/%C3%A9?x=1?y", b"X-A: 1\r\nx-a: 2\r\n"))
        assert scope == {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.5"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/a b/é",
            "raw_path": b"/a%20b/%C3%A9",
            "query_string": b"x=1?y",
            "root_path": "",
            "headers": [(b"host", b"a"), (b"x-a", b"1"), (b"x-a", b"2")],
            "client": ("192.0.2.7", 1234),
            "server": ("127.0.0.1", 8000),
            "state": {},
            "extensions": {
                "http.response.pathsend": {},
                "http.response.zerocopysend": {},
                "http.response.early_hint": {},
                "http.response.trailers": {},
                "reactor": {"draining": bool},
            },
        }

    @pytest.mark.parametrize(
        ("target", "path", "raw", "query"),
        [
            (b"/", "/", b"/", b""),
            (b"/a//b/./c/..", "/a//b/./c/..", b"/a//b/./c/..", b""),
            (b"/%ff", "/�", b"/%ff", b""),
            (b"/a%2Fb", "/a/b", b"/a%2Fb", b""),
            (b"http://b/x?q", "/x", b"/x", b"q"),
            (b"http://b", "/", b"/", b""),
            (b"/?", "/", b"/", b""),
        ],
    )
    def test_targets(self, target, path, raw, query):
        scope = scope_of(get(target))
        assert (scope["path"], scope["raw_path"], scope["query_string"]) == (path, raw, query)

    def test_the_asterisk(self):
        assert scope_of(get(b"*", method=b"OPTIONS"))["path"] == "*"

    def test_an_absolute_target_names_the_host(self):
        assert scope_of(get(b"http://b:81/x"))["headers"] == [(b"host", b"b:81")]

    def test_http_1_0(self):
        scope = scope_of(get(b"/", version=b"1.0"))
        assert scope["http_version"] == "1.0"
        assert "http.response.trailers" not in scope["extensions"]

    def test_a_root_path_goes_before(self):
        scope = scope_of(get(b"/x"), root_path="/app/")
        assert (scope["root_path"], scope["path"]) == ("/app", "/app/x")
        assert scope["raw_path"] == b"/app/x"

    def test_each_request_owns_its_scope(self):
        seen = []

        async def app(scope, receive, send):
            seen.append(scope)
            scope["headers"].append((b"x", b"y"))
            scope["state"]["x"] = 1
            scope["extensions"].clear()
            for message in answering():
                await send(message)

        with driven(app) as d:
            d.feed(GET * 5)  # what comes again is kept, and copied
        assert [len(scope["headers"]) for scope in seen] == [2] * 5
        assert seen[4]["extensions"] == {}
        assert seen[3]["state"] is not seen[4]["state"]
        assert d.app.state == {}

    def test_what_is_kept_of_a_section_is_only_the_section(self):
        fields = b"User-Agent: the same in all of these requests\r\n"
        asked = [
            *((b"GET", b"/1?a"), (b"GET", b"/1?a"), (b"GET", b"/2"), (b"HEAD", b"/2")),
            *((b"GET", b"/2?a=%20"), (b"GET", b"/%41"), (b"GET", b"http://b/x"), (b"GET", b"/")),
        ]
        seen = []

        async def app(scope, receive, send):
            seen.append(scope)
            for message in answering():
                await send(message)

        with driven(app) as d:
            for number, (method, target) in enumerate(asked):
                d.connect()
                d.transport.peername = ("192.0.2.7", number)
                d.machine.connection_made(d.transport)
                d.feed(get(target, fields, method))
        assert [scope["client"][1] for scope in seen] == [*range(8)]
        assert [scope["method"] for scope in seen] == [method.decode() for method, _ in asked]
        assert [(s["path"], s["query_string"]) for s in seen] == [
            *(("/1", b"a"), ("/1", b"a"), ("/2", b""), ("/2", b"")),
            *(("/2", b"a=%20"), ("/A", b""), ("/x", b""), ("/", b"")),
        ]
        assert seen[5]["raw_path"] == b"/%41"
        hosts = [dict(scope["headers"])[b"host"] for scope in seen]
        assert hosts == [b"a"] * 6 + [b"b", b"a"]


class TestReceive:
    def test_no_body_is_one_message(self):
        assert received([GET], calls=1, method=b"GET") == [
            {"type": "http.request", "body": b"", "more_body": False}
        ]

    def test_a_body_that_came_whole(self):
        assert received([get(b"/", b"Content-Length: 3\r\n", b"POST") + b"abc"], calls=1) == [
            {"type": "http.request", "body": b"abc", "more_body": False}
        ]

    def test_a_body_in_pieces(self):
        head = get(b"/", b"Content-Length: 6\r\n", b"POST")
        got = received([head + b"ab", b"cd", b"ef"], calls=5)
        assert b"".join(message["body"] for message in got) == b"abcdef"
        assert [message["more_body"] for message in got][-1] is False
        assert all(message["more_body"] for message in got[:-1])

    def test_chunks(self):
        head = get(b"/", b"Transfer-Encoding: chunked\r\n", b"POST")
        got = received([head, b"2\r\nab\r\n", b"1\r\nc\r\n0\r\n\r\n"], calls=4)
        assert b"".join(message["body"] for message in got) == b"abc"
        assert not got[-1]["more_body"]

    def test_after_the_body_it_waits_for_the_client_to_go(self):
        got = []

        async def app(scope, receive, send):
            got.append(await receive())
            waiting = [asyncio.create_task(receive()) for _ in range(3)]
            got.extend(await asyncio.gather(*waiting))
            got.append(await receive())

        with driven(app) as d:
            d.feed(GET)
            assert len(got) == 1
            d.lose()
            assert got[1:] == [{"type": "http.disconnect"}] * 4
            assert d.journal.failures == []

    def test_after_the_answer_it_is_disconnect_at_once(self):
        got = []

        async def app(scope, receive, send):
            for message in answering():
                await send(message)
            got.extend([await receive(), await receive()])

        with driven(app) as d:
            d.feed(GET)
        assert got == [{"type": "http.disconnect"}] * 2

    def test_half_a_body_never_looks_whole(self):
        got = []

        async def app(scope, receive, send):
            while True:
                got.append(await receive())
                if got[-1]["type"] == "http.disconnect":
                    break

        with driven(app) as d:
            d.feed(get(b"/", b"Content-Length: 6\r\n", b"POST") + b"ab")
            d.end()
            assert got[-1] == {"type": "http.disconnect"}
            assert all(message.get("more_body", True) for message in got)
            assert [status for status, _, _ in statuses(d.transport.take(), ["POST"])] == [400]

    def test_a_half_closed_client_gets_its_answer(self):
        got = []

        async def app(scope, receive, send):
            await receive()
            got.append(await receive())
            for message in answering(b"still"):
                await send(message)

        with driven(app) as d:
            d.feed(GET)
            d.end()
            assert got == [{"type": "http.disconnect"}]
            assert d.transport.take().endswith(b"still")

    def test_what_is_there_is_given_without_a_suspension(self):
        async def app(scope, receive, send):
            task = asyncio.current_task()
            task.cancel()  # the next suspension, and only that, raises
            assert (await receive())["type"] == "http.request"
            for message in answering(b"never suspended"):
                await send(message)
            assert (await receive())["type"] == "http.disconnect"

        with driven(app) as d:
            assert d.feed(GET).endswith(b"never suspended")

    def test_a_cancelled_receive_loses_nothing(self):
        async def app(scope, receive, send):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await receive()
            body = b""
            while True:
                message = await receive()
                body += message["body"]
                if not message["more_body"]:
                    break
            for message in answering(body):
                await send(message)

        with driven(app) as d:
            d.feed(get(b"/", b"Content-Length: 4\r\n", b"POST"))
            assert d.feed(b"abcd").endswith(b"abcd")

    def test_100_continue_at_the_first_receive(self):
        go = []

        async def app(scope, receive, send):
            go.append(asyncio.Event())
            await go[0].wait()
            body = (await receive())["body"]
            for message in answering(body):
                await send(message)

        with driven(app) as d:
            expecting = b"Content-Length: 2\r\nExpect: 100-continue\r\n"
            assert d.feed(get(b"/", expecting, b"POST")) == b""
            go[0].set()
            d.turns()
            assert d.transport.take() == b"HTTP/1.1 100 Continue\r\n\r\n"
            assert d.feed(b"ok").endswith(b"ok")

    def test_an_answer_before_the_body_needs_no_100(self):
        with driven(sending(*answering(b"no", 401))) as d:
            expecting = b"Content-Length: 2\r\nExpect: 100-continue\r\n"
            sent = d.feed(get(b"/", expecting, b"POST"))
            assert sent.startswith(b"HTTP/1.1 401")
            assert d.transport.closed

    def test_reading_stops_while_the_application_does_not_ask(self):
        async def app(scope, receive, send):
            await receive()
            await asyncio.Event().wait()

        with driven(app) as d:
            d.feed(get(b"/", b"Content-Length: 1000000\r\n", b"POST"))
            for _ in range(3):
                d.feed(b"x" * 65536)
            assert not d.transport.reading
            assert d.transport.deadline is None

    def test_a_bound_of_the_user(self):
        with driven(sending(*answering()), limits=Limits(streamed_bytes_max=10)) as d:
            sent = d.feed(get(b"/", b"Content-Length: 11\r\n", b"POST"))
            assert sent.startswith(b"HTTP/1.1 413")


def test_who_waits_for_the_disconnect_hears_of_the_end_of_the_answer():
    """Litestar listens in a task of its own, and waits for that task when its stream is over."""
    got = []

    async def app(scope, receive, send):
        await receive()

        async def listen():
            got.append(await receive())

        listening = asyncio.create_task(listen())
        await asyncio.sleep(0)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await send({"type": "http.response.body"})
        await listening
        got.append("over")

    with driven(app) as d:
        d.feed(GET)
        d.turns()
        assert got == [{"type": "http.disconnect"}, "over"]
