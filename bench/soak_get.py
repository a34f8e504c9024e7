"""What `get` must hold on to: the long forms of its tests, with their figures.

    python bench/soak_get.py                       everything, some ten minutes
    python bench/soak_get.py resume hostile        only these
    python bench/soak_get.py interop --python /tmp/peers/bin/python

Each part prints one line for each thing that it shows. The exit code is 0 only if every figure is
what it has to be.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests")]

from command import end_with  # noqa: E402
from fetching import fetch  # noqa: E402
from origins import CHUNKS, CLOSE, LENGTH, PAGE, SQUEEZED, Origin, Origins  # noqa: E402
from soak_get_disk import disk  # noqa: E402
from soak_get_memory import hostile, memory  # noqa: E402
from soak_get_resume import resume  # noqa: E402

PAGE_LINES = 20_000


def interop(place: Path, options: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    """Other servers, and ours: the same file by length, by chunks, by close."""
    site = place / "site"
    site.mkdir()
    page = "".join(f"line {number}\n" for number in range(PAGE_LINES)).encode()
    (site / PAGE).write_bytes(page)
    origins = Origins(place, site, options.python)
    for name in origins.makers:
        origin = origins.get(name)
        if origin is None:
            yield f"{name} is not installed", False
            continue
        with origin.server:
            faults = {body: _fault(origin, body, page) for body in origin.paths}
        told = ", ".join(
            f"{body} ({origin.versions[body]}){fault and f' WRONG: {fault}'}"
            for body, fault in faults.items()
        )
        yield f"{name}: {told}", not any(faults.values())


def _fault(origin: Origin, body: str, page: bytes) -> str:
    """What is not as it has to be when this body is fetched; empty if all is."""
    more = ["--compressed"] if body == SQUEEZED else []
    with tempfile.TemporaryDirectory() as folder:
        done = fetch(f"{origin.server.url}{origin.paths[body]}", "-o", "got", *more, folder=folder)
        if done.code or Path(folder, "got").read_bytes() != page:
            return f"exit code {done.code}, not the same bytes: {done.stderr}"
    head = done.stdout.lower()
    chunked = "\ntransfer-encoding: chunked\n" in head
    framing = (chunked and CHUNKS) or ("\ncontent-length: " in head and LENGTH) or CLOSE
    if framing != (CHUNKS if body == SQUEEZED else body):
        return f"it came by {framing}"
    version = done.stdout.partition(" ")[0]
    return "" if version == origin.versions[body] else f"it came by {version}"


PARTS = {
    "resume": resume,
    "memory": memory,
    "hostile": hostile,
    "interop": interop,
    "disk": disk,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="|".join(PARTS), default=[])
    parser.add_argument("--kills", type=int, default=100, help="of each kind, for each server")
    parser.add_argument("--python", default=sys.executable, help="where the peers are installed")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {unknown.pop()!r}")
    passed = True
    for name in options.parts or PARTS:
        with tempfile.TemporaryDirectory() as place:
            os.chmod(place, 0o755)  # Apache is another user
            for figures, right in PARTS[name](Path(place), options):
                passed = passed and right
                print(f"{'ok  ' if right else 'FAIL'} {name}: {figures}", flush=True)
    return 0 if passed else 1


if __name__ == "__main__":
    end_with(main)
