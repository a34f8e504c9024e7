"""Other people's tests over reactor's parsers: uvicorn's `test_http`, httpcore's HTTP/1.1.

    python tests/other_suites.py [FOLDER]

Fetches the source distributions, which carry the tests, into FOLDER (default: a temporary one), and
runs them twice in a virtual environment of their own: with h11 as it is, and with `h11_on_reactor`.
Exit 1 if a test fails on reactor that does not fail on h11. Needs the package index.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What a suite needs besides the project itself; pinned, so that only our changes change the result.
SUITES = {
    "uvicorn-0.54.0": (
        ("tests/protocols/test_http.py",),
        ("anyio", "a2wsgi", "httpx", "httpx2", "pytest-mock", "trustme", "websockets", "wsproto"),
        # The tests take every HTTP implementation in turn: of those, the one that uses h11.
        ("-k", "not httptools and not zttp"),
    ),
    "httpcore-1.0.9": (
        tuple(
            f"tests/{kind}/test_{name}.py"
            for kind in ("_sync", "_async")
            for name in ("http11", "connection", "connection_pool", "http_proxy")
        ),
        ("anyio", "h2", "hpack", "pytest-httpbin", "pytest-trio", "socksio", "trio", "trustme"),
        (),
    ),
}
H11 = "h11==0.16.0"
ENDED = re.compile(r"^(PASSED|FAILED|ERROR|XFAIL|SKIPPED) (\S+::.*?)(?: - .*)?$", re.M)


def fetch(name: str, folder: Path) -> Path:
    project, _, version = name.rpartition("-")
    if not (folder / name).is_dir():
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        what = ["--no-binary", ":all:", "--dest", str(folder), f"{project}=={version}"]
        subprocess.run([*pip, *what], check=True)
        shutil.unpack_archive(folder / f"{name}.tar.gz", folder)
    return folder / name


def outcomes(python: Path, source: Path, arguments: list[str]) -> tuple[dict[str, str], str]:
    """How each test ended, and what pytest said last."""
    run = subprocess.run(
        [python, "-m", "pytest", "-q", "-rA", "--tb=no", "-o", "addopts=", *arguments],
        cwd=source,
        capture_output=True,
        text=True,
        timeout=900,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}:{source}", "PATH": "/usr/bin:/bin"},
    )
    ended = ENDED.findall(run.stdout)
    return {name: how for how, name in ended}, (run.stdout + run.stderr)[-1500:]


def compare(name: str, folder: Path) -> bool:
    """Whether nothing is worse on reactor."""
    tests, needs, options = SUITES[name]
    source = fetch(name, folder)
    python = folder / "venv" / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "pytest", H11, *needs, str(source)], check=True
    )
    arguments = [*tests, *options]
    own, said = outcomes(python, source, arguments)
    ours, ours_said = outcomes(python, source, ["-p", "h11_on_reactor", *arguments])
    read = re.search(r"(\d+) connections read by reactor", ours_said)
    worse = [test for test, how in own.items() if how == "PASSED" and ours.get(test) != "PASSED"]
    counted = [sum(how == "PASSED" for how in result.values()) for result in (own, ours)]
    print(
        f"{name}: {counted[0]} of {len(own)} pass on h11, {counted[1]} of {len(ours)} on reactor, "
        f"which read {read[1] if read else 0} connections"
    )
    for test in worse:
        print(f"  only on h11: {test}")
    if not counted[0] or read is None:
        print(said, ours_said, sep="\n")
        return False
    return not worse


def main() -> int:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "venv").is_dir():
            venv.create(folder / "venv", with_pip=True)
        fine = [compare(name, folder) for name in SUITES]  # each of them, whatever the first says
        return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
