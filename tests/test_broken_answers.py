"""What most clients read, ours reads, or the table of docs/client.md says why not."""

from __future__ import annotations

from pathlib import Path

import pytest
from broken_answers import CASES, OTHERS, Server, agreed, by_ours, missing, shown
from transfers import Bench

from reactor import Inet
from reactor.client import Proxies, fetch
from reactor.net import Protocol

DOCS = Path(__file__).resolve().parent.parent / "docs/client.md"
NAMES = {case.name: number for number, case in enumerate(CASES)}


@pytest.fixture(scope="module")
def server():
    with Server([case.answer for case in CASES]) as server:
        yield server


@pytest.fixture(scope="module")
def ours(server):
    """What our client makes of each case."""
    return [by_ours(f"{server.url}{number}") for number in range(len(CASES))]


def rows():
    """The table in the docs: name, then the cells."""
    lines = [line for line in DOCS.read_text(encoding="utf-8").splitlines() if line[:2] == "| "]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {row[0].strip("| "): row[1:] for row in cells if row[0].strip() in NAMES}


def test_there_are_enough_of_them():
    assert len(NAMES) == len(CASES) >= 30


def test_what_three_of_four_read_alike_ours_reads_too(server, ours):
    if absent := missing():
        pytest.skip(f"not on this machine: {', '.join(absent)}")
    differ = []
    for number, case in enumerate(CASES):
        others = [read(f"{server.url}{number}") for read in OTHERS.values()]
        most = agreed(others)
        if most is not None and ours[number] != most and not case.why:
            differ.append(f"{case.name}: {dict(zip(OTHERS, others, strict=True))}")
        assert not (case.why and ours[number] == most), f"{case.name} is read: why say why not?"
    assert not differ


def test_the_docs_say_what_ours_makes_of_each(ours):
    table = rows()
    assert list(table) == [case.name for case in CASES]
    for case, body in zip(CASES, ours, strict=True):
        assert table[case.name][len(OTHERS)] == f"**{shown(case, body)}**", case.name
        assert table[case.name][-1] == case.why, case.name


def test_what_ours_reads_is_what_was_meant(ours):
    for case, body in zip(CASES, ours, strict=True):
        assert body in (None, case.expected), case.name


@pytest.mark.parametrize(
    ("name", "field"), [("a folded field", "a,   b"), ("a control byte in a value", "a b")]
)
def test_a_fold_and_a_control_are_spaces(server, name, field):
    heads = []
    url = f"{server.url}{NAMES[name]}"
    fetch(url, heads.append, lambda data: None, proxies=Proxies())
    assert heads[0].headers["x"] == field


# --- what may come after such an answer ----------------------------------------------------------


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    for client in bench.clients:
        client.close()
    bench.reactor.close()


@pytest.mark.parametrize(
    ("name", "connections"),
    [
        ("every line ends in LF", 1),
        ("a folded field", 1),
        ("a control byte in a value", 1),
        ("the same length twice", 1),
        ("the same length as a list", 1),
        ("a space after the size", 1),
        ("a length among the trailers", 1),
        ("a space before the length's colon", 2),
        ("a length beside chunks", 2),
        ("a length before chunks", 2),
        ("chunks in HTTP/1.0", 2),
        ("chunked twice", 2),
        ("a coding that is none: identity", 2),
        ("an empty Transfer-Encoding", 2),
    ],
)
def test_where_readers_might_differ_it_is_the_connection_s_last(bench, name, connections):
    site = bench.site(lambda request: CASES[NAMES[name]].answer)
    client = bench.client()
    assert [bench.get(site.url, client=client).body for _ in range(2)] == [b"body"] * 2
    assert site.connections == connections


def test_a_proxy_s_answer_is_read_as_any_other(bench):
    class Proxy(Protocol):
        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            self.transport.write(b"HTTP/1.0 200\n\n")
            self.transport.close()

    port = bench.reactor.listen(Inet("127.0.0.1", 0), Proxy).addresses[0].port
    client = bench.client(proxies=Proxies(https=f"http://127.0.0.1:{port}"), retries=0)
    # The tunnel was made; what ends it is that nobody speaks TLS behind it.
    assert bench.get("https://127.0.0.1:1/", client=client).error.exit_code == 35
