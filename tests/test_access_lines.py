"""Lines of the access log: what they say, and that nobody else writes them."""

from __future__ import annotations

import json
import re
import socket
from contextlib import contextmanager

import pytest
from driven import GET, App, get

from reactor import Limits, Reactor, Response
from reactor.errors import ConfigurationError
from reactor.http._context import ServerContext
from reactor.http._sent_bytes import AnswerRecord
from reactor.http._server import ServerMachine
from reactor.net import Connection
from reactor.server._access_lines import AccessLines
from reactor.server._line_formats import Custom
from reactor.server.access_log import AccessLog, AccessLogOptions
from reactor.testing import FakeTransport

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
FORGED = b'","status":200,"x":"'
NAMED = ("combined", "common", "json", "logfmt")
ATOMS = '%h %r %{user-agent}i %{referer}i %U%q %m %{traceparent} "%v" %X'
PAIR = re.compile(r'[a-z_.]+=(?:[^\s"=]+|"(?:[^"\\]|\\.)*")(?: |$)')


class Logged:
    """A machine whose answers have lines of this format; each takes so long, by its clock."""

    def __init__(self, form, answer=None, takes=0.25, peer=("192.0.2.7", 1234), **options):
        self.written = []
        self.log = AccessLog(AccessLogOptions(self.written.append, form, **options))
        self.takes = takes
        self.answer = answer or (lambda request: Response(200, {"X-Kind": 'a"b'}, b"fine"))
        self.context = ServerContext(App(self.respond), Limits(), lambda: b"now", self.log)
        self.peer = peer
        self.connect()

    def respond(self, request):
        self.transport.clock.advance(self.takes)
        return self.answer(request)

    def connect(self):
        self.machine = ServerMachine(self.context)
        self.transport = FakeTransport(self.machine, self.peer)
        self.machine.connection_made(self.transport)

    def feed(self, data):
        self.transport.turn = self.transport.clock()
        self.machine.data_received(data)

    @property
    def text(self):
        return b"".join(self.written).decode("ascii")

    @property
    def lines(self):
        assert self.text.endswith("\n")
        return self.text[:-1].split("\n")


def line_of(form, data=GET, **options):
    logged = Logged(form, **options)
    logged.feed(data)
    [line] = logged.lines
    return line


def values(line):
    return json.loads(line)


class TestWhatALineSays:
    def test_combined(self):
        line = line_of("combined", get(b"/a?b=c", b"User-Agent: t/1\r\nReferer: http://r/\r\n"))
        stamp = r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\]"
        assert re.fullmatch(
            rf'192\.0\.2\.7 - - {stamp} "GET /a\?b=c HTTP/1\.1" 200 4 "http://r/" "t/1"', line
        )

    def test_json_has_the_names_of_opentelemetry(self):
        found = values(
            line_of(
                "json", get(b"/a?b=c", b"User-Agent: t/1\r\ntraceparent: %b\r\n" % TRACE.encode())
            )
        )
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found.pop("time"))
        assert found == {
            "client.address": "192.0.2.7",
            "http.request.method": "GET",
            "url.path": "/a",
            "url.query": "b=c",
            "network.protocol.version": "1.1",
            "http.response.status_code": 200,
            "http.response.body.size": 4,
            "duration_s": 0.25,
            "ttfb_s": 0.25,
            "user_agent.original": "t/1",
            "trace_id": TRACE[3:35],
            "close": "keep",
        }

    def test_logfmt_quotes_what_needs_it(self):
        line = line_of("logfmt", get(b"/a", b'User-Agent: a b\r\nReferer: x=y"z\r\n'), worker=3)
        assert ' user_agent.original="a b" ' in line
        assert r' http.request.header.referer="x=y\"z" ' in line
        assert line.endswith(" close=keep worker=3")

    @pytest.mark.parametrize(
        ("atoms", "shown"),
        [
            ("%h %l %u", "192.0.2.7 - -"),
            ("%a %{c}h %{c}a", "192.0.2.7 192.0.2.7 192.0.2.7"),
            ('"%r" %m %U %q %H', '"GET /a?b=c HTTP/1.1" GET /a ?b=c HTTP/1.1'),
            ("%s %>s %b %B", "200 200 4 4"),
            ("%D %M %T %L", "250000 250 0 0.250000"),
            ("%{first}D %{first}M %{ms}T %{us}T %{s}T", "250000 250 250 250000 0"),
            ("%{User-Agent}i %{none}i %{x-kind}o %{none}o", r"t/1 - a\x22b -"),
            ("%w %X %v %%", "5 keep a %"),
            ("%(h)s %(r)s %(s)s %(b)s", "192.0.2.7 GET /a?b=c HTTP/1.1 200 4"),
            ("%(a)s %(f)s %(q)s %(U)s %(M)s %(L)s", "t/1 - b=c /a 250 0.250000"),
            ("%({user-agent}i)s %({x-kind}o)s", r"t/1 a\x22b"),
            ("%{traceparent} %{trace_id}", f"{TRACE} {TRACE[3:35]}"),
            ("nothing", "nothing"),
        ],
    )
    def test_atoms(self, atoms, shown):
        request = get(b"/a?b=c", b"User-Agent: t/1\r\ntraceparent: %b\r\n" % TRACE.encode())
        assert line_of(f"%h|{atoms}", request, worker=5) == f"192.0.2.7|{shown}"

    def test_atoms_of_the_process(self, monkeypatch):
        monkeypatch.setenv("LOGGED_BY_ROWS", "x\n")
        line = line_of("%p|%(p)s|%{LOGGED_BY_ROWS}e|%{NONE}e|%{%Y-}t|%{sec}t|%t|%O")
        assert re.fullmatch(
            r"(\d+)\|<\1>\|x\\x0a\|-\|20\d\d-\|\d{10}\|\[\S+ \+0000\]\|\d{2,}", line
        )

    @pytest.mark.parametrize("form", NAMED)
    def test_of_no_client_with_an_address(self, form):
        line = line_of(form, peer="")
        assert "client.address=-" in line or '"client.address":"-"' in line or line[0] == "-"

    def test_whole_answers_count_their_heads(self):
        logged = Logged("%O")
        logged.feed(GET)
        assert logged.lines == [str(len(logged.transport.sent))]

    @pytest.mark.parametrize(
        ("form", "why"),
        [
            ("%Z", "no atom '%Z'"),
            ("%{x}h", "no atom '%{x}h'"),
            ("%{x", "no atom '%{x'"),
            ("%(h)x", "no atom"),
            ("combine", "'combine' is none"),
            ("", "'' is none"),
        ],
    )
    def test_what_is_no_format_is_said_at_the_start(self, form, why):
        with pytest.raises(ConfigurationError, match=re.escape(why)):
            AccessLog(AccessLogOptions(print, form))


