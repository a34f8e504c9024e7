"""A log in a file: it follows its path, and what cannot be written is lost and counted."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import threading
import time

import pytest
from observed import ask, values
from processes import (
    MODELS,
    PATIENCE_S,
    command,
    environment,
    eventually,
    exchange,
    serving,
)

from reactor.errors import ConfigurationError
from reactor.log.files import LogFile
from reactor.log.output import offer, unblocking
from reactor.testing import FakeClock

GET = b"GET /%d HTTP/1.1\r\nHost: localhost\r\n%b\r\n"
APP = """
from reactor import Response

def app(request):
    return Response(200, {}, b"fine")
"""


@pytest.fixture
def log(tmp_path):
    said = []
    clock = FakeClock()
    file = LogFile(str(tmp_path / "log"), said.append, clock)
    file.said, file.time, file.path = said, clock, tmp_path / "log"
    yield file
    file.close()


class TestAFile:
    def test_it_is_appended_to_and_nobody_else_may_read_it(self, log):
        log.path.write_text("before\n")
        log.write("café\n")
        assert log.write_lines(b"two\n")
        assert log.path.read_bytes() == "before\ncafé\ntwo\n".encode()
        assert log.path.stat().st_mode & 0o007 == 0

    @pytest.mark.parametrize("way", ["moved", "removed", "replaced"])
    def test_it_is_opened_again_when_its_path_leads_elsewhere(self, log, way, tmp_path):
        log.write("one\n")
        if way == "removed":
            log.path.unlink()
        else:
            log.path.rename(tmp_path / "old")
        if way == "replaced":
            log.path.write_text("")
        log.write("of the same second\n")
        log.time.advance(1)
        log.write("two\n")
        assert log.path.read_text() == "two\n"
        if way != "removed":
            assert (tmp_path / "old").read_text() == "one\nof the same second\n"
        assert log.said == []

    def test_an_idle_one_looks_at_nothing(self, log, monkeypatch):
        looked = []
        stat = os.stat
        monkeypatch.setattr(os, "stat", lambda path: looked.append(path) or stat(path))
        for _ in range(10):
            log.write("x\n")
        log.time.advance(100)
        assert looked == []
        for _ in range(10):
            log.write("x\n")
        assert looked == [str(log.path)]

    def test_reopen_makes_the_file_and_keeps_the_descriptor(self, log, tmp_path):
        before = log.fileno()
        log.path.rename(tmp_path / "old")
        log.reopen()
        log.write("two\n")
        assert (log.fileno(), log.path.read_text()) == (before, "two\n")
        assert not os.get_inheritable(log.fileno())

    def test_where_it_cannot_be_opened_the_old_one_stays(self, log, tmp_path):
        log.path.rename(tmp_path / "old")
        log.path.mkdir()
        log.reopen()
        log.time.advance(1)
        log.write("on\n")
        assert log.said == [f"the log {log.path} is not opened anew: Is a directory"]
        assert (tmp_path / "old").read_text() == "on\n"
        log.path.rmdir()
        log.time.advance(1)
        log.write("two\n")
        assert log.path.read_text() == "two\n"

    def test_a_full_disk_loses_whole_lines_and_says_how_many(self, log):
        log.write("one\n")
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
        try:
            assert not log.write_lines(b"two\nthree\nfour\n")  # up to "th"
            assert not log.write_lines(b"five\n")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert log.write_lines(b"six\n")
        assert log.path.read_text() == "one\ntwo\nth\nsix\n"
        assert log.lines_lost == 3
        assert log.said == [
            f"the log {log.path} cannot be written: no room",
            f"3 lines of the log {log.path} were lost",
        ]

    def test_what_others_have_written_of_it_is_not_written_again(self, log):
        os.write(log.fileno(), b"one\ntw")
        assert log.write_lines(b"one\ntwo\n", 6)
        assert log.path.read_text() == "one\ntwo\n"

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
    def test_a_file_is_given_to_who_opens_it_again_and_a_device_to_nobody(self, log):
        log.give_to(12345, 12346)
        assert (log.path.stat().st_uid, log.path.stat().st_gid) == (12345, 12346)
        before = os.stat("/dev/null")
        device = LogFile("/dev/null", print)
        device.give_to(12345, 12346)
        device.close()
        assert os.stat("/dev/null").st_uid == before.st_uid

    @pytest.mark.parametrize(
        ("make", "why"),
        [
            (lambda path: path.mkdir(), "Is a directory"),
            (os.mkfifo, "No such device or address"),  # which nobody reads
        ],
    )
    def test_what_cannot_be_opened(self, make, why, tmp_path):
        make(tmp_path / "log")
        with pytest.raises(ConfigurationError, match=why):
            LogFile(str(tmp_path / "log"), print)

    def test_a_pipe_with_a_name_is_never_waited_for(self, tmp_path):
        os.mkfifo(tmp_path / "log")
        reader = os.open(tmp_path / "log", os.O_RDONLY | os.O_NONBLOCK)
        log = LogFile(str(tmp_path / "log"), lambda sentence: None)
        for _ in range(100):
            log.write("x" * 4000 + "\n")
        assert 100 - log.lines_lost == os.read(reader, 1_000_000).count(b"\n")
        assert log.lines_lost > 50
        log.close()
        os.close(reader)


# --- served --------------------------------------------------------------------------------------


@pytest.fixture
def site(tmp_path):
    (tmp_path / "logged.py").write_text(APP)
    return tmp_path


def lines_of(*paths):
    """All lines of these files; each must be whole."""
    text = "".join(path.read_text() for path in paths if path.exists())
    assert text == "" or text.endswith("\n")
    return text.splitlines()


KINDS = {
    "reactor": ((), (signal.SIGUSR1, signal.SIGHUP)),
    "threads": (("--model", "threads"), (signal.SIGUSR1, signal.SIGHUP)),
    # Of several SIGHUP makes others.
    "workers": (("--workers", "4"), (signal.SIGUSR1, signal.SIGUSR1)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_lines_are_neither_lost_nor_torn_when_the_file_is_moved_under_load(kind, site):
    options, signals = KINDS[kind]
    log = site / "access.log"
    asked = []
    over = threading.Event()

    def ask(server, first):
        with server.connect() as sock:
            number = first
            while not over.is_set():
                sock.sendall(GET % (number, b""))
                assert sock.recv(1000).endswith(b"fine")
                number += 4
            asked.append(range(first, number, 4))

    words = (*options, "--access-logfile", "access.log", "--access-log-format", "json")
    with serving("logged:app", *words, cwd=site) as server:
        clients = [threading.Thread(target=ask, args=(server, first)) for first in range(4)]
        for client in clients:
            client.start()
        for turn in range(5):
            eventually(lambda: log.exists() and log.stat().st_size > 10_000, "it is written to")
            log.rename(site / f"old.{turn}")
            if turn:  # the first is seen without
                server.signal(signals[turn % 2])
        over.set()
        for client in clients:
            client.join()
        moved = time.time()
        (site / "old.4").stat()
        eventually(lambda: time.time() > moved + 1.1, "a second has passed")
        before = len(lines_of(*site.glob("old.*")))
        assert exchange(server.address, GET % (0, b"Connection: close\r\n")).endswith(b"fine")
        eventually(lambda: lines_of(log)[-1:], "its line is in the new file")
        assert len(lines_of(*site.glob("old.*"))) == before
        server.stop()
    paths = [json.loads(line)["url.path"] for line in lines_of(log, *site.glob("old.*"))]
    paths.remove("/0")
    assert sorted(paths) == sorted(f"/{number}" for numbers in asked for number in numbers)


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGHUP])
def test_a_signal_to_rotate_harms_nobody_who_has_no_files(number, site):
    with serving("logged:app", cwd=site) as server:
        server.signal(number)
        assert exchange(server.address, GET % (1, b"Connection: close\r\n")).endswith(b"fine")


@pytest.mark.parametrize("model", MODELS)
def test_both_logs_may_have_one_file(model, site):
    (site / "logged.py").write_text(APP.replace("return", "request.path == '/9' and 1 / 0; return"))
    words = ("--access-logfile", "log", "--error-logfile", "./log", "--model", model)
    with serving("logged:app", *words, cwd=site) as server:
        assert exchange(server.address, GET % (9, b"")).startswith(b"HTTP/1.1 500")
        server.stop()
    lines = lines_of(site / "log")
    assert "ZeroDivisionError: division by zero" in lines
    assert '"GET /9 HTTP/1.1" 500 ' in lines[-1]
    assert server.access_log == []


@pytest.mark.parametrize("options", [(), ("--workers", "2")])
def test_each_log_may_have_a_file_of_its_own(options, site):
    words = ("--access-logfile", "access", "--error-logfile", "errors", *options)
    with serving("logged:app", *words, cwd=site) as server:
        for name in ("access", "errors"):
            (site / name).rename(site / f"{name}.old")
        server.signal(signal.SIGUSR1)
        eventually(lambda: (site / "errors").exists(), "it is opened again")
        assert exchange(server.address, b"GET / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400")
        eventually(lambda: lines_of(site / "errors"), "the refusal is said")
        server.stop()
    assert " 400 host-missing: " in lines_of(site / "errors")[0]
    assert '"GET / HTTP/1.1" 400 ' in lines_of(site / "access")[0]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
@pytest.mark.parametrize("option", ["--access-logfile", "--error-logfile"])
@pytest.mark.parametrize("model", MODELS)
def test_a_full_disk_costs_lines_and_no_request(model, option, site):
    """Row 48 of a file."""
    (site / "logged.py").write_text(APP.replace("return", "request.path == '/9' and 1 / 0; return"))
    words = (option, "/dev/full", "--model", model)
    with serving("logged:app", *words, cwd=site, traceback_expected=True) as server:
        for number in range(20):
            assert exchange(server.address, GET % (number, b"Connection: close\r\n"))
        server.stop()
    assert server.err.count("the log /dev/full cannot be written: No space left on device") == 1


def test_every_byte_is_one_line_that_parses(site):
    """Row 43: every byte value in method, target and fields; a value that would be JSON."""
    log = site / "access.log"
    words = ("--access-logfile", "access.log", "--access-log-format", "json")
    forged = b'","status":200,"x":"'
    with serving("logged:app", *words, "--log-level", "error", cwd=site) as server:
        sent = 0
        for byte in range(256):
            one = bytes([byte])
            for data in (
                b"G%bT / HTTP/1.1\r\nHost: localhost\r\n\r\n" % one,
                b"GET /a%bb HTTP/1.1\r\nHost: localhost\r\n\r\n" % one,
                GET % (1, b"User-Agent: %b%b\r\n" % (forged, one)),
                GET % (1, b"Referer: %b\r\n" % one),
            ):
                assert exchange(server.address, data, half_close=True)
                sent += 1
        server.stop()
    text = log.read_bytes()
    assert re.fullmatch(rb"[\x20-\x7e\n]*", text)
    found = [json.loads(line) for line in text.splitlines()]
    assert len(found) == sent
    assert not [record for record in found if "status" in record or "x" in record]


HANDLED = """
import logging
from reactor import Response

