"""ASGI over HTTP, by bytes: what `send` does, the tasks, streams without a client."""

import asyncio
import contextvars
import gc

import pytest
from asgi_driven import answering, driven, sending
from driven import GET, get, statuses

from reactor.errors import ClientDisconnected

START = {"type": "http.response.start", "status": 200, "headers": []}
TEXT = [(b"content-type", b"text/plain")]


class TestSend:
    def test_head_and_body_leave_together(self):
        with driven(sending(*answering(b"hi", headers=TEXT))) as d:
            sent = d.feed(GET)
            assert d.transport.sends == 1
        [(status, headers, body)] = statuses(sent)
        assert (status, body) == (200, b"hi")
        assert headers["content-type"] == "text/plain"
        assert headers["content-length"] == "2"

    def test_a_stream_leaves_piece_by_piece(self):
        pieces = [
            {"type": "http.response.body", "body": b"", "more_body": True},
            {"type": "http.response.body", "body": b"one", "more_body": True},
            {"type": "http.response.body", "body": b"", "more_body": True},
            {"type": "http.response.body", "body": b"two"},
        ]
        with driven(sending(START, *pieces)) as d:
            head, _, rest = d.feed(GET).partition(b"\r\n\r\n")
            assert b"Transfer-Encoding: chunked" in head
            assert rest == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"

    def test_it_is_complete_at_the_last_body_and_not_at_the_end_of_the_task(self):
        release = []

        async def app(scope, receive, send):
            for message in answering(scope["path"].encode()):
                await send(message)
            release.append(asyncio.Event())
            await release[-1].wait()

        with driven(app) as d:
            sent = d.feed(get(b"/1")) + d.feed(get(b"/2"))
            assert [body for _, _, body in statuses(sent)] == [b"/1", b"/2"]
            assert len(d.app.going) == 2
            for event in release:
                event.set()
            d.turns()
            assert not d.app.going

    @pytest.mark.parametrize("kind", [bytearray, memoryview])
    def test_bodies_that_are_no_bytes_object(self, kind):
        with driven(sending(*answering(kind(b"hi")))) as d:
            assert d.feed(GET).endswith(b"\r\n\r\nhi")

    @pytest.mark.parametrize(
        ("messages", "error"),
        [
            ([{"type": "http.response.body", "body": b""}], RuntimeError),
            ([START, START], RuntimeError),
            ([{"type": "no.such.message"}], ValueError),
            ([{"status": 200}], KeyError),
            ([{"type": "http.response.start"}], KeyError),
            ([{**START, "status": 101}], ValueError),
            ([{**START, "status": 1000}], ValueError),
            ([{**START, "status": "200"}], ValueError),
            ([{**START, "headers": [("a", "b")]}], TypeError),
            ([{**START, "headers": "ab"}], TypeError),
            ([{**START, "headers": [(b"a", b"b\r\nc: d")]}], Exception),
            ([{**START, "headers": [(b"a b", b"c")]}], Exception),
            ([START, {"type": "http.response.body", "body": "text"}], TypeError),
            ([*answering(), {"type": "http.response.body", "body": b""}], RuntimeError),
            ([*answering(), START], RuntimeError),
        ],
    )
    def test_what_is_wrong_is_raised_and_nothing_of_it_written(self, messages, error):
        raised = []

        async def app(scope, receive, send):
            try:
                for message in messages:
                    await send(message)
            except Exception as exception:
                raised.append(exception)
                raise

        with driven(app) as d:
            [(status, _, body)] = statuses(d.feed(GET))
            assert isinstance(raised[0], error)
            whole = len(messages) == 3
            assert (status, body) == (200, b"hello") if whole else status == 500
            assert len(d.journal.failures) == 1
            assert d.transport.closed is not whole

    def test_a_fault_between_start_and_body_is_a_clean_500(self):
        async def app(scope, receive, send):
            await send(START)
            await asyncio.sleep(0)
            raise ZeroDivisionError

        with driven(app) as d:
            [(status, _, _)] = statuses(d.feed(GET))
            assert status == 500

    @pytest.mark.parametrize("waits", [False, True])
    @pytest.mark.parametrize(
        "error", [ZeroDivisionError, SystemExit, GeneratorExit, asyncio.CancelledError]
    )
    def test_whatever_it_raises_is_a_500(self, error, waits):
        async def app(scope, receive, send):
            if waits:
                await asyncio.sleep(0)
            raise error

        with driven(app) as d:
            [(status, _, _)] = statuses(d.feed(GET))
            assert status == 500
            assert d.transport.closed
            assert len(d.journal.failures) == 1

    @pytest.mark.parametrize("begun", [(), (START,)])
    def test_to_return_without_an_answer_is_a_500(self, begun):
        with driven(sending(*begun)) as d:
            [(status, _, _)] = statuses(d.feed(GET))
            assert status == 500
            assert "returned" in str(d.journal.failures[0])

    def test_a_fault_within_a_stream_ends_it_short(self):
        async def app(scope, receive, send):
            await send(START)
            await send({"type": "http.response.body", "body": b"part", "more_body": True})
            raise ZeroDivisionError

        with driven(app) as d:
            assert d.feed(GET).endswith(b"4\r\npart\r\n")
            assert d.transport.closed

    def test_what_it_raises_after_the_answer_is_only_logged(self):
        async def app(scope, receive, send):
            for message in answering():
                await send(message)
            raise ZeroDivisionError

        with driven(app) as d:
            sent = d.feed(GET) + d.feed(GET)
            assert [status for status, _, _ in statuses(sent)] == [200, 200]
            assert len(d.journal.failures) == 2

    @pytest.mark.parametrize("body", [b"12345", b"1"])
    def test_a_length_is_held_to(self, body):
        start = {**START, "headers": [(b"content-length", b"3")]}
        with driven(sending(start, {"type": "http.response.body", "body": body})) as d:
            [(status, _, _)] = statuses(d.feed(GET))
            assert status == 500

    def test_never_more_than_the_length_of_a_stream(self):
        start = {**START, "headers": [(b"content-length", b"3")]}
        piece = {"type": "http.response.body", "body": b"12", "more_body": True}
        with driven(sending(start, piece, piece)) as d:
            assert d.feed(GET).endswith(b"\r\n\r\n12")
            assert d.transport.closed

    @pytest.mark.parametrize(
        ("method", "status", "headers", "body", "length"),
        [
            (b"HEAD", 200, [], b"body", "4"),
            (b"HEAD", 200, [(b"content-length", b"9")], b"", "9"),
            (b"HEAD", 200, [(b"content-length", b"9")], b"body", "9"),
            (b"GET", 204, [], b"body", None),
            (b"GET", 304, [(b"content-length", b"9")], b"body", "9"),
            (b"GET", 200, [], b"", "0"),
        ],
    )
    @pytest.mark.parametrize("streamed", [False, True])
    def test_answers_without_a_body(self, method, status, headers, body, length, streamed):
        start, last = answering(body, status, headers)
        messages = [start, last]
        if streamed:
            if length == "0" or (length == "4"):
                pytest.skip("a stream's length is not known")
            messages = [start, {**last, "more_body": True}, {**last, "body": b""}]
        with driven(sending(*messages)) as d:
            sent = d.feed(get(b"/", method=method))
            [(got, fields, content)] = statuses(sent, [method.decode()])
            assert (got, content, fields.get("content-length")) == (status, b"", length)
            assert "transfer-encoding" not in fields
            assert not d.transport.closed

    def test_the_machines_fields_are_not_the_applications(self):
        given = [(b"Transfer-Encoding", b"chunked"), (b"Connection", b"keep-alive"), (b"x", b"y")]
        with driven(sending(*answering(headers=given))) as d:
            [(_, headers, _)] = statuses(d.feed(GET))
            assert (headers["x"], headers["content-length"]) == ("y", "5")
            assert "transfer-encoding" not in headers
            assert not d.transport.closed

    @pytest.mark.parametrize("waits", [False, True])
    def test_connection_close_is_done(self, waits):
        async def app(scope, receive, send):
            if waits:
                await asyncio.sleep(0)
            for message in answering(headers=[(b"connection", b"close")]):
                await send(message)

        with driven(app) as d:
            [(_, headers, _)] = statuses(d.feed(GET + GET))
            assert headers["connection"] == "close"
            assert d.transport.closed

    def test_it_waits_above_high_water(self):
        steps = []

        async def app(scope, receive, send):
            await send(START)
            for n in range(3):
                steps.append(n)
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
            await send({"type": "http.response.body", "body": b""})

        with driven(app) as d:
            d.transport.full = True
            d.feed(GET)
            assert steps == [0]
            d.transport.full = False
            d.in_turn(d.transport.resume)
            d.turns()
            assert steps == [0, 1, 2]

    def test_a_send_that_waits_wakes_when_the_client_goes(self):
        raised = []

        async def app(scope, receive, send):
            await send(START)
            try:
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
            except OSError as error:
                raised.append(error)
                raise RuntimeError("wrapped") from error

        with driven(app) as d:
            d.transport.full = True
            d.feed(GET)
            d.lose()
            assert isinstance(raised[0], ClientDisconnected)
            assert d.journal.failures == []
            assert not d.app.going

    def test_a_whole_answer_to_nobody_is_no_error(self):
        done = []

        async def app(scope, receive, send):
            await receive()
            await receive()
            for message in answering():
                await send(message)
            done.append(True)

        with driven(app) as d:
            d.feed(GET)
            d.lose()
            assert done == [True]
            assert d.journal.failures == []

    @pytest.mark.parametrize("begun", [False, True])
    @pytest.mark.parametrize("raises", [False, True])
    def test_to_leave_a_client_that_has_ended_its_side_is_no_fault(self, begun, raises):
        # Django returns when it is told; Starlette raises ClientDisconnect.
        async def app(scope, receive, send):
            await receive()
            if begun:
                await send(START)
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
            assert (await receive())["type"] == "http.disconnect"
            if raises:
                raise type("ClientDisconnect", (Exception,), {})

        with driven(app) as d:
            d.feed(GET)
            d.end()
            assert d.transport.closed
            assert b"500" not in d.transport.take()
            assert d.journal.failures == []
            assert not d.app.going


