"""A real Prometheus scrapes a real server, and answers each query of docs/grafana.json."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import pytest
from crew import crew, write_app
from observed import scrape, status_of, where
from pem_files import pems  # noqa: F401 - a fixture
from processes import PATIENCE_S, REPOSITORY, eventually, exchange_tls, needs

DASHBOARD = json.loads((REPOSITORY / "docs" / "grafana.json").read_text())
LAST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def queries():
    return [
        (panel["title"], target["expr"])
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
    ]


def filled(query):
    """As Grafana sends it, with all chosen."""
    for name, value in (("$__rate_interval", "10s"), ("$job", ".*"), ("$instance", ".*")):
        query = query.replace(name, value)
    assert "$" not in query, query
    return query


def test_the_dashboard_is_one():
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids)) >= 12
    assert all(panel["targets"] for panel in DASHBOARD["panels"])
    for _, query in queries():
        assert filled(query)


def answer(port, path, **parameters):
    url = f"http://127.0.0.1:{port}{path}?{urllib.parse.urlencode(parameters)}"
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as got:
            return json.load(got)
    except urllib.error.HTTPError as error:
        said = error.read()
        return json.loads(said) if said.startswith(b"{") else {}  # it starts yet
    except OSError:
        return {}


@pytest.fixture
def prometheus(tmp_path):
    """Starts one for an address; its port."""
    program, started = needs("prometheus"), []

    def start(address):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        (tmp_path / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s}\n"
            "scrape_configs:\n- job_name: shop\n  static_configs:\n"
            f"  - targets: ['{address[0]}:{address[1]}']\n"
        )
        words = [
            program, f"--config.file={tmp_path}/prometheus.yml",
            f"--storage.tsdb.path={tmp_path}/data", f"--web.listen-address=127.0.0.1:{port}",
        ]  # fmt: skip
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        started.append(process)
        eventually(lambda: answer(port, "/api/v1/targets").get("data"), "it answers")
        return port

    yield start
    for process in started:
        process.terminate()
        process.wait(PATIENCE_S)


@pytest.mark.long
def test_each_query_finds_something(prometheus, tmp_path, pems):  # noqa: F811
    write_app(tmp_path)
    certificate, key = pems.pair("localhost")
    tls = ("--ssl-certfile", certificate, "--ssl-keyfile", key)
    words = ("--workers", "2", *tls, "--metrics", "127.0.0.1:0")
    with crew(tmp_path, *words) as server:
        port = prometheus(where(server))
        context = pems.trusting()

        def up():
            targets = answer(port, "/api/v1/targets")["data"]["activeTargets"]
            return [one for one in targets if one["health"] == "up"]

        eventually(up, "it is scraped")
        victim = None
        pending = dict.fromkeys(filled(query) for _, query in queries())

        def asked():
            """Something of each kind happens, until each query has a series."""
            nonlocal victim
            exchange_tls(server.address, LAST, context)
            exchange_tls(server.address, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", context)
            if victim is None:
                victim = True
                os.kill(status_of(server)["workers"][0]["pid"], signal.SIGTERM)
            for query in list(pending):
                got = answer(port, "/api/v1/query", query=query)
                assert got["status"] == "success", (query, got)
                if got["data"]["result"]:
                    del pending[query]
            return not pending

        eventually(asked, f"each query finds something: {pending}", 60)
        assert scrape(server)["reactor_worker_starts_total"] >= 2
