"""``reactor get``: the words of .netrc and of lists, what it says at Ctrl-C, which answers fail."""

from __future__ import annotations

import os
import re
import signal
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fetching
import pytest
from fetching import Slow, answer, echo
from processes import PATIENCE_S

from reactor.cli.get.netrc import read_entries
from reactor.cli.get.options import DESCRIPTION

get = fetching.get
serve_by = fetching.serve_by

# --- .netrc --------------------------------------------------------------------------------------

OTHERS = """
# login nobody password nothing
machine other.example method interactive
    login someone
    password "with space"
machine third.example port 21 account x login y password z
macdef init
machine 127.0.0.1 login macro password macro

machine 127.0.0.1   # home
"""


@pytest.mark.parametrize(
    ("text", "user", "sent"),
    [
        ("login me password hush", "", "me:hush"),
        ("password hush\n\tlogin me\n", "", "me:hush"),
        ("login me", "", "me:"),
        ('login "m e" password "a\\"b\\\\c\\td"', "", 'm e:a"b\\c\td'),
        ("login me password a#b", "", "me:a#b"),
        ("login me password a #b c", "", "me:a"),
        ("login a password b machine 127.0.0.1 login c password d", "", "a:b"),
        # A name in the URL: that name's password.
        ("login a password b machine 127.0.0.1 login v password d", "v@", "v:d"),
        ("login a password b default login v password d", "v@", "v:d"),
        ("login a password b", "v@", "v:"),
        ("login v password b", "v:own@", "v:own"),
        ("login v password b", "v:@", "v:"),
        ("method interactive", "", None),
    ],
)
def test_netrc_is_read_as_curl_reads_it(get, serve_by, monkeypatch, tmp_path, text, user, sent):
    server = serve_by(lambda path, head: answer())
    netrc = tmp_path / "netrc"
    netrc.write_text(OTHERS + text + "\n")
    monkeypatch.setenv("NETRC", str(netrc))
    get("-q", "-n", "-o", "/dev/null", server.url.replace("//", f"//{user}"))
    found = re.search(r"Authorization: Basic (\S+)", server.asked[0])
    assert (found and b64decode(found[1]).decode()) == sent


def test_default_is_for_all_others(get, serve_by, monkeypatch, tmp_path):
    server = serve_by(lambda path, head: answer())
    netrc = tmp_path / "netrc"
    netrc.write_text("machine other.example login a password b\ndefault login c password d\n")
    monkeypatch.setenv("NETRC", str(netrc))
    get("-q", "-n", "-o", "/dev/null", server.url)
    assert "Authorization: Basic Yzpk" in server.asked[0]


def test_a_quote_without_an_end():
    for text in ('machine a password "b', '"', 'machine a "\\"'):
        with pytest.raises(ValueError, match="quote"):
            read_entries(text)
    assert read_entries("login a machine") != []


# --- a list --------------------------------------------------------------------------------------


def test_a_comment_may_follow_a_url(get, serve_by):
    server = serve_by(echo)
    lines = [
        f"{server.url}a  # the first",
        f"{server.url}b\t#second",
        f"{server.url}c#part",
        " # x",
    ]
    (get.out / "list").write_text("\n".join(lines))
    get("-q", "-i", "list")
    asked = sorted(request.split(" ")[1] for request in server.asked)
    assert asked == ["/a", "/b", "/c"]


# --- Ctrl-C --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_what_is_kept_and_how_to_go_on_is_said(get, serve_by, number, code):
    slow = Slow(get, serve_by)

    def interrupt():
        slow.comes()
        os.kill(os.getpid(), number)

    with ThreadPoolExecutor() as other:
        done = other.submit(interrupt)
        _, stderr = get(f"{slow.server.url}page", code=code)
        done.result()
    kept = (get.out / "page.part").stat().st_size
    sentence = f"{slow.server.url}page: {kept} bytes are kept, --continue fetches the rest"
    assert stderr.splitlines()[-1] == f"reactor: {sentence}"
    slow.is_continued(get)


def test_that_nothing_is_kept_is_said_too(get, serve_by):
    def send(client):
        whole = answer(bytes(1 << 25))  # of no version: it could not be continued
        client.sendall(whole[: 1 << 24])  # more than sockets hold: the most of it was read
        os.kill(os.getpid(), signal.SIGINT)
        server.hold.wait(PATIENCE_S)

    server = serve_by(lambda path, head: send)
    _, stderr = get(f"{server.url}page", code=130)
    assert stderr.splitlines()[-1] == f"reactor: {server.url}page: nothing is kept"
    assert not list(get.out.iterdir())


# --- exit code 22 --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "options", "code"),
    [
        ("200 OK", [], 0),
        ("299 x", [], 0),
        ("300 Multiple Choices", [], 22),
        ("302 Found", [], 22),  # without a Location
        ("304 Not Modified", [], 22),
        ("304 Not Modified", ["-H", 'If-None-Match: "a"'], 0),
        ("404 Not Found", [], 22),
        ("599 x", ["--retry", "0"], 22),
    ],
)
def test_which_statuses_are_failures(get, serve_by, status, options, code):
    server = serve_by(lambda path, head: answer(b"", status))
    get("-q", *options, "-o", "page", server.url, code=code)


def test_help_and_docs_say_which_statuses_are_failures():
    assert "22 status 300 or above" in " ".join(DESCRIPTION.split())
    page = Path(__file__).resolve().parent.parent / "docs" / "get.md"
    assert "| 22 | the last answer has status 300 or above" in page.read_text(encoding="utf-8")
