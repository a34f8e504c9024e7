"""Bodies of WSGI applications (PEP 3333): iterables, `close`, and files."""

from __future__ import annotations

import gzip
import io

import pytest
from wsgi_driven import PLAIN, Closing, Driven

from reactor.apps.wsgi import FileWrapper, is_plain_file

# --- bodies -------------------------------------------------------------------------------


class TestBodies:
    @pytest.mark.parametrize(
        ("result", "body"),
        [
            ([], b""),
            ((), b""),
            ([b""], b""),
            ([b"one"], b"one"),
            ((b"one", b"", b"two"), b"onetwo"),
        ],
    )
    def test_a_list_has_a_length(self, result, body):
        def application(environ, start_response):
            start_response("200 OK", PLAIN)
            return result

        head, sent = Driven(application).get()
        assert b"Content-Length: %d\r\n" % len(body) in head
        assert b"Transfer-Encoding" not in head
        assert sent == body

    def test_an_iterator_is_chunked(self):
        closing = Closing((b"one", b"", b"two"))
        head, body = Driven(closing.application()).get()
        assert b"Transfer-Encoding: chunked\r\n" in head
        assert body == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
        assert closing.closed == 1

    def test_in_http_1_0_its_end_is_that_of_the_connection(self):
        driven = Driven(Closing().application())
        head, body = driven.get(version=b"1.0", extra=b"Connection: keep-alive\r\n")
        assert b"Connection: close\r\n" in head
        assert b"Transfer-Encoding" not in head
        assert body == b"onetwo"
        assert driven.transport.closed
        assert not driven.transport.aborted

    def test_a_length_is_kept(self):
        head, body = Driven(Closing().application([("content-length", "6")])).get()
        assert head.lower().count(b"content-length: 6\r\n") == 1
        assert b"Transfer-Encoding" not in head
        assert body == b"onetwo"

    def test_an_iterator_without_a_piece(self):
        closing = Closing((b"", b""))
        head, body = Driven(closing.application()).get()
        assert b"Content-Length: 0\r\n" in head
        assert body == b""
        assert closing.closed == 1

    def test_head_runs_no_further_than_the_first_piece(self):
        closing = Closing()
        head, body = Driven(closing.application()).get(b"HEAD")
        assert b"Content-Length" not in head
        assert body == b""
        assert (closing.pulled, closing.closed) == (1, 1)

    def test_head_of_a_list_says_its_length(self):
        def application(environ, start_response):
            start_response("200 OK", PLAIN)
            return [b"body"]

        head, body = Driven(application).get(b"HEAD")
        assert b"Content-Length: 4\r\n" in head
        assert body == b""

    @pytest.mark.parametrize("empty", [[], [b""], iter(())])
    def test_a_head_that_the_application_emptied_says_no_length(self, empty):
        def application(environ, start_response):
            start_response("200 OK", PLAIN)
            return empty

        assert b"Content-Length" not in Driven(application).get(b"HEAD")[0]

    def test_the_client_that_does_not_read_pauses_the_iterator(self):
        closing = Closing([b"x" * 100] * 50)
        driven = Driven(closing.application())
        driven.transport.full = True
        driven.get()
        assert closing.pulled == 1
        driven.transport.resume()
        assert closing.pulled == 1  # the others have a turn first
        for turn in range(50):
            assert closing.pulled == 1 + turn
            assert driven.transport.run_soon() == 1
        assert closing.pulled == 50
        assert closing.closed == 1


class TestClose:
    """close() of the iterable is called once, whatever happens."""

    @pytest.mark.parametrize("method", [b"GET", b"HEAD", b"POST"])
    @pytest.mark.parametrize(
        ("status", "headers", "pieces"),
        [
            ("200 OK", [], (b"one", b"two")),
            ("200 OK", [("Content-Length", "6")], (b"one", b"two")),
            ("200 OK", [("Content-Length", "5")], (b"one", b"two")),
            ("200 OK", [("Content-Length", "2")], (b"one", b"two")),
            ("200 OK", [("Content-Length", "7")], (b"one", b"two")),
            ("200 OK", [("Content-Length", "7")], ()),
            ("200 OK", [("Connection", "close")], (b"one", b"two")),
            ("200 OK", [("Connection", "close")], ()),
            ("200 OK", [("Content-Length", "x")], (b"one", b"two")),
            ("100 Continue", [], (b"one", b"two")),
            ("204 No Content", [], (b"one", b"two")),
            ("304 Not Modified", [("Content-Length", "9")], (b"one", b"two")),
            ("204 No Content", [("Transfer-Encoding", "chunked")], (b"one",)),
            ("200 OK", [], ()),
            ("200 OK", [], (b"", b"")),
            ("200 OK", [], (b"one", ValueError())),
            ("200 OK", [], (ValueError(),)),
            ("200 OK", [], (b"one", "two")),
            ("200 OK", [], ("one",)),
            (None, None, (b"one",)),
            (None, None, ()),
        ],
    )
    def test_however_the_response_ends(self, method, status, headers, pieces):
        closing = Closing(pieces)

        def application(environ, start_response):
            if status is not None:
                start_response(status, headers)
            return closing

        driven = Driven(application)
        driven.get(method, extra=b"Content-Length: 0\r\n")
        driven.machine.connection_lost(None)
        assert closing.closed == 1

    def test_when_the_client_goes_away(self):
        closing = Closing([b"x" * 100] * 50)
        driven = Driven(closing.application())
        driven.transport.full = True
        driven.get()
        assert closing.closed == 0
        driven.machine.connection_lost(ConnectionResetError())
        driven.machine.connection_lost(None)
        assert closing.closed == 1
        assert not driven.journal.failures

    def test_when_the_journal_fails_too(self):
        closing = Closing([b"x" * 100] * 50)
        driven = Driven(closing.application())
        driven.transport.full = True
        driven.get()
        driven.journal.answered = lambda *args: 1 // 0
        with pytest.raises(ZeroDivisionError):
            driven.machine.connection_lost(None)
        assert closing.closed == 1

    def test_a_generator_ends_in_its_finally(self):
        ended = []

        def application(environ, start_response):
            start_response("200 OK", [])
            try:
                yield b"one"
                yield b"two"
            finally:
                ended.append(True)

        driven = Driven(application)
        driven.transport.full = True
        driven.get()
        driven.machine.connection_lost(None)
        assert ended == [True]

    def test_an_iterable_without_close(self):
        class Bare:
            def __iter__(self):
                return iter([b"bare"])

        def application(environ, start_response):
            start_response("200 OK", [])
            return Bare()

        assert Driven(application).get()[1] == b"4\r\nbare\r\n0\r\n\r\n"


