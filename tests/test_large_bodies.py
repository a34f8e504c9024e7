"""Large bodies at a machine: which go to a file, their bound, and what a full disk is."""

from __future__ import annotations

import errno
import io
import os

import pytest
from driven import Driven, get, statuses

from reactor import Limits, Request, Response

K = 1024
SMALL = Limits(
    body_in_memory_bytes_max=10 * K, body_memory_max=100 * K, body_files_bytes_max=1 << 20
)


class FakeFile(io.BytesIO):
    """A file in memory, of a disk that has ``room``."""

    def __init__(self, room):
        super().__init__()
        self.room = room
        self.pieces = []

    @property
    def size(self):
        return len(self.getbuffer())

    def append(self, data):
        if self.size + len(data) > self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        place = self.tell()
        self.seek(0, os.SEEK_END)
        self.write(data)
        self.seek(place)
        self.pieces.append(len(data))

    def load(self):
        return self.getvalue()


class Disk:
    """Makes the files of a machine under test; ``full`` says what comes of the next one."""

    def __init__(self, room=1 << 40):
        self.room = room
        self.files = []
        self.error = None
        self.no_descriptor = False

    def open(self):
        if self.error is not None:
            raise self.error
        if self.no_descriptor:
            return None
        self.files.append(FakeFile(self.room))
        return self.files[-1]


class Uploads:
    """Connections to one server with a disk."""

    def __init__(self, limits=SMALL, answer=None, **disk):
        self.disk = Disk(**disk)
        answer = answer or (lambda request: Response(200, {}, str(len(request.stream.read()))))
        self.d = Driven(answer, limits, open_body_file=self.disk.open)
        self.d.app.body_bytes_max = 1 << 30
        self.memory, self.files = self.d.context.bodies.memory, self.d.context.bodies.files
        self.machine, self.transport = self.d.machine, self.d.transport

    def connect(self):
        self.d.connect()
        self.machine, self.transport = self.d.machine, self.d.transport
        return self.machine, self.transport

    def begin(self, size, *pieces, chunked=False):
        """The head of an upload, and these pieces of its body."""
        length = b"Transfer-Encoding: chunked\r\n" if chunked else b"Content-Length: %d\r\n" % size
        self.machine.data_received(get(b"/", length, b"POST"))
        for piece in pieces:
            self.machine.data_received(chunk(piece) if chunked else piece)

    def status(self):
        [(status, _, body)] = statuses(self.transport.take())
        return status, body.decode()


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


