"""The parser against httptools, h11 and Python's own join and split.

    pytest bench/bench_parse.py              absolute times, in groups
    python bench/bench_parse.py              ratios in pairs: the figures that docs quote
    python bench/bench_parse.py --pico DIR   also against the picohttpparser in DIR
    python bench/bench_parse.py --repeat NAME N   run one contender N times, e.g. under callgrind

Every contender is checked to extract the same values before it is timed.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import thread_time

import h11
import httptools
import pytest
from pairing import table

from reactor import RequestParser, parse_request, split_message

KIB, MIB = 1024, 1024 * 1024
RECEIVE = 1024

BROWSER = (
    b"GET /articles/2026/11/reactors?page=2&sort=new HTTP/1.1\r\n"
    b"Host: www.example.com\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0\r\n"
    b"Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n"
    b"Accept-Language: en-US,en;q=0.5\r\n"
    b"Accept-Encoding: gzip, deflate, br\r\n"
    b"Connection: keep-alive\r\n"
    b"Cookie: session=f3b0c44298fc1c149afbf4c8996\r\n"
    b"Upgrade-Insecure-Requests: 1\r\n\r\n"
)
if len(BROWSER) != 385:
    raise ImportError("the request of the table has 385 bytes")
TENTHS = [BROWSER[len(BROWSER) * i // 10 : len(BROWSER) * (i + 1) // 10] for i in range(10)]
CHUNKED = (
    b"POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"10\r\n0123456789abcdef\r\n" * 4096
    + b"0\r\n\r\n"
)


# --- contenders: each gives back what it extracted ----------------------------------------------


class Collector:
    """The callbacks of httptools, keeping what they are given."""

    def __init__(self) -> None:
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.body: list[bytes] = []

    def on_url(self, url: bytes) -> None:
        # It comes in as many parts as the input.
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        self.done = True


def httptools_all(pieces: list[bytes] = [BROWSER]):  # noqa: B006 - read only
    collector = Collector()
    parser = httptools.HttpRequestParser(collector)
    for piece in pieces:
        parser.feed_data(piece)
    return parser.get_method(), collector.url, collector.headers


def httptools_chunked() -> bytes:
    collector = Collector()
    httptools.HttpRequestParser(collector).feed_data(CHUNKED)
    return b"".join(collector.body)


def h11_all(pieces: list[bytes] = [BROWSER]):  # noqa: B006 - read only
    connection = h11.Connection(h11.SERVER)
    for piece in pieces:
        connection.receive_data(piece)
        event = connection.next_event()
    return event.method, event.target, event.headers


def reactor_all():
    request = parse_request(BROWSER)
    return request.method, request.target, request.headers.raw


def reactor_lazy():
    request = parse_request(BROWSER)
    return request.method, request.target, request.host


def reactor_pieces():
    parser = RequestParser()
    for piece in TENTHS:
        parser.feed(piece)
        request = parser.next()
    return request.method, request.target, request.headers.raw


def reactor_chunked() -> bytes:
    parser = RequestParser()
    parser.feed(CHUNKED)
    return parser.next().body


def httptools_pieces():
    return httptools_all(TENTHS)


def h11_pieces():
    return h11_all(TENTHS)


def check() -> None:
    """What is timed extracts the same."""
    method, target, fields = reactor_all()
    lazy = (method, target, dict(fields)[b"Host"].decode())
    for _, other_target, other in (httptools_all(), httptools_pieces(), h11_all(), h11_pieces()):
        assert other_target == target.encode()
        assert [v for _, v in other] == [v for _, v in fields]
    assert reactor_pieces() == (method, target, fields)
    assert reactor_lazy() == lazy
    assert reactor_chunked() == httptools_chunked() == b"0123456789abcdef" * 4096


# --- join and split -----------------------------------------------------------------------------


def received(size: int) -> list[bytes]:
    """A response of `size` bytes as a client with a buffer of 1,024 bytes receives it."""
    head = (
        b"HTTP/1.1 200 OK\r\nDate: Mon, 23 Nov 2026 14:00:00 GMT\r\nServer: example\r\n"
        b"Content-Type: text/html; charset=utf-8\r\nContent-Length: 1234567\r\n\r\n"
    )
    data = head + b"x" * (size - len(head))
    return [data[at : at + RECEIVE] for at in range(0, size, RECEIVE)]


def python_split(chunks: list[bytes]) -> tuple[bytes, bytes]:
    head, body = b"".join(chunks).split(b"\r\n\r\n", 1)
    return head, body


def peak_bytes(split: Callable, chunks: list[bytes]) -> int:
    tracemalloc.start()
    split(chunks)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


# --- pytest-benchmark ---------------------------------------------------------------------------


@pytest.mark.parametrize("parse", [reactor_all, httptools_all, h11_all])
@pytest.mark.benchmark(group="request of 385 bytes, every field read")
def test_all(benchmark, parse):
    check()
    benchmark(parse)


@pytest.mark.parametrize("parse", [reactor_lazy, httptools_all])
@pytest.mark.benchmark(group="request of 385 bytes, method, target and host")
def test_lazy(benchmark, parse):
    benchmark(parse)


@pytest.mark.parametrize("parse", [reactor_pieces, httptools_pieces, h11_pieces])
@pytest.mark.benchmark(group="the same in 10 pieces")
def test_pieces(benchmark, parse):
    benchmark(parse)


@pytest.mark.parametrize("parse", [reactor_chunked, httptools_chunked])
@pytest.mark.benchmark(group="body of 64 KiB in chunks of 16 bytes")
def test_chunked(benchmark, parse):
    benchmark(parse)


@pytest.mark.parametrize(
    "size", [KIB, 64 * KIB, MIB, 16 * MIB, 64 * MIB], ids=lambda size: f"{size}"
)
@pytest.mark.parametrize("split", [split_message, python_split])
def test_split(benchmark, split, size):
    chunks = received(size)
    benchmark.group = f"join and split {size // KIB} KiB in {RECEIVE}-byte receives"
    benchmark.extra_info["peak_bytes"] = peak_bytes(split, chunks)
    assert benchmark(split, chunks) == python_split(chunks)


# --- in pairs -----------------------------------------------------------------------------------


def seconds(call: Callable[[], object], times: int) -> float:
    # CPU time: on a busy machine the wall clock counts the neighbours, and more in longer slots.
    start = thread_time()
    for _ in range(times):
        call()
    return thread_time() - start


def ratio(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> tuple:
    """(ratio, ours in us, theirs in us): medians over rounds of A B B A, A being theirs."""
    once = min(seconds(theirs, 3) for _ in range(5)) / 3
    times = max(1, int(0.002 / max(once, 1e-7)))
    found = []
    for _ in range(rounds):
        a, b = seconds(theirs, times), seconds(ours, times)
        b += seconds(ours, times)
        a += seconds(theirs, times)
        found.append((a / b, b / 2 / times * 1e6, a / 2 / times * 1e6))
    return tuple(median(column) for column in zip(*found, strict=True))


def rows(pico: Path | None) -> list[tuple]:
    """(what, against, at least, ours, theirs)"""
    wanted = [
        ("385 bytes, every field read", "httptools", 2.5, reactor_all, httptools_all),
        ("385 bytes, method, target, host", "httptools", 5, reactor_lazy, httptools_all),
        ("385 bytes, method, target, host", "h11", 40, reactor_lazy, h11_all),
        ("385 bytes, every field read", "h11", "", reactor_all, h11_all),
        ("chunked 64 KiB in 16-byte chunks", "httptools", 2, reactor_chunked, httptools_chunked),
        ("head in 10 pieces", "h11", 20, reactor_pieces, h11_pieces),
        ("head in 10 pieces", "httptools", 1.5, reactor_pieces, httptools_pieces),
    ]
    for size, least in ((KIB, 1.4), (64 * KIB, 1.7), (16 * MIB, 1.8)):
        chunks = received(size)
        wanted.append(
            (
                f"split_message, {size // KIB} KiB",
                "join and split",
                least,
                lambda chunks=chunks: split_message(chunks),
                lambda chunks=chunks: python_split(chunks),
            )
        )
    if pico:
        parse = built_pico(pico)
        for fields in (1, 10, 99):
            head = head_of_8_kib(fields)
            assert parse(head) == parse_request(head).end == len(head) == 8 * KIB
            wanted.append(
                (
                    f"head of 8 KiB, {fields} fields",
                    "picohttpparser",
                    0.6,
                    lambda head=head: parse_request(head),
                    lambda head=head: parse(head),
                )
            )
    return wanted


def head_of_8_kib(count: int) -> bytes:
    start = b"GET /index.html HTTP/1.1\r\nHost: www.example.com\r\n"
    room = 8 * KIB - len(start) - 2
    sizes = [room // count] * (count - 1)
    sizes.append(room - sum(sizes))
    names = [b"X-Field-%02d: " % number for number in range(count)]
    return (
        start
        + b"".join(
            name + b"v" * (size - len(name) - 2) + b"\r\n"
            for name, size in zip(names, sizes, strict=True)
        )
        + b"\r\n"
    )


PICO = """
# cython: language_level=3
cdef extern from "picohttpparser.h":
    struct phr_header:
        pass
    int phr_parse_request(const char *, size_t, const char **, size_t *, const char **, size_t *,
                          int *, phr_header *, size_t *, size_t)