handler = logging.FileHandler("handled.log")
logging.getLogger("reactor.access").addHandler(handler)
logging.getLogger("reactor.access").setLevel("INFO")

def app(request):
    return Response(200, {}, b"fine")
"""


@pytest.mark.parametrize("model", MODELS)
def test_an_application_may_give_the_logger_a_handler(model, site):
    (site / "logged.py").write_text(HANDLED)
    with serving("logged:app", "--model", model, cwd=site) as server:
        assert exchange(server.address, GET % (7, b"Connection: close\r\n")).endswith(b"fine")
        server.stop()
    [line] = lines_of(site / "handled.log")
    assert '"GET /7 HTTP/1.1" 200 4 "-" "-"' in line
    assert server.access_log == []


def test_a_pipe_is_shared_without_waiting_and_left_as_it_is():
    """Workers write to one: what another has filled since the look for room is not waited for."""
    reader, writer = os.pipe()
    own = unblocking(writer)
    assert own != writer
    assert os.get_blocking(writer)
    assert not os.get_blocking(own)
    assert not os.get_inheritable(own)
    while offer(own, 4095 * b"x" + b"\n"):
        pass
    with pytest.raises(BlockingIOError):  # not for ever, as the other one would
        os.write(own, b"x" * 4096)
    for descriptor in (own, reader, writer):
        os.close(descriptor)
    with open(os.devnull, "wb") as none:
        assert unblocking(none.fileno()) == none.fileno()


@pytest.mark.parametrize("options", [(), ("--workers", "2")])
def test_lines_that_nobody_takes_are_counted_and_harm_no_request(options, site):
    """Row 48: stdout is a pipe that nobody reads."""
    long = GET % (1, b"Connection: close\r\nUser-Agent: %b\r\n" % (4000 * b"x"))
    words = ("logged:app", "--port", "0", "--allow-root", "--metrics=127.0.0.1:0", *options)
    with subprocess.Popen(
        command("serve", *words),
        cwd=site, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), bufsize=0,
    ) as process:  # fmt: skip
        try:
            first = process.stdout.readline()
            address = ("127.0.0.1", int(re.search(rb":(\d+)/", first)[1]))
            errors = b""
            while b"metrics and status on" not in errors:
                errors += process.stderr.read(4096)
            metrics = ("127.0.0.1", int(re.search(rb"status on http://127.0.0.1:(\d+)", errors)[1]))
            for _ in range(60):
                assert exchange(address, long).endswith(b"fine")
            samples = eventually(lambda: lost_in(metrics), "lines are lost")
            os.set_blocking(process.stdout.fileno(), False)
            written = process.stdout.read(1 << 20).count(b"\n")
            assert 60 - samples - 1 <= written <= 60 - samples
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def lost_in(metrics):
    _, _, body = ask(metrics)
    return int(values(body.decode())["reactor_log_lines_lost_total"])
