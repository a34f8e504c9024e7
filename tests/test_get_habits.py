"""``reactor get`` as users of curl and wget type it: files of cookies, -w, -r, a URL's scheme."""

from __future__ import annotations

import os
import pty
import re
import stat
import subprocess
import sys
import threading

import fetching
import pytest
from fetching import BIG, answer, echo, files
from processes import PATIENCE_S, command, environment, needs

from reactor.cli.get.write_out import VARIABLES, parts_of
from reactor.client.cookie_file import load_cookies, save_cookies
from reactor.client.cookies import Cookie, Cookies
from reactor.client.url import Url
from reactor.errors import ConfigurationError
from reactor.limits import CLIENT_LIMITS

get = fetching.get
serve_by = fetching.serve_by
NOW = 1_800_000_000.0


def cookies_sent(server):
    return [
        re.findall(r"^Cookie: (.*)\r$", asked, re.MULTILINE | re.IGNORECASE)
        for asked in server.asked
    ]


# --- URLs ----------------------------------------------------------------------------------------


def test_a_url_without_a_scheme_is_http(get, serve_by):
    server = serve_by(echo)
    get(server.url.removeprefix("http://") + "page")
    (get.out / "list").write_text(server.url.removeprefix("http://") + "other\n")
    get("-i", "list")
    assert files(get.out) == ["list", "other", "page"]
    assert "ftp://a/ is no http URL" in get("ftp://a/", code=3)[1]
    assert get("http:/a", code=3)[1].count("no http URL") == 1


def test_several_urls_are_told_apart(get, serve_by):
    server = serve_by(echo)
    stdout, stderr = get("-P1", f"{server.url}a", f"{server.url}b")
    assert re.findall(r"^==> (.*) <==\nHTTP/1\.1 200", stdout, re.MULTILINE) == [
        f"{server.url}a",
        f"{server.url}b",
    ]
    assert stderr.splitlines() == [
        f"saved {name} (2 bytes) from {server.url}{name}" for name in "ab"
    ]
    assert "==>" not in get(f"{server.url}c")[0]


# --- cookies -------------------------------------------------------------------------------------


def guard(path, head):
    """Sets a cookie and redirects to itself until it comes back."""
    if "seen=1" in head:
        return answer(b"in")
    return answer(b"", "302 Found", "Location: /in", "Set-Cookie: seen=1; Path=/; Max-Age=999")


def test_cookies_outlive_a_command_in_a_file(get, serve_by):
    server = serve_by(guard)
    get("-b", "jar", "-c", "jar", f"{server.url}first")
    assert stat.S_IMODE((get.out / "jar").stat().st_mode) == 0o600
    get("-b", "jar", f"{server.url}second")
    assert cookies_sent(server) == [[], ["seen=1"], ["seen=1"]]
    assert files(get.out) == ["first", "jar", "second"]


def test_cookies_are_shared_in_memory_only_where_they_are_asked_for(get, serve_by):
    server = serve_by(lambda path, head: answer(b"x", "200 OK", "Set-Cookie: a=b"))
    get("-P1", f"{server.url}1", f"{server.url}2")
    get("-P1", "-b", "", f"{server.url}3", f"{server.url}4")
    assert cookies_sent(server) == [[], [], [], ["a=b"]]


def test_a_given_cookie_comes_first_and_stays_at_its_origin(get, serve_by):
    other = serve_by(echo)
    server = serve_by(lambda path, head: answer(b"", "302 Found", f"Location: {other.url}x"))
    get("-b", "mine=1; too=2", "-b", "third=3", f"{server.url}a")
    assert cookies_sent(server) == [["mine=1; too=2; third=3"]]
    assert cookies_sent(other) == [[]]