def parse(bytes data):
    cdef const char *method
    cdef const char *path
    cdef size_t method_size, path_size, count = 100
    cdef int minor
    cdef phr_header fields[100]
    return phr_parse_request(data, len(data), &method, &method_size, &path, &path_size, &minor,
                             fields, &count, 0)
"""


def built_pico(source: Path) -> Callable[[bytes], int]:
    """picohttpparser as a Python function that gives no fields out: the scan and one call."""
    build = Path(tempfile.mkdtemp(prefix="pico"))
    (build / "pico.pyx").write_text(PICO)
    (build / "setup.py").write_text(f"""
from Cython.Build import cythonize
from setuptools import Extension, setup
setup(ext_modules=cythonize([Extension(
    "pico", ["pico.pyx", {str(source / "picohttpparser.c")!r}], include_dirs=[{str(source)!r}],
    extra_compile_args=["-O2", "-msse4.2"])]))
""")
    subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace"],
        cwd=build,
        check=True,
        capture_output=True,
    )
    spec = importlib.util.spec_from_file_location("pico", next(build.glob("pico.*.so")))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.parse


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=101)
    arguments.add_argument("--pico", type=Path, metavar="DIR")
    arguments.add_argument("--repeat", nargs=2, metavar=("NAME", "N"))
    given = arguments.parse_args()
    if given.repeat:
        call = globals()[given.repeat[0]]
        for _ in range(int(given.repeat[1])):
            call()
        return 0
    check()
    lines, missed = [["what", "against", "ours us", "theirs us", "ratio", "at least"]], 0
    for what, against, least, ours, theirs in rows(given.pico):
        found, our_us, their_us = ratio(ours, theirs, given.rounds if "16384" not in what else 15)
        missed += bool(least) and found < least
        lines.append(
            [what, against, f"{our_us:.3f}", f"{their_us:.3f}", f"{found:.2f}", str(least)]
        )
    print(table(lines))
    chunks = received(16 * MIB)
    peaks = [peak_bytes(split, chunks) for split in (split_message, python_split)]
    print(
        f"peak memory at 16 MiB: {peaks[0]:,} bytes, join and split {peaks[1]:,}: "
        f"{peaks[0] / peaks[1]:.3f}"
    )
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
