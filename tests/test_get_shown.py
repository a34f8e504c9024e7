"""``reactor get``: what a terminal and a program are shown, and what the documentation names."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import pty
import re
from concurrent.futures import ThreadPoolExecutor

import fetching
from fetching import BIG, answer, echo, files
from processes import PATIENCE_S, REPOSITORY
from rich.console import Console

from reactor.cli.get import progress

get = fetching.get
serve_by = fetching.serve_by


# --- what is said of a file ----------------------------------------------------------------------


def test_json(get, serve_by):
    server = serve_by(
        lambda path, head: answer(b"no", "404 Not Found") if "bad" in path else answer(b"body")
    )
    host = server.url.removeprefix("http://")
    stdout, stderr = get(
        "--json",
        "--sha256=-",
        "-P1",
        f"{server.url}page",
        f"{server.url}bad",
        "x://me:pw@a/",
        code=22,
    )
    told = {line["url"]: line for line in map(json.loads, stdout.splitlines())}
    good, bad, none = (told[url] for url in (f"{server.url}page", f"{server.url}bad", "x://a/"))
    assert good | {"timings": None, "address": None} == {
        "url": f"http://{host}page",
        "method": "GET",
        "status": 200,
        "exit_code": 0,
        "error": None,
        "file": "page",
        "size": 4,
        "received": 4,
        "resumed_from": 0,
        "sha256": hashlib.sha256(b"body").hexdigest(),
        "attempts": 1,
        "redirects": [],
        "address": None,
        "timings": None,
    }
    assert good["address"] is not None
    assert 0 <= good["timings"]["first_byte"] <= good["timings"]["total"]
    assert (bad["status"], bad["exit_code"], bad["file"]) == (404, 22, None)
    assert bad["error"].endswith("the server answered 404")
    assert (none["status"], none["exit_code"]) == (None, 3)
    assert "saved" not in stderr
    assert "pw" not in stdout + stderr


def test_sha256(get, serve_by):
    server = serve_by(lambda path, head: answer(BIG, "200 OK", 'ETag: "v1"'))
    digest = hashlib.sha256(BIG).hexdigest()
    get(f"{server.url}page", "--sha256", digest.upper())
    assert files(get.out) == ["page"]
    _, stderr = get(f"{server.url}other", "--sha256", "0" * 64, code=1)
    assert digest in stderr
    assert files(get.out) == ["page"]
    get(f"{server.url}other", "--sha256", "0" * 63, code=2)


def test_stdout_gets_the_body_and_stderr_the_header(get, serve_by):
    server = serve_by(lambda path, head: answer(f"<{path}>".encode()))
    stdout, stderr = get("-o", "-", f"{server.url}a", f"{server.url}b")
    assert stdout == "</a></b>"
    assert stderr.count("HTTP/1.1 200 OK\n") == 2
    assert "saved" not in stderr  # nothing was
    assert files(get.out) == []


def test_quiet_and_head(get, serve_by):
    def respond(path, head):
        return (
            b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"
            if head.startswith("HEAD")
            else answer()
        )

    server = serve_by(respond)
    assert get("-q", f"{server.url}page") == ("", "")
    stdout, stderr = get("-I", f"{server.url}page")
    assert stdout == "HTTP/1.1 200 OK\nContent-Length: 99\n\n"
    get("-X", "HEAD", f"{server.url}other")
    assert files(get.out) == ["page"]
    _, stderr = get("-q", "--retry=0", "http://127.0.0.1:1/", code=7)
    assert stderr.startswith("reactor: http://127.0.0.1:1/: ")


def test_verbose_shows_the_exchange_and_no_secret(get, serve_by):
    server = serve_by(lambda path, head: answer(b"", "200 OK", "Set-Cookie: id=hush", "X-A: b"))
    secrets = ["-H", "Cookie: id=hush", "-u", "me:hush", "-H", "Proxy-Authorization: hush"]
    stdout, stderr = get("-v", *secrets, "-o", "/dev/null", "-H", "X-Mine: 1", f"{server.url}page")
    assert stdout == ""
    assert "> GET /page HTTP/1.1\n" in stderr
    assert "> X-Mine: 1\n" in stderr
    assert stderr.count("HTTP/1.1 200 OK") == 1
    assert "< X-A: b\n" in stderr
    assert "< HTTP/1.1 200 OK\n" in stderr
    assert "hush" not in stderr
    assert "Cookie: id=hush\r\n" in server.asked[0]


# --- what is written about it -------------------------------------------------------------------


def test_every_option_and_every_field_is_documented(get, serve_by):
    page = (REPOSITORY / "docs" / "get.md").read_text(encoding="utf-8")
    usage, _ = get("--help")
    options = set(re.findall(r"^  (-\w|--[\w-]+)", usage, re.MULTILINE))
    named = set(re.findall(r"`(-\w|--[\w-]+)[^`|]*`", page))
    assert options - named - {"-h"} == set()
    assert named - set(re.findall(r"(?<![\w-])--?[\w-]+", usage)) == set()
    server = serve_by(echo)
    stdout, _ = get("--json", f"{server.url}page")
    fields = page.partition("## The object of `--json`")[2]
    assert set(re.findall(r"`(\w+)`", fields)) >= set(json.loads(stdout))


# --- on a terminal -------------------------------------------------------------------------------


def test_bars_on_a_terminal_and_nothing_that_drives_it(get, serve_by, monkeypatch):
    def slowly(client):
        client.sendall(answer(BIG)[:-1])
        server.hold.wait(PATIENCE_S)
        client.sendall(BIG[-1:])

    def look():
        seen = b""
        with contextlib.suppress(OSError):  # the other end has gone
            while data := os.read(master, 4096):
                seen += data
                if all(name in seen for name in (b"one", b"two[31m", b"three", b"262.1/262.1 kB")):
                    server.hold.set()
        return seen

    server = serve_by(lambda path, head: slowly)
    master, slave = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with ThreadPoolExecutor() as other:
        looking = other.submit(look)
        with open(slave, "w") as terminal, monkeypatch.context() as patched:
            patched.setattr("sys.stderr", terminal)
            get(
                "--max-time",
                PATIENCE_S,
                *[f"{server.url}{name}" for name in ("one", "two%1b[31m", "three")],
            )
        seen = looking.result()
    os.close(master)
    assert b"two\x1b[31m" not in seen
    assert seen.count(b"saved ") == 3
    assert files(get.out) == ["one", "three", "two[31m"]


def test_a_bar_is_one_line_with_room_for_what_the_terminal_echoes(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    bars = progress._make_bars()
    bars.add_task("name" * 50, total=4_000_000, completed=1_000_000)
    drawn = io.StringIO()
    Console(file=drawn, width=60).print(bars.get_renderable())
    [line] = drawn.getvalue().splitlines()
    assert len(line) <= 58
    assert "1.0/4.0 MB" in line
    assert "━" in line
