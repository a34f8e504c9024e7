"""Words that workers leave where others can read them: their slowest requests, their last stalls.

Memory that was shared before the fork, as the page is, and with one writer for each place. A note
is JSON behind its length and its check sum: a reader that comes in the middle of a write finds
that they do not fit, and has one note fewer. Nothing is written but for what was slow.
"""

from __future__ import annotations

import json
import mmap
import struct
import zlib
from typing import Any

# As many as a person reads, of each worker: the slowest ten of all are among them.
SLOW_MAX = 10
# A loop that is held up more often has its reason among these.
STALLS_MAX = 5
PLACES = SLOW_MAX + STALLS_MAX
# A note's bytes: a path, or a file's name with a function's, is cut to what is left.
NOTE_BYTES = 512
TEXT_MAX = 300
_HEAD = struct.Struct("=II")


class Notes:
    """Shared memory for ``writers`` processes; each has `PLACES` of its own."""

    def __init__(self, writers: int = 1) -> None:
        self._writers = writers
        self._memory = mmap.mmap(-1, max(1, writers) * PLACES * NOTE_BYTES)

    def write(self, writer: int, place: int, note: dict[str, Any]) -> None:
        data = json.dumps(note, separators=(",", ":")).encode()
        if len(data) > NOTE_BYTES - _HEAD.size:
            return  # escapes have made a text longer: what cannot be kept is not half kept
        start = (writer * PLACES + place) * NOTE_BYTES
        _HEAD.pack_into(self._memory, start, 0, 0)
        self._memory[start + _HEAD.size : start + _HEAD.size + len(data)] = data
        _HEAD.pack_into(self._memory, start, len(data), zlib.crc32(data))

    def read(self, first: int, count: int) -> list[dict[str, Any]]:
        """Those of all writers in ``count`` places, the first being ``first``."""
        found = []
        for writer in range(self._writers):
            for place in range(first, first + count):
                note = self._read((writer * PLACES + place) * NOTE_BYTES)
                if note is not None:
                    found.append(note)
        return found

    def _read(self, start: int) -> dict[str, Any] | None:
        size, check = _HEAD.unpack_from(self._memory, start)
        if not 0 < size <= NOTE_BYTES - _HEAD.size:
            return None
        data = self._memory[start + _HEAD.size : start + _HEAD.size + size]
        if zlib.crc32(data) != check:
            return None
        note: dict[str, Any] = json.loads(data)
        return note

    def clear(self, writer: int) -> None:
        """Its process has ended, and another one is to write there."""
        start = writer * PLACES * NOTE_BYTES
        self._memory[start : start + PLACES * NOTE_BYTES] = bytes(PLACES * NOTE_BYTES)


def shortened(text: str) -> str:
    """Printable ASCII, and not too long for a note.

    >>> shortened("/a\\n\\u00e4")
    '/a\\\\n\\\\xe4'
    """
    text = text[:TEXT_MAX].encode("unicode_escape").decode("ascii")
    return text if len(text) <= TEXT_MAX else text[: TEXT_MAX - 3] + "..."
