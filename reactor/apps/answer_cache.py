"""The last answers from files, remembered while nothing they were made from changes.

Theory of operation. A remembered answer is returned only after the kernel said, for this
very request, that every file it was made from has the device, inode, size, mtime and ctime
it had. Of a small file the whole answer is kept: one ``fstatat`` instead of open, fstat, read
and close. Of a large one only the head is: the file is opened anew, as safely as the first time,
and compared once it is open. No descriptor is held, since a file that was removed would keep its
place on the disk. Two things escape that comparison, and each has its own guard:

* Time stamps move in ticks of some milliseconds. A file that changed within the last
  ``SETTLED_S`` may change again in the same tick, so it is not remembered yet.
* A program that writes through a shared memory map moves no stamp at each store, and a
  precompressed sibling that appears is in no evidence. So after ``REMEMBERED_S`` an answer is
  made anew in any case.

Must never answer a request that has a condition or a range, nor remember an error.
"""

from __future__ import annotations

import os
import time

from reactor.apps._plain_request import plain_get
from reactor.apps._stamps import FileStamps
from reactor.apps.content import WHOLE_BYTES_MAX
from reactor.apps.path_resolution import Root
from reactor.parser._message import Request, Response

# Times ``WHOLE_BYTES_MAX``: 8 MiB when full. Why answers and not open files: 0010.
ANSWERS_MAX = 256

# Both guards are told above.
SETTLED_S = 2
REMEMBERED_S = 1.0


class Answers:
    """A bounded memory of answers to unconditional GETs beneath one root."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._answers: dict[object, tuple[FileStamps, float, Response, bool]] = {}

    def recall(self, request: Request) -> Response | None:
        """The remembered answer to such a request, if it is still the true one."""
        key = plain_get(request)
        remembered = None if key is None else self._answers.get(key)
        if remembered is None:
            return None
        stamps, until, response, whole = remembered
        if time.monotonic() < until:
            if whole:
                if self._root.confirms(stamps):
                    return response
            elif (file := self._root.reopen(stamps)) is not None:
                return response.with_body(file)
        self._answers.pop(key, None)
        return None

    def stamps(
        self, request: Request, paths: list[list[bytes]], opened: os.stat_result, now_s: int
    ) -> FileStamps | None:
        """What an answer from these paths rests on; None if it is not to be remembered.

        To be called before the content is read, so that a change in between is noticed.
        The first path is the one that ``opened``, the open file's ``fstat``, belongs to.
        """
        if plain_get(request) is None:
            return None
        # The walk that stands in for openat2 costs more than what would be saved.
        if opened.st_size > WHOLE_BYTES_MAX and not self._root.openat2:
            return None
        stamps = self._root.stamps(paths)
        if stamps is None or now_s - stamps.changed_s < SETTLED_S:
            return None
        # Through a last link the path's own stamp is the link's, which says nothing of the file.
        return stamps if stamps.identifies(opened.st_dev, opened.st_ino) else None

    def remember(self, request: Request, stamps: FileStamps, response: Response) -> None:
        """Keep an answer, or the head of one whose body is a file; the oldest one leaves."""
        while len(self._answers) >= ANSWERS_MAX:
            self._answers.pop(next(iter(self._answers)), None)
        whole = isinstance(response.body, bytes)
        kept = response if whole else response.with_body(b"")
        until = time.monotonic() + REMEMBERED_S
        self._answers[plain_get(request)] = (stamps, until, kept, whole)