# --- files --------------------------------------------------------------------------------


class TestFiles:
    @pytest.fixture
    def path(self, tmp_path):
        path = tmp_path / "file"
        path.write_bytes(bytes(range(256)) * 100)
        return path

    def get(self, file, headers=(), **request):
        def application(environ, start_response):
            start_response("200 OK", list(headers))
            return environ["wsgi.file_wrapper"](file, 4096)

        return Driven(application).get(**request)

    def test_a_file_is_sent_by_the_kernel(self, path):
        reads = []

        class Counting(io.FileIO):
            def read(self, *args):
                reads.append(args)
                return super().read(*args)

        with Counting(path) as file:
            assert not is_plain_file(file)  # what overrides read is read
        head, body = self.get(path.open("rb"))
        assert b"Content-Length: 25600\r\n" in head
        assert body == path.read_bytes()
        assert self.get(Counting(path))[0].count(b"chunked") == 1
        assert len(reads) == 8

    @pytest.mark.parametrize("mode", ["rb", "r+b"])
    @pytest.mark.parametrize("buffering", [0, -1])
    def test_from_its_position(self, path, mode, buffering):
        file = path.open(mode, buffering)
        file.read(1000)
        head, body = self.get(file)
        assert b"Content-Length: 24600\r\n" in head
        assert body == path.read_bytes()[1000:]
        assert file.closed

    @pytest.mark.parametrize("length", [0, 1, 500])
    def test_a_shorter_length_is_kept(self, path, length):
        file = path.open("rb")
        file.seek(7)
        head, body = self.get(file, [("Content-Length", str(length))])
        assert b"Content-Length: %d\r\n" % length in head
        assert body == path.read_bytes()[7 : 7 + length]
        assert file.closed

    def test_behind_its_end(self, path):
        file = path.open("rb")
        file.seek(1 << 20)
        head, body = self.get(file)
        assert b"Content-Length: 0\r\n" in head
        assert body == b""
        assert file.closed

    def test_what_is_still_in_its_buffer_is_sent(self, path):
        file = path.open("r+b")
        file.write(b"new")
        file.seek(0)
        file.write(b"N")
        file.seek(0, io.SEEK_SET)
        assert self.get(file)[1][:4] == b"New\x03"

    @pytest.mark.parametrize("method", [b"GET", b"HEAD"])
    def test_compressed_files_have_a_descriptor_too(self, tmp_path, method):
        with gzip.open(tmp_path / "z", "wb") as file:
            file.write(b"plain")
        file = gzip.open(tmp_path / "z")  # noqa: SIM115 - the server closes it
        assert not is_plain_file(file)
        _, body = self.get(file, method=method, version=b"1.0")
        assert body == (b"plain" if method == b"GET" else b"")
        assert file.closed

    def test_head(self, path):
        file = path.open("rb")
        head, body = self.get(file, method=b"HEAD")
        assert b"Content-Length: 25600\r\n" in head
        assert body == b""
        assert file.closed

    def test_something_that_reads(self):
        head, body = self.get(io.BytesIO(b"x" * 5000), [("Content-Length", "5000")])
        assert b"Content-Length: 5000\r\n" in head
        assert body == b"x" * 5000

    def test_close_is_what_it_is_when_the_response_ends(self, path):
        closed = []
        file = path.open("rb")

        def application(environ, start_response):
            start_response("200 OK", [])
            wrapper = FileWrapper(file)
            wrapper.close = lambda: (closed.append(True), file.close())
            return wrapper

        Driven(application).get()
        assert closed == [True]

    def test_no_close_and_no_read(self):
        class Reader:
            def read(self, size):
                return b""

        assert not hasattr(FileWrapper(Reader()), "close")
