"""A file that is sent: offset, reading, and that its descriptor never stays behind."""

from __future__ import annotations

import os
import sys

import pytest

from reactor._file import File


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    return path


def opened(path):
    return File(os.open(path, os.O_RDONLY), path.stat().st_size)


def is_open(descriptor):
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_it_reads_from_where_it_stands(path):
    with opened(path) as file:
        assert (file.size, file.tell(), file.read(3), file.tell()) == (10, 0, b"012", 3)
        assert file.seek(8) == 8
        assert (file.read(5), file.read(5), file.read(0)) == (b"89", b"", b"")
        file.seek(4)
        assert (file.read(), file.read()) == (b"456789", b"")
        file.seek(100)
        assert (file.read(), file.read(7)) == (b"", b"")
        with pytest.raises(ValueError, match="below zero"):
            file.seek(-1)


def test_the_kernels_offset_stays_where_it_is(path):
    with opened(path) as file:
        file.seek(2)
        file.read(3)
        assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == 0


def test_of_a_file_that_was_cut_there_is_less(path):
    with opened(path) as file:
        os.truncate(path, 4)
        assert file.read() == b"0123"


def test_closed(path):
    file = opened(path)
    descriptor = file.fileno()
    assert not file.closed
    file.close()
    file.close()
    assert file.closed
    assert not is_open(descriptor)
    for use in (file.fileno, file.read):
        with pytest.raises(ValueError, match="closed"):
            use()


def test_the_last_reference_closes_it(path):
    file = opened(path)
    descriptor = file.fileno()
    assert sys.getrefcount(file) == 2
    del file
    assert not is_open(descriptor)


def test_what_the_kernel_refuses_is_an_os_error(tmp_path):
    with File(os.open(tmp_path, os.O_RDONLY), 10) as folder, pytest.raises(IsADirectoryError):
        folder.read(1)
