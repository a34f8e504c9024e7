"""`bench/figures.py`: README's picture and the print-outs are of the results that are kept."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from bench_results import results, row
from made_parts import ROOT, part

sys.path.append(str(ROOT / "bench"))

import figures

STALE = "stale: run python bench/figures.py"
PYTHON = "/home/somebody/peers/bin/python"


def words_of(svg):
    return [" ".join(one.itertext()).strip() for one in ElementTree.fromstring(svg).iter()]


@pytest.mark.parametrize("name", figures.RUNS)
def test_the_page_prints_the_results_that_are_kept(name):
    found = figures.results(name)
    assert found.complete
    assert part(figures.PAGE, figures.maker(name)) == figures.print_out(found), STALE
    asked_for = " ".join(figures.RUNS[name])
    assert asked_for in " ".join(found.environment.command_line)


def test_readme_says_the_figures_of_the_picture():
    shown = figures.ALTERNATIVE.findall(figures.README.read_text(encoding="utf-8"))
    assert shown == [figures.alternative(of_both())], STALE


def of_both():
    return figures.both(figures.results("varied"), figures.results("logged"))


def test_the_picture_has_the_figures_of_its_results():
    found = figures.results("varied")
    words = words_of(figures.PICTURE.read_text(encoding="utf-8"))
    for one in of_both():
        value = one.cpu_us_per_request
        told = f"{value:,.1f}" if value < 100 else f"{value:,.0f}"
        assert f"{one.server}: {told}" in words, STALE
    assert found.environment.started in " ".join(words), STALE


def measured(tmp_path, **changes):
    """What `reactor bench` would have written: a file, with this machine's paths in it."""
    found = results()
    rows = [row(name) for name in ("reactor", *figures.RUNS["varied"][-1].split(","))]
    environment = replace(
        found.environment,
        command_line=["reactor", "bench", "--python", PYTHON, "--json", "varied.new.json"],
        commands={"reactor": [sys.executable, "-m", "reactor"], "nginx": [f"{ROOT}/nginx"]},
    )
    made = tmp_path / "varied.new.json"
    replace(found, environment=environment, rows=rows, **changes).write(made)
    return made


def test_what_is_kept_names_no_folder_of_the_machine(tmp_path):
    file = tmp_path / "varied.json"
    figures.keep(measured(tmp_path), file, PYTHON)
    environment = json.loads(file.read_text(encoding="utf-8"))["environment"]
    assert environment["command_line"][2:] == [
        "--python", "PEERS/bin/python", "--json", "varied.json"
    ]  # fmt: skip
    assert environment["commands"] == {"reactor": ["python", "-m", "reactor"], "nginx": ["./nginx"]}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [({"complete": False}, "interrupted"), ({"rows": [row("reactor")]}, "not measured.*waitress")],
)
def test_what_is_not_whole_is_not_kept(tmp_path, changes, sentence):
    file = tmp_path / "varied.json"
    file.write_text("the last ones")
    made = measured(tmp_path)
    replace(figures.Results.read(made), **changes).write(made)
    with pytest.raises(SystemExit, match=sentence):
        figures.keep(made, file, PYTHON)
    assert file.read_text() == "the last ones"


def test_a_picture_stands_alone_and_is_named_by_other_peoples_words():
    pytest.importorskip("matplotlib")
    without = replace(results(), rows=[row("reactor"), row("<b>&")])
    logged = replace(results(), rows=[row("reactor", cpu_us=12.0, access_log=True), row("<b>&")])
    rows = figures.both(without, logged)
    svg = figures.picture(without, rows)
    words = words_of(svg)
    assert "reactor, native: 10.0" in words and "<b>&: 10.0" in words
    # Who has no log is there once.
    assert [one.server for one in rows] == [
        "reactor, native",
        "reactor, native + access log",
        "<b>&",
    ]
    assert "reactor, native + access log: 12.0" in words
    declared, used = (set(re.findall(found, svg)) for found in (r"(--c\d\d):", r"var\((--c\d\d)\)"))
    assert used and used <= declared
    assert "prefers-color-scheme: dark" in svg
    assert not re.search(r"@import|href=\"[^#]|url\([^#]", svg)


def test_the_kept_files_name_no_folder_of_a_machine():
    for name in figures.RUNS:
        text = (figures.RESULTS / f"{name}.json").read_text(encoding="utf-8")
        assert not re.search(r'"/(?:home|root|work|srv|Users)\b', text)
        assert str(Path.home()) not in text