class TestTasks:
    def test_context_variables_do_not_leak_into_the_next_request(self):
        variable = contextvars.ContextVar("variable", default="default")
        seen = []

        async def app(scope, receive, send):
            seen.append(variable.get())
            variable.set(scope["path"])
            if scope["path"] == "/wait":
                await asyncio.sleep(0)
            for message in answering():
                await send(message)

        with driven(app) as d:
            d.feed(get(b"/1") + get(b"/wait") + get(b"/3"))
            d.feed(get(b"/4"))
        assert seen == ["default"] * 4

    def test_each_request_has_a_task_of_its_own(self):
        tasks = []

        async def app(scope, receive, send):
            tasks.append(asyncio.current_task())
            async with asyncio.timeout(10), asyncio.TaskGroup() as group:
                group.create_task(asyncio.sleep(0))
            for message in answering():
                await send(message)

        with driven(app) as d:
            sent = d.feed(GET + GET)
            assert len(statuses(sent)) == 2
            assert len(set(tasks)) == 2
            assert None not in tasks

    def test_a_task_is_held_while_it_goes_on(self):
        futures = []

        async def app(scope, receive, send):
            futures.append(asyncio.get_running_loop().create_future())
            await futures[-1]
            for message in answering():
                await send(message)

        with driven(app) as d:
            d.feed(GET)
            gc.collect()
            futures.pop().set_result(None)
            gc.collect()
            d.turns()
            assert d.transport.take().startswith(b"HTTP/1.1 200")

    def test_a_function_without_async_is_said(self):
        def app(scope, receive, send):
            return 5

        with driven(app) as d:
            [(status, _, _)] = statuses(d.feed(GET))
            assert status == 500
            assert "cannot be awaited" in str(d.journal.failures[0])

    def test_an_awaitable_object_will_do(self):
        class Endpoint:
            def __init__(self, scope, receive, send):
                self.send = send

            def __await__(self):
                return self.answer().__await__()

            async def answer(self):
                for message in answering(b"object"):
                    await self.send(message)

        with driven(Endpoint) as d:
            assert d.feed(GET).endswith(b"object")


class TestAbandoned:
    @pytest.mark.parametrize("lost", [True, False])
    def test_an_idle_stream_is_cancelled_after_five_seconds(self, lost):
        ended = []

        async def app(scope, receive, send):
            await send(START)
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(True)

        with driven(app) as d:
            d.feed(GET)
            (d.lose if lost else d.end)()
            d.pass_time(4.9)
            assert ended == []
            d.pass_time(0.2)
            assert ended == [True]
            assert d.journal.failures == []

    def test_what_has_not_begun_to_answer_is_never_cancelled(self):
        done = []

        async def app(scope, receive, send):
            await event.wait()
            done.append(True)

        event = asyncio.Event()
        with driven(app) as d:
            d.feed(GET)
            d.lose()
            d.pass_time(60)
            event.set()
            d.turns()
            assert done == [True]
