"""``--metrics`` of several workers: the supervisor answers, whatever they do."""

from __future__ import annotations

import os
import signal
import time
from types import SimpleNamespace

from crew import (
    answering,
    ask,
    crew,
    crewed_folder,  # noqa: F401 - a fixture
    write_app,
)
from observed import ask as look
from observed import counted, leave, scrape, status_of, values, where
from processes import eventually, open_descriptors

from reactor import Limits
from reactor.loop import Loop
from reactor.process._page import Page
from reactor.server.edge import NO_POLICY
from reactor.server.record import Record
from reactor.server.status.crew import CrewStatus
from reactor.server.status.exposition import exposed
from reactor.server.status.notes import Notes

SCRAPE_S = 0.2  # ten times what is promised
SCRAPE_BYTES_MAX = 64 * 1024
OK = 'reactor_responses_total{http_response_status_code="200"}'
REQUESTS = 'reactor_requests_total{http_request_method="GET"}'


def watched(folder, *words, **options):
    return crew(folder, *words, "--metrics", "127.0.0.1:0", **options)


def hold_up(server, count):
    """Send requests that never end until this many workers are in one."""
    held = []
    for _ in range(count):
        client = server.connect()
        client.sendall(b"GET /spin HTTP/1.1\r\nHost: x\r\n\r\n")
        held.append(client)
        eventually(
            lambda: (
                sum(one["blocked_s"] > 0.2 for one in status_of(server)["workers"]) == len(held)
            ),
            f"{len(held)} are held up",
        )
    return held


def test_all_workers_are_counted_in_one(folder):
    with watched(folder, "--workers", "2") as server:
        answering(server, 2)
        got = scrape(server)
        assert got['reactor_workers{state="ready"}'] == 2
        assert got["reactor_worker_starts_total"] == 2
        assert {
            'reactor_worker_memory_bytes{worker="0"}',
            'reactor_worker_memory_bytes{worker="1"}',
        } <= got.keys()
        assert got['reactor_worker_memory_bytes{worker="0"}'] > 1_000_000
        assert got["process_cpu_seconds_total"] > 0

        def each_and_all():
            got = scrape(server)
            each = [one["counters"]["requests"] for one in status_of(server)["workers"]]
            return min(each) >= 1 and sum(each) == got[OK] == got[REQUESTS]

        # A client has its answer a moment before that is counted.
        eventually(each_and_all, "what each has answered is what all have")


def test_a_scrape_while_all_workers_are_held_up(folder):
    with watched(folder, "--workers", "2", "--timeout", "0") as server:
        answering(server, 2)
        before = scrape(server)[OK]
        held = hold_up(server, 2)
        took = []
        for _ in range(5):
            began = time.monotonic()
            status, _, body = look(where(server))
            took.append(time.monotonic() - began)
            assert status == 200
        assert min(took) < SCRAPE_S
        assert values(body.decode())[OK] >= before
        # Whoever is held up cannot become unready by it: the server is there.
        assert look(where(server), "/readyz")[0] == 200
        assert look(where(server), "/status")[0] == 200
        for client in held:
            client.close()
        for worker in status_of(server)["workers"]:
            os.kill(worker["pid"], signal.SIGKILL)


def test_what_a_dead_worker_has_counted_stays(folder):
    with watched(folder, "--workers", "2") as server:
        answering(server, 2)
        before = scrape(server)
        victim = status_of(server)["workers"][0]["pid"]
        os.kill(victim, signal.SIGKILL)
        got = counted(server, 'reactor_worker_exits_total{reason="signal"}', 1)
        eventually(lambda: scrape(server)["reactor_worker_starts_total"] == 3, "another is started")
        for name, value in before.items():
            if "_total" in name or "_count" in name or "_bucket" in name:
                assert got[name] >= value, name
        [death] = status_of(server)["events"]
        assert death["what"] == "death"
        assert f"worker {victim} (slot 0) ended by SIGKILL" in death["text"]
        eventually(
            lambda: [w["state"] for w in status_of(server)["workers"]] == ["ready"] * 2, "two serve"
        )


