"""The state of one HTTP/1.1 connection: two sides, one table.

A connection reads messages and writes messages. Each side goes through the same
five states; the pair of them is the connection's whole state. Everything that
is not in the table cannot happen: a missing entry raises, and is our own bug.

    python -m reactor.http.states       prints the diagram of docs/ARCHITECTURE.md
"""

from __future__ import annotations

import enum


class State(enum.Enum):
    IDLE = "IDLE"
    HEAD = "HEAD"
    BODY = "BODY"
    DONE = "DONE"
    CLOSED = "CLOSED"


class Event(enum.Enum):
    START = "START"  # the first byte of a message
    BODY = "BODY"  # the head is whole and a body follows in pieces
    END = "END"  # the message is whole
    NEXT = "NEXT"  # both sides are done and the connection is kept alive
    CLOSE = "CLOSE"  # an error, an end, or the last message


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.IDLE, Event.START): State.HEAD,
    (State.HEAD, Event.BODY): State.BODY,
    (State.HEAD, Event.END): State.DONE,
    (State.BODY, Event.END): State.DONE,
    (State.DONE, Event.NEXT): State.IDLE,
    (State.IDLE, Event.CLOSE): State.CLOSED,
    (State.HEAD, Event.CLOSE): State.CLOSED,
    (State.BODY, Event.CLOSE): State.CLOSED,
    (State.DONE, Event.CLOSE): State.CLOSED,
    (State.CLOSED, Event.CLOSE): State.CLOSED,
}


def diagram() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    [*] --> IDLE"]
    lines += [
        f"    {before.value} --> {after.value}: {event.value}"
        for (before, event), after in TRANSITIONS.items()
    ]
    return "\n".join([*lines, "    CLOSED --> [*]"])


if __name__ == "__main__":
    print(diagram())
