"""The HTTP/1.1 machine, without the wire: the part that both roles share.

A machine is a `Protocol`: whoever drives it (the selector's connection, or a
blocking thread) hands it bytes, and it writes bytes to its transport. It does no
I/O and reads no clock: it *asks* its transport for a deadline.

    ServerMachine   reads requests, calls the app, writes responses
    ClientMachine   writes requests, reads responses
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reactor.http.states import TRANSITIONS, Event, State
from reactor.limits import Limits

if TYPE_CHECKING:
    from typing import Any


class Machine:
    """Two sides, each in one `State`; a transport to write to."""

    # What drives the machine: `reactor.net.Transport`, a layer that this one must not know.
    transport: Any

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.reading = State.IDLE
        self.writing = State.IDLE

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def move_reading(self, event: Event) -> None:
        self.reading = TRANSITIONS[self.reading, event]

    def move_writing(self, event: Event) -> None:
        self.writing = TRANSITIONS[self.writing, event]

    @property
    def closed(self) -> bool:
        """Nothing more will be read or written."""
        return self.reading is State.CLOSED and self.writing is State.CLOSED

    def close_sides(self) -> None:
        self.move_reading(Event.CLOSE)
        self.move_writing(Event.CLOSE)
