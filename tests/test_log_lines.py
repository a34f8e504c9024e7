"""The log: how its lines look, and how many of one kind there are."""

from __future__ import annotations

import json
import logging
import os
import pty
import signal
import sys

import pytest
from processes import MODELS, eventually, exchange, serving

from reactor import log as package
from reactor.cli.output import Log, Output
from reactor.errors import RemoteProtocolError
from reactor.log import formatting
from reactor.log.rate import KINDS_MAX, RateLimit
from reactor.server.access_log import AccessLog
from reactor.testing import FakeClock

GET = b"GET /%b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
FAILING = """
def app(request):
    raise ValueError(f"it fails\\n{request.path}")
"""


@pytest.fixture
def clock(monkeypatch):
    clock = FakeClock()
    monkeypatch.setattr("reactor.log.rate.time.monotonic", clock)
    return clock


class TestRate:
    def test_so_many_of_a_kind_in_a_second(self, clock):
        rest = []
        rate = RateLimit(2, lambda count, name: rest.append((count, name)))
        assert [rate.allows("a", "of a") for _ in range(5)] == [True, True, False, False, False]
        assert rate.allows("b", "of b")
        assert rest == []
        clock.advance(1)
        assert rate.allows("b", "of b")
        assert rest == [(3, "of a")]
        assert [rate.allows("a", "of a") for _ in range(3)] == [True, True, False]
        rate.settle()
        assert rest == [(3, "of a"), (1, "of a")]
        rate.settle()
        assert len(rest) == 2

    def test_kinds_are_bounded(self, clock):
        rest = []
        rate = RateLimit(1, lambda count, name: rest.append((count, name)))
        for number in range(KINDS_MAX + 100):
            rate.allows(number, str(number))
        assert len(rate._counts) == KINDS_MAX + 1
        rate.settle()
        assert rest == [(99, "of many kinds")]

    def test_of_the_log(self, clock, caplog, monkeypatch):
        monkeypatch.setattr(package, "_lines", RateLimit(2, package._say_rest))
        monkeypatch.setattr(package, "_tracebacks", RateLimit(1, package._say_rest))
        caplog.set_level(logging.INFO, "reactor")
        for number in range(4):
            package.log(logging.INFO, "the number %d", number)
            package.log(logging.INFO, "another one")
            for kind in (ValueError, KeyError):
                package.report(kind(number), "testing")
        package.settle()
        said = [record.getMessage() for record in caplog.records]
        assert said == [
            "the number 0",
            "another one",
            "exception while testing",
            "exception while testing",
            "the number 1",
            "another one",
            "2 more lines like this were left out: the number %d",
            "2 more lines like this were left out: another one",
            "3 more lines like this were left out: ValueError",
            "3 more lines like this were left out: KeyError",
        ]

    def test_what_is_not_shown_is_not_counted(self, clock, monkeypatch):
        rate = RateLimit(1, print)
        monkeypatch.setattr(package, "_lines", rate)
        package.log(logging.DEBUG - 5, "nobody sees it")
        assert rate._counts == {}


