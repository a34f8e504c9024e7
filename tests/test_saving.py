"""Saving a body: parts, sidecars, races, and disks that refuse."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import textwrap

import pytest
import savers
from fetching import files
from processes import PATIENCE_S, environment, eventually
from savers import BIG, UNKNOWN, URL, VERSION, Saving

from reactor.client.partial import Part, find_part
from reactor.client.saving import BATCH_MAX, HOLD_BYTES_MAX, StreamSink, open_given

saving = savers.saving


# --- a whole body --------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"x", BIG[:HOLD_BYTES_MAX], BIG])
@pytest.mark.parametrize("replaces", [False, True])
def test_a_whole_body_has_its_name_and_nothing_else_is_left(saving, tmp_path, data, replaces):
    assert saving.save(data, replaces=replaces) == "page"
    assert (tmp_path / "page").read_bytes() == data
    assert files(tmp_path) == ["page"]


@pytest.mark.parametrize("data", [b"new", BIG])
def test_a_derived_name_never_overwrites(saving, tmp_path, data):
    (tmp_path / "page").write_text("old")
    (tmp_path / "page.1").symlink_to("nowhere")
    assert saving.save(data) == "page.2"
    assert saving.save(data) == "page.3"
    assert (tmp_path / "page").read_text() == "old"
    assert files(tmp_path) == ["page", "page.1", "page.2", "page.3"]


@pytest.mark.parametrize("data", [b"new", BIG])
def test_a_name_that_is_taken_meanwhile_is_not_overwritten(saving, tmp_path, data):
    sink = saving.sink()
    sink.begin(VERSION.length, lambda: VERSION)
    sink.write(data)
    (tmp_path / "page").write_text("somebody else's")
    sink.finish(saving.saved.append)
    saving.saver.commit()
    assert saving.saved == ["page.1"]
    assert (tmp_path / "page").read_text() == "somebody else's"


def test_nothing_has_a_name_before_it_is_committed(saving, tmp_path):
    for _ in range(BATCH_MAX - 1):
        sink = saving.sink()
        sink.begin(VERSION.length, lambda: VERSION)
        sink.write(b"x")
        sink.finish(saving.saved.append)
    assert files(tmp_path) == saving.saved == []
    saving.save(b"the last of the batch")
    assert len(files(tmp_path)) == len(saving.saved) == BATCH_MAX
    assert (tmp_path / f"page.{BATCH_MAX - 1}").read_bytes() == b"the last of the batch"


def test_a_link_is_replaced_and_what_it_leads_to_is_not(saving, tmp_path):
    """Somebody turns the target into a link while the body comes."""
    (tmp_path / "victim").write_text("precious")
    sink = saving.sink(replaces=True)
    sink.begin(VERSION.length, lambda: VERSION)
    sink.write(BIG)
    (tmp_path / "page").symlink_to("victim")
    sink.finish(saving.saved.append)
    assert (tmp_path / "victim").read_text() == "precious"
    assert (tmp_path / "page").read_bytes() == BIG
    assert not (tmp_path / "page").is_symlink()


# --- parts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [10, len(BIG) - 1])
def test_what_broke_off_is_continued(saving, tmp_path, size):
    saving.break_off(BIG[:size])
    assert files(tmp_path) == ["page.part", "page.part.json"]
    sink = saving.sink()
    assert sink.resume(URL) == VERSION
    assert sink.part.size == size
    assert b"".join(sink.written()) == BIG[:size]
    sink.write(BIG[size:])
    sink.finish(saving.saved.append)
    assert (tmp_path / "page").read_bytes() == BIG
    assert files(tmp_path) == ["page"]


def test_what_could_never_be_continued_is_not_kept(saving, tmp_path):
    saving.break_off(BIG, version=UNKNOWN)
    assert files(tmp_path) == []


def test_another_version_begins_anew(saving, tmp_path):
    saving.break_off(b"old" * 100_000)
    sink = saving.sink()
    sink.resume(URL)
    sink.begin(None, lambda: VERSION.replace(etag='"v2"'))
    assert json.loads((tmp_path / "page.part.json").read_text())["etag"] == '"v2"'
    sink.write(b"new")
    sink.finish(saving.saved.append)
    assert (tmp_path / "page").read_bytes() == b"new"


@pytest.mark.parametrize("replaces", [False, True])
def test_a_left_over_is_not_silently_used(saving, tmp_path, replaces):
    saving.break_off(b"old" * 100_000, replaces=replaces)
    saving.save(BIG, replaces=replaces)
    assert (tmp_path / "page").read_bytes() == BIG
    assert "--continue" in saving.said[0]


def test_the_left_over_of_another_url_stays(saving, tmp_path):
    saving.break_off(BIG)
    other = "http://host/other/page"
    assert saving.sink().resume(other) is None
    assert saving.save(BIG, version=VERSION.replace(url=other)) == "page"
    assert files(tmp_path) == ["page", "page.part", "page.part.json"]
    sink = saving.sink()
    assert sink.resume(URL) == VERSION
    sink.write(b"the rest")
    sink.finish(saving.saved.append)
    assert files(tmp_path) == ["page", "page.1"]


def test_the_part_of_a_number_is_found(saving, tmp_path):
    (tmp_path / "page").touch()
    (tmp_path / "page.1").touch()
    saving.break_off(BIG)
    assert "page.2.part" in files(tmp_path)
    part = find_part(saving.saver.folder, "page", URL)
    assert part.name == "page.2"
    part.close()


SIDECARS = [
    "",
    "{",
    "[]",
    "null",
    "[" * 30_000,
    '{"url": "http://host/page"}',
    json.dumps({**vars(VERSION), "boot": "", "synced": -1}),
    json.dumps({**vars(VERSION), "boot": "", "synced": "9"}),
    json.dumps({**vars(VERSION), "etag": '"\r\nHost: evil"', "boot": "", "synced": 9}),
    json.dumps({**vars(VERSION), "etag": 7, "boot": "", "synced": 9}),
]


@pytest.mark.parametrize("sidecar", SIDECARS)
def test_a_part_that_is_not_ours_is_never_touched(saving, tmp_path, sidecar):
    (tmp_path / "page.part").write_text("a browser's")
    (tmp_path / "page.part.json").write_text(sidecar)
    assert saving.save(BIG) == "page"
    assert saving.sink().resume(URL) is None
    with pytest.raises(OSError, match="not ours"):
        saving.save(BIG, replaces=True)
    assert (tmp_path / "page.part").read_text() == "a browser's"
    assert (tmp_path / "page.part.json").read_text() == sidecar


@pytest.mark.parametrize("make", ["symlink", "hard link", "fifo", "folder"])
def test_a_part_that_is_no_plain_file_is_never_opened(saving, tmp_path, make):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    part = tmp_path / "page.part"
    match make:
        case "symlink":
            part.symlink_to(victim)
        case "hard link":
            part.hardlink_to(victim)
        case "fifo":
            os.mkfifo(part)
        case "folder":
            part.mkdir()
    assert saving.save(BIG) == "page"
    with pytest.raises(OSError, match="not ours"):
        saving.save(BIG, replaces=True)
    assert victim.read_text() == "precious"


def test_a_sidecar_that_is_a_link_is_replaced(saving, tmp_path):
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "page.part.json").symlink_to("victim")
    saving.break_off(BIG)
    assert (tmp_path / "victim").read_text() == "precious"
    assert json.loads((tmp_path / "page.part.json").read_text())["url"] == URL


def test_after_a_crash_of_the_machine_only_synced_bytes_are_trusted(saving, tmp_path):
    saving.break_off(BIG)
    sidecar = json.loads((tmp_path / "page.part.json").read_text())
    assert sidecar["synced"] == len(BIG)
    (tmp_path / "page.part.json").write_text(json.dumps({**sidecar, "boot": "x", "synced": 1000}))
    sink = saving.sink()
    sink.resume(URL)
    assert sink.part.size == 1000
    assert (tmp_path / "page.part").stat().st_size == 1000
    sink.stop()


# --- two at a time -------------------------------------------------------------------------------


def test_a_part_at_work_is_left_alone(saving, tmp_path):
    first = saving.sink()
    first.begin(VERSION.length, lambda: VERSION)
    first.write(BIG)
    assert saving.sink().resume(URL) is None
    assert saving.save(BIG[::-1]) == "page"  # its part was page.1.part
    first.finish(saving.saved.append)
    assert saving.saved[-1] == "page.1"
    assert (tmp_path / "page.1").read_bytes() == BIG
    assert files(tmp_path) == ["page", "page.1"]


RACER = """
    import os, sys
    from reactor.client.partial import Folder
    from reactor.client.resuming import Version
    from reactor.client.saving import FileSink, Saver
    saver = Saver(Folder(sys.argv[1]))
    size = int(sys.argv[3])
    os.read(0, 1)
    for number in range(20):
        sink = FileSink(saver, "page", False, print)
        sink.begin(size, lambda: Version("http://host/page", '"v"', None, size))
        sink.write((sys.argv[2] + f"{number:03}").encode() * (size // 4))
        sink.finish(lambda name: None)
        saver.commit()
"""


@pytest.mark.parametrize("size", [4, 4 * 20_000])
def test_two_processes_race_for_one_name(tmp_path, size):
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(RACER), str(tmp_path), who, str(size)],
            stdin=subprocess.PIPE,
            env=environment(),
        )
        for who in "ab"
    ]
    for racer in racers:
        racer.stdin.write(b"x")
        racer.stdin.close()
    assert [racer.wait(PATIENCE_S) for racer in racers] == [0, 0]
    contents = [(tmp_path / name).read_bytes() for name in files(tmp_path)]
    assert all(len(content) == size for content in contents)
    whole = {content[:4] for content in contents if content == content[:4] * (size // 4)}
    assert whole == {f"{who}{number:03}".encode() for who in "ab" for number in range(20)}
    assert len(contents) == 40


def test_a_killed_process_leaves_what_can_be_continued(saving, tmp_path):
    script = """
        import sys
        from reactor.client.partial import Folder
        from reactor.client.resuming import Version
        from reactor.client.saving import FileSink, Saver
        sink = FileSink(Saver(Folder(sys.argv[1])), "page", False, print)
        sink.begin(None, lambda: Version("http://host/page", '"v1"', None, None))
        while True:
            sink.write(bytes(range(256)) * 16)
    """
    program = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)]
    with subprocess.Popen(
        ["sh", "-c", 'ulimit -f 40000; exec "$@"', "sh", *program],
        env=environment(),
        stderr=subprocess.DEVNULL,
    ) as process:
        part = tmp_path / "page.part"
        eventually(lambda: part.exists() and part.stat().st_size > 100_000, "it is at work")
        assert Part.open(saving.saver.folder, "page") is None
        process.send_signal(signal.SIGKILL)
    sink = saving.sink()
    assert sink.resume(URL) == VERSION
    data = b"".join(sink.written())
    assert data == (bytes(range(256)) * (len(data) // 256 + 1))[: len(data)]
    sink.discard()
    assert files(tmp_path) == []


# --- disks that refuse ---------------------------------------------------------------------------

FULL = """
    import os, sys
    from reactor.client.partial import Folder
    from reactor.client.resuming import Version
    from reactor.client.saving import FileSink, Saver
    version = Version("http://host/page", '"v1"', None, None)
    saver = Saver(Folder(sys.argv[1]))
    sink = FileSink(saver, "page", False, print)
    sink.begin(version.length, lambda: version)
    try:
        for _ in range(PIECES):
            sink.write(b"0123456789" * (20_000 // PIECES))
    except OSError as error:
        print(error.strerror)
    sink.stop()
    print(sorted(os.listdir(sys.argv[1])))
    os.unlink(os.path.join(sys.argv[1], "ballast"))
    sink = FileSink(saver, "page", False, print)
    print(sink.resume("http://host/page") == version)
    sink.write((b"0123456789" * 20_000)[sink.part.size :])
    sink.finish(print)
    print(open(os.path.join(sys.argv[1], "page"), "rb").read() == b"0123456789" * 20_000)
"""


@pytest.mark.parametrize("pieces", [1, 20])
def test_a_full_disk_keeps_the_part_for_the_next_try(tmp_path, pieces):
    disk = tmp_path / "disk"
    disk.mkdir()
    where, python = shlex.quote(str(disk)), shlex.quote(sys.executable)
    shell = (
        f"mount -t tmpfs -o size=256k tmpfs {where} && head -c 192k /dev/zero > {where}/ballast && "
        f'exec {python} -c "$1" {where}'
    )
    allowed = (
        shutil.which("unshare")
        and not subprocess.run(
            ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", disk], capture_output=True
        ).returncode
    )
    if not allowed:
        pytest.skip("mount namespaces are not allowed here")
    done = subprocess.run(
        [
            "unshare",
            "-rm",
            "sh",
            "-c",
            shell,
            "sh",
            textwrap.dedent(FULL).replace("PIECES", str(pieces)),
        ],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.stdout.splitlines() == [
        os.strerror(errno.ENOSPC),
        "['ballast', 'page.part', 'page.part.json']",
        "True",
        "page",
        "True",
    ], done


def test_a_folder_that_is_gone(saving, tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    there = Saving(folder)
    folder.rmdir()
    for data in (b"small", BIG):
        outcome = None
        try:
            outcome = there.save(data)
        except FileNotFoundError as error:
            outcome = error
        assert isinstance(outcome, FileNotFoundError)
    there.saver.close()


# --- paths that the user wrote -------------------------------------------------------------------


def test_a_device_stays_a_device(tmp_path):
    (tmp_path / "link").symlink_to("/dev/null")
    for path in ("/dev/null", str(tmp_path / "link")):
        sink = open_given(path, print)
        assert isinstance(sink, StreamSink)
        sink.write(BIG)
        sink.discard()
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("path", ["", "folder", "folder/", "folder/.", "..", "link", "no/such"])
def test_a_path_that_cannot_be_written(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("precious")
    (tmp_path / "link").symlink_to("file")
    with pytest.raises(OSError):
        open_given(path, print)
    assert (tmp_path / "file").read_text() == "precious"


def test_a_stream_that_does_not_block_gets_all_of_it():
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    child = subprocess.Popen(["sha256sum"], stdin=reader, stdout=subprocess.PIPE)
    os.close(reader)
    sink = StreamSink(writer, "pipe", True)
    sink.write(BIG)
    sink.finish([].append)
    assert child.communicate()[0].split()[0].decode() == hashlib.sha256(BIG).hexdigest()


# --- asking for the rest -------------------------------------------------------------------------

WITHOUT_A_NAME = """
    import ctypes, os, sys
    from reactor.client._linux import link_unnamed, write_unnamed
    folder = os.open(sys.argv[1], os.O_RDONLY)
    os.umask(0)
    fd = write_unnamed(folder, [b"a", b"", b"b" * 100_000])
    if os.getuid() == 0 and len(sys.argv) > 2:
        # Not those who opened it, any more: the kernel has it named by its path in /proc only.
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: or /proc/self/fd is root's
    print(link_unnamed(folder, fd, "caf\\u00e9"), link_unnamed(folder, fd, "caf\\u00e9"))
    print(link_unnamed(folder, fd, "second"))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="files without a name are Linux's")
@pytest.mark.parametrize("who", [[], ["nobody"]])
def test_a_file_without_a_name_gets_one_with_and_without_privilege(tmp_path, who):
    tmp_path.chmod(0o777)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(WITHOUT_A_NAME), str(tmp_path), *who],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=PATIENCE_S,
    )
    assert done.stdout.splitlines() == ["True False", "True"], done.stderr
    assert files(tmp_path) == ["caf\u00e9", "second"]
    assert (tmp_path / "second").read_bytes() == b"a" + b"b" * 100_000
