"""Clients that do what they want: the server lives, answers everybody else, and holds nothing back.

After each: clean requests are answered, descriptors are as many as before, memory is
bounded, and nothing that a client did is a traceback. The long forms are `bench/soak.py`.
"""

from __future__ import annotations

import re
import socket
import time
from contextlib import ExitStack

import pytest
from clients import (
    CLOSING,
    NOTE,
    SMALL,
    Hostile,
    answered_twice,
    check_health,
    read_answer,
    reset,
    stop_under_load,
)
from processes import MEMORY_SLACK_KIB, MODELS, PATIENCE_S, eventually, read_to_end, serving_limited

from reactor.limits import DEFAULT_LIMITS


@pytest.fixture
def limited():
    with ExitStack() as stack:
        yield lambda *arguments, **options: stack.enter_context(
            serving_limited(*arguments, **options)
        )


@pytest.fixture(params=MODELS)
def model(request):
    return request.param


# --- the mix -------------------------------------------------------------------------------------


def test_clients_that_reset_half_close_stall_or_leave_anywhere(serve, site, model):
    server = serve(site, "--model", model, "--no-access-log")
    check_health(server.address, 5)
    baseline = server.descriptors()
    hostile = Hostile(server.address, seed=20_240_607)
    hostile.run(300)
    assert set(hostile.done) == {"reset", "half_close", "stall", "leave"}
    check_health(server.address)
    assert server.descriptors() == baseline
    eventually(lambda: server.status("Threads") == 1, "one thread is left")


def test_clients_that_are_gone_before_they_are_accepted(serve, site, model):
    server = serve(site, "--model", model)
    check_health(server.address, 1)
    baseline = server.descriptors()
    for _ in range(500):
        reset(server.connect())
    check_health(server.address)
    assert server.descriptors() == baseline


# --- many, and the end of all of them ------------------------------------------------------------


def test_many_connections_at_once_on_one_thread(serve, site, model):
    server = serve(site, "--model", model, "--no-access-log")
    right, threads = answered_twice(server, 100)
    assert right == 200
    assert threads == (1 if model == "reactor" else 101)


def test_stop_under_load_breaks_no_response(serve, site, model):
    server = serve(site, "--model", model, "--no-access-log")
    whole, broken, code = stop_under_load(server, connections=200, responses=300)
    assert broken == []
    assert whole >= 300
    assert code == 0


# --- slow ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=MODELS)
def impatient(request, site):
    """A server that waits for nobody, in each model."""
    limits = {"silent_timeout_s": 0.1, "header_timeout_s": 0.2, "keep_alive_timeout_s": 0.1}
    with serving_limited(site, request.param, limits) as server:
        yield server


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"", rb""),
        (b"G", rb"HTTP/1.1 408 "),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", rb"HTTP/1.1 408 "),
        (SMALL, rb"HTTP/1.1 200 "),
    ],
)
def test_a_client_that_stops_talking_is_let_go(impatient, sent, answer):
    server = impatient
    check_health(server.address, 1)
    baseline = server.descriptors()
    with ExitStack() as stack:
        silent = []
        for _ in range(50):
            silent.append(stack.enter_context(server.connect()))
            # At once: who has said nothing is let go in a tenth of a second.
            silent[-1].sendall(sent)
        check_health(server.address, 20)
        for sock in silent:
            received = read_to_end(sock)
            sock.close()
            assert re.match(answer, received)
            assert bool(answer) == bool(received)
    assert server.descriptors() == baseline


def test_slowloris_has_the_time_of_one_head_whatever_it_sends(impatient):
    # Bytes that go on coming do not move the deadline.
    with impatient.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
        sock.settimeout(0.01)
        answer = b""
        until = time.monotonic() + PATIENCE_S
        while not answer and time.monotonic() < until:
            sock.sendall(b"X: y\r\n")
            try:
                answer = sock.recv(1024)
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_body_below_the_rate_is_let_go(limited, tmp_path, model):
    (tmp_path / "taking.py").write_text(
        "from reactor import Response\ndef app(request): return Response(200)\n"
    )
    limits = {"body_timeout_s": 0.1, "body_rate_min": 500}
    server = limited("taking:app", model, limits, cwd=tmp_path)
    with server.connect() as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
        sock.settimeout(0.02)
        answer = b""
        until = time.monotonic() + PATIENCE_S
        while not answer and time.monotonic() < until:
            sock.sendall(b"x")
            try:
                answer = sock.recv(1024)
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408 ")


STREAMING = """
from reactor import Response

def app(request):
    def pieces():
        count = 0
        try:
            while True:
                count += 1
                yield b"x" * 4096
        finally:
            with open(f"closed{request.query}", "w") as file:
                file.write(str(count))
    return Response(200, [], pieces())
"""


def test_a_client_that_never_reads_a_stream(limited, tmp_path, model):
    (tmp_path / "streaming.py").write_text(STREAMING)
    server = limited("streaming:app", model, {"write_timeout_s": 0.3}, cwd=tmp_path)
    before = server.status("VmRSS")
    with ExitStack() as stack:
        for number in range(10):
            sock = stack.enter_context(server.connect())
            sock.sendall(b"GET /?%d HTTP/1.1\r\nHost: a\r\n\r\n" % number)
        # The application's iterator is closed when its client has taken nothing for too long.
        for number in range(10):
            eventually((tmp_path / f"closed{number}").exists, "the iterator is closed")
    high_water = DEFAULT_LIMITS.write_high_water_bytes // 1024
    assert server.status("VmHWM") - before < 10 * 2 * high_water + MEMORY_SLACK_KIB


