"""What the server's machine makes of an app's responses, driven by bytes: no socket, no clock."""

import bz2
import gzip
import io
import lzma
import tempfile

import pytest
from driven import GET, Driven, get, statuses

from reactor import Headers, Response, parse_response


class TestResponses:
    def test_long_bytes_go_out_in_slices(self):
        body = bytes(range(256)) * 2000
        d = Driven(lambda request: Response(200, {}, body))
        sent = d.feed(GET)
        assert statuses(sent)[0][2] == body
        assert d.transport.sends > 5

    def test_an_iterable_is_chunked_and_empty_pieces_end_nothing(self):
        d = Driven(lambda request: Response(200, {}, [b"ab", b"", b"cde"]))
        sent = d.feed(GET)
        assert sent.endswith(b"\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n")
        assert not d.transport.closed

    def test_an_iterable_for_http_1_0_ends_with_the_connection(self):
        d = Driven(lambda request: Response(200, {}, [b"ab", b"cde"]))
        sent = d.feed(get(b"/", b"Connection: keep-alive\r\n", version=b"1.0"))
        assert sent.endswith(b"\r\n\r\nabcde")
        assert b"Connection: close\r\n" in sent
        assert b"chunked" not in sent
        assert d.transport.closed

    def test_an_iterable_with_a_length_is_held_to_it(self):
        good = Driven(lambda request: Response(200, {"Content-Length": "5"}, [b"ab", b"cde"]))
        assert good.feed(GET).endswith(b"Content-Length: 5\r\n\r\nabcde")
        for pieces in ([b"ab"], [b"ab", b"cdef"]):
            d = Driven(lambda request, p=pieces: Response(200, {"Content-Length": "5"}, p))
            sent = d.feed(GET + GET)
            assert d.transport.closed
            assert not d.transport.aborted  # what was sent arrives, and is less than the length
            assert sent.partition(b"\r\n\r\n")[2] == b"ab"
            assert len(d.app.requests) == 1
            assert len(d.journal.failures) == 1

    def test_a_file_from_where_it_stands_is_closed_afterwards(self, tmp_path):
        path = tmp_path / "f"
        path.write_bytes(b"0123456789")
        files = []

        def answer(request):
            file = path.open("rb")
            file.seek(4)
            files.append(file)
            return Response(200, {}, file)

        d = Driven(answer)
        sent = d.feed(GET + get(b"/", method=b"HEAD"))
        first, second = statuses(sent, ["GET", "HEAD"])
        assert first[2] == b"456789"
        assert second[1]["content-length"] == "6"
        assert second[2] == b""
        assert all(file.closed for file in files)

    @pytest.mark.parametrize("status", [204, 304])
    def test_no_body_and_no_length_where_there_is_none(self, status):
        d = Driven(lambda request: Response(status))
        sent = d.feed(GET + GET)
        assert b"Content-Length" not in sent
        assert [s for s, _, _ in statuses(sent)] == [status, status]

    def test_304_may_carry_the_length_of_the_200(self):
        d = Driven(lambda request: Response(304, {"Content-Length": "1234"}))
        assert b"Content-Length: 1234\r\n" in d.feed(GET)

    @pytest.mark.parametrize("at", range(4))
    def test_the_fields_go_out_as_they_are_and_the_length_once(self, at):
        # "Content-Extras" has as many letters as Content-Length.
        pairs = [("Content-Extras", "1"), ("Set-Cookie", "b=2"), ("Set-Cookie", " c\t")]
        lines = b"Content-Extras: 1\r\nSet-Cookie: b=2\r\nSet-Cookie: c\r\n"
        pairs.insert(at, ("content-LENGTH", "4"))
        received = parse_response(
            b"HTTP/1.1 200 OK\r\n%b\r\nbody"
            % b"".join(f"{name}:{value}\r\n".encode() for name, value in pairs)
        )
        for fields in (pairs, dict(pairs), tuple(pairs), Headers(pairs), received.headers):
            d = Driven(lambda request, fields=fields: Response(200, fields, b"body"))
            kept = lines if len(fields) == 4 else lines.replace(b"Set-Cookie: b=2\r\n", b"")
            for _ in range(3):
                sent = d.feed(GET)
                assert sent.startswith(b"HTTP/1.1 200 OK\r\n" + kept + b"Date: ")
                assert sent.lower().count(b"content-length: 4\r\n") == 1

    def test_a_response_may_be_used_again(self):
        response = Response(200, {"X": "1"}, b"same")
        d = Driven(lambda request: response)
        first = d.feed(GET)
        assert d.feed(GET) == first


