"""At the limit of connections: who says nothing, or lingers, makes room for who asks."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest
from clients import CLOSING, NOTE, SMALL, read_answer
from driven import GET, Driven
from processes import MODELS, PATIENCE_S, eventually, read_to_end, serving, serving_limited

from reactor import Limits

# Longer than any test waits: whatever ends, ends for others.
PATIENT = {"silent_timeout_s": 60.0, "header_timeout_s": 60.0, "keep_alive_timeout_s": 60.0}
PLACES = 5
CROWD = 4 * PLACES


@pytest.fixture(params=MODELS)
def model(request):
    return request.param


@pytest.fixture
def stack():
    with ExitStack() as stack:
        yield stack


def patient(stack, target, model, **limits):
    """A server with few places, where nobody's time is over while a test runs."""
    return stack.enter_context(
        serving_limited(target, model, {**PATIENT, "connections_max": PLACES, **limits})
    )


def come(stack, server, words=b""):
    client = stack.enter_context(server.connect())
    client.sendall(words)
    return client


def ended(client):
    """Whether the server has ended it, or nothing has come."""
    client.setblocking(False)
    try:
        return client.recv(4096) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
    finally:
        client.settimeout(PATIENCE_S)


@pytest.mark.parametrize("words", [b"", b"G", SMALL[:-2]])
def test_a_crowd_that_does_not_ask_keeps_nobody_out(stack, site, model, words):
    server = patient(stack, site, model, silent_grace_s=0.1)
    for _ in range(2):
        crowd = [come(stack, server, words) for _ in range(CROWD)]
        assert read_to_end(come(stack, server, CLOSING)).endswith(NOTE)
        # They would still be waited for: they went since somebody else came.
        assert sum(map(ended, crowd)) >= CROWD - PLACES


def test_the_one_that_is_silent_longest_goes_first(stack, site, model):
    # With one look at those who wait, and the next when the test is over.
    limits = {"silent_grace_s": 0.0, "accepts_per_turn_max": 1, "accept_pause_s": 2 * PATIENCE_S}
    server = patient(stack, site, model, **limits)
    crowd = []
    for words in (b"", b"GET / HT", b"", b"GET", b""):
        crowd.append(come(stack, server, words))
        eventually(lambda: len(server.sockets()) == 1 + len(crowd), "it is accepted")
    assert read_to_end(come(stack, server, CLOSING)).endswith(NOTE)
    assert [ended(client) for client in crowd] == [True, False, False, False, False]
    # Who begins now has begun later than who has begun before.
    crowd[2].sendall(SMALL)
    assert read_answer(crowd[2]) == NOTE


def test_nobody_goes_who_has_just_come(stack, site, model):
    """All are younger than the grace, which is longer than this test: the next client waits."""
    server = patient(stack, site, model, silent_grace_s=50.0)
    crowd = [come(stack, server, words) for words in (b"", SMALL[:20]) * 2]
    last = come(stack, server, SMALL)
    assert read_answer(last) == NOTE
    last.sendall(SMALL[:20])  # idle no more
    waiting = come(stack, server, CLOSING)
    eventually(lambda: "are the limit" in server.err, "somebody waits")
    for client, rest in zip(crowd, (SMALL, SMALL[20:]) * 2, strict=True):
        client.sendall(rest)
        assert read_answer(client) == NOTE
    # Now they are idle.
    assert read_to_end(waiting).endswith(NOTE)


def test_a_head_in_two_parts_is_answered_while_others_have_said_nothing(stack, site, model):
    limits = {"silent_grace_s": 0.3, "accepts_per_turn_max": 1}
    server = patient(stack, site, model, **limits)
    silent = [come(stack, server) for _ in range(PLACES - 1)]
    eventually(lambda: len(server.sockets()) == PLACES, "they are accepted")
    slow = come(stack, server, SMALL[:20])
    assert read_to_end(come(stack, server, CLOSING)).endswith(NOTE)
    slow.sendall(SMALL[20:])
    assert read_answer(slow) == NOTE
    assert any(map(ended, silent))


