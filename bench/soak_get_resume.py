"""The part ``resume`` of `soak_get.py`: downloads killed with SIGKILL at random points."""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

from fetching import fetch, killed_at
from origins import PAGE, Origins

SIZE = 100_000_000
SEED = 1_000
# Last-Modified of the first version and of the next; long enough ago to be strong validators.
THEN, LATER = 1_000_000_000, 1_100_000_000


def resume(place: Path, options: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    """100 MB from nginx, Apache and our server: killed and continued, in a chain and one by one."""
    site = place / "site"
    site.mkdir()
    chance = random.Random(SEED)
    expected = _write(site, SIZE, THEN)
    origins = Origins(place, site)
    for name in ("nginx", "apache", "reactor"):
        origin = origins.get(name)
        if origin is None:
            yield f"{name} is not installed", False
            continue
        with origin.server as server:
            url = f"{server.url}{PAGE}"
            _write(site, SIZE, THEN)
            yield _chain(place, url, name, expected, options.kills, chance)
            yield _one_by_one(place, url, name, expected, options.kills, chance)
            yield _changed(place, site, url, name, max(1, options.kills // 10), chance)


def _write(site: Path, size: int, modified: int, turned: bool = False) -> str:
    """The file, in one step, with a date: its SHA-256."""
    block = random.Random(modified + turned).randbytes(1_000_000)
    data = block * (size // len(block)) + block[: size % len(block)]
    fresh = site / "fresh"
    fresh.write_bytes(data)
    os.utime(fresh, (modified, modified))
    os.replace(fresh, site / PAGE)
    return hashlib.sha256(data).hexdigest()


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _folder(place: Path) -> Path:
    folder = place / "out"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _is_whole(folder: Path, expected: str) -> bool:
    """Only the file is there, and it is the right one."""
    return os.listdir(folder) == [PAGE] and _digest(folder / PAGE) == expected


def _chain(
    place: Path, url: str, name: str, expected: str, kills: int, chance: random.Random
) -> tuple[str, bool]:
    """Downloads that are killed again and again, each time some bytes further on."""
    killed = downloads = same = continued = 0
    while killed < kills and downloads < kills:
        folder = _folder(place)
        downloads += 1
        at = 0
        for point in sorted(chance.sample(range(1, SIZE), kills - killed)):
            # Where the last one ran further than it was meant to, this one has to run on at least.
            reached = killed_at(max(point, at + 1), folder / f"{PAGE}.part", "--continue", url)
            if reached is None:
                break  # it was faster than we, and is whole: another one takes the rest
            killed, at = killed + 1, reached
        else:
            done = fetch("--continue", url, folder=folder)
            continued += f"from byte {at}" in done.stderr
        same += _is_whole(folder, expected)
    return (
        f"{name}: {killed} kills, one after another in {downloads} downloads of "
        f"{SIZE / 1e6:.0f} MB, each time continued: {same} times the same SHA-256",
        killed == kills and same == downloads and continued == 1,
    )


def _one_by_one(
    place: Path, url: str, name: str, expected: str, kills: int, chance: random.Random
) -> tuple[str, bool]:
    killed = same = continued = 0
    for _ in range(3 * kills):
        if killed == kills:
            break
        folder = _folder(place)
        at = killed_at(chance.randrange(1, SIZE), folder / f"{PAGE}.part", url)
        if at in {None, SIZE}:
            continue  # it was faster: that one was not killed, or had nothing left to fetch
        killed += 1
        done = fetch("--continue", url, folder=folder)
        same += done.code == 0 and _is_whole(folder, expected)
        continued += f"from byte {at}" in done.stderr
    return (
        f"{name}: {killed} downloads killed once at random points, then continued: "
        f"{same} times the same SHA-256, {continued} times from where it was",
        same == killed == continued == kills,
    )


def _changed(
    place: Path, site: Path, url: str, name: str, kills: int, chance: random.Random
) -> tuple[str, bool]:
    """Between the kill and the next try the file becomes another, of the same or another size."""
    killed = right = 0
    for number in range(kills):
        size = SIZE if number % 2 else SIZE - 12_345
        _write(site, SIZE, THEN)
        folder = _folder(place)
        if killed_at(chance.randrange(1, SIZE // 2), folder / f"{PAGE}.part", url) is None:
            continue
        killed += 1
        fresh = _write(site, size, LATER + number)
        done = fetch("--continue", url, folder=folder)
        right += done.code == 0 and _is_whole(folder, fresh) and "from byte" not in done.stderr
    return (
        f"{name}: file changed after the kill: {right} of {killed} fetched anew, and right",
        right == killed == kills,
    )