def test_curl_reads_what_is_written_and_the_other_way_round(get, serve_by):
    curl = needs("curl")
    server = serve_by(
        lambda path, head: answer(
            b"x",
            "200 OK",
            "Set-Cookie: ours=1; Path=/; Max-Age=5000; HttpOnly",
            "Set-Cookie: session=2; Path=/",
        )
    )
    get("-c", "jar", f"{server.url}a")
    ours = (get.out / "jar").read_text()
    subprocess.run(
        [curl, "-s", "-b", "jar", "-c", "theirs", f"{server.url}b"], check=True, timeout=PATIENCE_S,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    assert set(cookies_sent(server)[1][0].split("; ")) == {"ours=1", "session=2"}
    theirs = (get.out / "theirs").read_text()

    def lines(text):
        found = [line.split("\t") for line in text.splitlines() if line.count("\t") == 6]
        return sorted([*fields[:4], *fields[5:]] for fields in found)

    assert lines(ours) == lines(theirs)
    assert "#HttpOnly_127.0.0.1" in ours
    get("-b", "theirs", f"{server.url}c")
    assert set(cookies_sent(server)[2][0].split("; ")) == {"ours=1", "session=2"}


def test_a_jar_that_cannot_be_written_is_said(get, serve_by):
    server = serve_by(echo)
    _, stderr = get("-c", "none/jar", f"{server.url}a", code=23)
    assert "cannot write the cookies into none/jar: No such file or directory" in stderr
    assert files(get.out) == ["a"]
    stdout, _ = get("-q", "-c", "-", f"{server.url}b")
    assert stdout.startswith("# Netscape HTTP Cookie File\n")


def test_a_jar_is_written_when_a_url_fails_too(get, serve_by):
    server = serve_by(lambda path, head: answer(b"", "404 Not Found", "Set-Cookie: a=b"))
    get("-c", "jar", f"{server.url}a", code=22)
    assert "\ta\tb\n" in (get.out / "jar").read_text()


def jar(now=NOW):
    return Cookies(CLIENT_LIMITS, CLIENT_LIMITS.kept_cookies_max, lambda: now)


def test_a_file_is_read_and_written_alike(tmp_path):
    path = tmp_path / "jar"
    kept = (
        "#HttpOnly_.example.org\tTRUE\t/\tTRUE\t1900000000\ta\tb c\n"
        "www.example.org\tFALSE\t/deep\tFALSE\t0\tsession\t\n"
    )
    path.write_text(
        "# a comment\n\n" + kept + "old.example\tFALSE\t/\tFALSE\t1\tover\tx\nnonsense\n"
        "a\tFALSE\t/\tFALSE\tsoon\tn\tv\n\tFALSE\t/\tFALSE\t0\tn\tv\na\tFALSE\tx\tFALSE\t0\tn\tv\n"
        "a\tFALSE\t/\tFALSE\t0\tn\tv;w\na\tFALSE\t/\tFALSE\t0\t\tv\n"
    )
    cookies = jar()
    load_cookies(str(path), cookies)
    link = tmp_path / "link"
    link.symlink_to(path)
    save_cookies(str(link), cookies)
    assert link.is_symlink()
    assert "".join(path.read_text().splitlines(keepends=True)[3:]) == kept
    assert files(tmp_path) == ["jar", "link"]


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://example.org/", "a=b"),
        ("https://www.example.org/x", "a=b"),
        ("http://www.example.org/", ""),  # secure
        ("https://badexample.org/", ""),
        ("https://example.org.evil/", ""),
    ],
)
def test_what_the_user_brings_may_be_for_names_below(url, sent):
    cookies = jar()
    cookies.add(Cookie("example.org", "a", "/", "b", below=True, secure=True))
    assert cookies.field(Url.parse(url)) == sent


def test_what_a_server_sets_is_for_its_own_host():
    cookies = jar()
    cookies.take(Url.parse("http://www.example.org/"), ["a=b; Domain=example.org"], NOW)
    assert cookies.field(Url.parse("http://www.example.org/")) == "a=b"
    assert cookies.field(Url.parse("http://example.org/")) == ""
    assert cookies.field(Url.parse("http://other.example.org/")) == ""


