"""A server that somebody else started on this machine: found by its URL, measured, never ended."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Self

from reactor.bench.listening import listening, sockets_of
from reactor.bench.servers import NotServed, Server


class Running(Server):
    """Entering finds the process that listens; raises NotServed if there is none to be seen."""

    def __init__(self, name: str, url: str) -> None:
        found = re.fullmatch(
            r"http://(127\.0\.0\.1|localhost|\[::1\])(?::([0-9]{1,5}))?(/[!-~]*)?", url
        )
        if found is None:
            raise NotServed(
                f"{url} is no http URL of 127.0.0.1, localhost or [::1]: "
                "the CPU of a server elsewhere cannot be read"
            )
        self.name = name
        self.port = int(found[2] or 80)
        self.host = found[1].strip("[]")
        if self.host == "localhost":  # it is both, and the server may listen on one of them only
            self.host = "127.0.0.1" if listening("127.0.0.1", self.port) else "::1"
        self.url = self._url(found[3] or "/")
        self.command: list[str] = []
        self.log = None
        self._pid = 0

    def __enter__(self) -> Self:
        sockets = listening(self.host, self.port)
        self._pid = next(
            (int(entry) for entry in os.listdir("/proc")
             if entry.isdigit() and sockets & sockets_of(int(entry))), 0,
        )  # fmt: skip
        if not self._pid:
            raise NotServed(f"no process of yours listens on port {self.port}: start the server")
        command = Path(f"/proc/{self._pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
        self.command = [word.decode(errors="replace") for word in command]
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass  # it is not ours

    def died(self) -> str | None:
        return None if Path(f"/proc/{self._pid}").exists() else ""

    def _root(self) -> int:
        return self._pid
