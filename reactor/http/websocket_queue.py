"""The messages that wait for an application that awaits them.

A handler that is called has none: `WebSocket.on_message` is the end of a message. Whoever awaits
takes messages when it likes, so there is a queue; above its bound the peer is not read any more.
"""

from __future__ import annotations

from reactor.http._websocket import WebSocket
from reactor.limits import DEFAULT_LIMITS, Limits


class MessageQueue:
    """`put` in `WebSocket.on_message`, `take` where a message is awaited.

    Raises:
        IndexError: `take` of an empty queue.
    """

    __slots__ = ("_bytes_max", "_held", "_messages", "_messages_max", "_paused", "_socket")

    def __init__(self, socket: WebSocket, limits: Limits = DEFAULT_LIMITS) -> None:
        self._socket = socket
        self._bytes_max = limits.websocket_queue_bytes_max
        self._messages_max = limits.websocket_queue_messages_max
        # A list: it holds few, and an empty deque would take 600 bytes of each idle connection.
        self._messages: list[str | bytes] = []
        self._held = 0
        self._paused = False

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, data: str | bytes) -> None:
        self._messages.append(data)
        self._held += len(data)
        if not self._paused and (
            self._held >= self._bytes_max or len(self._messages) >= self._messages_max
        ):
            self._paused = True
            self._socket.pause_reading()

    def take(self) -> str | bytes:
        data = self._messages.pop(0)
        self._held -= len(data)
        # At half, or each message would pause and resume.
        if (
            self._paused
            and self._held <= self._bytes_max // 2
            and len(self._messages) <= self._messages_max // 2
        ):
            self._paused = False
            self._socket.resume_reading()
        return data
