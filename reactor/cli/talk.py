"""What `reactor ws` does with a WebSocket: lines of the input go out, messages are printed."""

from __future__ import annotations

import json
import os
import sys
from base64 import b64encode
from typing import Any

from reactor.cli.output import Output, shown
from reactor.http._websocket import WebSocket
from reactor.loop._core import EVENT_READ
from reactor.net import Reactor

# As a connection reads: a pipe holds no more.
READ_BYTES = 64 * 1024


class Talk(WebSocket):
    """The WebSocket, and the handler of the standard input."""

    failure: Exception | None = None
    broken = False
    code, reason = 1006, ""

    def __init__(self, reactor: Reactor, as_json: bool, wait_s: float) -> None:
        self._reactor = reactor
        self._json = as_json
        self._wait_s = wait_s
        self._output = Output(sys.stdout)
        self._unsent = b""
        self._registration: Any = None
        self._ended = False
        self._timer: Any = None

    # --- the WebSocket ----------------------------------------------------------------

    def on_open(self, request: Any) -> None:
        if self._json:
            self._write({"type": "open", "subprotocol": self.subprotocol})
        self._read_input()

    def on_message(self, data: str | bytes) -> None:
        if self._json:
            kind = "text" if isinstance(data, str) else "binary"
            text = data if isinstance(data, str) else b64encode(data).decode()
            self._write({"type": kind, "data": text})
        elif isinstance(data, str):
            self._put(_printable(data))
        else:
            self._put(data.hex())
        if self._ended:
            self._wait()

    def on_room(self) -> None:
        self._read_input()

    def on_close(self, code: int, reason: str) -> None:
        self.code, self.reason = code, reason
        if self._json:
            self._write({"type": "close", "code": code, "reason": reason})
        self._reactor.stop()

    # --- what is printed --------------------------------------------------------------

    def _write(self, item: dict[str, Any]) -> None:
        self._put(json.dumps(item, ensure_ascii=False))

    def _put(self, line: str) -> None:
        try:
            self._output.write(line + "\n")
        except BrokenPipeError:
            self.broken = True
            self._reactor.stop()

    # --- the standard input -----------------------------------------------------------

    def _read_input(self) -> None:
        if self._ended or self._registration is not None or self.closed:
            return
        try:
            self._registration = self._reactor.register(0, EVENT_READ, self)
        except (OSError, ValueError, KeyError):
            self._reactor.call_soon(self._read_file)  # a file: epoll takes none

    def _read_file(self) -> None:
        if not self._ended and not self.closed and self.room:
            self.on_readable()
            self._reactor.call_soon(self._read_file)

    def on_readable(self) -> None:
        try:
            data = os.read(0, READ_BYTES)
        except OSError:
            data = b""
        *lines, self._unsent = (self._unsent + data).split(b"\n")
        if not data and self._unsent:
            lines.append(self._unsent)
        for line in lines:
            self.send(line.removesuffix(b"\r").decode("utf-8", "replace"))
        if not data:
            self._ended = True
            self._wait()
        if (self._ended or not self.room) and self._registration is not None:
            registration, self._registration = self._registration, None
            self._reactor.unregister(registration)

    def on_writable(self) -> None:
        raise NotImplementedError

    def on_deadline(self) -> None:
        raise NotImplementedError

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._reactor.call_later(self._wait_s, self.close)


def _printable(text: str) -> str:
    """A message as it is for a program; for a terminal with nothing in it that drives that."""
    return shown(text) if sys.stdout is not None and sys.stdout.isatty() else text
