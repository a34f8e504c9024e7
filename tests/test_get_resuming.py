"""``reactor get``: what breaks off, what is kept of it, and how it is continued."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

import fetching
import pytest
from fetching import BIG, DATE, VERSIONED, Breaking, Slow, answer, files
from processes import PATIENCE_S, command, environment

get = fetching.get
serve_by = fetching.serve_by


def test_what_has_no_version_is_asked_for_anew_not_for_its_rest(get, serve_by):
    whole = answer(BIG)
    answers = [whole[:-1000], whole]
    server = serve_by(lambda path, head: answers.pop(0))
    get(f"{server.url}page")
    assert [f"{name}:" in server.asked[1] for name in ("Range", "If-Range")] == [False, False]
    assert (get.out / "page").read_bytes() == BIG
    assert files(get.out) == ["page"]


def test_a_body_that_broke_off_is_continued_by_the_next_try(get, serve_by):
    server = serve_by(Breaking(100_000, 50_000))
    _, stderr = get(f"{server.url}page")
    assert files(get.out) == ["page"]
    assert (get.out / "page").read_bytes() == BIG
    ranges = [r for r in "\n".join(server.asked).split("\r\n") if r.startswith("Range: ")]
    assert ranges == ["Range: bytes=100000-", "Range: bytes=150000-"]
    assert "trying again" in stderr
    assert f"saved page ({len(BIG)} bytes, from byte 150000)" in stderr


@pytest.mark.parametrize("size", [10, 100_000, len(BIG) - 1])
def test_continue(get, serve_by, size):
    server = serve_by(Breaking(size))
    _, stderr = get("--retry=0", f"{server.url}page", code=18)
    assert stderr.endswith(f"its end; {size} bytes are kept, --continue fetches the rest\n")
    assert files(get.out) == ["page.part", "page.part.json"]
    assert (get.out / "page.part").read_bytes() == BIG[:size]
    digest = hashlib.sha256(BIG).hexdigest()
    stdout, _ = get("--continue", "--json", "--sha256", digest, f"{server.url}page")
    told = json.loads(stdout)
    assert (told["resumed_from"], told["size"], told["received"]) == (
        size,
        len(BIG),
        len(BIG) - size,
    )
    assert files(get.out) == ["page"]
    assert (get.out / "page").read_bytes() == BIG


def test_continue_when_the_file_has_changed(get, serve_by):
    breaking = Breaking(100_000)
    server = serve_by(breaking)
    get("--retry=0", f"{server.url}page", code=18)
    breaking.etag, breaking.body = '"v2"', BIG[::-1]
    get("--continue", f"{server.url}page")
    assert (get.out / "page").read_bytes() == BIG[::-1]
    assert files(get.out) == ["page"]


def test_continue_with_a_server_without_ranges(get, serve_by):
    server = serve_by(Breaking(100_000, ranges=False))
    get("--retry=0", f"{server.url}page", code=18)
    get("--continue", f"{server.url}page")
    assert (get.out / "page").read_bytes() == BIG
    # With the date as well, since some servers compare with nothing else.
    assert [f"If-Range: {DATE}" in asked for asked in server.asked] == [False, False, True]


@pytest.mark.parametrize(("length_known", "status"), [(True, 206), (False, 416)])
def test_continue_what_has_all_its_bytes(get, serve_by, length_known, status):
    server = serve_by(Breaking(len(BIG) - 1))
    get("--retry=0", f"{server.url}page", code=18)
    with open(get.out / "page.part", "ab") as part:
        part.write(BIG[-1:])
    sidecar = get.out / "page.part.json"
    if not length_known:
        sidecar.write_text(sidecar.read_text().replace(str(len(BIG)), "null"))
    stdout, _ = get("--continue", f"{server.url}page")
    assert stdout.startswith(f"HTTP/1.1 {status} ")
    assert len(server.asked) == 2
    assert (get.out / "page").read_bytes() == BIG
    assert files(get.out) == ["page"]


@pytest.mark.parametrize(
    "lie",
    [
        "Content-Range: bytes 0-262143/262144",
        "Content-Range: bytes 99999-262143/262144",
        "Content-Range: bytes 100000-262143/*",
        "X-No: Content-Range",
    ],
)
def test_a_lying_answer_to_a_range_is_not_believed(get, serve_by, lie):
    def respond(path, head):
        if "Range: " in head:
            return answer(b"evil" * 40_536, "206 Partial Content", *VERSIONED, lie)
        return breaking(path, head)

    breaking = Breaking(100_000)
    server = serve_by(respond)
    get("--retry=0", f"{server.url}page", code=18)
    get("--continue", f"{server.url}page")
    assert (get.out / "page").read_bytes() == BIG
    assert "Range" not in server.asked[-1]


def test_a_part_that_was_not_asked_for(get, serve_by):
    fields = [*VERSIONED, "Content-Range: bytes 5-8/100"]
    server = serve_by(lambda path, head: answer(b"part", "206 Partial Content", *fields))
    get(f"{server.url}page", code=8)
    assert files(get.out) == []
    get(f"{server.url}page", "-H", "Range: bytes=5-8")
    assert (get.out / "page").read_bytes() == b"part"


def test_stdout_cannot_be_continued(get, serve_by):
    server = serve_by(Breaking(100_000))
    stdout, _ = get("-o", "-", f"{server.url}page", code=18)
    assert stdout.encode("utf-8", "surrogateescape").startswith(BIG[:100])
    assert len(server.asked) == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_what_can_be_continued(get, serve_by, number, code):
    slow = Slow(get, serve_by)

    def interrupt():
        slow.comes()
        os.kill(os.getpid(), number)

    with ThreadPoolExecutor() as other:
        done = other.submit(interrupt)
        assert get("-q", f"{slow.server.url}page", code=code) == ("", "")
        done.result()
    slow.is_continued(get)


def test_a_kill_leaves_what_can_be_continued(get, serve_by):
    slow = Slow(get, serve_by)
    with subprocess.Popen(
        command("get", "-q", f"{slow.server.url}page"), cwd=get.out, env=environment()
    ) as process:
        slow.comes()
        process.kill()
    slow.is_continued(get)


def test_max_time(get, serve_by):
    server = serve_by(lambda path, head: lambda client: server.hold.wait(PATIENCE_S))
    _, stderr = get("--max-time=0.2", "--retry=0", f"{server.url}page", code=28)
    assert stderr.startswith(f"reactor: {server.url}page: ")
