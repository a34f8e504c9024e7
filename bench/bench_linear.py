"""Is the parser linear? The time of twice the input over the time of the input.

    python bench/bench_linear.py

Processor time, so that a busy machine changes little. Each row grows one thing that a peer can
send, up to its default limit, fed whole and in pieces of one byte. A linear parser doubles (2.0)
or less, since each call costs something of its own; a quadratic one comes to 4. The exit status is
1 if a ratio is above 2.3 in the best of three tries.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise
from time import process_time_ns

from reactor.parser._framing import RequestParser

RATIO_MAX = 2.3
REPEAT = 15
ENOUGH_NS = 2_000_000

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def long_value(n: int) -> bytes:
    return HEAD + b"X: " + b"v" * n + b"\r\n\r\n"


def long_target(n: int) -> bytes:
    return b"GET /" + b"t" * n + b" HTTP/1.1\r\nHost: a\r\n\r\n"


def head_of(n: int) -> bytes:
    return HEAD + (b"X: " + b"v" * 995 + b"\r\n") * (n // 1000) + b"\r\n"


def many_fields(n: int) -> bytes:
    return HEAD + b"Cookie: a=b\r\n" * n + b"\r\n"


def spaces(n: int) -> bytes:
    return HEAD + b"X: a" + b" " * n + b"b\r\n\r\n"


def options(n: int) -> bytes:
    return HEAD + b"Connection: " + b"x," * n + b"y\r\n\r\n"


def chunks(n: int) -> bytes:
    return CHUNKED + b"10\r\n0123456789abcdef\r\n" * n + b"0\r\n\r\n"


def extension(n: int) -> bytes:
    return CHUNKED + (b"10;" + b"e" * (n - 1) + b"\r\n0123456789abcdef\r\n") * 15 + b"0\r\n\r\n"


def trailer_bytes(n: int) -> bytes:
    return CHUNKED + b"0\r\n" + (b"X: " + b"v" * (n // 8) + b"\r\n") * 8 + b"\r\n"


def trailer_count(n: int) -> bytes:
    return CHUNKED + b"0\r\n" + b"X: y\r\n" * n + b"\r\n"


def body(n: int) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n" % n + b"b" * n


def pipelined(n: int) -> bytes:
    return (HEAD + b"\r\n") * n


ROWS: list[tuple[str, Callable[[int], bytes], tuple[int, ...]]] = [
    ("target, bytes", long_target, (2000, 4000, 8000)),
    ("field, bytes", long_value, (2000, 4000, 8000)),
    ("spaces in a value", spaces, (2000, 4000, 8000)),
    ("connection options", options, (1000, 2000, 4000)),
    ("head, bytes", head_of, (8000, 16_000, 32_000)),
    ("fields", many_fields, (24, 48, 96)),
    ("chunks", chunks, (1000, 8000, 16_000, 32_000)),
    ("extension, bytes", extension, (64, 128, 256)),
    ("trailers, bytes", trailer_bytes, (2000, 4000, 8000)),
    ("trailer fields", trailer_count, (4, 8, 16)),
    ("body, bytes", body, (32_768, 65_536, 131_072)),
    ("pipelined messages", pipelined, (500, 1000, 2000, 4000)),
]


def parse(data: bytes, piece: int) -> None:
    parser = RequestParser()
    for start in range(0, len(data), piece):
        parser.feed(data[start : start + piece])
        while parser.next() is not None:
            pass
    if parser.buffered:
        raise AssertionError("the input was not parsed to its end")


def measure(data: bytes, piece: int) -> float:
    """The best time of one parse in ns, of ``REPEAT`` samples of some milliseconds each."""
    parse(data, piece)
    started = process_time_ns()
    parse(data, piece)
    times = max(1, ENOUGH_NS // max(1, process_time_ns() - started))
    best = float("inf")
    for _ in range(REPEAT):
        started = process_time_ns()
        for _ in range(times):
            parse(data, piece)
        best = min(best, (process_time_ns() - started) / times)
    return best


def doublings(build: Callable[[int], bytes], sizes: tuple[int, ...], piece: int) -> list[float]:
    """time(2n) / time(n) of neighbours; a step that is no doubling is scaled to one."""
    inputs = [build(n) for n in sizes]
    times = [measure(data, piece or len(data)) for data in inputs]
    steps = zip(pairwise(sizes), pairwise(times), strict=True)
    return [after / before * 2 * small / large for (small, large), (before, after) in steps]


def main() -> int:
    failed = 0
    for name, build, sizes in ROWS:
        for piece, how in ((0, "whole"), (1, "by byte"), (1460, "1460 B")):
            for _attempt in range(3):
                ratios = doublings(build, sizes, piece)
                if max(ratios) <= RATIO_MAX:
                    break
            failed += max(ratios) > RATIO_MAX
            said = " ".join(f"{ratio:5.2f}" for ratio in ratios)
            grown = " ".join(f"{n:,}" for n in sizes)
            print(
                f"{name:20} {how:8} n = {grown:28} {said}"
                f"{'   ABOVE ' + str(RATIO_MAX) if max(ratios) > RATIO_MAX else ''}",
                flush=True,
            )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