class TestFiles:
    """Only a plain file is sent by the kernel; whatever else has `read` streams."""

    @pytest.mark.parametrize("kind", ["gzip", "bz2", "lzma", "bytes", "named"])
    def test_content_is_what_read_gives(self, kind, tmp_path):
        path = tmp_path / "f"
        opened = {"gzip": gzip.open, "bz2": bz2.open, "lzma": lzma.open}.get(kind)
        content = b"content" * 20_000
        if opened:
            with opened(path, "wb") as file:
                file.write(content)
        files = []

        def answer(request):
            if kind == "bytes":
                files.append(io.BytesIO(content))
            elif kind == "named":
                files.append(tempfile.NamedTemporaryFile())  # noqa: SIM115
                files[-1].write(content)
                files[-1].seek(0)
            else:
                files.append(opened(path))
            return Response(200, {}, files[-1])

        d = Driven(answer)
        [(_, headers, body)] = statuses(d.feed(GET))
        assert body == content
        assert headers["transfer-encoding"] == "chunked"
        assert files[0].closed

    def test_what_is_still_in_its_buffer_is_sent(self, tmp_path):
        file = (tmp_path / "f").open("w+b")
        file.write(b"unwritten")
        file.seek(0)
        [(_, headers, body)] = statuses(Driven(lambda request: Response(200, {}, file)).feed(GET))
        assert (headers["content-length"], body) == ("9", b"unwritten")


class TestFaultsOfTheApplication:
    def fail(request):
        raise ZeroDivisionError("secret")

    @pytest.mark.parametrize(
        "answer",
        [
            fail,
            lambda request: None,
            lambda request: b"bytes",
            lambda request: Response(100),
            lambda request: Response(200, {"Transfer-Encoding": "chunked"}, b"x"),
            lambda request: Response(200, {"Connection": "close"}, b"x"),
            lambda request: Response(200, {"X": "a\r\nY: b"}, b"x"),
            lambda request: Response(200, {"Content-Length": "5"}, b"x"),
            lambda request: Response(200, {"Content-Length": "5"}, b""),
            lambda request: Response(200, {"Content-Length": "1"}, b"xyz"),
            lambda request: Response(204, {}, b"x"),
            lambda request: Response(99),
            lambda request: Response(200, {}, 5),
            lambda request: Response(200, {}, (1 / 0 for _ in range(3))),
            lambda request: Response(200, {}, ["text"]),
            lambda request: Response(200, {"Content-Length": "1"}, [b"ab"]),
        ],
    )
    def test_a_500_that_tells_nothing_and_a_close(self, answer):
        d = Driven(answer)
        sent = d.feed(GET + GET)
        [(status, headers, body)] = statuses(sent)
        assert status == 500
        assert headers["connection"] == "close"
        assert b"secret" not in body
        assert d.transport.closed
        assert len(d.journal.failures) == 1

    @pytest.mark.parametrize("bad", [ZeroDivisionError, "text"])
    @pytest.mark.parametrize("version", [b"1.0", b"1.1"])
    def test_in_the_middle_of_a_body_the_client_sees_the_part_and_that_it_is_one(
        self, bad, version
    ):
        def pieces():
            yield b"begun"
            if bad == "text":
                yield "text"
            raise bad

        d = Driven(lambda request: Response(200, {}, pieces()))
        sent = d.feed(get(b"/", version=version) * 2)
        assert d.transport.closed
        # Where the end of the connection is that of the body, only a reset is no end.
        assert d.transport.aborted == (version == b"1.0")
        assert b"begun" in sent
        assert not sent.endswith(b"0\r\n\r\n")
        assert len(d.app.requests) == 1
        assert len(d.journal.failures) == 1

    @pytest.mark.parametrize("how", ["whole", "lost", "broken", "head"])
    def test_close_of_an_iterable_is_called_exactly_once(self, how):
        class Pieces:
            closed = 0

            def __iter__(self):
                yield b"1"
                if how == "broken":
                    raise ZeroDivisionError
                yield b"2"

            def close(self):
                self.closed += 1

        pieces = Pieces()
        d = Driven(lambda request: Response(200, {}, pieces))
        d.transport.full = how == "lost"
        d.feed(get(b"/", method=b"HEAD") if how == "head" else GET)
        assert pieces.closed == (0 if how == "lost" else 1)
        d.machine.connection_lost(None)
        assert pieces.closed == 1

    def test_a_close_that_fails_is_reported_and_harms_nothing(self):
        class Pieces(list):
            def close(self):
                raise ZeroDivisionError

        d = Driven(lambda request: Response(200, {}, Pieces([b"ok"])))
        assert len(statuses(d.feed(GET + GET))) == 2
        assert len(d.journal.failures) == 2
