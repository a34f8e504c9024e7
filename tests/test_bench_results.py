"""`reactor.bench.results`: the JSON of a comparison is what the dataclasses say."""

import json

import pytest
from bench_results import results

from reactor.bench.results import NotResults, Results


def test_results_come_back_from_their_json(tmp_path):
    made = results()
    made.write(tmp_path / "results.json")
    assert Results.read(tmp_path / "results.json") == made


def test_the_json_spells_names_as_documented():
    told = json.loads(results().to_json())
    assert told["schema"] == "reactor-bench/4"
    assert told["rows"][0]["latency_s"]["p99.9"] == pytest.approx(0.00499, abs=1e-5)
    assert set(told) == {
        "schema", "complete", "environment", "plan", "rows", "ratios", "highest_rates", "failures",
    }  # fmt: skip


def without(told, key):
    del told[key]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda told: told.update(schema="reactor-bench/0"), "schema"),
        (lambda told: without(told, "rows"), "no 'rows'"),
        (lambda told: told.update(more=1), "unknown 'more'"),
        (lambda told: told["plan"].update(pairs="6"), "'pairs'"),
        (lambda told: told["plan"].update(pairs=True), "'pairs'"),
        (lambda told: told["rows"][0].update(verdict="FINE"), "'verdict'"),
        (lambda told: told["rows"][0].update(slots=None), "'slots'"),
        (lambda told: told.update(environment=[]), "environment"),
    ],
)
def test_what_is_no_comparison_is_refused_in_one_sentence(spoil, sentence):
    told = json.loads(results().to_json())
    spoil(told)
    with pytest.raises(NotResults, match=sentence):
        Results.from_json(json.dumps(told))


@pytest.mark.parametrize("text", ["", "[]", "{", "3"])
def test_other_texts_are_refused(text):
    with pytest.raises(NotResults):
        Results.from_json(text)
