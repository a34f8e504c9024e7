"""What a parser was fed and has not parsed yet."""

from _typeshed import ReadableBuffer as Buffer
from typing_extensions import disjoint_base

@disjoint_base
class ParserInput:
    """What `MessageParser` is made of."""

    def feed(self, data: Buffer) -> None:
        """Take received bytes (copied). After the last message of a connection: nothing.

        Raises:
            ValueError: after ``eof()``.
        """
