"""A server that was started by root and becomes somebody else, and one that stays root."""

from __future__ import annotations

import os
import pwd
import re
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest
from processes import (
    MODELS,
    PATIENCE_S,
    command,
    environment,
    eventually,
    python_for_everybody,
    read_to_end,
    run_reactor,
    started,
)

from reactor.errors import ConfigurationError
from reactor.server.privileges import identity_of

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

NOBODY = pwd.getpwnam("nobody")
APP = """
import os
from reactor import Response

IMPORTED_AS = os.getuid()

def app(request):
    try:
        os.setuid(0)
        back = "yes"
    except PermissionError:
        back = "no"
    return Response(200, {}, f"{IMPORTED_AS} {os.getuid()} {back} {os.environ['HOME']}")
"""
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.fixture
def room():
    with tempfile.TemporaryDirectory() as path:
        os.chmod(path, 0o755)
        (Path(path) / "seen.py").write_text(APP)
        yield Path(path)


def serve_as(room, *words):
    program = [python_for_everybody(), *command("serve", "seen:app", *words)[1:]]
    return started(program, cwd=room)


def status_of(pid):
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return dict(re.findall(r"^(\w+):\s*(.*)$", text, re.MULTILINE))


KINDS = [*(("--model", model) for model in MODELS), ("--workers", "2")]


@pytest.mark.parametrize("kind", KINDS, ids=" ".join)
def test_the_server_is_somebody_else_for_good(kind, room):
    # A folder that only root can make a socket in.
    private = room / "private"
    private.mkdir(mode=0o711)
    words = ["--uds", private / "s", "--uds-mode", "666", "--user", "nobody", *kind]
    with serve_as(room, *words) as server:
        status = status_of(server.pid)
        assert status["Uid"].split() == [str(NOBODY.pw_uid)] * 4
        assert status["Gid"].split() == [str(NOBODY.pw_gid)] * 4
        assert "0" not in status["Groups"].split()
        assert status["NoNewPrivs"] == "1"
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE_S)
            sock.connect(str(private / "s"))
            sock.sendall(REQUEST)
            body = read_to_end(sock).partition(b"\r\n\r\n")[2].decode()
        uid = str(NOBODY.pw_uid)
        assert body.split() == [uid, uid, "no", NOBODY.pw_dir]
        assert "WARNING" not in server.err


def test_a_key_that_only_root_can_read_is_read_before(room):
    (room / "key.pem").touch(0o600)
    done = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost"],
        cwd=room, capture_output=True, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0
    assert (room / "key.pem").stat().st_mode & 0o777 == 0o600
    words = ["--port", "0", "--ssl-certfile", "cert.pem", "--ssl-keyfile", "key.pem"]
    with serve_as(room, *words, "--user", "nobody", "--group", "nogroup") as server:
        assert "https://" in server.out
        assert status_of(server.pid)["Uid"].split()[0] == str(NOBODY.pw_uid)


def test_root_on_loopback_is_warned_and_beyond_it_refused(room):
    with started(command("serve", "seen:app", "--port", "0"), cwd=room) as server:
        eventually(lambda: "WARNING: this server is root" in server.err, "a warning")
    done = run_reactor("serve", "seen:app", "--host", "0.0.0.0", "--port", "0", cwd=room)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "--user NAME, or --allow-root" in done.stderr
    words = ["--host", "0.0.0.0", "--port", "0", "--allow-root"]
    with started(command("serve", "seen:app", *words), cwd=room) as server:
        assert "this server is root" not in server.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--user", "no-such-user"], "there is no user 'no-such-user'"),
        (["--group", "no-such-group"], "there is no group 'no-such-group'"),
        (["--user", "987654321"], "add --group"),
        (["--user", "nobody", "--uds", "/no/such/s"], "No such file"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(words, says, room):
    where = [] if "--uds" in words else ["--port", "0"]
    done = run_reactor("serve", "seen:app", *where, *words, cwd=room)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert says in done.stderr


def test_who_is_not_root_cannot_become_another(room):
    done = subprocess.run(
        ["setpriv", "--reuid=nobody", "--clear-groups", python_for_everybody(),
         *command("serve", "seen:app", "--port", "0", "--user", "daemon")[1:]],
        cwd=room, env=environment(), capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 3
    assert "only root can become somebody else" in done.stderr


def test_names_and_numbers():
    named, numbered = identity_of("nobody", None), identity_of(str(NOBODY.pw_uid), None)
    assert named == numbered
    assert (named.uid, named.gid, named.home) == (NOBODY.pw_uid, NOBODY.pw_gid, NOBODY.pw_dir)
    assert identity_of("4000000000", "4000000001").gid == 4000000001
    with pytest.raises(ConfigurationError):
        identity_of("", None)