class TestWhatIsNoRequest:
    @pytest.mark.parametrize(
        ("sent", "status", "line"),
        [
            (b"GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "GET /a HTTP/1.1"),
            (
                b"GET /a HTTP/1.1\r\nHost: a\r\nX: %b\r\n\r\n" % (9000 * b"x"),
                431,
                "GET /a HTTP/1.1",
            ),
            (b"GET /%b HTTP/1.1\r\n\r\n" % (9000 * b"x"), 414, "-"),
            (b"\r\nbad\n\n", 400, "bad"),
            (b'GET /\x1b" HTTP/1.1\r\n\r\n', 400, r"GET /\x1b\x22 HTTP/1.1"),
        ],
    )
    def test_it_shows_the_request_line_if_that_was_whole(self, sent, status, line):
        assert f'"{line}" {status} ' in line_of("combined", sent)
        found = values(line_of("json", sent))
        assert found["http.response.status_code"] == status
        assert found["close"] == "error-4xx"
        assert found.get("request_line", "-") == line.encode().decode("unicode_escape")

    def test_a_head_that_is_not_whole_in_time(self):
        logged = Logged("combined")
        logged.feed(b"GET /slow HTTP/1.1\r\nHost:")
        logged.machine.deadline_expired()
        assert '"GET /slow HTTP/1.1" 408 ' in logged.text

    def test_behind_other_requests_it_is_its_own(self):
        logged = Logged("%r")
        logged.feed(get(b"/one") + b"GET /two HTTP/1.1\r\n\r\n")
        assert logged.lines == ["GET /one HTTP/1.1", "GET /two HTTP/1.1"]


class TestNobodyElseWritesALine:
    @pytest.mark.parametrize("form", [*NAMED, ATOMS])
    def test_every_byte_everywhere(self, form):
        logged = Logged(form)
        sent = 0
        for byte in range(256):
            one = bytes([byte])
            for data in (
                b"G%bT / HTTP/1.1\r\nHost: a\r\n\r\n" % one,
                b"GET /a%bb HTTP/1.1\r\nHost: a\r\n\r\n" % one,
                get(b"/", b"User-Agent: x%by\r\n" % one),
                get(b"/", b"Referer: %b\r\n" % one),
                get(b"/", b"traceparent: %b%b\r\n" % (TRACE.encode(), one)),
                get(b"/", b"X%b: y\r\n" % one),
            ):
                logged.connect()
                logged.feed(data)
                logged.machine.eof_received()  # of what is only a part now
                # Of an LF in a method or a target two lines: each is no request of its own.
                sent += 1
        assert len(logged.lines) == sent
        assert re.fullmatch(r"[\x20-\x7e\n]*", logged.text)
        for line in logged.lines:
            if form == "json":
                assert {"time", "close"} <= values(line).keys()
            elif form == "logfmt":
                assert "".join(PAIR.findall(line)) == line
            elif form == "combined":
                assert line.count('"') == 6

    def test_a_value_that_looks_like_json(self):
        found = values(line_of("json", get(b"/", b"User-Agent: %b\r\n" % FORGED)))
        assert found["http.response.status_code"] == 200
        assert found["user_agent.original"] == FORGED.decode()
        assert "status" not in found
        assert FORGED.decode() not in line_of("combined", get(b"/", b"User-Agent: %b\r\n" % FORGED))

    def test_utf_8_is_read_as_that_and_anything_else_byte_by_byte(self):
        for value, shown in (("café".encode(), "café"), (b"caf\xe9", "café"), (b"\xff\xfe", "ÿþ")):
            found = values(line_of("json", get(b"/", b"User-Agent: %b\r\n" % value)))
            assert found["user_agent.original"] == shown

    @pytest.mark.parametrize(
        "value",
        ["00-" + 32 * "0" + TRACE[35:], TRACE[:40], TRACE.upper(), TRACE[:30] + '"' + TRACE[31:]],
    )
    def test_what_is_no_trace_has_no_id(self, value):
        request = get(b"/", b"traceparent: %b\r\n" % value.encode())
        assert "trace_id" not in values(line_of("json", request))
        assert line_of("%{trace_id}", request) == "-"


class TestSamples:
    def test_one_of_so_many_and_all_that_went_wrong(self):
        logged = Logged("%U %s", sample=10)
        for number in range(30):
            logged.feed(get(b"/%d" % number))
        logged.answer = lambda request: Response(404, {}, b"")
        logged.feed(get(b"/none"))
        assert logged.lines == ["/0 200", "/10 200", "/20 200", "/none 404"]


class TestTheLinesOfATurn:
    """On a real loop: they leave in one write when the answers have."""

    @contextmanager
    def serving(self, count):
        reactor = Reactor()
        written = []
        log = AccessLog(AccessLogOptions(written.append, "%U"))
        log.wait_for(reactor.turn_end.call)
        context = ServerContext(App(), Limits(), lambda: b"now", log)
        clients = []
        for _ in range(count):
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            theirs.settimeout(5)
            Connection(reactor, ours, ServerMachine(context), "peer").open()
            clients.append(theirs)
        with reactor:
            yield reactor, written, clients
            for client in clients:
                client.close()
            for _ in range(3):
                reactor.run_once(0)
        log.flush()

    def test_they_are_one_write(self):
        with self.serving(20) as (reactor, written, clients):
            for client in clients:
                client.sendall(2 * GET)
            reactor.run_once(0)
            assert written == [40 * b"/\n"]
            for client in clients:
                assert client.recv(1000).count(b"HTTP/1.1 200") == 2

    def test_what_is_lost_with_its_connection_has_a_line_too(self):
        with self.serving(1) as (reactor, written, clients):
            clients[0].sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
            reactor.run_once(0)
            assert written == []
        assert b"".join(written) == b"/\n"

    def test_a_turn_with_a_great_many_is_written_in_parts(self):
        written = []
        log = AccessLog(AccessLogOptions(written.append, "%U"))
        later = []
        log.wait_for(later.append)
        context = ServerContext(App(), Limits(), lambda: b"now", log)
        machine = ServerMachine(context)
        machine.connection_made(FakeTransport(machine))
        for _ in range(100):
            machine.data_received(get(b"/%b" % (2000 * b"x")))
        assert [len(data) > 65_000 for data in written] == [True] * 3
        assert len(later) == 1
        later[-1]()
        assert b"".join(written).count(b"\n") == 100


class Lock:
    def __init__(self):
        self.held, self.times = False, 0

    def acquire(self):
        self.held, self.times = True, self.times + 1

    def release(self):
        self.held = False


def test_threads_make_their_lines_one_after_another_and_write_beside_each_other():
    lock, seen = Lock(), []
    log = AccessLog(AccessLogOptions(lambda lines: seen.append((lines, lock.held)), "%U"))
    log.share(lock)
    logged = Logged("%U")
    logged.context = ServerContext(App(logged.respond), Limits(), lambda: b"now", log)
    logged.connect()
    for path in (b"/one", b"/two"):
        logged.feed(get(path))
    assert seen == [(b"/one\n", False), (b"/two\n", False)]
    assert (lock.times, lock.held) == (2, False)


def test_a_line_that_cannot_be_made_leaves_the_lock(monkeypatch):
    failures, lock = [], Lock()
    monkeypatch.setattr("reactor.server._access_lines.failed", failures.append)
    written = []
    lines = AccessLines(Custom(lambda peer, record: 1 / 0), written.append)
    lines.share(lock)
    lines.answered(None, AnswerRecord())
    assert (written, lock.held, lock.times) == ([], False, 1)
    assert [type(error) for error in failures] == [ZeroDivisionError]
