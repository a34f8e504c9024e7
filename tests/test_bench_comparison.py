"""`reactor.bench.comparison`: real servers on loopback, and servers that do wrong."""

import os
import socket
import sys
import threading
from dataclasses import replace

import pytest

from reactor.bench import memory, servers
from reactor.bench.comparison import Comparison, Contender
from reactor.bench.memory import hold_idle, idle_slope
from reactor.bench.results import METRICS, Plan, Results
from reactor.bench.running import Running
from reactor.bench.servers import NotServed, Server, missing, ours

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))

PLAN = Plan("hello", 2, None, 1, True, 2, 0.1, 0.05, 1)
LONGER = replace(PLAN, pairs=4, slot_s=0.05)
HANDLER = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answered = 0
    def log_message(self, *args): pass
    def do_GET(self):
        Handler.answered += 1
        if sys.argv[2] == "dies" and Handler.answered > 20:
            print("out of ideas", flush=True)
            os._exit(3)
        right = sys.argv[2] == "dies" or Handler.answered < 20
        body = b"Hello, World!" if right else b"Hello, Wurld!"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def contender(name, command):
    return Contender(name, lambda: Server(name, command))


def wrong(how):
    return contender(how, lambda port: [sys.executable, "-c", HANDLER, str(port), how])


def reactor():
    return contender("reactor", ours("apps:hello"))


def children():
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        return file.read().split()


def test_two_servers_are_compared_and_the_results_are_whole():
    before = children()
    results = Comparison(PLAN, [reactor(), contender("threads", ours("apps:hello"))]).run([2])
    assert [(row.server, row.connections) for row in results.rows] == [
        ("reactor", 2),
        ("threads", 2),
    ]
    assert all(len(row.slots) == PLAN.pairs and row.cpu_us_per_request > 0 for row in results.rows)
    assert all(row.rss_bytes > 1_000_000 and row.descriptors > 2 for row in results.rows)
    assert [ratio.metric for ratio in results.ratios[:3]] == list(METRICS)
    assert all(ratio.noise and ratio.low <= ratio.median <= ratio.high for ratio in results.ratios)
    assert results.complete and not results.failures
    assert Results.from_json(results.to_json()) == results
    assert children() == before


def test_after_each_two_rounds_all_are_started_anew_and_another_one_is_first():
    started, slots = [], []

    class Watched(Server):
        def __enter__(self):
            started.append(self.name)
            return super().__enter__()

        def cpu_seconds(self):
            slots.append(self.name)
            return super().cpu_seconds()

    def watched(name):
        return Contender(name, lambda: Watched(name, ours("apps:hello")))

    results = Comparison(LONGER, [watched("a"), watched("b")]).run([2])
    again = "a (again)"
    assert started == ["a", "b", again] * 2
    # Two readings a slot.
    assert slots[::2] == ["a", "b", again, again, "b", "a", "b", again, "a", "a", again, "b"]
    for row in results.rows:
        assert [slot.launch for slot in row.slots] == [0, 0, 1, 1]


def test_who_does_not_start_again_is_named_and_left_out():
    commands = iter([ours("apps:hello"), lambda port: ["/nonexistent/server"]])
    once = Contender("once", lambda: Server("once", next(commands)))
    results = Comparison(LONGER, [reactor(), once]).run([2])
    assert [failure.server for failure in results.failures] == ["once"]
    assert [row.server for row in results.rows] == ["reactor"]
    assert len(results.rows[0].slots) == LONGER.pairs


def test_servers_that_fail_are_named_in_a_sentence_each_and_the_others_go_on():
    before, told = children(), []
    absent = contender("absent", lambda port: ["/nonexistent/server"])
    contenders = [reactor(), wrong("dies"), wrong("lies"), absent]
    results = Comparison(PLAN, contenders, tell=told.append).run([2])
    sentences = {failure.server: failure.sentence for failure in results.failures}
    assert set(sentences) == {"dies", "lies", "absent"}
    assert sentences["dies"].startswith("dies died in a slot: out of ideas")
    assert sentences["lies"].startswith("lies: ")
    assert sentences["absent"].startswith("absent did not start")
    assert not any("\n" in sentence for sentence in sentences.values())
    assert set(sentences.values()) <= set(told)
    assert [row.server for row in results.rows] == ["reactor"]
    assert children() == before


def test_a_server_that_keeps_connections_open_is_learnt_from_too():
    """As the floor does, whatever `Connection` says."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Running("open", f"http://127.0.0.1:{listener.getsockname()[1]}/")
        kept = []

        def answer():
            kept.append(listener.accept()[0])
            kept[0].recv(65536)
            kept[0].sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

        thread = threading.Thread(target=answer)
        thread.start()
        assert server.learn() == b"ok"
        thread.join()
        kept[0].close()


def test_a_server_that_says_nothing_is_named_with_how_long_it_had(monkeypatch):
    monkeypatch.setattr(servers, "ANSWER_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Running("silent", f"http://127.0.0.1:{listener.getsockname()[1]}/")
        with pytest.raises(NotServed, match=r"^silent: no whole answer within 0\.05 s$"):
            server.learn()


def test_an_interrupt_leaves_what_was_measured():
    def interrupt(sentence):
        if "round 1" in sentence:
            raise KeyboardInterrupt

    before = children()
    comparison = Comparison(PLAN, [reactor()], tell=interrupt)
    with pytest.raises(KeyboardInterrupt):
        comparison.run([2])
    [row] = comparison.results.rows
    assert len(row.slots) == 1
    assert not comparison.results.complete
    assert children() == before


def test_a_port_that_was_taken_meanwhile_is_said_and_its_owner_is_not_measured(monkeypatch):
    before = children()
    with socket.create_server(("127.0.0.1", 0)) as taken:  # it accepts, as the kernel does
        monkeypatch.setattr(servers, "free_port", lambda: taken.getsockname()[1])
        with pytest.raises(NotServed, match=r"reactor did not start: .*in use"):
            Server("reactor", ours("apps:hello")).__enter__()
    assert children() == before


def test_what_does_not_hold_idle_connections_is_named(monkeypatch):
    monkeypatch.setattr(memory, "HOLD_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Running("silent", f"http://127.0.0.1:{listener.getsockname()[1]}/")
        with pytest.raises(NotServed, match=r"^silent: 0 connections, then timed out$"):
            hold_idle(server, b"", 3)


def test_an_idle_connection_takes_memory():
    with Server("reactor", ours("apps:hello")) as server:
        slope, before, after = idle_slope(server, server.learn(), 400)
    assert 0 <= slope < 20_000
    assert after.descriptors - before.descriptors == 400
