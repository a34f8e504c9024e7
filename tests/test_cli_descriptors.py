"""The command line with too few descriptors, and without those of the standard streams."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest
from processes import MODELS, PATIENCE_S, command, environment, eventually, read_to_end

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
APP = """
import os
from reactor import Response

def app(request):
    where = [os.readlink(f"/proc/self/fd/{number}") for number in range(3)]
    for number in (1, 2):
        os.write(number, b"printed by C")
    return Response(200, {}, " ".join(where))
"""
CLOSED = (
    "import os, sys; [os.close(int(n)) for n in sys.argv[1]]; os.execv(sys.argv[2], sys.argv[2:])"
)


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="needs /proc")
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("closed", ["0", "1", "2", "12", "012"])
def test_closed_standard_streams_are_dev_null(tmp_path, model, closed):
    (tmp_path / "where.py").write_text(APP)
    words = command("serve", "where:app", "--bind", f"unix:{tmp_path}/s", "--model", model)
    process = subprocess.Popen(
        [sys.executable, "-c", CLOSED, closed, *words],
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        answer = eventually(lambda: asked(str(tmp_path / "s")), "it answers")
        where = answer.rpartition(b"\r\n\r\n")[2].decode().split()
        for number in range(3):
            assert (where[number] == "/dev/null") == (str(number) in closed)
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0


def asked(path):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(PATIENCE_S)
        try:
            sock.connect(path)
        except OSError:  # not there yet, or does not listen yet
            return None
        sock.sendall(GET)
        return read_to_end(sock)


LIMITED = (
    "import os, resource, sys\n"
    "resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]),) * 2)\n"
    "os.execv(sys.argv[2], sys.argv[2:])\n"
)


@pytest.mark.parametrize("most", range(4, 13))
@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("serve", ".", "--port", "0"), 3), (("get", "--retry", "0", "http://127.0.0.1:1/x"), None)],
)
def test_too_few_descriptors_are_one_sentence(tmp_path, most, arguments, code):
    python, *rest = command(*arguments)
    # Without `site`, Python itself starts with four.
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(most), python, "-S", *rest],
        cwd=tmp_path,
        env=environment(PYTHONPATH=os.pathsep.join(filter(None, sys.path))),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("reactor: ")
    assert done.stderr.count("\n") == 1
    assert done.returncode == code if code else done.returncode > 0
