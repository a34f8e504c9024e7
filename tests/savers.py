"""What the tests of saving share: a `Saver` of one folder, and what is written into it."""

from __future__ import annotations

import pytest

from reactor.client.partial import Folder
from reactor.client.resuming import Version
from reactor.client.saving import FileSink, Saver

URL = "http://host/page"
DATE = "Mon, 23 Nov 2026 15:51:40 GMT"
VERSION = Version(URL, '"v1"', None, None)
UNKNOWN = Version(URL, None, None, None)
BIG = bytes(range(256)) * 1024  # 256 KiB: no memory holds it


class Saving:
    """A `Saver` of one folder, and what it said."""

    def __init__(self, path):
        self.path = path
        self.saver = Saver(Folder(str(path)))
        self.said = []
        self.saved = []

    def sink(self, name="page", replaces=False):
        return FileSink(self.saver, name, replaces, self.said.append)

    def save(self, data, name="page", version=VERSION, replaces=False):
        sink = self.sink(name, replaces)
        sink.begin(version.length, lambda: version)
        for start in range(0, len(data), 10_000):
            sink.write(data[start : start + 10_000])
        sink.finish(self.saved.append)
        self.saver.commit()
        return self.saved[-1]

    def break_off(self, data, name="page", version=VERSION, replaces=False):
        sink = self.sink(name, replaces)
        sink.begin(version.length, lambda: version)
        sink.write(data)
        sink.stop()


@pytest.fixture
def saving(tmp_path):
    saving = Saving(tmp_path)
    yield saving
    saving.saver.close()
