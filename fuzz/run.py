"""Fuzz the parser: build it with sanitizers in a temporary copy, then run libFuzzer.

    python fuzz/run.py --seconds 60
    python fuzz/run.py --level core --seconds 600

Level ``api`` drives the parsers' objects (harness.pyx), level ``core`` the scanners below them,
without an object and many times as often (core.pyx), level ``frames`` the reader of WebSocket
frames (frames.pyx).

Needs clang with its runtime (Debian: ``apt install clang libclang-rt-14-dev``), the headers of this
Python, and Cython. Seeds are ``tests/vectors`` and, if it is there, the corpus at REACTOR_CORPUS
or ``../shared/corpus``; new inputs are kept in ``--corpus``. A crash leaves its input in
``--artifacts``, and the exit status is not 0.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
# Cython 3.3's own constructors add zero to a null pointer where there are no arguments, which UBSan
# of clang reports (C2y allows it). Constructors in the older way keep that check for our code.
CYTHON = ["-DCYTHON_VECTORCALL_TPNEW=0"]
CFLAGS = ["-O1", "-g", "-fno-omit-frame-pointer", "-fPIC", "-UNDEBUG", "-w", *CYTHON, *SANITIZE]
# The parser and what it stands on; nothing that reads a clock or a socket.
HARNESS = {"api": "harness.pyx", "core": "core.pyx", "frames": "frames.pyx"}
# Whose branches guide the fuzzer; a counter less is an execution more.
FOLLOWED = {
    "api": ("_head", "_lines", "_fields", "_chunked", "_input", "_framing", "_parse"),
    "core": ("_head", "_lines", "_fields", "_chunked"),
    "frames": ("_frames",),
}
EVERY = ("_*.pyx", "parser/_*.pyx", "http/_*.pyx")
MODULES = {"api": EVERY, "core": EVERY, "frames": ("parser/_frames.pyx",)}


def shell(*command: str | Path, **kwargs) -> None:
    subprocess.run([str(part) for part in command], check=True, **kwargs)


def copy(build: Path, level: str) -> list[Path]:
    shutil.copytree(
        ROOT / "reactor",
        build / "reactor",
        ignore=shutil.ignore_patterns("*.so", "*.c", "__pycache__"),
    )
    harness = build / "harness.pyx"
    shutil.copy(ROOT / "fuzz" / HARNESS[level], harness)
    sources = [
        path for pattern in MODULES[level] for path in sorted((build / "reactor").glob(pattern))
    ]
    return [*sources, harness]


def compile_module(build: Path, source: Path, level: str) -> None:
    """One instrumented extension module beside its source."""
    c_file = source.with_suffix(".c")
    shell(
        sys.executable,
        "-m",
        "cython",
        "-3",
        "-X",
        "boundscheck=True",
        "-X",
        "cdivision=True",
        "-o",
        c_file,
        source.relative_to(build),
        cwd=build,
    )
    coverage = ["-fsanitize=fuzzer-no-link"] if source.stem in FOLLOWED[level] else []
    target = source.with_suffix(sysconfig.get_config_var("EXT_SUFFIX"))
    shell(
        "clang",
        "-shared",
        *CFLAGS,
        *coverage,
        f"-I{sysconfig.get_paths()['include']}",
        f"-I{build / 'reactor' / 'parser'}",
        c_file,
        "-o",
        target,
    )


def link(build: Path) -> Path:
    binary = build / "fuzz_http"
    libdir = sysconfig.get_config_var("LIBDIR")
    library = f"-lpython{sysconfig.get_config_var('LDVERSION')}"
    shell(
        "clang",
        *CFLAGS,
        "-fsanitize=fuzzer",
        f"-I{sysconfig.get_paths()['include']}",
        ROOT / "fuzz" / "main.c",
        "-o",
        binary,
        f"-L{libdir}",
        f"-Wl,-rpath,{libdir}",
        library,
    )
    return binary


def write_seeds(folder: Path) -> int:
    """Every vector and corpus case, as request or response, with two sets of cuts."""
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]
    from case_files import corpus, own_vectors

    cases = own_vectors()
    for source in ("llhttp", "picohttpparser", "httparse"):
        cases += corpus(source)
    count = 0
    for case in cases:
        if len(case.data) > 4096:
            continue
        mode = int(case.kind == "response") | case.lenient << 2 | case.eof << 3
        for small, seed in ((0, 0), (2, 77)):
            (folder / f"{count:05}").write_bytes(bytes((mode | small, seed)) + case.data)
            count += 1
    return count


def write_frames(folder: Path) -> int:
    """The vectors of `tests/test_frames.py`, cut in several ways, with deflate and without."""
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]
    from test_frames import RIGHT, WRONG

    count = 0
    for data, _ in [*RIGHT.values(), *WRONG.values()]:
        for mode, seed in ((1, 0), (3, 7), (5, 0), (13, 9)):
            (folder / f"{count:05}").write_bytes(bytes((mode, seed)) + data)
            count += 1
    return count


def environment(build: Path) -> dict[str, str]:
    # malloc instead of pymalloc, so that AddressSanitizer sees each object on its own.
    return os.environ | {
        "PYTHONPATH": str(build),
        "PYTHONMALLOC": "malloc",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONHOME": sys.base_prefix,
        "ASAN_OPTIONS": "detect_leaks=1:handle_abort=1:quarantine_size_mb=16:malloc_context_size=3",
        "LSAN_OPTIONS": f"suppressions='{ROOT / 'fuzz' / 'lsan.supp'}':print_suppressions=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--level", choices=HARNESS, default="api")
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--runs", type=int, default=-1, help="stop after so many executions")
    options.add_argument("--corpus", type=Path, help="folder that keeps what was found")
    options.add_argument("--artifacts", type=Path, default=Path.cwd() / "fuzz-artifacts")
    options.add_argument("--max-len", type=int, default=1024)
    options.add_argument("--leaks", type=int, choices=(0, 1), default=1)
    options.add_argument("inputs", nargs="*", help="replay these inputs and stop")
    asked = options.parse_args()
    if shutil.which("clang") is None:
        sys.exit("fuzz/run.py needs clang: `apt install clang libclang-rt-14-dev`")
    with tempfile.TemporaryDirectory(prefix="reactor-fuzz-") as name:
        build = Path(name)
        for source in copy(build, asked.level):
            compile_module(build, source, asked.level)
        binary = link(build)
        asked.artifacts.mkdir(parents=True, exist_ok=True)
        command = [binary, f"-artifact_prefix={asked.artifacts}/"]
        if asked.inputs:
            command += asked.inputs
        else:
            seeds, found = build / "seeds", asked.corpus or build / "found"
            seeds.mkdir()
            found.mkdir(parents=True, exist_ok=True)
            write = write_frames if asked.level == "frames" else write_seeds
            print(f"{write(seeds)} seeds", flush=True)
            command += [
                f"-dict={ROOT / 'fuzz' / 'http.dict'}",
                f"-max_total_time={asked.seconds}",
                f"-runs={asked.runs}",
                f"-max_len={asked.max_len}",
                "-rss_limit_mb=2048",
                "-timeout=10",
                f"-detect_leaks={asked.leaks}",
                "-print_final_stats=1",
                "-print_funcs=0",
                "-entropic=0",
                found,
                seeds,
            ]
        return follow([str(part) for part in command], environment(build))


def follow(command: list[str], env: dict[str, str]) -> int:
    """Run libFuzzer; its statistics and whatever goes wrong are printed, its progress is not."""
    progress = re.compile(r'^#\d+\s+(NEW|REDUCE|RELOAD)|^"|^INFO')
    with subprocess.Popen(
        command, env=env, stderr=subprocess.PIPE, text=True, errors="replace"
    ) as fuzzer:
        for line in fuzzer.stderr:
            if not progress.search(line):
                print(line, end="", flush=True)
    return fuzzer.returncode


if __name__ == "__main__":
    sys.exit(main())
