"""Locust's users and swarms, with a real master and two workers on loopback."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from locusts import WORKERS, run_locust
from processes import eventually, serving

from reactor.load import Histogram

# Not imported here: it would patch the sockets and threads of all other tests.
pytestmark = pytest.mark.skipif(
    find_spec("locust") is None, reason="Locust is not installed: pip install -e '.[locust]'"
)

LOCUSTFILE = """
from reactor.contrib.locust import ReactorSwarm, ReactorUser
from reactor.load import Expect
from locust import task

class Swarm(ReactorSwarm):
    paths = ("/index.html", "/note.txt")
    connections = 4
    rate_per_user = 40.0
    slot_s = 0.5
    weight = 3  # or Locust gives one worker all swarms, and the other all visitors
    name = "swarm"

class Visitor(ReactorUser):
    weight = 1

    @task
    def look(self):
        response = self.client.get("/index.html", name="page")
        assert response.body == b"<p>the page"
        assert self.client.get("/missing", name="missing") is None
        self.wait()

    def wait_time(self):
        return 0.2
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    root = tmp_path_factory.mktemp("site")
    (root / "index.html").write_text("<p>the page")
    (root / "note.txt").write_text("a note")
    with serving(root) as server:
        rows, text, log = run_locust(
            tmp_path_factory.mktemp("locust"), LOCUSTFILE, server.url, users=6, seconds=2
        )
        by_name = {row["name"]: row for row in rows}
        asked = sum(row["num_requests"] for row in rows)
        # Before a worker's first slot, each of its four connections is answered once, and the first
        # asks for both paths: five requests of each worker are no part of a run.
        assert log.count("a generator is ready, with 4 connections") == WORKERS
        warm_up = WORKERS * 5
        eventually(lambda: len(server.access_log) >= asked + warm_up, "the server's own count")
        yield by_name, Histogram.decode(text), log, len(server.access_log) - warm_up - asked


def test_the_counts_are_the_servers_own(done):
    rows, _, log, unaccounted = done
    assert unaccounted == 0, log[-2000:]
    assert rows["swarm"]["num_failures"] == 0


def test_the_masters_histogram_has_every_latency_of_both_workers(done):
    rows, histogram, _, _ = done
    assert len(histogram) == rows["swarm"]["num_requests"] > 100
    # Exact where Locust rounds to milliseconds.
    assert 0 < histogram.min < 100_000_000
    assert sum(rows["swarm"]["response_times"].values()) == len(histogram)


def test_users_have_a_client_of_their_own(done):
    rows, _, _, _ = done
    assert rows["page"]["num_requests"] > 0
    assert rows["page"]["num_failures"] == 0
    assert rows["missing"]["num_failures"] == rows["missing"]["num_requests"] > 0


def test_the_log_says_what_was_measured_and_holds_no_traceback(done):
    _, histogram, log, _ = done
    assert f"reactor swarm: {len(histogram):,} latencies, p50 " in log
    assert "Traceback" not in log
