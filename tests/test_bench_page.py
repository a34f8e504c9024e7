"""`reactor.bench.page`: whole, named, themed, and nobody else's words in its markup."""

import importlib.util
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from bench_results import results, row

from reactor.bench.results import METRICS, Latency, Ratio
from reactor.cli import main

# Not in the test extra: it takes longer to install than all the rest of that.
pytest.importorskip("matplotlib")
from reactor.bench.page import page

VOID = {"meta", "br", "link", "img", "hr", "input"}
HOSTILE = "_<script>alert(1)</script>$x^$&\x00\"'"
HOSTILE_SHOWN = HOSTILE.replace("\x00", "\ufffd")


class Reader(HTMLParser):
    """Its elements, its words, and that each element is closed where it must be."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.ids, self.attributes, self.words = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *one) for one in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *one) for one in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    def values(self, name):
        return [value for _, found, value in self.attributes if found == name]


def plots_of(text):
    return re.findall(r"<svg .*?</svg>", text, re.S)


def swept():
    """At two numbers of connections, in an open loop, one row bounded by the generator."""
    made = results()
    rows = [
        replace(
            row(server, connections), rate=1000.0, uncorrected_s=Latency(1e-3, 2e-3, 3e-3, 4e-3, 1)
        )
        for connections in (1, 1_000)
        for server in ("reactor", "threads", HOSTILE)
    ]
    rows[0] = replace(rows[0], verdict="GENERATOR-BOUND", why="the generator was busy")
    ratios = [
        Ratio("reactor", other, connections, metric, 0.5, 0.4, 0.6, [0.9, 1.1], True)
        for connections in (1, 1_000)
        for metric in METRICS
        for other in ("threads", HOSTILE)
    ]
    return replace(made, rows=rows, ratios=ratios)


def single():
    """At one number of connections, and nothing that need not be there."""
    return replace(results(), ratios=[], highest_rates=[])


@pytest.fixture(scope="module", params=[single, swept], ids=["one number", "sweep"])
def made_and_text(request):
    made = request.param()
    return made, page(made)


def test_the_page_has_every_server_ratio_and_plot(made_and_text):
    made, text = made_and_text
    read = Reader(text)
    said = "\n".join(read.words)
    for one in made.rows:
        assert one.server.replace(HOSTILE, HOSTILE_SHOWN) in said and one.verdict in said
    for ratio in made.ratios:
        assert f"{ratio.a} / {ratio.b}".replace(HOSTILE, HOSTILE_SHOWN) in said
        assert f"{ratio.low:.2f}-{ratio.high:.2f}" in said
    for sentence in (one.sentence for one in made.failures):
        assert sentence in said
    assert " ".join(made.environment.commands["reactor"]) in said
    assert "daemon off;\n        error_log <none>;" in said
    numbers = {one.connections for one in made.rows}
    # CPU or the sweep, and memory; a plot of latencies for each number.
    wanted = 2 + bool(made.ratios) + bool(made.highest_rates) + len(numbers)
    assert len(plots_of(text)) == wanted == read.tags.count("figure")


def test_each_plot_is_well_formed_and_takes_its_colours_from_the_page(made_and_text):
    _, text = made_and_text
    read = Reader(text)
    declared = set(re.findall(r"(--c[0-9a-f]{2}):", text))
    for svg in plots_of(text):
        ElementTree.fromstring(svg)
        used = set(re.findall(r"var\((--c[0-9a-f]{2})\)", svg))
        assert used and used <= declared
        assert not re.search(r"#[0-9a-f]{6}\b", svg)
    assert len(read.values("id")) == len(set(read.values("id")))


def test_the_page_loads_nothing(made_and_text):
    _, text = made_and_text
    read = Reader(text)
    assert not {"script", "link", "img", "iframe", "object", "image"} & set(read.tags)
    loaded = [*read.values("href"), *read.values("xlink:href"), *read.values("src")]
    assert all(value.startswith("#") for value in loaded)
    assert "@import" not in text
    assert all(url.startswith("#") for url in re.findall(r"url\(([^)]*)\)", text))


def test_names_from_elsewhere_are_words_and_no_markup(made_and_text):
    made, text = made_and_text
    read = Reader(text)
    assert "script" not in read.tags
    hostile = [one.server for one in made.rows if one.server == HOSTILE]
    # In its rows; in the legends of the sweep and of each latency plot, which are text as well.
    assert read.words.count(HOSTILE_SHOWN) >= 2 * len(hostile)
    assert f"{HOSTILE_SHOWN}, 1,000" in read.words or not hostile


def test_a_page_of_nothing_says_what_failed():
    made = replace(results(), rows=[], ratios=[], complete=False)
    said = "\n".join(Reader(page(made)).words)
    assert "Nothing was measured" in said
    assert "Interrupted: nothing was measured until then." in said
    assert "nginx is not installed" in said


def test_without_matplotlib_one_sentence_says_what_to_install(tmp_path, capsys, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "matplotlib" else find(name)
    )
    assert main(["bench", "--html", str(tmp_path / "page.html")]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "pip install 'reactor-httpd[bench]'" in said
    assert "in a clone of the sources: pip install -e '.[bench]'" in said