def test_a_client_that_leaves_a_stream(serve, tmp_path, model):
    (tmp_path / "streaming.py").write_text(STREAMING)
    server = serve("streaming:app", "--model", model, cwd=tmp_path)
    for number in range(20):
        sock = server.connect()
        sock.sendall(b"GET /?%d HTTP/1.1\r\nHost: a\r\n\r\n" % number)
        sock.recv(1000 * number + 1)
        (reset if number % 2 else socket.socket.close)(sock)
    for number in range(20):
        eventually((tmp_path / f"closed{number}").exists, "the iterator is closed")


# --- large ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "endless", "status"),
    [
        (b"", b"G" * 4096, 501),
        (b"GET /", b"a" * 4096, 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"y" * 4096, 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", b"X: y\r\n" * 700, 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", b"X: " + b"y" * 4000 + b"\r\n", 431),
        (b"", b"\r\n" * 2048, 400),
        (b"", b"\0" * 4096, 400),
        (b"", b"\x16\x03\x01" * 1400, 400),
    ],
)
def test_an_endless_head_is_refused_and_not_kept(site_server, start, endless, status):
    with site_server.connect() as sock:
        sock.sendall(start)
        # Over every bound of a head, and below what a lingering connection takes.
        for _ in range(50):
            sock.sendall(endless)
        answer = read_to_end(sock)
    assert answer.startswith(b"HTTP/1.1 %d " % status)


def test_the_answer_to_a_body_that_is_too_large_arrives(serve, tmp_path, model):
    (tmp_path / "taking.py").write_text(
        "from reactor import Response\ndef app(request): return Response(200)\n"
    )
    server = serve("taking:app", "--model", model, cwd=tmp_path)
    for _ in range(20):
        with server.connect() as sock:
            sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 17000000\r\n\r\n")
            # As much as is drained while the connection lingers.
            sock.sendall(bytes(200_000))
            sock.shutdown(socket.SHUT_WR)
            answer = read_to_end(sock)
        assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_flood_of_pipelined_requests_that_nobody_reads(serve, site, model):
    server = serve(site, "--model", model, "--no-access-log")
    check_health(server.address, 1)
    before = server.status("VmRSS")
    with server.connect() as sock:
        sock.settimeout(0.2)
        sent = 0
        try:
            while sent < 50_000_000:
                sent += sock.send(SMALL * 1000)
        except TimeoutError:
            pass  # the server has stopped reading: that is the point
        assert sent < 50_000_000
        check_health(server.address)
        assert server.status("VmHWM") - before < MEMORY_SLACK_KIB


def test_a_flood_of_pipelined_requests_does_not_keep_others_waiting(serve, site):
    server = serve(site, "--no-access-log")
    with server.connect() as flood, server.connect() as other:
        flood.sendall(SMALL * 5000)
        received = 0
        for _ in range(50):
            other.sendall(SMALL)
            assert read_answer(other) == NOTE
            received += len(flood.recv(4096))
        # It is served a part at a time, in between: far from whole when the other one is done.
        assert received


# --- at the limits of the process ----------------------------------------------------------------


def test_over_the_limit_of_connections_a_client_waits_for_one_that_is_idle(limited, site):
    # Nobody is slow: the grace is longer than the test.
    server = limited(site, "reactor", {"connections_max": 5, "silent_grace_s": 60.0})
    with ExitStack() as stack:
        held = [stack.enter_context(server.connect()) for _ in range(5)]
        for sock in held:
            sock.sendall(SMALL)
            assert read_answer(sock) == NOTE
            sock.sendall(SMALL[:20])  # something is under way on each of them
        waiting = stack.enter_context(server.connect())
        waiting.sendall(CLOSING)
        waiting.settimeout(0.2)
        with pytest.raises(TimeoutError):
            waiting.recv(1)
        waiting.settimeout(PATIENCE_S)
        for sock in held[1:]:  # served as before
            sock.sendall(SMALL[20:] + SMALL[:20])
            assert read_answer(sock) == NOTE
        held[0].sendall(SMALL[20:])
        assert read_answer(held[0]) == NOTE
        assert read_to_end(held[0]) == b""  # now it is idle, and makes room
        assert read_to_end(waiting).endswith(NOTE)


def test_without_descriptors_for_all_everybody_is_served_in_turn(serve, site, model):
    def few_descriptors():
        import resource

        resource.setrlimit(resource.RLIMIT_NOFILE, (80, 80))

    server = serve(site, "--model", model, "--no-access-log", preexec_fn=few_descriptors)
    with ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(150)]
        for sock in clients:
            sock.sendall(CLOSING)
        answers = []
        for sock in clients:
            answers.append(read_to_end(sock))
            sock.close()
    # A thread per connection keeps no descriptor back for the files that it serves.
    statuses = {b"200"} if model == "reactor" else {b"200", b"503"}
    assert {answer.split()[1] for answer in answers} <= statuses
    check_health(server.address, 20)
    # It said so, and did not say it for each of them.
    assert server.err.count("\n") < 50


def test_a_file_that_becomes_shorter_while_it_is_sent(serve, tmp_path, model):
    path = tmp_path / "shrinking.bin"
    path.write_bytes(bytes(30_000_000))
    server = serve(tmp_path, "--model", model)
    with server.connect() as sock:
        sock.sendall(b"GET /shrinking.bin HTTP/1.1\r\nHost: a\r\n\r\n")
        received = len(sock.recv(1))
        with open(path, "r+b") as file:
            file.truncate(1000)
        try:
            while data := sock.recv(65536):
                received += len(data)
        except ConnectionResetError:
            pass
    # Neither padded nor followed by anything that could be taken for the rest.
    assert received < 30_000_000
    assert server.stop() == 0
