"""The journal: what is refused is counted always, and said so often as is of use."""

import logging

from reactor.access_log import AccessLog
from reactor.errors import RemoteProtocolError
from reactor.limits import Limits
from reactor.testing import FakeClock

PEER = ("192.0.2.7", 1234)


def refuse(log, code="header-timeout"):
    log.refused(PEER, RemoteProtocolError(408, code, "too slow", 17))


def test_a_refusal_names_peer_reason_and_byte(caplog):
    caplog.set_level(logging.INFO)
    log = AccessLog(None)
    refuse(log)
    [record] = caplog.records
    assert record.getMessage() == "refused 192.0.2.7: 408 header-timeout: too slow (at byte 17)"
    assert log.refusals == {"header-timeout": 1}


def test_a_flood_of_refusals_is_counted_and_not_written_down(caplog, monkeypatch):
    clock = FakeClock()
    monkeypatch.setattr("reactor.access_log.time.monotonic", clock)
    caplog.set_level(logging.INFO)
    log = AccessLog(None, Limits(refusal_lines_per_second_max=3))
    for _ in range(10):
        refuse(log)
    clock.advance(1)
    refuse(log)
    assert [record.getMessage()[:14] for record in caplog.records] == [
        *["refused 192.0."] * 3,
        "refused 7 more",
        "refused 192.0.",
    ]
    assert log.refusals == {"header-timeout": 11}


def test_how_most_connections_end_is_counted_and_said_to_who_debugs(caplog):
    caplog.set_level(logging.INFO)
    log = AccessLog(None)
    refuse(log, "keep-alive-timeout")
    assert caplog.records == []
    caplog.set_level(logging.DEBUG)
    refuse(log, "keep-alive-timeout")
    assert [record.levelname for record in caplog.records] == ["DEBUG"]
    assert log.refusals == {"keep-alive-timeout": 2}