class TestFormats:
    def record(self, **more):
        record = logging.LogRecord("reactor", logging.WARNING, "", 1, "a %s", ("word",), None)
        record.created, record.msecs = 1_000_000_000.25, 250.0
        vars(record).update(more)
        return record

    def test_text(self):
        line = formatting.formatter_of("text", colours=False).format(self.record())
        assert line.endswith(" WARNING a word")

    def test_colours(self):
        line = formatting.formatter_of("text", colours=True).format(self.record())
        assert line.startswith("\x1b[2m20")
        assert line.endswith("\x1b[0m \x1b[33mWARNING\x1b[0m a word")

    def test_json(self):
        line = formatting.formatter_of("json", colours=True).format(
            self.record(fields={"offset": 17, "reason": 'x"\n'})
        )
        assert json.loads(line) == {
            "time": "2001-09-09T01:46:40.250Z",
            "level": "WARNING",
            "logger": "reactor",
            "message": "a word",
            "offset": 17,
            "reason": 'x"\n',
        }
        assert "\n" not in line

    def test_json_of_an_exception_is_one_line(self):
        try:
            raise ValueError("one\ntwo")
        except ValueError:
            line = formatting.formatter_of("json", False).format(
                self.record(exc_info=sys.exc_info())
            )
        found = json.loads(line)
        assert "\n" not in line
        assert (found["exception.type"], found["exception.message"]) == ("ValueError", "one\ntwo")
        assert found["exception.stacktrace"].endswith("ValueError: one\ntwo")

    @pytest.mark.parametrize(
        ("variables", "expected"),
        [
            ({}, True),
            ({"NO_COLOR": "1"}, False),
            ({"NO_COLOR": ""}, True),
            ({"TERM": "dumb"}, False),
        ],
    )
    def test_a_terminal_has_colours_unless_its_user_wants_none(
        self, variables, expected, monkeypatch
    ):
        for name in ("NO_COLOR", "TERM"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        main, other = pty.openpty()
        with os.fdopen(other, "w") as terminal, open(os.devnull, "w") as none:
            assert formatting.wants_colours(terminal) is expected
            assert not formatting.wants_colours(none)
        assert not formatting.wants_colours(None)
        assert not formatting.wants_colours(terminal)
        os.close(main)

    def test_a_refusal_has_its_fields(self, caplog):
        caplog.set_level(logging.INFO, "reactor")
        error = RemoteProtocolError(400, "host-missing", "no Host", 42)
        AccessLog(None).refused(("192.0.2.7", 1), error)
        [record] = caplog.records
        assert record.fields == {
            "network.peer.address": "192.0.2.7",
            "reason": "host-missing",
            "http.response.status_code": 400,
            "offset": 42,
        }


# --- served --------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_each_event_is_a_line_of_json(model, tmp_path):
    (tmp_path / "failing.py").write_text(FAILING)
    words = ("--model", model, "--log-format", "json", "--error-logfile", "log")
    with serving("failing:app", *words, cwd=tmp_path) as server:
        assert exchange(server.address, GET % b"a").startswith(b"HTTP/1.1 500")
        assert exchange(server.address, b"GET / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400")
        server.stop()
    failed, refused = map(json.loads, (tmp_path / "log").read_text().splitlines())
    assert failed["exception.message"] == "it fails\n/a"
    assert (refused["reason"], refused["network.peer.address"]) == ("host-missing", "127.0.0.1")
    assert refused["offset"] > 0


def test_an_application_that_always_fails_fills_no_disk(tmp_path):
    (tmp_path / "failing.py").write_text(FAILING)
    with serving("failing:app", cwd=tmp_path, traceback_expected=True) as server:
        for _ in range(200):
            exchange(server.address, GET % b"a")
        server.stop()
    shown = server.err.count("ValueError: it fails")
    rest = sum(
        int(line.split()[3]) for line in server.err.splitlines() if "more lines like this" in line
    )
    assert shown + rest == 200
    assert rest > 0


def test_a_pipe_that_nobody_reads_costs_lines_which_the_log_counts():
    """Row 48 of the log: it says how many were lost when somebody reads again."""
    reader, writer = os.pipe()
    counted = []
    with os.fdopen(writer, "w") as stream, os.fdopen(reader, "rb", buffering=0) as read:
        log = Log(Output(stream), tell=None)
        log.count(counted.append)
        handler = logging.StreamHandler(log)
        for _ in range(30):
            handler.handle(logging.makeLogRecord({"msg": "x" * 4000}))
        whole = read.read(1 << 20).count(b"\n")
        handler.handle(logging.makeLogRecord({"msg": "again"}))
        lost = 30 - whole
        assert read.read(1000).split(b"\n")[-3:-1] == [
            b"again",
            b"reactor: %d lines of the log were lost" % lost,
        ]
    assert log.lines_lost == sum(counted) == lost > 5


@pytest.mark.parametrize("model", MODELS)
def test_sigquit_shows_the_stacks_and_ends_nothing(model, tmp_path):
    (tmp_path / "failing.py").write_text(FAILING)
    with serving("failing:app", "--model", model, cwd=tmp_path, traceback_expected=True) as server:
        server.signal(signal.SIGQUIT)
        eventually(lambda: "most recent call first" in server.err, "the stacks")
        assert exchange(server.address, GET % b"a").startswith(b"HTTP/1.1 500")
