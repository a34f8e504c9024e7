"""What must be true when a client is done with a hostile server, whatever it did.

Read off from outside: the exit code, what was printed, what is in the folder, what the servers
were told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import hostile_answers
import hostile_cases
import hostile_origins
import hostile_ranges
from hostile_ranges import DATE, ETAG
from hostile_server import Hostile

from reactor.client.partial import Folder, Part
from reactor.client.resuming import Version

CASES = [
    *hostile_cases.CASES,
    *hostile_answers.CASES,
    *hostile_origins.CASES,
    *hostile_ranges.CASES,
]
# "abc:s3cr3t" in Base64 begins with YWJjOnMzY3Iz.
SECRETS = ("s3cr3t", "YWJjOnMzY3Iz")
CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
SENTENCE = re.compile(r"reactor( get)?: [^\n]+")


@dataclass(frozen=True)
class Done:
    code: int
    stdout: str
    stderr: str


def prepare(hostile: Hostile, folder: Path) -> None:
    """Lay down what an earlier try has left."""
    if hostile.case.part:
        place = Folder(str(folder))
        part = Part.open(place, "page")
        part.begin(Version(hostile.url, ETAG, DATE, len(hostile.case.body)))
        part.write(hostile.case.part)
        part.keep()
        place.close()


def arguments(hostile: Hostile) -> list[str]:
    """The command line after ``reactor get``; it saves as "page" in the current folder."""
    limits = ("--retry", "0", "--max-time", str(hostile.case.max_time_s))
    return [hostile.url, "-o", "page", *limits, *hostile.options]


def faults(hostile: Hostile, done: Done, folder: Path) -> list[str]:
    """Everything that is not as it has to be, a sentence each."""
    return [
        *_of_the_end(hostile, done),
        *_of_the_folder(hostile, done, folder),
        *_of_the_secrets(hostile, done),
    ]


def _of_the_end(hostile: Hostile, done: Done):
    codes = hostile.case.codes
    if done.code not in codes:
        yield f"exit code {done.code}, not {' or '.join(map(str, codes))}: {done.stderr!r}"
    if "Traceback" in done.stderr:
        yield "a traceback"
    if done.code and not SENTENCE.search(done.stderr.strip().rpartition("\n")[2]):
        yield f"it says no sentence: {done.stderr!r}"
    for name, text in (("stdout", done.stdout), ("stderr", done.stderr)):
        if found := CONTROLS.search(text):
            yield f"a control character on {name}: {found[0]!r}"


def _of_the_folder(hostile: Hostile, done: Done, folder: Path):
    page = folder / "page"
    if done.code:
        if page.exists():
            yield f"a file under its final name: {page.read_bytes()[:50]!r}"
    elif not page.exists():
        yield "nothing was saved"
    elif (saved := page.read_bytes()) != hostile.case.body:
        yield f"saved were {len(saved)} bytes, {saved[:50]!r}"
    # What is kept for the next try lies beside it under a name that says so.
    if others := [p.name for p in folder.iterdir() if not p.name.startswith("page")]:
        yield f"files of other names: {others}"


def _of_the_secrets(hostile: Hostile, done: Done):
    told = b"".join(hostile.other.received).decode("latin-1")
    for secret in SECRETS:
        if secret in told:
            yield f"the second origin was told: {told!r}"
        if secret in done.stderr or secret in done.stdout:
            yield f"a secret is printed: {done.stderr!r}"
    if "\nx-evil" in told.lower():
        yield f"a header was injected: {told!r}"
