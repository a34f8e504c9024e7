"""A snapshot as text for Prometheus, as a page and as JSON; without a server."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from processes import REPOSITORY, needs
from status_snapshots import STARTED_AT, counters, full, minute, snapshot, worker

from reactor.http._counting import BUCKETS_S, CODES, METHODS, REASONS
from reactor.process._page import Page, Slot
from reactor.server.status.app import as_json
from reactor.server.status.exposition import TURN_BUCKETS_S, exposed
from reactor.server.status.history import SAMPLES_MAX, History, sample
from reactor.server.status.page import CONTENT_SECURITY_POLICY, page
from reactor.server.status.page_style import SCRIPT, STYLE
from reactor.server.status.quantiles import quantile_s, upper_s
from reactor.server.status.snapshot import Listening, Slow, counters_of

PAGE_BYTES_MAX = 40 * 1024
SCRAPE_BYTES_MAX = 64 * 1024


def values(text):
    """The samples of a text, by what stands before the value."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


# --- the exposition ----------------------------------------------------------------------------


def test_a_histogram_has_opentelemetrys_buckets_in_prometheus_spelling():
    slow = counters(100, 0.3, latency={"2xx": (0, 1, 2, *[0] * 10, 4, 5)}, latency_s={"2xx": 7.5})
    got = values(exposed(snapshot(counters=slow)))
    name = "http_server_request_duration_seconds"
    label = 'http_response_status_code="2xx"'
    ends = [f"{bound:g}" for bound in BUCKETS_S] + ["+Inf"]
    assert ends[:4] == ["0.005", "0.01", "0.025", "0.05"] and len(ends) == 15
    buckets = [got[f'{name}_bucket{{{label},le="{end}"}}'] for end in ends]
    assert buckets == [0, 1, 3, *[3] * 10, 7, 12]
    assert got[f"{name}_count{{{label}}}"] == 12
    assert got[f"{name}_sum{{{label}}}"] == 7.5


def test_the_names_are_those_of_the_documentation():
    got = {name.partition("{")[0] for name in values(exposed(full()))}
    assert got >= {
        "http_server_request_duration_seconds_bucket",
        "reactor_responses_total",
        "reactor_requests_total",
        "reactor_requests_active",
        "reactor_refused_total",
        "reactor_expired_total",
        "reactor_received_bytes_total",
        "reactor_sent_bytes_total",
        "reactor_connections",
        "reactor_connections_accepted_total",
        "reactor_shed_total",
        "reactor_accept_paused_total",
        "reactor_accept_queue_length",
        "reactor_accept_queue_limit",
        "reactor_tls_handshakes_total",
        "reactor_tls_certificate_not_after_seconds",
        "reactor_loop_busy_seconds_total",
        "reactor_loop_turn_duration_seconds_bucket",
        "reactor_loop_stalls_total",
        "reactor_log_lines_lost_total",
        "reactor_workers",
        "reactor_worker_starts_total",
        "reactor_worker_exits_total",
        "reactor_worker_memory_bytes",
        "reactor_config_last_reload_successful",
        "reactor_config_last_reload_success_timestamp_seconds",
        "reactor_start_time_seconds",
        "reactor_info",
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_open_fds",
        "python_gc_collections_total",
    }


