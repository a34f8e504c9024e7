"""Whatever an application does wrong: a 500 or a broken connection, and the server lives."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from pathlib import Path

import h11
import pytest
from fakes import FakeJournal
from processes import MODELS, PATIENCE_S, eventually, serving
from wsgi_faults import FAULTS, app

from reactor import Limits
from reactor.apps.wsgi import WsgiApp
from reactor.http._context import ServerContext
from reactor.http._server import ServerMachine
from reactor.server.access_log import AccessLog
from reactor.testing import FakeTransport

NAMES = sorted(FAULTS)
# One test for each outcome: a test for each of hundreds of faults would cost more than they do.
OUTCOMES = sorted({outcome for outcome, _ in FAULTS.values()})
ENDING = {"500", "abort", "end"}
HERE = Path(__file__).parent
OK = b"GET /ok HTTP/1.1\r\nHost: a\r\n\r\n"


def request(name, method=b"GET", version=b"1.1"):
    return b"%s /%s HTTP/%s\r\nHost: a\r\n\r\n" % (method, name.encode(), version)


def read_responses(data, methods):
    """The whole responses that a strict client reads out of ``data``: their statuses.

    The last entry is "broken" if the bytes end in the middle of one.
    """
    client = h11.Connection(h11.CLIENT)
    client.receive_data(data)
    client.receive_data(b"")
    found = []
    for method in methods:
        client.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
        client.send(h11.EndOfMessage())
        status = None
        while True:
            try:
                event = client.next_event()
            except h11.RemoteProtocolError:
                return [*found, "broken"]
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.EndOfMessage):
                found.append(str(status))
                break
            elif event is h11.NEED_DATA or isinstance(event, h11.ConnectionClosed):
                return [*found, "broken"]
        if client.states != {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
            break
        client.start_next_cycle()
    return found


def named(outcome):
    """The faults of one outcome, each to be tried in a `with`: what fails says of which."""
    for name in NAMES:
        if FAULTS[name][0] == outcome:
            yield name, trying(name)


@contextmanager
def trying(name):
    try:
        yield
    except Exception as error:
        error.add_note(f"of the fault {name}")
        raise


def judge(name, responses):
    """``responses`` to the fault's request and to one for /ok behind it on the connection."""
    outcome = FAULTS[name][0]
    if outcome == "500":
        assert responses == ["500"]
    elif outcome == "abort":
        assert responses == ["broken"]
    elif outcome == "end":
        assert responses in (["broken"], ["200", "broken"])
    else:
        assert responses == [outcome, "200"]


def test_there_are_many_faults():
    assert len(NAMES) > 60


# --- the machine, without a socket --------------------------------------------------------


def drive(wsgi_app, journal):
    machine = ServerMachine(
        ServerContext(
            WsgiApp(wsgi_app), Limits(), lambda: b"Mon, 23 Nov 2026 12:00:00 GMT", journal
        )
    )
    machine.connection_made(FakeTransport(machine))
    return machine


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_fault_is_logged_once(outcome):
    for name, trying_it in named(outcome):
        with trying_it:
            check_the_log(name, outcome)


def check_the_log(name, outcome):
    journal = FakeJournal()
    machine = drive(app, journal)
    transport = machine.transport
    machine.data_received(request(name) + OK)
    while transport.run_soon():
        pass
    assert transport.closed == (outcome in ENDING)
    assert not transport.aborted  # what was sent before the fault arrives
    if outcome in {"abort", "end"}:
        assert not transport.take().endswith(b"0\r\n\r\n")
    wrong = outcome in ENDING or name.startswith("close_")
    faults = 2 if name in CLOSE_FAILS_TOO else int(wrong)
    assert len(journal.failures) == faults, journal.failures
    assert [line[1] for line in journal.lines][:1] == [500 if outcome == "500" else 200] or (
        outcome in {"204", "304"} and journal.lines[0][1] == int(outcome)
    )


# Two things went wrong there.
CLOSE_FAILS_TOO = {
    "close_raises_after_the_headers_were_refused",
    "close_raises_after_the_body_had_failed",
}


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_head_never_has_a_body(outcome):
    for name, trying_it in named(outcome):
        with trying_it:
            check_head(name)


def check_head(name):
    machine = drive(app, FakeJournal())
    transport = machine.transport
    machine.data_received(request(name, b"HEAD") + OK)
    while transport.run_soon():
        pass
    sent = bytes(transport.sent)
    head, _, rest = sent.partition(b"\r\n\r\n")
    status = head.split(b" ")[1]
    assert head.startswith(b"HTTP/1.1 ")
    if status == b"500":
        assert rest == b""
        assert transport.closed
    else:
        assert rest.startswith(b"HTTP/1.1 200 OK\r\n")  # the answer to OK, and nothing before it
        assert rest.endswith(b"\r\n\r\nfine")


def test_keyboard_interrupt_is_not_the_applications():
    def interrupted(environ, start_response):
        raise KeyboardInterrupt

    machine = drive(interrupted, FakeJournal())
    with pytest.raises(KeyboardInterrupt):
        machine.data_received(OK)


# --- real servers -------------------------------------------------------------------------


@pytest.fixture(scope="module", params=MODELS)
def server(request):
    with serving(
        "wsgi_faults:app", "--model", request.param, cwd=HERE, traceback_expected=True
    ) as server:
        yield server


def exchange(server, data):
    """All that the server answers, and whether the connection ended with a reset."""
    received = b""
    with server.connect() as sock:
        sock.sendall(data)
        sock.settimeout(PATIENCE_S)
        try:
            while chunk := sock.recv(65536):
                received += chunk
        except ConnectionResetError:
            return received, True
    return received, False


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_fault_on_the_wire(server, outcome):
    last = OK.replace(b"Host: a", b"Host: a\r\nConnection: close")
    for name, trying_it in named(outcome):
        with trying_it:
            received, _ = exchange(server, request(name) + last)
            judge(name, read_responses(received, ["GET", "GET"]))
            received, reset = exchange(server, last)
            assert read_responses(received, ["GET"]) == ["200"]
            assert not reset


def test_a_broken_body_is_never_taken_for_a_whole_one(server):
    """In HTTP/1.0 the end of the connection is the end of the body: only a reset tells."""
    for name, trying_it in named("abort"):
        with trying_it:
            received, reset = exchange(server, request(name, version=b"1.0"))
            assert b"content-length" in received.lower() or reset


def test_the_log_has_the_traceback(server):
    exchange(server, request("raise_0_Fault_at_once"))
    eventually(lambda: "in at_once\n" in server.err, "the traceback is on stderr")


def test_logging_a_fault_that_has_no_text(caplog):
    machine = drive(app, AccessLog(None))
    with caplog.at_level(logging.ERROR):
        machine.data_received(request("raise_9_Unprintable_at_once"))
    assert "answering GET /raise_9_Unprintable_at_once" in caplog.text
