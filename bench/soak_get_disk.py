"""The part ``disk`` of `soak_get.py`: full disks, folders that refuse, links in the way."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from fetching import Done, command, fetch
from hostile_cases import big
from hostile_server import Listener, Peer, ask
from origins import PAGE, Origins

SIZE = 1_000_000
DISK_FULL, REFUSED = "No space left on device", "Permission denied"
# A namespace of its own: what is mounted there is nobody else's, and ends with it. The last lines
# say what is in the folder, since nobody can look into it afterwards.
MOUNTED = """
mount -t tmpfs -o size=64k small "$1" && cd "$1" && shift && {change} "$@"
code=$?; find . -type f -printf '%P %s bytes\\n' | sort >&2; {after}; exit $code
"""


def disk(place: Path, options: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    """A full disk, a folder and a disk that may not be written to, symbolic links."""
    site, folder = place / "site", place / "out"
    site.mkdir()
    folder.mkdir()
    (site / PAGE).write_bytes(bytes(range(250)) * (SIZE // 250))
    os.utime(site / PAGE, (1_000_000_000, 1_000_000_000))
    nginx = Origins(place, site).get("nginx")
    if nginx is None:
        yield "nginx is not installed", False
        return
    with nginx.server as server:
        url = f"{server.url}{PAGE}"
        yield from _full(folder, url)
        yield _read_only(folder, url)
        yield _link_to_a_file(folder, url)
    yield _link_that_comes_meanwhile(folder)
    yield _part_that_is_a_link(folder)


def _mounted(folder: Path, *arguments: str, change: str = "", after: str = ":") -> Done:
    """Run ``get ARGUMENTS`` on a tmpfs of 64 KiB."""
    space = ["unshare", "--mount", *(["--map-root-user"] if os.geteuid() else [])]
    script = MOUNTED.format(change=change, after=after)
    done = subprocess.run(
        [*space, "sh", "-c", script, "sh", str(folder), *command(*arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def _full(folder: Path, url: str) -> Iterator[tuple[str, bool]]:
    # The part stays, and is continued when there is room.
    again = 'mount -o remount,size=4m . && "$@" --continue && cmp page.txt {site}'
    continued = again.format(site=folder.parent / "site" / PAGE) + " && echo whole >&2"
    done = _mounted(folder, "-q", url, after=continued)
    left = re.search(rf"^{PAGE}\.part (\d+) bytes$", done.stderr, re.M)
    right = (
        done.code == 23
        and DISK_FULL in done.stderr
        and left is not None
        and int(left[1]) > 0
        and f"\n{PAGE} " not in done.stderr
        and done.stderr.endswith("\nwhole\n")
    )
    yield (
        f"64 KiB of tmpfs and {SIZE:,} bytes: exit code {done.code}, {_last_words(done)!r}, "
        f"{left[0] if left else 'NOTHING'} left, then continued on a larger one: "
        f"{'the same bytes' if right else 'WRONG'}",
        right,
    )
    given = _mounted(folder, "-q", "-o", "mine", url, change="echo old >mine;")
    right = given.code == 23 and DISK_FULL in given.stderr and "\nmine 4 bytes\n" in given.stderr
    yield f"the same with -o: exit code {given.code}, the old file is as it was: {right}", right


def _last_words(done: Done) -> str:
    lines = [line for line in done.stderr.splitlines() if line.startswith("reactor: ")]
    return re.sub(r"http://\S+: ", "", lines[0].removeprefix("reactor: ")) if lines else ""


def _read_only(folder: Path, url: str) -> tuple[str, bool]:
    folder.chmod(0o555)
    # Root may write anywhere, unless it gives that right up.
    caps = "-dac_override,-dac_read_search"
    drop = ["setpriv", "--bounding-set", caps, "--inh-caps", caps, "--"] * (os.geteuid() == 0)
    denied = subprocess.run(
        [*drop, *command("-q", url)], cwd=folder, capture_output=True, text=True, check=False
    )
    folder.chmod(0o755)
    mounted = _mounted(folder, "-q", url, change="mount -o remount,ro . &&")
    right = (
        denied.returncode == mounted.code == 23
        and REFUSED in denied.stderr
        and "Read-only file system" in mounted.stderr
        and not list(folder.iterdir())
    )
    words = [_last_words(Done(23, "", denied.stderr)), _last_words(mounted)]
    return f"read-only folder, read-only disk: exit code 23, {words}, nothing left", right


def _link_to_a_file(folder: Path, url: str) -> tuple[str, bool]:
    secret = folder / "secret"
    secret.write_text("mine")
    for name in ("out", "dangling", PAGE):
        (folder / name).symlink_to("secret" if name != "dangling" else "none")
    done = [fetch("-q", "-o", name, url, folder=folder) for name in ("out", "dangling")]
    derived = fetch("-q", url, folder=folder)
    right = (
        [one.code for one in done] == [23, 23]
        and derived.code == 0
        and (folder / f"{PAGE}.1").stat().st_size == SIZE
        and secret.read_text() == "mine"
        and not (folder / "none").exists()
    )
    _empty(folder)
    return (
        f"target is a symbolic link: {_last_words(done[0])!r}; a derived name goes round it",
        right,
    )


def _link_that_comes_meanwhile(folder: Path) -> tuple[str, bool]:
    (folder / "secret").write_text("mine")

    def replace(peer: Peer) -> None:
        (folder / "page").symlink_to("secret")

    right = True
    for options in ((), ("-o", "page")):
        head, half = big(SIZE), b"x" * (SIZE // 2)
        origin = Listener((ask, head + half, replace, half), None)
        try:
            done = fetch("-q", *options, f"http://{origin.authority}/page", folder=folder)
        finally:
            origin.close()
        saved = folder / ("page" if options else "page.1")
        right = right and done.code == 0 and not saved.is_symlink()
        right = right and saved.read_bytes() == b"x" * SIZE
        right = right and (folder / "secret").read_text() == "mine"
        (folder / "page").unlink()
    _empty(folder)
    return f"target becomes a symbolic link meanwhile: not followed, file whole: {right}", right


def _part_that_is_a_link(folder: Path) -> tuple[str, bool]:
    (folder / "secret").write_text("mine")
    for name in ("page.part", "page.part.json"):
        (folder / name).symlink_to("secret")
    origin = Listener((ask, big(SIZE) + b"x" * SIZE), None)
    try:
        url = f"http://{origin.authority}/page"
        given = fetch("-q", "-o", "page", url, folder=folder)
        derived = fetch("-q", url, folder=folder)
    finally:
        origin.close()
    saved = [path for path in folder.iterdir() if path.is_file() and path.stat().st_size == SIZE]
    right = (
        given.code == 23
        and derived.code == 0
        and len(saved) == 1
        and (folder / "secret").read_text() == "mine"
    )
    _empty(folder)
    return f"part is a symbolic link: {_last_words(given)!r}; a derived name goes round it", right


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
