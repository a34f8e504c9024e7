"""``reactor get`` as its users call it: many URLs, and where they are saved."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import threading
import types
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import fetching
import pytest
from fetching import BIG, answer, echo, files
from processes import PATIENCE_S, command, environment, eventually

get = fetching.get
serve_by = fetching.serve_by


# --- many ----------------------------------------------------------------------------------------


def test_many_urls(get, serve_by):
    server = serve_by(echo)
    stdout, stderr = get(*[f"{server.url}{n}" for n in range(30)])
    assert files(get.out) == sorted(map(str, range(30)))
    assert all((get.out / str(n)).read_text() == f"/{n}" for n in range(30))
    assert stdout.count("HTTP/1.1 200 OK\n") == 30
    assert stderr.count("saved ") == 30


def test_many_urls_with_one_name(get, serve_by):
    server = serve_by(echo)
    get("-q", *[f"{server.url}{n}/page" for n in range(20)])
    assert files(get.out) == sorted(["page", *[f"page.{n}" for n in range(1, 20)]])
    assert {(get.out / name).read_text() for name in files(get.out)} == {
        f"/{n}/page" for n in range(20)
    }


def read_as_stdin(monkeypatch, fd):
    """The command closes it, as it closes every list that it has read."""
    monkeypatch.setattr("sys.stdin", types.SimpleNamespace(fileno=lambda: fd))


@pytest.mark.parametrize("how", ["file", "stdin"])
def test_a_list_of_urls(get, serve_by, tmp_path, monkeypatch, how):
    server = serve_by(echo)
    text = f"# a comment\n\n  {server.url}a  \r\n{server.url}b\n{server.url}c"  # no line end
    (tmp_path / "list").write_text(text)
    if how == "stdin":
        read_as_stdin(monkeypatch, os.open(tmp_path / "list", os.O_RDONLY))
    where = "-" if how == "stdin" else tmp_path / "list"
    assert get("-q", "-i", where, f"{server.url}first") == ("", "")
    assert files(get.out) == ["a", "b", "c", "first"]


def test_a_list_that_is_no_file(get):
    get("-i", "/dev/null")
    _, stderr = get("-i", ".", code=1)
    assert stderr == "reactor: cannot read .: Is a directory\n"


def test_a_list_that_comes_slowly_stops_nothing(get, serve_by, monkeypatch):
    server = serve_by(echo)
    reader, writer = os.pipe()

    def write():
        with open(writer, "w") as stream:
            for name in "abc":
                print(f"{server.url}{name}", file=stream, flush=True)
                eventually(
                    lambda name=name: name in files(get.out), f"{name} is saved before more is read"
                )

    read_as_stdin(monkeypatch, reader)
    with ThreadPoolExecutor() as other:
        written = other.submit(write)
        assert get("-q", "-i", "-") == ("", "")
        written.result()


def test_the_code_is_that_of_the_first_failure_and_each_has_its_url(get, serve_by):
    def respond(path, head):
        return answer(b"no", "404 Not Found") if "bad" in path else answer()

    server = serve_by(respond)
    urls = [f"{server.url}a", f"{server.url}bad", "ftp://x/", f"{server.url}b"]
    _, stderr = get("-P", "1", *urls, code=22)
    assert f"reactor: {server.url}bad: the server answered 404\n" in stderr
    assert "ftp://x/" in stderr
    assert files(get.out) == ["a", "b"]


def test_fail_early(get, serve_by):
    server = serve_by(lambda path, head: answer(b"no", "404 Not Found"))
    _, stderr = get("--fail-early", "-P", "1", *[f"{server.url}{n}" for n in range(9)], code=22)
    assert len(server.asked) == 1
    assert stderr.count("reactor: ") == 1


def test_as_many_at_a_time_as_was_said(get, serve_by):
    lock, counts = threading.Lock(), [0, 0]
    full = threading.Event()

    def respond(path, head):
        with lock:
            counts[0] += 1
            counts[1] = max(counts)
            if counts[0] == 3:
                full.set()
        full.wait(PATIENCE_S)
        with lock:
            counts[0] -= 1
        return answer()

    server = serve_by(respond)
    get("-q", "-P", "3", *[f"{server.url}{n}" for n in range(12)])
    assert counts[1] == 3


# --- what is said of a file ----------------------------------------------------------------------


def test_no_more_at_a_time_than_there_are_descriptors_for(serve_by, tmp_path):
    server = serve_by(echo)
    urls = "".join(f"{server.url}{number}\n" for number in range(300))
    limit = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (256, 256))
    done = subprocess.run(
        command("get", "-P", "300", "-i", "-"),
        input=urls,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment(),
        check=False,
        preexec_fn=limit,
    )
    assert done.returncode == 0, done.stderr
    assert "32 transfers at a time" in done.stderr
    assert len(files(tmp_path)) == 300


# --- where it is saved ---------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--json", "--retry=0"])
def test_a_full_stdout_is_said(serve_by, tmp_path, option):
    server = serve_by(echo)
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*command("get"), option, f"{server.url}page"],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=environment(),
            check=False,
        )
    assert done.returncode == 23
    assert done.stderr.endswith(b": cannot write to stdout: No space left on device\n")


def test_a_folder_that_is_removed_keeps_nothing(get, serve_by):
    def respond(path, head):
        def send(client):
            client.sendall(answer(BIG, "200 OK", 'ETag: "1"')[:-1])
            eventually(lambda: len(files(get.out)) == 2, "a part and its sidecar")
            shutil.rmtree(get.out)

        return send

    _, stderr = get("--retry=0", f"{serve_by(respond).url}page", code=18)
    assert "kept" not in stderr


def test_content_disposition_only_when_asked(get, serve_by):
    field = 'Content-Disposition: attachment; filename="../.x/evil.sh"'
    server = serve_by(lambda path, head: answer(b"body", "200 OK", field))
    get(f"{server.url}page")
    get("-J", f"{server.url}page")
    get("-J", f"{server.url}page", "-o", "mine")
    assert files(get.out) == ["evil.sh", "mine", "page"]


def test_a_folder_that_cannot_be_written(get, serve_by):
    server = serve_by(lambda path, head: answer(BIG))
    os.mkdir("closed")
    for target, word in (("closed/none/x", "No such file"), ("/proc/x", "")):
        _, stderr = get("-o", target, f"{server.url}page", code=23)
        assert stderr.startswith(f"reactor: {server.url}page: cannot write {target}: {word}")
        assert stderr.count("\n") == 1


def as_others_are(*argv):
    """A command for which permissions count, whoever starts it: root gives up its right to pass."""
    if os.geteuid() != 0:
        return argv
    return ("setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--", *argv)


def test_a_read_only_folder(serve_by, tmp_path):
    server = serve_by(lambda path, head: answer(BIG))
    tmp_path.chmod(0o555)
    done = subprocess.run(
        as_others_are(*command("get", f"{server.url}page")),
        cwd=tmp_path,
        env=environment(PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 23, done
    assert "cannot write page: Permission denied" in done.stderr
    assert files(tmp_path) == []