def test_a_kept_cookie_ends_by_the_clock():
    now = [NOW]
    cookies = Cookies(CLIENT_LIMITS, 10, lambda: now[0])
    url = Url.parse("http://a/")
    ends = ["a=1; Max-Age=10", "b=2; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "c=3; Max-Age=0"]
    cookies.take(url, [*ends, f"d=4; Max-Age={'9' * 40}", "e=5"], NOW)
    assert cookies.field(url) == "a=1; d=4; e=5"
    now[0] += 10
    assert cookies.field(url) == "d=4; e=5"
    cookies.take(url, ["d=; Max-Age=0"], now[0])
    assert [cookie.name for cookie in cookies.kept()] == ["e"]


def test_a_client_keeps_no_more_than_its_limit():
    cookies = Cookies(CLIENT_LIMITS, 2, lambda: NOW)
    cookies.take(Url.parse("http://a/"), ["a=1", "b=2", "c=3", "a=4"], NOW)
    assert cookies.field(Url.parse("http://a/")) == "a=4; b=2"


# --- what -w prints ------------------------------------------------------------------------------


def test_write_out_prints_curl_s_variables(get, serve_by):
    server = serve_by(
        lambda path, head: (
            answer(b"", "302 Found", "Location: /page")
            if "/go" in path
            else answer(b"body", "200 OK", "Content-Type: text/plain", "X-A: b")
        )
    )
    names = [name for name in VARIABLES if not name.startswith(("time_", "speed_"))]
    line = "|".join(f"%{{{name}}}" for name in names)
    stdout, _ = get("-w", f"{line}|%header{{x-a}}|%%\\t\\n", f"{server.url}go")
    values = dict(zip([*names, "field", "rest"], stdout.split("|"), strict=True))
    port = server.url.rstrip("/").rpartition(":")[2]
    assert values == {
        "content_type": "text/plain", "errormsg": "", "exitcode": "0", "filename_effective": "go",
        "http_code": "200", "http_version": "1.1", "method": "GET", "num_redirects": "1",
        "num_retries": "0", "remote_ip": "127.0.0.1", "remote_port": port, "response_code": "200",
        "scheme": "http", "size_download": "4", "url": f"{server.url}go",
        "url_effective": f"{server.url}page", "field": "b", "rest": "%\t\n",
    }  # fmt: skip


def test_write_out_agrees_with_curl(get, serve_by):
    curl = needs("curl")
    server = serve_by(lambda path, head: answer(b"no", "404 Not Found", "Content-Type: a/b"))
    words = ["-s", "-o", "/dev/null", "-w", "%{http_code},%{content_type},%{method},%{scheme}\\n"]
    theirs = subprocess.run(
        [curl, *words, f"{server.url}x"], capture_output=True, text=True, timeout=PATIENCE_S
    ).stdout
    assert get(*words, f"{server.url}x", code=22)[0].lower() == theirs.lower()


def test_times_of_write_out_grow(get, serve_by):
    server = serve_by(echo)
    line = "%{time_namelookup} %{time_connect} %{time_starttransfer} %{time_total}"
    times = [float(word) for word in get("-w", line, f"{server.url}x")[0].split(" ")]
    assert times == sorted(times)
    assert times[-1] > 0


def test_write_out_of_what_never_answered(get):
    stdout, _ = get("--retry=0", "-w", "%{http_code} %{exitcode}", "http://127.0.0.1:1/", code=7)
    assert stdout == "000 7"


def test_a_variable_that_is_none_is_named(get):
    assert "did you mean %{http_code}?" in get("-w", "%{http_cod}", "http://a/", code=2)[1]
    assert "cannot read none" in get("-w", "@none", "http://a/", code=2)[1]


def test_a_format_may_be_in_a_file(get, serve_by):
    server = serve_by(echo)
    (get.out / "format").write_text("<%{size_download}>\\n")
    assert get("-w", "@format", f"{server.url}x")[0] == "<2>\n"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", [""]),
        ("a", ["a"]),
        ("%{url}", ["", "url", ""]),
        ("%%{url} \\\\n", ["%{url} \\\n"]),
        ("%header{A-b}c", ["", ":A-b", "c"]),
        ("%x {y}", ["%x {y}"]),
    ],
)
def test_a_format_is_text_and_variables(text, parts):
    assert parts_of(text) == parts


