"""Files without a name: made, written, read by many, gone with the last reference."""

from __future__ import annotations

import errno
import logging
import os
import resource

import pytest
from processes import open_descriptors

from reactor import Limits
from reactor.errors import ConfigurationError
from reactor.server import body_files
from reactor.server.body_files import BodyFiles
from reactor.server.file_systems import kind_of
from reactor.testing import FakeClock

LINES = b"one\ntwo\n\nlast"


@pytest.fixture
def files(tmp_path):
    return BodyFiles(str(tmp_path))


@pytest.fixture(params=["O_TMPFILE", "unlinked"])
def either(request, files, monkeypatch):
    """With the kernel's own files without a name, and where the file system has none."""
    if request.param == "unlinked":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    return files


def test_it_has_no_name(either):
    file = either.open()
    assert os.listdir(either.folder) == []
    file.append(b"abc")
    assert os.listdir(either.folder) == []
    assert file.load() == b"abc"


def test_where_the_file_system_refuses_o_tmpfile_another_way_is_taken(files, monkeypatch):
    given = []

    def refusing(path, flags, *mode, open=os.open):
        given.append(flags)
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, "no such thing here")
        return open(path, flags, *mode)

    monkeypatch.setattr(os, "open", refusing)
    file = files.open()
    file.append(LINES)
    assert len(given) == 2
    assert (file.load(), os.listdir(files.folder)) == (LINES, [])


def test_nobody_else_may_read_it(either):
    file = either.open()
    status = os.fstat(file._place.descriptor)
    assert (status.st_nlink, status.st_mode & 0o777) == (0, 0o600)


def test_its_descriptor_goes_with_the_last_reference(files):
    before = open_descriptors()
    file = files.open()
    file.append(b"abc")
    lines = iter(file)
    del file
    assert list(lines) == [b"abc"]
    del lines
    assert open_descriptors() == before


def test_a_reader_that_is_closed_still_loads(files):
    with files.open() as file:
        file.append(b"abc")
        assert file.read() == b"abc"
    assert file.load() == b"abc"


def test_it_is_not_inherited(files):
    assert not os.get_inheritable(files.open()._place.descriptor)


class TestReading:
    def test_it_is_a_binary_file(self, files):
        stream = files.open()
        for byte in LINES:
            stream.append(bytes([byte]))
        assert stream.size == len(LINES)
        assert list(stream) == [b"one\n", b"two\n", b"\n", b"last"]
        assert (stream.readable(), stream.writable(), stream.seekable()) == (True, False, True)
        assert (stream.seek(0), stream.read(2), stream.readline()) == (0, b"on", b"e\n")
        assert (stream.tell(), stream.read1(3), stream.readlines()) == (
            4,
            b"two",
            [b"\n", b"\n", b"last"],
        )
        assert (stream.seek(-4, os.SEEK_END), stream.read(), stream.read(1)) == (9, b"last", b"")
        assert (stream.seek(1), stream.seek(2, os.SEEK_CUR), stream.read(2)) == (1, 3, b"\nt")
        with pytest.raises(ValueError, match="below zero"):
            stream.seek(-1)

    def test_to_load_it_moves_nobody(self, files):
        file = files.open()
        file.append(b"x" * 100_000 + b"y" * 100_000)
        assert file.read(150_000) == b"x" * 100_000 + b"y" * 50_000
        assert len(file.load()) == 200_000
        assert file.read() == b"y" * 50_000

    def test_all_of_it_is_read_at_once(self, files, monkeypatch):
        sizes = []

        def reading(descriptor, size, offset, pread=os.pread):
            sizes.append(size)
            return pread(descriptor, min(size, 70_000), offset)  # a kernel that gives less

        monkeypatch.setattr(body_files.os, "pread", reading)
        file = files.open()
        file.append(b"x" * 100_000 + b"y" * 100_000)
        assert file.read() == b"x" * 100_000 + b"y" * 100_000
        assert sizes == [200_000, 130_000, 60_000]
        assert (file.read(), file.seek(199_999), file.read()) == (b"", 199_999, b"y")

    def test_an_empty_one(self, files):
        assert (files.open().load(), files.open().read()) == (b"", b"")

    def test_one_that_became_shorter_is_an_error(self, files):
        file = files.open()
        file.append(b"abc")
        os.ftruncate(file._place.descriptor, 1)
        with pytest.raises(OSError, match="became shorter"):
            file.load()