def test_a_reload_that_fails_is_seen_and_one_that_does_not(folder):
    name = "reactor_config_last_reload_successful"
    with watched(folder, "--workers", "2") as server:
        before = answering(server, 2)
        assert scrape(server)[name] == 1
        (folder / "crewed.py").write_text("def app(:\n")
        server.signal(signal.SIGHUP)
        counted(server, name, 0)
        assert ask(server)[0] in before
        assert status_of(server)["events"][0]["what"] == "failed reload"
        write_app(folder, "two")
        server.signal(signal.SIGHUP)
        got = counted(server, name, 1)
        assert got["reactor_config_last_reload_success_timestamp_seconds"] > time.time() - 100
        assert status_of(server)["events"][0]["what"] == "reload"
        eventually(
            lambda: {worker["generation"] for worker in status_of(server)["workers"]} == {3},
            "the old ones have ended",
        )


def test_the_slowest_requests_and_stalls_of_all(folder):
    with watched(folder, "--workers", "2") as server:
        answering(server, 2)
        ask(server, "/slow?secret")
        eventually(lambda: status_of(server)["stalls"], "the stall is noted")
        found = status_of(server)
        assert found["slowest"][0]["path"] == "/slow"
        assert found["slowest"][0]["seconds"] >= 1
        assert "crewed.py" in found["stalls"][0]["where"]


def test_ready_before_and_while_it_stops(folder):
    (folder / "later.py").write_text("def app(request):\n    return request.exchange\n")
    words = ("--workers", "2", "--graceful-timeout", "60")
    with watched(folder, *words, target="later:app") as server:
        address = where(server)
        assert look(address, "/readyz")[::2] == (200, b"ready\n")
        client = server.connect()
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        eventually(lambda: scrape(server)["reactor_requests_active"] == 1, "one is under way")
        server.signal(signal.SIGTERM)
        eventually(lambda: look(address, "/readyz")[::2] == (503, b"draining\n"), "it drains")
        assert look(address, "/healthz")[0] == 200
        leave(client)
        assert server.wait() == 0


def test_without_metrics_requests_are_counted_all_the_same(folder):
    """For what is said of a worker's end, and for --max-requests."""
    with crew(folder, "--workers", "2") as server:
        victim = ask(server)[0]
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: "after 1 requests" in server.err, "its requests are said")


def test_fifty_generations_behind(monkeypatch, tmp_path):
    """As a supervisor sees it: slots of the page that were given out again and again."""
    monkeypatch.chdir(tmp_path)
    page, loop = Page(64), Loop()
    members = []
    supervisor = SimpleNamespace(
        page=page,
        loop=loop,
        record=Record(),
        stopping=False,
        slots=SimpleNamespace(workers=members, serving=members),
        generations=SimpleNamespace(molds=[]),
    )
    notes = Notes(page.slots)
    status = CrewStatus("127.0.0.1:0", supervisor, notes, (), Limits(), NO_POLICY)
    before, highest = open_descriptors(), {}
    for generation in range(50):
        members[:] = [
            SimpleNamespace(
                slot=n, pid=0, generation=generation, index=n, started_at=loop.time(),
                state=SimpleNamespace(value="ready"),
            )
            for n in range(4)
        ]  # fmt: skip
        for member in members:
            slot = page.slot(member.index)
            slot["requests"] += 1000
            slot["bytes_in"] += 12345
            supervisor.record.starts += 1
        for _ in range(2):
            text = exposed(status.snapshot())
            for name, value in values(text).items():
                if "_total" in name:
                    assert value >= highest.get(name, 0), name
                    highest[name] = value
            for member in members:
                page.retire(member.index)
                supervisor.record.ended(9, False, "ended")
            members.clear()
    assert highest["reactor_received_bytes_total"] == 50 * 4 * 12345
    assert highest['reactor_worker_exits_total{reason="signal"}'] == 200
    assert len(text.encode()) <= SCRAPE_BYTES_MAX
    took = []
    for _ in range(20):
        began = time.monotonic()
        exposed(status.snapshot())
        took.append(time.monotonic() - began)
    assert min(took) < 0.05  # ten times what is promised
    assert open_descriptors() == before
    assert os.listdir(tmp_path) == []
    for sock in status._sockets:
        sock.close()
    status._listener.close()
    loop.close()