# --- parts, names, rates -------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["5-", "-5", "0-4", "0-4,6-", "0-4, 8-9"])
def test_a_range_is_asked_for(get, serve_by, text):
    server = serve_by(
        lambda path, head: answer(b"part", "206 Partial Content", "Content-Range: bytes 0-3/10")
    )
    get("-r", text, f"{server.url}x")
    assert f"Range: bytes={text.replace(' ', '')}\r\n" in server.asked[0]
    assert (get.out / "x").read_bytes() == b"part"


@pytest.mark.parametrize("text", ["", "-", "a-b", "5", "5--6", "5-6,", "١-"])
def test_what_is_no_range_is_said(get, text):
    assert "is no range" in get("-r", text, "http://a/", code=2)[1]


def test_a_part_is_no_whole(get):
    assert "-r asks for a part" in get("-r", "0-4", "--continue", "http://a/", code=2)[1]


def test_no_clobber_numbers_what_o_names(get, serve_by):
    (get.out / "sub").mkdir()
    (get.out / "sub" / "x").write_text("mine")
    server = serve_by(echo)
    _, stderr = get("--no-clobber", "-o", "sub/x", f"{server.url}page")
    assert "saved sub/x.1 (5 bytes)" in stderr
    assert (get.out / "sub" / "x").read_text() == "mine"
    assert (get.out / "sub" / "x.1").read_text() == "/page"
    get("--no-clobber", "-o", "/dev/null", f"{server.url}page")


def test_what_has_its_file_is_not_fetched(get, serve_by):
    server = serve_by(echo)
    (get.out / "page").write_text("mine")
    _, stderr = get("--skip-existing", f"{server.url}page", f"{server.url}other")
    assert f"{server.url}page: page is there, so it is not fetched" in stderr
    assert len(server.asked) == 1
    get("--skip-existing", "-o", "page", f"{server.url}third")
    get("--skip-existing", "-o", "/dev/null", f"{server.url}fourth")
    assert len(server.asked) == 2
    assert files(get.out) == ["other", "page"]


@pytest.mark.parametrize("text", ["0", "fast", "-1", "1x", "1kk", ""])
def test_what_is_no_rate_is_said(get, text):
    assert "argument --limit-rate" in get("--limit-rate", text, "http://a/", code=2)[1]


def test_a_limited_transfer_is_whole(get, serve_by):
    server = serve_by(lambda path, head: answer(BIG))
    get("--limit-rate", "10m", f"{server.url}x")
    assert (get.out / "x").read_bytes() == BIG


# --- the password on a terminal ------------------------------------------------------------------


def with_terminal(words, typed):
    """Run `get` with a terminal of its own; what it showed there, and its exit code."""
    pid, master = pty.fork()
    if pid == 0:
        os.execve(sys.executable, command("get", *words), environment())
    seen = b""
    timer = threading.Timer(PATIENCE_S, os.kill, (pid, 9))
    timer.start()
    try:
        while b"Password of me:" not in seen:
            seen += os.read(master, 1024)
        os.write(master, typed)
        while data := os.read(master, 1024):
            seen += data
    except OSError:  # the other end has gone
        pass
    finally:
        timer.cancel()
        os.close(master)
    return seen, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_the_terminal_is_asked_for_the_password(serve_by, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    server = serve_by(echo)
    seen, code = with_terminal(["-q", "-u", "me", f"{server.url}page"], b"secret\n")
    assert code == 0, seen
    assert "Authorization: Basic bWU6c2VjcmV0\r\n" in server.asked[0]
    assert b"secret" not in seen


def test_without_a_terminal_one_sentence_says_so(serve_by):
    server = serve_by(echo)
    done = subprocess.run(
        command("get", "-u", "me", f"{server.url}page"),
        env=environment(), capture_output=True, text=True, timeout=PATIENCE_S,
        start_new_session=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 1
    assert re.fullmatch(r"reactor: -u NAME asks for the password [^\n]*\n", done.stderr)
    assert server.asked == []


def test_an_empty_password_is_one(get, serve_by):
    server = serve_by(echo)
    get("-u", "me:", f"{server.url}page")
    assert "Authorization: Basic bWU6\r\n" in server.asked[0]


def test_a_file_of_cookies_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot read"):
        load_cookies(str(tmp_path), jar())
