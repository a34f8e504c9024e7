"""``python -m reactor serve``, as a stranger uses it: what it prints, how it stops, what it says
when the command line is wrong."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from processes import (
    MODELS,
    PATIENCE_S,
    command,
    environment,
    eventually,
    exchange,
    has_ipv6,
    needs,
    read_to_end,
    run_reactor,
)

import reactor
from reactor.cli import main
from reactor.http._sent_bytes import AnswerRecord
from reactor.server.access_log import AccessLog
from reactor.server.access_log_format import escape

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def unix_exchange(path, data):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(PATIENCE_S)
        sock.connect(str(path))
        sock.sendall(data)
        return read_to_end(sock)


# --- the line it prints, and where it listens ----------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_it_prints_one_line_with_the_url_that_answers(serve, folder, model):
    server = serve(folder, "--model", model, "--no-access-log")
    assert re.fullmatch(
        rf"Serving {re.escape(str(folder))} on http://127\.0\.0\.1:\d+/ .*\n", server.out
    )
    assert server.port > 0
    assert b"the page" in exchange(server.address, GET)
    assert server.stop() == 0
    assert server.out.count("\n") == 1
    assert server.err == ""


def test_the_default_target_is_the_folder_where_the_user_stands(serve, folder):
    server = serve(cwd=folder)
    assert server.out.startswith("Serving . on http://127.0.0.1:")
    assert b"the page" in exchange(server.address, GET)


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")
def test_every_form_of_bind_at_once(serve, folder, tmp_path):
    path = tmp_path / "s.sock"
    server = serve(folder, "--bind", "127.0.0.1:0", "--bind", "[::1]:0", "--bind", f"unix:{path}",
                   "--bind", "localhost:0")  # fmt: skip
    four, six, unix, *named = server.urls
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", four)
    assert re.fullmatch(r"http://\[::1\]:\d+/", six)
    assert unix == f"unix:{path}"
    assert named
    assert b"the page" in exchange(("127.0.0.1", int(four[:-1].rpartition(":")[2])), GET)
    assert b"the page" in exchange(("::1", int(six[:-1].rpartition(":")[2])), GET)
    assert b"the page" in unix_exchange(path, GET)
    assert server.err == ""


@pytest.mark.parametrize("model", MODELS)
def test_a_unix_socket_is_its_owners_and_goes_with_the_server(serve, folder, tmp_path, model):
    path = tmp_path / "s.sock"
    server = serve(folder, "--model", model, "--bind", f"unix:{path}")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert b"the page" in unix_exchange(path, GET)
    assert server.stop() == 0
    assert not path.exists()
    assert server.access_log[0].startswith("- - - [")


def test_the_unix_socket_of_a_killed_server_is_taken_over(serve, folder, tmp_path):
    path = tmp_path / "s.sock"
    killed = serve(folder, "--bind", f"unix:{path}")
    killed.signal(signal.SIGKILL)
    killed.wait()
    assert path.exists()
    serve(folder, "--bind", f"unix:{path}")
    assert b"the page" in unix_exchange(path, GET)


def test_the_unix_socket_of_a_living_server_is_left_alone(serve, folder, tmp_path):
    path = tmp_path / "s.sock"
    serve(folder, "--bind", f"unix:{path}")
    # The first bind stands for two addresses, or one: it must not be counted as the second.
    refused = run_reactor("serve", folder, "--bind", "localhost:0", "--bind", f"unix:{path}")
    assert refused.returncode == 3
    assert refused.stderr == (
        f"reactor: cannot listen on unix:{path}: another server listens there\n"
    )
    assert b"the page" in unix_exchange(path, GET)


def test_a_later_server_keeps_its_unix_socket_when_the_earlier_one_stops(serve, folder, tmp_path):
    path = tmp_path / "s.sock"
    earlier = serve(folder, "--bind", f"unix:{path}")
    path.unlink()
    serve(folder, "--bind", f"unix:{path}")
    assert earlier.stop() == 0
    assert b"the page" in unix_exchange(path, GET)


def test_a_file_that_is_no_socket_is_left_alone(folder, tmp_path):
    path = tmp_path / "precious"
    path.write_text("data")
    refused = run_reactor("serve", folder, "--bind", f"unix:{path}")
    assert refused.returncode == 3
    assert path.read_text() == "data"


def test_a_bind_that_others_can_reach_is_said_loudly(serve, folder):
    server = serve(folder, "--bind", "0.0.0.0:0")
    eventually(lambda: "WARNING: 0.0.0.0:" in server.err, "a warning on stderr")


@pytest.mark.parametrize("model", MODELS)
def test_nothing_is_lost_between_the_line_and_the_first_signal(serve, folder, model):
    # Whoever has read the line may stop the server: the handlers are there by then.
    for number in (signal.SIGTERM, signal.SIGINT):
        server = serve(folder, "--model", model)
        server.signal(number)
        assert server.wait() == 0
        assert server.err == ""


def test_a_folder_whose_name_is_not_utf8_is_served(serve, tmp_path):
    root = os.fsencode(tmp_path) + b"/caf\xe9\n\x1b[31m"
    os.mkdir(root)
    Path(os.fsdecode(root), "index.html").write_bytes(b"the page")
    server = serve(os.fsdecode(root))
    assert b"the page" in exchange(server.address, GET)
    assert "\x1b" not in server.out


# --- the access log ------------------------------------------------------------------------------

LINE = re.compile(
    r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] "([^"]*)" (\d+) (\d+) '
    r'"([^"]*)" "([^"]*)"'
)


def wait_for_lines(server, count):
    eventually(lambda: len(server.access_log) >= count, f"{count} lines in the access log")
    assert len(server.access_log) == count
    return [LINE.fullmatch(line) for line in server.access_log]


@pytest.mark.parametrize("model", MODELS)
def test_one_line_for_each_request(serve, folder, model):
    server = serve(folder, "--model", model)
    exchange(server.address, b"GET /sub/note.txt HTTP/1.1\r\nHost: a\r\nReferer: http://r/\r\n"
             b"User-Agent: t/1\r\n\r\nHEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
             b"GET /none HTTP/1.0\r\n\r\n")  # fmt: skip
    exchange(server.address, b"bad\r\n\r\n")
    first, head, missing, bad = wait_for_lines(server, 4)
    assert first.groups() == ("GET /sub/note.txt HTTP/1.1", "200", "7", "http://r/", "t/1")
    assert head.group(1, 2, 3) == ("HEAD / HTTP/1.1", "200", "0")
    assert missing.group(1, 2) == ("GET /none HTTP/1.0", "404")
    assert bad.group(1, 2, 4, 5) == ("bad", "400", "-", "-")


def test_no_access_log(serve, folder):
    server = serve(folder, "--no-access-log")
    assert b"the page" in exchange(server.address, GET)
    assert server.stop() == 0
    assert server.access_log == []


def test_whatever_the_client_sends_is_one_line_of_printable_ascii(serve, folder):
    server = serve(folder)
    requests = []
    for byte in range(256):
        sent = bytes([byte])
        requests += [
            b"GET /a" + sent + b"b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nUser-Agent: x"
            + sent
            + b"y\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nReferer: x" + sent + b"\r\n\r\n",
        ]
    for request in requests:
        assert exchange(server.address, request, half_close=True).startswith(b"HTTP/1.1 ")
    wait_for_lines(server, len(requests))
    assert re.fullmatch(r"[\x20-\x7e\n]*", server.out)
    # Each line has the six quotes of its three quoted fields and no other.
    assert {line.count('"') for line in server.access_log} == {6}


def test_the_log_names_a_peer_by_its_address():
    lines = []
    AccessLog(lines.append).answered(("::1", 1, 0, 0), AnswerRecord())
    assert lines[0].startswith("::1 - - [")


def test_the_log_escapes():
    for character in [*map(chr, range(0x120)), "\udcff", "\u202e"]:
        printable = "\x20" <= character <= "\x7e" and character not in '"\\'
        assert (escape(character) == character) == printable, ascii(character)
        assert re.fullmatch(r"[\x20-\x7e]+", escape(character)), ascii(character)


@pytest.mark.parametrize("model", MODELS)
def test_requests_are_answered_when_nobody_reads_the_log_any_more(folder, model):
    with subprocess.Popen(
        command("serve", folder, "--port", "0", "--model", model),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
    ) as process:  # fmt: skip
        try:
            line = process.stdout.readline()
            process.stdout.close()
            port = int(re.search(rb":(\d+)/", line)[1])
            answers = [exchange(("127.0.0.1", port), GET) for _ in range(3)]
            process.send_signal(signal.SIGTERM)
            errors = process.stderr.read()
            code = process.wait(PATIENCE_S)
        finally:
            process.kill()
    assert [b"the page" in answer for answer in answers] == [True] * 3
    assert b"Traceback" not in errors
    assert code == 0


@pytest.mark.parametrize("model", MODELS)
def test_requests_are_answered_while_nobody_reads_a_full_log(folder, model):
    request = b"GET /%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % (b"n" * 4000)
    with subprocess.Popen(
        command("serve", folder, "--port", "0", "--model", model),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), bufsize=0,
    ) as process:  # fmt: skip
        try:
            line = process.stdout.readline()
            address = ("127.0.0.1", int(re.search(rb":(\d+)/", line)[1]))
            # Twice as much as a pipe holds.
            for _ in range(32):
                assert exchange(address, request).startswith(b"HTTP/1.1 404 ")
            log = process.stdout.read(1 << 20)
            assert exchange(address, GET).endswith(b"the page")
            process.send_signal(signal.SIGTERM)
            errors = process.stderr.read()
            log += process.stdout.read()
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()
    *torn, last, end = log.split(b"\n")
    assert end == b""
    assert LINE.fullmatch(last.decode())[1] == "GET / HTTP/1.1"
    assert all(LINE.fullmatch(line.decode()) for line in torn[:-1])
    lost = int(re.search(rb"(\d+) lines of the log were lost", errors)[1])
    assert lost + len(log.splitlines()) in {33, 34}  # one of the lost lines may have begun


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_log_on_a_full_disk_costs_no_request(folder, tmp_path):
    path = tmp_path / "s.sock"
    with open("/dev/full", "wb") as full, subprocess.Popen(
        command("serve", folder, "--bind", f"unix:{path}"),
        stdout=full, stderr=subprocess.PIPE, env=environment(),
    ) as process:  # fmt: skip
        try:
            eventually(lambda: path.exists() or process.poll() is not None, "a socket or an end")
            if process.poll() is None:
                answer = eventually(lambda: attempt(path), "an answer")
                assert b"the page" in answer
                process.send_signal(signal.SIGTERM)
            errors = process.stderr.read()
            process.wait(PATIENCE_S)
        finally:
            process.kill()
    assert b"Traceback" not in errors


def attempt(path):
    try:
        return unix_exchange(path, GET)
    except ConnectionRefusedError:
        return b""  # bound, and not listening yet


# --- version and help ----------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["--version"], ["serve", "--version"]])
def test_version(arguments):
    done = run_reactor(*arguments)
    assert (done.returncode, done.stdout) == (0, f"reactor {reactor.__version__}\n")


def test_help_names_every_option():
    done = run_reactor("serve", "--help")
    assert done.returncode == 0
    for option in ("TARGET", "--host", "--port", "--bind", "--backlog", "--model", "--log-level",
                   "--access-log", "--no-access-log", "--version"):  # fmt: skip
        assert option in done.stdout
    assert {"serve", "get"} <= set(run_reactor("--help").stdout.split())


# --- wrong input: one sentence, exit code 2 or 3, never a traceback ------------------------------

MODULE = """
number = 1
class Nothing: pass
def none(): pass
def four(a, b, c, d): pass
"""


@pytest.fixture
def wrong(tmp_path, monkeypatch, capfd):
    """Run a wrong `serve` in this process; the one sentence that it says."""
    (tmp_path / "module_of_wrong_targets.py").write_text(MODULE)
    (tmp_path / "file.txt").write_text("x")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    def run(*arguments):
        try:
            code = main(["serve", *arguments])
        except SystemExit as exit_:
            code = exit_.code
        finally:
            sys.modules.pop("module_of_wrong_targets", None)
        out, err = capfd.readouterr()
        assert code in {2, 3}
        assert out == ""
        assert re.fullmatch(r"reactor( serve)?: [^\n]+\n", err), err
        return err

    return run


def test_a_wrong_target_through_the_real_process(folder):
    done = run_reactor("serve", "no/such/folder", cwd=folder)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("reactor: there is no folder 'no/such/folder'")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("no/such/folder", "no folder 'no/such/folder'"),
        ("nothing", "no folder 'nothing'"),
        ("", "no folder ''"),
        ("file.txt", "'file.txt' is a file"),
        ("no_such_module:app", "no module 'no_such_module'"),
        ("module_of_wrong_targets.sub:app", "no module 'module_of_wrong_targets.sub'"),
        ("module_of_wrong_targets:nope", "no attribute 'nope'"),
        ("module_of_wrong_targets:Nothing.x.y", "no attribute 'Nothing.x.y'"),
        ("module_of_wrong_targets:", "MODULE:NAME"),
        (":app", "MODULE:NAME"),
        ("..module_of_wrong_targets:app", "MODULE:NAME"),
        ("a..b:app", "a..b"),
        (":", "MODULE:NAME"),
        ("module_of_wrong_targets:number", "type int"),
        ("module_of_wrong_targets:Nothing", "class Nothing"),
        ("module_of_wrong_targets:none", "module_of_wrong_targets:none"),
        ("module_of_wrong_targets:four", "module_of_wrong_targets:four"),
    ],
)
def test_wrong_target(wrong, target, says):
    assert says in wrong(target, "--port", "0")


@pytest.mark.parametrize("port", ["x", "-1", "65536", "1.5", "", "0x50", "\u0668", "9" * 5000])
def test_wrong_port(wrong, port):
    sentence = wrong(f"--port={port}")
    assert "port" in sentence
    assert len(sentence) < 200


@pytest.mark.parametrize(
    "bind",
    ["", "127.0.0.1:", "127.0.0.1:x", "::1:80", "[::1:80", "unix:",
     "127.0.0.1:65536", "no-such-host.invalid:0", "192.0.2.1:0", "unix:/no/such/folder/s.sock",
     "unix:" + "long" * 50],
)  # fmt: skip
def test_wrong_bind(wrong, bind):
    wrong(f"--bind={bind}")


@pytest.mark.parametrize(
    "arguments",
    [["--backlog", "0"], ["--backlog", "x"], ["--backlog", "9" * 30], ["--model", "fibers"],
     ["--log-level", "loud"], ["--host", "no-such-host.invalid"], ["--host", "a" * 300],
     ["--no-such-option"], [".", "."]],
)  # fmt: skip
def test_wrong_option(wrong, arguments):
    wrong("--port=0", *arguments)


@pytest.mark.parametrize("arguments", [[], ["bogus"], ["--bogus"]])
def test_wrong_command(arguments):
    done = run_reactor(*arguments)
    assert done.returncode == 2
    assert re.fullmatch(r"reactor: [^\n]+\n", done.stderr)


@pytest.mark.parametrize("model", MODELS)
def test_port_in_use_names_the_address(serve, wrong, folder, model):
    port = serve(folder).port
    sentence = wrong(".", "--port", str(port), "--model", model)
    assert f"127.0.0.1:{port}" in sentence
    assert "in use" in sentence


def test_privileged_port(folder):
    start = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if start.exists() and int(start.read_text()) <= 80:
        pytest.skip("every port is unprivileged on this machine")
    unprivileged = []
    if os.geteuid() == 0:
        program = needs("setpriv")
        unprivileged = [program, "--bounding-set=-net_bind_service", "--inh-caps=-all"]
    done = subprocess.run(
        [*unprivileged, *command("serve", folder, "--port", "80")],
        env=environment(), capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 3, done
    assert re.fullmatch(r"reactor: cannot listen on 127\.0\.0\.1:80: .*privileges.*\n", done.stderr)


def test_a_module_that_fails_shows_where(tmp_path):
    # The user's own fault in his own code: the traceback is what he needs.
    (tmp_path / "broken.py").write_text("import no_such_dependency\n")
    done = subprocess.run(
        command("serve", "broken:app"),
        cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 3
    assert "broken.py" in done.stderr
    assert "no_such_dependency" in done.stderr


def test_the_console_script_is_the_same_command():
    script = shutil.which("reactor", path=os.path.dirname(command()[0]))
    if script is None:
        pytest.skip("the distribution is not installed, only its source is here")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.stdout == f"reactor {reactor.__version__}\n"
