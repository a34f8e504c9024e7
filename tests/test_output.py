"""Words out: what nobody reads is lost and counted, and nothing waits for it."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import time

import pytest
from processes import MODELS, PATIENCE_S, command, environment, exchange

from reactor.apps._environ import Environs
from reactor.apps.wsgi import environ_template
from reactor.http.app import ServingContext
from reactor.log.output import Loss, offer, unwaiting

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
LINE = "x" * 99 + "\n"
ROUNDS = 20
LINES_EACH = 1000  # 100 KB: a pipe takes 64 KiB

NOISY = f"""
import logging, sys
handler = logging.StreamHandler()  # on sys.stderr, as it is by then
own = logging.getLogger("own")
own.addHandler(handler)
own.propagate = False

def app(environ, start_response):
    errors = environ["wsgi.errors"]
    errors.writelines([{LINE!r}] * {LINES_EACH - 2})
    print({LINE.strip()!r}, file=sys.stderr)
    own.warning({LINE.strip()!r})
    errors.flush()
    start_response("200 OK", [])
    return [b"a note"]
"""


@pytest.fixture
def pipe():
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)
    os.close(writer)


def read_all(reader):
    os.set_blocking(reader, False)
    data = b""
    try:
        while piece := os.read(reader, 65536):
            data += piece
    except BlockingIOError:
        pass
    os.set_blocking(reader, True)
    return data


def test_what_fits_is_written_and_nothing_waits(pipe):
    reader, writer = pipe
    assert offer(writer, b"x" * 100_000) == 65536
    assert offer(writer, b"x") == 0
    assert read_all(reader) == b"x" * 65536


def test_lines_that_are_lost_are_counted_and_said_when_that_is_over(pipe):
    reader, writer = pipe
    said = []
    loss = Loss(said.append, said.append)
    for _ in range(1000):
        loss.offer(writer, LINE.encode())
    assert said == ["nobody reads it"]
    written = read_all(reader).count(b"\n")
    loss.offer(writer, b"back\n")
    assert said == ["nobody reads it", 1000 - written]
    assert read_all(reader) == b"back\n"


def test_a_line_that_was_torn_is_ended_before_the_next_one_begins(pipe):
    reader, writer = pipe
    said = []
    loss = Loss(said.append, said.append)
    loss.offer(writer, b"x" * 100_000 + b"\n")
    assert read_all(reader) == b"x" * 65536
    loss.offer(writer, b"back\n")
    assert read_all(reader) == b"\nback\n"
    assert said == ["nobody reads it", 1]


def test_a_stream_that_never_waits_is_a_text_stream_like_any_other(pipe):
    reader, writer = pipe
    with os.fdopen(os.dup(writer), "w", encoding="latin-1") as stream:
        errors = unwaiting(stream)
        assert unwaiting(stream) is errors
        assert unwaiting(errors) is errors
        print("café", "\u2014", file=errors)
        errors.writelines(["a\n", "b\n"])
        assert (errors.fileno(), errors.isatty(), errors.encoding) == (
            stream.fileno(),
            False,
            "latin-1",
        )
        assert read_all(reader) == b"caf\xe9 \\u2014\na\nb\n"
        for _ in range(1000):
            errors.write(LINE)
        before = read_all(reader).count(b"\n")
        errors.write("back\n")
        after = read_all(reader)
        lost = int(re.search(rb"reactor: (\d+) lines were lost here\n", after)[1])
        assert before + lost == 1000
        assert b"back\n" in after
        errors.close()
        os.fstat(stream.fileno())  # it was not ours to close


@pytest.mark.parametrize("stream", [None, io.StringIO()])
def test_what_has_no_descriptor_is_left_alone(monkeypatch, stream):
    assert unwaiting(stream) is stream
    monkeypatch.setattr(sys, "stderr", stream)
    assert Environs(environ_template(ServingContext())) is not None


@pytest.mark.parametrize("model", MODELS)
def test_an_application_may_complain_while_nobody_reads(tmp_path, model):
    (tmp_path / "noisy.py").write_text(NOISY)
    server = subprocess.Popen(
        command(
            "serve", "noisy:app", "--port=0", "--model", model, "--no-access-log", "--allow-root"
        ),
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        port = int(re.search(rb":(\d+)/", server.stdout.readline())[1])
        begun = time.monotonic()
        for _ in range(ROUNDS):
            answer = exchange(("127.0.0.1", port), GET)
            assert answer.endswith(b"\r\n\r\na note")
        assert time.monotonic() - begun < PATIENCE_S
        # Somebody reads again: what is missing is said, and how much it was.
        said = os.read(server.stderr.fileno(), 1 << 20)
        exchange(("127.0.0.1", port), GET)
        said += os.read(server.stderr.fileno(), 1 << 20)
        # (Of the last request, which alone is more than fits, some are lost again.)
        lost = int(re.search(rb"reactor: (\d+) lines were lost here\n", said)[1])
        read = said.partition(b"reactor: ")[0].count(b"\n")
        assert abs(lost + read - ROUNDS * LINES_EACH) <= 1
    finally:
        server.terminate()
        server.communicate(timeout=PATIENCE_S)
    assert server.returncode == 0
