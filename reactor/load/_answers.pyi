"""Requests and what must come back."""

from typing_extensions import disjoint_base

@disjoint_base
class Target:
    """Serialised requests that are asked in turn, and the right answer to each of them.

    ``body`` None: it is not compared. ``length`` -1: neither. ``learning``: the body of the first
    answer will be the right one. ``opening`` is sent on each connection and answered by 101, with
    ``accept`` in its head; then each answer is ``body`` itself, a frame, without a head.
    """

    def __init__(
        self,
        url: str,
        method: str,
        requests: tuple[bytes, ...],
        status: int = 200,
        body: bytes | None = None,
        length: int | None = None,
        learning: bool = False,
        opening: bytes | None = None,
        accept: bytes = b"",
    ) -> None: ...
    @property
    def url(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def requests(self) -> tuple[bytes, ...]: ...
    @property
    def status(self) -> int: ...
    @property
    def body(self) -> bytes | None: ...
    @property
    def length(self) -> int: ...
    @property
    def learning(self) -> bool: ...
    @property
    def opening(self) -> bytes | None: ...

@disjoint_base
class AnswerCheck:
    """Judges the answers of one connection, without a copy where they are plain."""

    @property
    def fault(self) -> str | None: ...
