"""``reactor get``: which name the body is saved under, and what may keep it from being saved."""

from __future__ import annotations

import os
import subprocess

import fetching
import pytest
from fetching import OK, canned, files
from processes import PATIENCE_S, command, environment, eventually

from reactor.client.names import NAME_BYTES_MAX, name_from_url
from reactor.client.url import Url

get = fetching.get_once


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("", "index.html"),
        ("/", "index.html"),
        ("/a/", "index.html"),
        ("/page", "page"),
        ("/a/page.html?x=/y#z/w", "page.html"),
        ("/a%20b", "a b"),
        ("/caf%C3%A9", "caf\u00e9"),
        ("/..", "index.html"),
        ("/.", "index.html"),
        ("/.bashrc", "bashrc"),
        ("/..%2f..%2fetc%2fpasswd", "etcpasswd"),
        ("/%2e%2e%2fx", "x"),
        ("/a%5cb", "ab"),
        ("/a%00b%0a%1b[31m", "ab[31m"),
        ("/%e2%80%aegpj.exe", "gpj.exe"),
        ("/%ff", "index.html"),
    ],
)
def test_the_name_of_a_url(path, name):
    assert name_from_url(Url.parse(f"http://host{path}")) == name


def test_a_name_as_long_as_names_may_be(get, tmp_path):
    with canned(OK) as (url, _):
        get(f"{url}/{'n' * 255}")
    with canned(OK) as (url, _):
        get(f"{url}/{'n' * 2560}.tar")
    assert files(tmp_path) == ["n" * (NAME_BYTES_MAX - 4) + ".tar", "n" * NAME_BYTES_MAX]
    with canned(OK) as (url, _):
        get(f"{url}/x", "-o", "m" * 255)
    assert "m" * 255 in files(tmp_path)
    with canned(OK) as (url, _):
        get(f"{url}/x", "-o", "m" * 256, code=23)


def test_output_option(get, tmp_path):
    (tmp_path / "sub").mkdir()
    for output in ("there", "sub/there", str(tmp_path / "absolute")):
        with canned(OK) as (url, _):
            get(f"{url}/page", "-o", output)
        assert (tmp_path / output).read_bytes() == b"body"
    assert files(tmp_path) == ["absolute", "sub", "there"]


def test_only_a_name_that_was_given_is_replaced(get, tmp_path):
    (tmp_path / "page").write_text("old")
    (tmp_path / "link").symlink_to("page")
    with canned(OK) as (url, _):
        get(f"{url}/link")
    with canned(OK) as (url, _):
        get(f"{url}/page")
    with canned(OK) as (url, _):
        done = get(f"{url}/x", "-o", "link", code=23)
    assert "symbolic link" in done.stderr
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "page").read_text() == "old"
    assert files(tmp_path) == ["link", "link.1", "page", "page.1"]
    with canned(OK) as (url, _):
        get(f"{url}/x", "-o", "page")
    assert (tmp_path / "page").read_bytes() == b"body"


def test_a_saved_file_has_the_rights_of_any_new_file(get, tmp_path):
    with canned(OK) as (url, _):
        get(f"{url}/page")
    (tmp_path / "other").touch()
    assert (tmp_path / "page").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize("output", ["no/such/folder/page", "", "folder", "file/page", "folder/"])
def test_an_output_that_cannot_be(get, tmp_path, output):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with canned(OK) as (url, _):
        done = get(f"{url}/", f"--output={output}", code=0 if output == "" else 23)
    if output:
        assert output in done.stderr
        assert files(tmp_path) == ["file", "folder"]
        assert files(tmp_path / "folder") == []


def test_a_device_is_written_to_and_never_replaced(get, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        with canned(OK) as (url, _):
            get(f"{url}/page", "-o", "pipe")
        assert os.read(reader, 100) == b"body"
    finally:
        os.close(reader)
    assert files(tmp_path) == ["pipe"]
    assert not (tmp_path / "pipe").is_file()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk(get, tmp_path):
    # Through a link: nothing that goes wrong here may replace the device.
    (tmp_path / "full").symlink_to("/dev/full")
    with canned(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(200_000)) as (url, _):
        get(f"{url}/page", "-o", "full", code=23)
    assert (tmp_path / "full").is_symlink()


def test_a_file_over_the_size_limit_leaves_nothing(tmp_path):
    with canned(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(200_000)) as (url, _):
        done = subprocess.run(
            ["sh", "-c", 'ulimit -f 8; exec "$@"', "sh", *command("get", f"{url}/page")],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
    assert done.returncode == 23, done
    assert done.stderr.startswith("reactor: ")
    assert done.stderr.count("\n") == 1
    assert files(tmp_path) == []


def test_nobody_reads_the_header(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    with canned(OK) as (url, _), open(writer, "wb") as stdout:
        done = subprocess.run(
            command("get", f"{url}/page"),
            cwd=tmp_path,
            env=environment(),
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=PATIENCE_S,
        )
    assert (done.returncode, done.stderr) == (141, "")
    assert files(tmp_path) == []


def test_ctrl_c_leaves_no_file(tmp_path):
    with (
        canned(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(100_000), then="wait") as (url, _),
        subprocess.Popen(
            command("get", f"{url}/page"),
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process,
    ):
        eventually(lambda: files(tmp_path), "a file for the body")
        process.send_signal(2)
        assert process.stderr.read() == f"reactor: {url}/page: nothing is kept\n".encode()
        assert process.wait(PATIENCE_S) == 130
    assert files(tmp_path) == []