def test_who_lingers_goes_before_who_is_idle(stack, site, model):
    limits = {"linger_timeout_s": 60.0, "linger_time_s": 60.0, "silent_grace_s": 0.0}
    # One look at those who wait, and the next when the test is over.
    limits |= {"accepts_per_turn_max": 1, "accept_pause_s": 2 * PATIENCE_S}
    server = patient(stack, site, model, **limits)
    idle = [come(stack, server, SMALL) for _ in range(PLACES - 1)]
    for client in idle:
        assert read_answer(client) == NOTE
    refused = come(stack, server, b"GET / HTTP/1.1\r\n\r\n")
    # It has its answer and the server's end, and keeps its own end open.
    assert read_to_end(refused).startswith(b"HTTP/1.1 400 ")
    refused.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)  # and the server knows it
    assert len(server.sockets()) == 1 + PLACES
    assert read_to_end(come(stack, server, CLOSING)).endswith(NOTE)
    assert not any(map(ended, idle))


def test_who_has_asked_while_the_loop_was_held_up_is_answered(stack, tmp_path):
    """In its kernel is a request by then: that is read, and nobody goes for want of it."""
    (tmp_path / "held.py").write_text(
        "import time\nfrom reactor import Response\n"
        "def app(request):\n"
        "    time.sleep(1 if request.path == '/slow' else 0)\n"
        "    return Response(200, {}, 'done')\n"
    )
    words = ("held:app", "--limit-concurrency", PLACES, "--timeout-keep-alive", "60")
    server = stack.enter_context(serving(*words, cwd=tmp_path))
    crowd = [come(stack, server) for _ in range(PLACES)]
    eventually(lambda: len(server.sockets()) == 1 + PLACES, "they are accepted")
    crowd[0].sendall(GET.replace(b"/ ", b"/slow ", 1))
    for client in crowd[1:]:
        client.sendall(GET)
    waiting = come(stack, server, GET)
    for client in (*crowd, waiting):
        assert client.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_workers_and_unix_sockets(stack, site, tmp_path):
    path = tmp_path / "socket"
    words = ("--limit-concurrency", 2, "--workers", "2", "--timeout-header", "60")
    stack.enter_context(serving(site, *words, "--uds", path))

    def connected(words):
        client = stack.enter_context(socket.socket(socket.AF_UNIX))
        client.settimeout(PATIENCE_S)
        client.connect(str(path))
        client.sendall(words)
        return client

    crowd = [connected(words) for words in (b"", SMALL[:20]) * 5]
    assert read_to_end(connected(CLOSING)).endswith(NOTE)
    assert sum(map(ended, crowd)) > 5


@pytest.mark.parametrize("words", [b"", b"PROXY TCP4"])
def test_proxies_that_do_not_say_for_whom_make_room(stack, site, model, words):
    limits = {"connections_max": 2, "silent_grace_s": 0.1, "proxy_timeout_s": 60.0}
    bind = "127.0.0.1:0,proxy=v1"
    server = stack.enter_context(serving_limited(site, model, limits, bind))
    crowd = [come(stack, server, words) for _ in range(2)]
    last = come(stack, server, b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + CLOSING)
    assert read_to_end(last).endswith(NOTE)
    assert any(map(ended, crowd))


def test_a_protocol_that_speaks_first_keeps_its_silent_clients(stack, model):
    limits = {"silent_grace_s": 0.0, "connections_max": 2, "accept_pause_s": 0.01}
    server = stack.enter_context(serving_limited("reactor.apps.echo:Echo", model, limits))
    with ExitStack() as stack:  # they go before the server does, which would wait for them
        silent = [stack.enter_context(server.connect()) for _ in range(2)]
        waiting = come(stack, server, b"third")
        eventually(lambda: "are the limit" in server.err, "it waits")
        for client in silent:
            client.sendall(b"hello")
            assert client.recv(5) == b"hello"
        silent[0].close()
        assert waiting.recv(5) == b"third"


@pytest.mark.parametrize("words", [b"", GET[:10]])
def test_the_machine_is_silent_from_the_grace_on(words):
    d = Driven(limits=Limits(silent_grace_s=1.0, silent_timeout_s=60, header_timeout_s=60))
    if words:
        d.transport.turn += 0.5
        d.feed(words)  # from here on it has the time of a head
    d.transport.turn += 0.5
    assert not d.machine.is_idle()
    if words:
        d.feed(GET[10:12])  # which a byte more does not move
    d.transport.turn += 0.5
    assert d.machine.is_idle()
    d.feed(GET[12:] if words else GET[:12])
    assert d.machine.is_idle() == bool(words)  # it has asked, or has begun to
