"""gzip and deflate undone, a bounded piece at a time.

A small body may stand for a large one (a bomb): nothing is decoded further ahead than one
piece, so its memory is the piece's. Must never know where the pieces go.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterable, Iterator

from reactor.client.failures import EXIT_ENCODING
from reactor.errors import FetchError
from reactor.http.ascii import lower
from reactor.limits import Limits

# So much at most is decoded at a time, whatever a few bytes would expand to.
PIECE_BYTES_MAX = 64 * 1024
ACCEPTED = "gzip, deflate"
_WBITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class Decoder:
    """``feed`` yields what comes out; ``finish`` raises if the body ended early."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._wbits = _WBITS[coding]
        self._stream = zlib.decompressobj(self._wbits)
        self._fed = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Raises FetchError (61) for what is not of this coding."""
        while data:
            if self._stream.eof:
                if self._coding == "deflate":
                    raise _invalid(self._coding)
                self._stream = zlib.decompressobj(self._wbits)  # gzip: members in a row
            data = yield from self._decode(data)

    def _decode(self, data: bytes) -> Generator[bytes, None, bytes]:
        """One stream; returns what lies behind it."""
        while True:
            try:
                piece = self._stream.decompress(data, PIECE_BYTES_MAX)
            except zlib.error as error:
                if self._fed or self._coding != "deflate":
                    raise _invalid(self._coding) from error
                # RFC 9110 8.4.1.2: some send the bare stream, without zlib's wrapper.
                self._stream = zlib.decompressobj(-15)
                self._fed = True
                continue
            self._fed = True
            if piece:
                yield piece
            data = self._stream.unconsumed_tail
            if self._stream.eof:
                return self._stream.unused_data
            if not data and len(piece) < PIECE_BYTES_MAX:
                return b""

    def finish(self) -> None:
        if self._fed and not self._stream.eof:
            raise _invalid(self._coding)


class Layers:
    """Several codings, one in another: what comes out of one goes into the next."""

    def __init__(self, decoders: list[Decoder]) -> None:
        self._decoders = decoders

    def feed(self, data: bytes, start: int = 0) -> Iterator[bytes]:
        if start == len(self._decoders):
            yield data
            return
        for piece in self._decoders[start].feed(data):
            yield from self.feed(piece, start + 1)
            if start + 1 < len(self._decoders):
                yield b""  # a piece was gone through, whatever has come of it

    def finish(self) -> None:
        for decoder in self._decoders:
            decoder.finish()


def decoder_for(fields: Iterable[str], limits: Limits) -> Decoder | Layers | None:
    """What undoes the codings of a body, by the values of Content-Encoding; None for none.

    Raises FetchError for a coding that was not asked for, and for too many.
    """
    # RFC 9110 5.3 and 8.4: the fields are one list, in the order in which they were applied.
    names = [lower(name.strip(" \t")) for name in ",".join(fields).split(",")]
    names = [name for name in names if name not in {"", "identity"}]
    for name in names:
        if name not in _WBITS:
            raise FetchError(f"the body is encoded as {name!r:.40}, which was not asked for", 61)
    if len(names) > limits.content_codings_max:
        raise FetchError(f"the body is encoded {len(names)} times over", EXIT_ENCODING)
    decoders = [Decoder(name) for name in reversed(names)]
    return Layers(decoders) if len(decoders) > 1 else decoders[0] if decoders else None


def _invalid(coding: str) -> FetchError:
    return FetchError(f"the body is no valid {coding}", EXIT_ENCODING)