class TestWhereABodyGoes:
    def test_a_long_one_goes_to_a_file_from_its_first_byte(self):
        u = Uploads()
        u.begin(30 * K)
        assert u.disk.files == []  # a length that is only announced makes none
        for _ in range(3):
            u.machine.data_received(b"x" * 10 * K)
        assert u.disk.files[0].pieces == [10 * K] * 3
        assert u.status() == (200, str(30 * K))
        assert (u.memory.held, u.files.held) == (0, 0)

    def test_a_short_one_stays_in_memory(self):
        u = Uploads()
        u.begin(10 * K, b"x" * 5 * K)
        assert (u.memory.held, u.files.held) == (5 * K, 0)
        u.machine.data_received(b"x" * 5 * K)
        assert u.status() == (200, str(10 * K))
        assert u.disk.files == []

    def test_a_chunked_one_goes_there_when_it_has_become_long(self):
        u = Uploads()
        u.begin(0, b"a" * 6 * K, b"b" * 4 * K, chunked=True)
        assert (u.disk.files, u.memory.held) == ([], 10 * K)
        u.machine.data_received(chunk(b"c" * 6 * K))
        [file] = u.disk.files
        assert file.pieces == [10 * K, 6 * K]
        assert (u.memory.held, u.files.held, len(u.memory.bodies)) == (0, 16 * K, 0)
        u.machine.data_received(b"0\r\n\r\n")
        assert u.status() == (200, str(16 * K))
        assert file.load() == b"a" * 6 * K + b"b" * 4 * K + b"c" * 6 * K

    def test_what_the_whole_of_memorys_room_cannot_hold_goes_there_too(self):
        u = Uploads(SMALL.replace(body_memory_max=4 * K))
        u.begin(5 * K, b"x" * 5 * K)
        assert len(u.disk.files) == 1
        assert u.status() == (200, str(5 * K))

    @pytest.mark.parametrize("how", ["none are made", "no room is for any"])
    def test_without_files_all_are_in_memory(self, how):
        u = Uploads(SMALL if how == "none are made" else SMALL.replace(body_files_bytes_max=0))
        if how == "none are made":
            d = Driven(lambda request: Response(200, {}, str(len(request.body))), SMALL)
            d.app.body_bytes_max = 1 << 30
            u.d, u.machine, u.transport = d, d.machine, d.transport
            u.memory = d.context.bodies.memory
        u.begin(90 * K, b"x" * 80 * K)
        assert (u.memory.held, u.disk.files) == (80 * K, [])
        u.machine.data_received(b"x" * 10 * K)
        assert u.status() == (200, str(90 * K))
        u.connect()
        u.begin(101 * K)
        assert u.status()[0] == 413

    @pytest.mark.parametrize("chunked", [False, True])
    def test_one_that_could_never_fit_is_too_long(self, chunked):
        u = Uploads(SMALL.replace(body_files_bytes_max=20 * K))
        u.begin(21 * K, chunked=chunked)
        for _ in range(3 if chunked else 0):
            u.machine.data_received(chunk(b"x" * 7 * K))
        status, _ = u.status()
        assert (status, u.memory.held, u.files.held) == (413, 0, 0)

    @pytest.mark.parametrize("most", [1, 9 * K, 10 * K])
    @pytest.mark.parametrize("chunked", [False, True])
    def test_where_no_file_has_room_what_would_be_one_is_too_long(self, most, chunked):
        u = Uploads(SMALL.replace(body_files_bytes_max=most))
        u.begin(10 * K, b"x" * 10 * K)
        assert u.status() == (200, str(10 * K))
        u.connect()
        u.begin(11 * K, chunked=chunked)
        if chunked:
            u.machine.data_received(chunk(b"x" * 11 * K))
        assert (u.status()[0], u.memory.held, u.disk.files) == (413, 0, [])

    @pytest.mark.parametrize("how", ["no descriptor", "too many files"])
    def test_without_a_descriptor_one_stays_in_memory(self, how):
        u = Uploads(SMALL.replace(body_files_max=1000 if how == "no descriptor" else 0))
        u.disk.no_descriptor = how == "no descriptor"
        for chunked in (False, True):
            u.begin(40 * K, *[b"x" * 10 * K] * 4, chunked=chunked)
            if chunked:
                u.machine.data_received(b"0\r\n\r\n")
            assert u.status() == (200, str(40 * K))
        assert (u.disk.files, u.memory.held, u.files.bodies) == ([], 0, {})

    def test_how_many_files_there_are_is_bounded(self):
        u = Uploads(SMALL.replace(body_files_max=2))
        machines = []
        for _ in range(3):
            u.begin(20 * K, b"x" * K)
            machines.append(u.machine)
            u.connect()
        assert (len(u.disk.files), u.memory.held) == (2, K)
        machines[0].connection_lost(None)
        u.begin(20 * K, b"x" * K)
        assert (len(u.disk.files), u.files.held) == (3, 2 * K)


