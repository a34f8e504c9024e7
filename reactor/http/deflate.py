"""permessage-deflate (RFC 7692): what both ends agree on, and what it does to a message.

Memory is the price: zlib's usual window and tables take 300 KiB a connection. Here both ends keep
to windows of 4 KiB, and what deflates is made with the first message that it is used for.

Must never know: a frame, a connection.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable

from reactor._value import Value
from reactor.errors import RemoteProtocolError
from reactor.limits import Limits

# 4 KiB, and tables to match: 10 KiB to inflate, 35 KiB to deflate; 64 KiB and 5 % less than zlib's
# 32 KiB (measured by the library websockets, which has the same two numbers).
WINDOW_BITS = 12
MEMORY_LEVEL = 5
# zlib cannot deflate by a window of 256 bytes.
_WINDOW_BITS_MIN = 9

_NAME = "permessage-deflate"
# RFC 7692 7.2.1: what every message ends with, and what is not sent.
_TAIL = b"\x00\x00\xff\xff"
# The least that a frame has besides its payload (RFC 6455 5.2). It was received as well: without
# it a page of zeros again and again, 20 bytes each, would be over the ratio.
_FRAME_HEAD_BYTES = 2

# RFC 6455 9.1: extension-list; a value may be quoted, and is a token then too.
_WORD = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PARAMETER = re.compile(rf'\s*;\s*({_WORD})(?:\s*=\s*(?:({_WORD})|"({_WORD})"))?\s*')
_BITS = re.compile(r"[89]|1[0-5]")

Parameters = dict[str, str | None]


class Agreement(Value):
    """What both ends keep to; windows as exponents of two."""

    server_bits: int = 15
    client_bits: int = 15
    server_forgets: bool = False
    client_forgets: bool = False

    def field_value(self, client_asked_bits: bool = True) -> str:
        parts = [_NAME]
        parts += ["server_no_context_takeover"] * self.server_forgets
        parts += ["client_no_context_takeover"] * self.client_forgets
        if self.server_bits < 15:
            parts.append(f"server_max_window_bits={self.server_bits}")
        if self.client_bits < 15 and client_asked_bits:
            parts.append(f"client_max_window_bits={self.client_bits}")
        return "; ".join(parts)


OFFER = f"{_NAME}; client_max_window_bits; server_max_window_bits={WINDOW_BITS}"


def agree(fields: Iterable[str], forget: bool) -> tuple[Agreement, str] | None:
    """A server's answer to a client's Sec-WebSocket-Extensions: the first offer that it can keep
    to, with the value of its own field; None if there is none."""
    for offer in _elements(fields):
        parameters = _parameters(offer)
        if parameters is None:
            continue
        ours = parameters.get("server_max_window_bits", "15")
        if ours == "8":
            continue
        theirs = parameters.get("client_max_window_bits", "15") or "15"
        asked = "client_max_window_bits" in parameters
        agreement = Agreement(
            server_bits=min(int(ours or 15), WINDOW_BITS),
            client_bits=min(int(theirs), WINDOW_BITS) if asked else 15,
            server_forgets=forget or "server_no_context_takeover" in parameters,
            # RFC 7692 7.1.1.2: a client that cannot make its window smaller can at least forget it.
            client_forgets=not asked or "client_no_context_takeover" in parameters,
        )
        return agreement, agreement.field_value(asked)
    return None


def agreed(fields: Iterable[str]) -> Agreement | None:
    """What a server has made of `OFFER`; None if it wants no extension.

    Raises:
        RemoteProtocolError: it answers what was not offered.
    """
    elements = list(_elements(fields))
    if not elements:
        return None
    parameters = _parameters(elements[0])
    if len(elements) > 1 or parameters is None:
        raise _not_offered()
    ours = parameters.get("client_max_window_bits", "15")
    theirs = parameters.get("server_max_window_bits", "15")
    # RFC 7692 7.1.2: in an answer both have a value, and the server's is no larger than asked.
    if ours is None or theirs is None or int(theirs) > WINDOW_BITS:
        raise _not_offered()
    return Agreement(
        server_bits=int(theirs),
        client_bits=max(int(ours), _WINDOW_BITS_MIN),
        server_forgets="server_no_context_takeover" in parameters,
        client_forgets="client_no_context_takeover" in parameters,
    )


def _not_offered() -> RemoteProtocolError:
    return RemoteProtocolError(1010, "ws-extensions", "the server wants what was not offered")


def _elements(fields: Iterable[str]) -> Iterable[str]:
    # No value that we know has a comma in it: what is quoted is a token.
    return (element for field in fields for element in map(str.strip, field.split(",")) if element)


def _parameters(element: str) -> Parameters | None:
    """Of an element that is permessage-deflate with known parameters, once each; else None."""
    name, semicolon, rest = element.partition(";")
    if name.strip() != _NAME:
        return None
    rest, found = semicolon + rest, {}
    while rest:
        match = _PARAMETER.match(rest)
        if match is None or match[1] in found:
            return None
        found[match[1]] = match[2] or match[3]
        rest = rest[match.end() :]
    for parameter, value in found.items():
        if parameter in ("server_no_context_takeover", "client_no_context_takeover"):
            right = value is None
        elif parameter == "server_max_window_bits":
            right = value is not None and _BITS.fullmatch(value) is not None
        elif parameter == "client_max_window_bits":
            right = value is None or _BITS.fullmatch(value) is not None
        else:
            right = False
        if not right:
            return None
    return found


class Inflater:
    """Inflates the messages of one direction, in the pieces in which they come.

    What comes out over the ratio is owed, up to a bound.

    Args:
        clock: seconds. All messages have one account, and as much as the bound is forgiven each
            second. Without one each message has its own.

    Attributes:
        pending: whether `go_on` has more of what was given to `inflate`.

    Raises:
        RemoteProtocolError: the bytes are no deflate (1007), or it makes too much of them (1009).
    """

    __slots__ = (
        *("_bits", "_clock", "_data", "_decompressor", "_forgets", "_frame_ends", "_free"),
        *("_last", "_owed", "_owed_at", "_ratio", "_read", "_step", "_written", "pending"),
    )

    def __init__(
        self,
        bits: int,
        forgets: bool,
        limits: Limits,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._clock = clock
        self._bits = max(bits, _WINDOW_BITS_MIN)
        self._forgets = forgets
        self._free = limits.websocket_inflate_free_bytes
        # To be put where it stays before there is more; a share of a turn is overrun by no more.
        self._step = limits.websocket_inflate_per_turn_max
        self._ratio = limits.websocket_inflate_ratio_max
        self._decompressor: zlib._Decompress | None = None
        self._read, self._written = _FRAME_HEAD_BYTES, 0
        self._owed = self._owed_at = 0.0
        self.pending = False

    def inflate(self, data: bytes, most: int, frame_ends: bool, last: bool) -> bytes:
        """The first of what comes of the next bytes of a message: of ``most`` and one at most.

        The ratio is judged where a frame ends: elsewhere it would depend on how the network has cut
        what was sent.
        """
        self._read += len(data)
        self._data = data + _TAIL if last else data
        self._frame_ends, self._last = frame_ends, last
        return self.go_on(most)

    def go_on(self, most: int) -> bytes:
        if self._decompressor is None:
            self._decompressor = zlib.decompressobj(-self._bits)
        at_most = min(most + 1, self._step)
        try:
            piece = self._decompressor.decompress(self._data, at_most)
        except zlib.error as error:
            raise RemoteProtocolError(1007, "ws-deflate", "a message is not deflate") from error
        self._written += len(piece)
        self._data = self._decompressor.unconsumed_tail
        if self._decompressor.eof:
            # RFC 7692 7.2.3.5: a last block of deflate is not the last of a message.
            self._data = self._decompressor.unused_data
            self._decompressor = None
        # Also where all was taken in: what did not fit is given with the next.
        self.pending = bool(self._data) or (
            self._decompressor is not None and len(piece) == at_most
        )
        if not self.pending:
            self._ended()
        return piece

    def _ended(self) -> None:
        if self._frame_ends:
            over = self._written - self._ratio * self._read
            self._read, self._written = _FRAME_HEAD_BYTES, 0
            if over > 0 or self._owed:
                self._charge(over)
        if self._last and self._forgets:
            self._decompressor = None

    def _charge(self, over: int) -> None:
        if self._clock is not None:
            now = self._clock()
            self._owed = max(0.0, self._owed - self._free * (now - self._owed_at))
            self._owed_at = now
        self._owed = max(0.0, self._owed + over)
        if self._owed > self._free:
            raise RemoteProtocolError(
                1009, "ws-inflate-ratio", f"messages inflate {self._ratio}-fold"
            )
        if self._last and self._clock is None:
            self._owed = 0.0


class Deflater:
    """Deflates the messages of one direction."""

    __slots__ = ("_bits", "_compressor", "_forgets")

    def __init__(self, bits: int, forgets: bool) -> None:
        self._bits = max(bits, _WINDOW_BITS_MIN)
        self._forgets = forgets
        self._compressor: zlib._Compress | None = None

    def deflate(self, data: bytes | memoryview) -> bytes:
        compressor = self._compressor
        if compressor is None:
            compressor = zlib.compressobj(
                zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, -self._bits, MEMORY_LEVEL
            )
        # All of a message is there: where nothing is kept, its end makes it smaller.
        deflated = compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)
        if not self._forgets:
            self._compressor = compressor
        return deflated[: -len(_TAIL)]
