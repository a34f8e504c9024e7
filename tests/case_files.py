"""Cases for the parser, as files have them.

It knows two formats: our own vectors (``tests/vectors/*.jsonl``, described in the README there) and
the corpus of other projects' cases (a directory outside of the repository). It must not import the
parser: the fuzzer takes its seeds from here before anything is built.
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path

VECTORS = Path(__file__).parent / "vectors"
CORPUS = Path(os.environ.get("REACTOR_CORPUS") or Path(__file__).parents[2] / "shared" / "corpus")

Fields = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True)
class Message:
    """A message that arrived whole; a request's or a status line's first two parts come first."""

    start_line: tuple[str | int, str]
    version: int
    headers: Fields
    body: bytes
    trailers: Fields


@dataclass(frozen=True)
class Case:
    name: str
    kind: str
    data: bytes
    expect: str
    rule: str = ""
    statuses: frozenset[int] = frozenset()
    code: str | None = None
    messages: tuple[Message, ...] = ()
    ends: tuple[int, ...] = ()
    methods: tuple[str, ...] = ()
    eof: bool = False
    lenient: bool = False
    leftover: bytes | None = None
    raw: dict | None = None

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"


def _text(value: str | list) -> bytes:
    """Latin-1 text, or a list of ``[text, times]`` for what repeats."""
    if isinstance(value, str):
        return value.encode("latin-1")
    return b"".join(text.encode("latin-1") * times for text, times in value)


def _input(record: dict) -> bytes:
    if "input_base64" in record:
        return base64.b64decode(record["input_base64"])
    return b"".join(base64.b64decode(part) * times for part, times in record["input_parts"])


def _fields(pairs: list) -> Fields:
    return tuple((_text(name), _text(value)) for name, value in pairs)


def _message(record: dict) -> Message:
    if "method" in record:
        line = (_text(record["method"]).decode(), _text(record["target"]).decode("latin-1"))
    else:
        line = (record["status"], _text(record["reason"]).decode("latin-1"))
    return Message(
        line,
        record["version"],
        _fields(record["headers"]),
        _text(record["body"]),
        _fields(record["trailers"]),
    )


def load_vectors(path: Path) -> list[Case]:
    cases = []
    for line in path.read_text().splitlines():
        record = json.loads(line)
        status = record.get("status", [])
        cases.append(
            Case(
                name=record["name"],
                kind=record["kind"],
                data=_input(record),
                expect=record["expect"],
                rule=str(record["rule"]),
                statuses=frozenset([status] if isinstance(status, int) else status),
                code=record.get("code"),
                messages=tuple(map(_message, record["messages"])),
                ends=tuple(message["end"] for message in record["messages"]),
                methods=tuple(record.get("methods", ())),
                eof=record.get("eof", False),
                lenient=record.get("lenient", False),
                leftover=_text(record["leftover"]) if "leftover" in record else None,
            )
        )
    return cases


def own_vectors() -> list[Case]:
    return [case for path in sorted(VECTORS.glob("*.jsonl")) for case in load_vectors(path)]


def corpus(name: str) -> list[Case]:
    """The cases of one file of the corpus, their record in ``raw``; none if it is not there."""
    path = CORPUS / f"{name}.jsonl"
    if not path.exists():
        return []
    records = [json.loads(line) for line in path.read_text().splitlines()]
    return [
        Case(
            name=f"{name}:{record['name']}",
            kind=record["kind"],
            data=_input(record),
            expect=record["expect"],
            raw=record,
        )
        for record in records
    ]