class TestTheBound:
    def test_over_it_nothing_more_of_those_in_files_is_read(self):
        u = Uploads(SMALL.replace(body_files_bytes_max=100 * K))
        (one, first) = u.machine, u.transport
        u.begin(100 * K, b"x" * 80 * K)
        (other, second) = u.connect()
        u.begin(50 * K, b"y" * 30 * K)
        assert (first.reading, second.reading) == (True, False)
        # Those in memory have a room of their own.
        u.connect()
        u.begin(5 * K, b"z" * 5 * K)
        assert u.status() == (200, str(5 * K))
        one.data_received(b"x" * 20 * K)
        assert first.take().startswith(b"HTTP/1.1 200")
        second.run_soon()
        assert second.reading
        other.data_received(b"y" * 20 * K)
        assert second.take().startswith(b"HTTP/1.1 200")
        assert (u.files.held, u.files.bodies) == (0, {})

    def test_when_all_wait_the_newest_is_refused(self):
        u = Uploads(SMALL.replace(body_files_bytes_max=100 * K))
        (one, first) = u.machine, u.transport
        u.begin(100 * K, b"x" * 60 * K)
        (_, second) = u.connect()
        u.begin(100 * K, b"y" * 60 * K)
        one.data_received(b"x" * 10 * K)
        while first.run_soon() + second.run_soon():
            pass
        [(status, headers, _)] = statuses(second.take())
        assert (status, headers["retry-after"]) == (503, "10")
        assert (first.reading, u.files.held) == (True, 70 * K)

    @pytest.mark.parametrize("how", ["answered", "failed", "broken", "lost", "eof", "late"])
    def test_however_it_ends_what_it_took_is_given_back(self, how):
        def answer(request):
            if how == "failed":
                raise ZeroDivisionError
            return Response(200, {}, "fine")

        u = Uploads(answer=answer)
        u.begin(0, b"x" * 20 * K, chunked=True)
        assert u.files.held == 20 * K
        if how in {"answered", "failed"}:
            u.machine.data_received(b"0\r\n\r\n")
        elif how == "broken":
            u.machine.data_received(b"no chunk\r\n")
        elif how == "lost":
            u.machine.connection_lost(None)
        elif how == "eof":
            u.machine.eof_received()
        else:
            u.machine.deadline_expired()
        assert (u.files.held, u.files.bodies, u.memory.bodies) == (0, {}, {})


class TestAFullDisk:
    @pytest.mark.parametrize("chunked", [False, True])
    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO])
    @pytest.mark.parametrize("when", ["at once", "later"])
    def test_it_is_a_507_for_that_request_alone(self, chunked, number, when, monkeypatch):
        u = Uploads(room=25 * K if when == "later" else 1 << 40)
        if when == "at once":
            u.disk.error = OSError(number, os.strerror(number))
        u.begin(60 * K, *[b"x" * 10 * K] * 3, chunked=chunked)
        [(status, headers, body)] = statuses(u.transport.take())
        assert (status, u.transport.closed, "retry-after" in headers) == (507, True, False)
        assert b"no room on the disk" in body
        assert [code for _, code, _ in u.d.journal.refusals] == ["body-disk"]
        assert (u.files.held, u.files.bodies, u.memory.held, u.memory.bodies) == (0, {}, 0, {})
        u.disk.error = None
        u.connect()
        u.begin(20 * K, b"x" * 20 * K)
        assert u.status() == (200, str(20 * K))


class TestWhatTheApplicationGets:
    def body_of(self, size=20 * K):
        u = Uploads(answer=lambda request: requests.append(request) or Response(200))
        requests = []
        data = os.urandom(size)
        u.begin(size, data)
        return requests[0], data, u

    def test_the_body_is_loaded_when_it_is_asked_for(self):
        request, data, u = self.body_of()
        [file] = u.disk.files
        assert request.body == data
        file.truncate(0)
        assert request.body == data  # and kept

    def test_the_stream_has_one_place_and_is_apart_from_the_body(self):
        request, data, _ = self.body_of()
        assert request.stream.read(100) == data[:100]
        assert request.body == data
        assert request.stream.read() == data[100:]

    def test_a_short_body_has_a_stream_too(self):
        request, data, u = self.body_of(100)
        assert u.disk.files == []
        assert (request.stream.read(40), request.stream.read()) == (data[:40], data[40:])
        assert Request("GET", "/").stream.read() == b""

    def test_it_is_whole_and_can_be_copied(self):
        import copy
        import pickle

        request, data, _ = self.body_of()
        assert request.complete
        assert pickle.loads(pickle.dumps(request)).body == data
        assert copy.copy(request) == request
        assert request.with_body(b"other").body == b"other"