class TestTrouble:
    def test_a_kernel_that_takes_a_part_gets_the_rest(self, files, monkeypatch):
        monkeypatch.setattr(
            body_files.os, "write", lambda fd, data, write=os.write: write(fd, bytes(data[:3]))
        )
        file = files.open()
        file.append(b"0123456789")
        assert (file.size, file.load()) == (10, b"0123456789")

    def test_a_full_disk_is_said_once_a_minute(self, files, monkeypatch, caplog):
        caplog.set_level(logging.INFO)
        clock = FakeClock()
        monkeypatch.setattr(body_files.time, "monotonic", clock)

        def full(fd, data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        file = files.open()
        monkeypatch.setattr(body_files.os, "write", full)
        for seconds in (0, 59, 2):
            clock.advance(seconds)
            with pytest.raises(OSError, match="No space left"):
                file.append(b"abc")
        said = [record.getMessage() for record in caplog.records]
        assert len(said) == 2
        assert f"{files.folder}: No space left on device" in said[0]

    def test_without_a_descriptor_there_is_none_and_it_is_no_error(self, files, caplog):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        highest = max(map(int, open_descriptors()))
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 2, hard))
        held = []
        try:
            with pytest.raises(OSError, match="Too many open files"):
                while True:
                    held.append(os.open(os.devnull, os.O_RDONLY))
            assert files.open() is None
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for number in held:
                os.close(number)
        assert "Too many open files" in caplog.text
        assert files.open() is not None

    def test_a_folder_that_is_gone_is_one(self, tmp_path):
        files = BodyFiles(str(tmp_path), Limits())
        tmp_path.rmdir()
        with pytest.raises(FileNotFoundError):
            files.open()

    def test_a_folder_that_is_none_is_refused_at_the_start(self, tmp_path):
        for folder in (tmp_path / "missing", __file__):
            with pytest.raises(ConfigurationError, match="no file for a request's body"):
                BodyFiles(str(folder))

    def test_a_machine_without_a_temporary_folder(self, monkeypatch):
        def none():
            raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

        monkeypatch.setattr("tempfile.gettempdir", none)
        with pytest.raises(ConfigurationError, match="there is no temporary folder"):
            BodyFiles()


MOUNTS = """22 27 {device} / / rw,relatime - ext4 /dev/vda rw
25 24 {other} / /memory rw,relatime shared:3 - {kind} none rw,size=1k
"""


@pytest.mark.parametrize("kind", ["tmpfs", "ramfs", "ext4"])
def test_whether_a_folder_is_memory(kind, tmp_path, monkeypatch):
    files = BodyFiles(str(tmp_path))
    device = os.stat(tmp_path).st_dev
    ours, other = f"{os.major(device)}:{os.minor(device)}", "0:98765"
    table = tmp_path / "mountinfo"

    def opened(path, *mode, open=open, **how):
        return open(table if path == "/proc/self/mountinfo" else path, *mode, **how)

    monkeypatch.setattr("builtins.open", opened)
    table.write_text(MOUNTS.format(device=other, other=ours, kind=kind))
    assert files.is_in_memory == (kind != "ext4")
    table.write_text(MOUNTS.format(device=ours, other=other, kind=kind))
    assert not files.is_in_memory
    table.unlink()
    assert not files.is_in_memory
    assert kind_of(str(tmp_path / "missing")) == ""


@pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="no tmpfs at its usual place")
def test_a_real_tmpfs_is_memory():
    assert BodyFiles("/dev/shm").is_in_memory
    assert kind_of("/dev/shm") == "tmpfs"