def test_no_sample_is_there_twice_and_each_family_has_one_type():
    text = exposed(full(16))
    names = [line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")]
    assert [name for name, times in Counter(names).items() if times > 1] == []
    types = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(types) == len(set(types))


def test_a_label_cannot_break_its_line():
    awkward = 'unix:/a"b\\c\nd'
    text = exposed(snapshot(listeners=(Listening(awkward, 1, 2),)))
    assert 'reactor_accept_queue_length{address="unix:/a\\"b\\\\c\\nd"} 1' in text.splitlines()


def test_keep_alive_that_is_over_is_nobodys_fault():
    got = values(exposed(full()))
    assert got['reactor_refused_total{reason="header-timeout"}'] == 12
    assert 'reactor_refused_total{reason="keep-alive-timeout"}' not in got
    assert got['reactor_expired_total{reason="keep-alive-timeout"}'] == 40_123


@pytest.mark.parametrize("openmetrics", [False, True], ids=["0.0.4", "openmetrics"])
def test_prometheus_clients_parser_reads_it(openmetrics):
    kind = "openmetrics.parser" if openmetrics else "parser"
    parser = pytest.importorskip(f"prometheus_client.{kind}")
    text = exposed(full(), openmetrics)
    found = list(parser.text_string_to_metric_families(text))
    samples = {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in found
        for one in family.samples
    }
    assert samples["reactor_responses_total", (("http_response_status_code", "304"),)] == 20_000
    assert samples["reactor_tls_handshakes_total", (("result", "failed"),)] == 4
    assert len(found) > 30
    kinds = {family.name: family.type for family in found}
    assert kinds["http_server_request_duration_seconds"] == "histogram"
    assert text.endswith("# EOF\n") == openmetrics


def test_promtool_has_no_complaint():
    promtool = needs("promtool")
    for made in (full(), snapshot(requests=0), full(200)):
        done = subprocess.run(
            [promtool, "check", "metrics"],
            input=exposed(made),
            capture_output=True,
            text=True,
            timeout=20,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_text_of_everything_at_once_is_small():
    """All codes, methods, reasons and classes there are, 64 workers, 8 addresses."""
    most = counters(
        10**12,
        codes=dict.fromkeys(CODES, 10**12),
        methods=dict.fromkeys(METHODS, 10**12),
        refused=dict.fromkeys(REASONS, 10**12),
        latency=dict.fromkeys(("1xx", "2xx", "3xx", "4xx", "5xx"), (10**12,) * 15),
        turns=(10**12,) * 16,
    )
    crew = tuple(worker(n, 10**12) for n in range(64))
    listeners = tuple(Listening(f"[2001:db8::{n}]:443", 2048, 2048) for n in range(8))
    text = exposed(full(counters=most, workers=crew, listeners=listeners))
    assert len(text.encode()) <= SCRAPE_BYTES_MAX


# --- what a slot says ----------------------------------------------------------------------------


def test_the_rows_of_a_slot_have_a_place_for_each_name():
    slot = Slot()
    for row, names in (("codes", CODES), ("methods", METHODS), ("refusals", REASONS)):
        assert len(slot.row(row)) >= len(names), row
    assert len(slot.row("latency")) == 5 * (len(BUCKETS_S) + 1)
    assert len(slot.row("turns")) == len(TURN_BUCKETS_S) + 1


def test_each_reason_that_the_source_names_has_a_place():
    """One that has none is counted as "other", where nobody finds it."""
    named = set()
    for folder in ("http", "net", "parser"):
        for path in (REPOSITORY / "reactor" / folder).glob("*.py*"):
            if path.suffix in (".py", ".pyx"):
                named |= set(re.findall(r"\(\s*\d{3,4}, \"([a-z0-9.-]+)\"", path.read_text()))
    assert len(named) > 60
    assert named - set(REASONS) == {"none"}


def test_counters_of_a_page_are_those_of_the_living_and_the_dead():
    page = Page(2)
    for index in (0, 1):
        page.slot(index)["requests"] = 5
        page.slot(index)["bytes_in"] = 100
    page.retire(1)
    found = counters_of(page.total_row, page.total)
    assert (found.requests, found.received_bytes) == (10, 200)


# --- quantiles, samples --------------------------------------------------------------------------


def test_steps_of_durations_meet_and_grow_by_at_most_a_quarter():
    ends = [upper_s(index) for index in range(104)]
    assert ends == sorted(ends)
    assert max(b / a for a, b in pairwise(ends[4:])) <= 1.26
    assert ends[-1] > 60


def test_a_quantile_is_within_its_step():
    counts = [0] * 104
    counts[20], counts[60] = 98, 2
    assert upper_s(19) <= quantile_s(counts, 0.5) <= upper_s(20)
    assert upper_s(59) <= quantile_s(counts, 0.99) <= upper_s(60)


def test_a_sample_is_what_has_changed_between_two_snapshots():
    before, now = snapshot(requests=1000, second=0.0), snapshot(requests=3000, second=2.0)
    found = sample(before, now)
    assert found.requests == 1000.0
    assert found.received == 180_000.0
    assert found.cpu_s_per_request == pytest.approx(0.00004)
    assert found.idle == 35
    assert found.busy == {"0": pytest.approx(0.03)}
    assert found.rates == {"0": 1000.0}


def test_a_worker_that_is_held_up_is_busy_though_its_counter_stands_still():
    before = snapshot(second=0.0)
    held = snapshot(second=1.0, workers=(worker(0, 1000, blocked_s=7.0),))
    assert sample(before, held).busy == {"0": 1.0}


def test_a_new_worker_in_a_slot_is_no_step_back():
    before = snapshot(requests=1000, second=0.0)
    after = snapshot(requests=1000, second=1.0, workers=(worker(0, 10, pid=9, generation=2),))
    found = sample(before, after)
    assert found.rates == {"0": 10.0}
    assert found.requests == 0.0


def test_history_keeps_a_minute_and_forgets_what_is_from_before_a_pause():
    history = History()
    for second in range(100):
        history.add(snapshot(requests=second, second=float(second)))
    assert len(history.samples) == SAMPLES_MAX
    history.add(snapshot(second=1000.0))
    assert len(history.samples) == 0


# --- the page ----------------------------------------------------------------------------------


class Checker(HTMLParser):
    """That what is opened is closed, and what it would fetch or run."""

    VOID = frozenset({"meta", "link", "path", "rect", "br"})

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.outside, self.inline = [], [], [], []

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        if tag not in self.VOID:
            self.open.append(tag)
        self.ids += [named["id"]] if "id" in named else []
        for name, value in attributes:
            if name in ("src", "href") and not value.startswith(("/", "data:,", "#")):
                self.outside.append(value)
            if name.startswith("on") or name == "style":
                self.inline.append((tag, name))

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def checked(text):
    checker = Checker()
    checker.feed(text)
    assert checker.open == []
    assert checker.outside == []
    assert checker.inline == []
    assert len(checker.ids) == len(set(checker.ids))
    return text


@pytest.mark.parametrize("workers", [1, 4, 16, 100])
def test_the_page_is_small_and_well_formed(workers):
    history, now = minute(workers)
    text = checked(page(now, history.samples))
    assert len(text.encode()) <= PAGE_BYTES_MAX
    assert text.count("<svg") == 6


def test_of_many_workers_those_that_need_a_look_are_shown():
    crew = [worker(n, connections=n) for n in range(60)]
    crew[3] = worker(3, connections=0, blocked_s=9.0)
    text = page(snapshot(workers=tuple(crew)), [])
    assert "blocked 9.0 s" in text
    assert "4059" in text and "4001" not in text
    assert "and 44 more" in text


def test_the_page_of_a_server_that_has_done_nothing():
    text = checked(page(snapshot(requests=0), []))
    assert "nan" not in text.lower().replace("nance", "")
    assert "None" not in text


def test_what_a_client_chose_is_escaped():
    hostile = '"><script>alert(1)</script>\x00\u202e'
    slow = Slow(STARTED_AT + 90_000, 1.0, "<i>", hostile, 200, 1)
    text = checked(page(snapshot(slowest=(slow,), target=hostile), []))
    assert "<script>alert" not in text and "<i>" not in text
    assert "\x00" not in text and "\u202e" not in text


def test_the_policy_allows_this_script_and_no_other():
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'")
    assert CONTENT_SECURITY_POLICY.count("sha256-") == 2
    text = page(snapshot(), [])
    assert re.findall(r"<script>(.*?)</script>", text, re.S) == [SCRIPT]
    assert re.findall(r"<style>(.*?)</style>", text, re.S) == [STYLE]


def test_without_script_it_comes_again_by_itself():
    assert re.search(
        r'<noscript><meta http-equiv="refresh" content="\d+"></noscript>', page(snapshot(), [])
    )


def test_json_has_all_of_it():
    history, now = minute(2, 5)
    found = json.loads(as_json(now, history))
    assert found["counters"]["requests"] == now.counters.requests
    assert [one["slot"] for one in found["workers"]] == [0, 1]
    assert len(found["minute"]) == 5
    assert found["by_state"] == now.by_state
