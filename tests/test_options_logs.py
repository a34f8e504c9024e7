"""`serve`: every option about logs by what it does, and what does not go together."""

from __future__ import annotations

import pytest
from log_option_rows import LOG_TABLE, make_places
from option_table import check
from processes import run_reactor


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    return make_places(tmp_path_factory.mktemp("logs"))


@pytest.mark.parametrize("row", LOG_TABLE, ids=lambda row: row.option)
def test_an_option_does_what_it_says(row, places):
    check(row, places)


WRONG = [
    (["--access-log-format", "combind"], 2, "'combind' is none: write combined, common, json"),
    (["--access-log-format", "%h %Z"], 2, "no atom '%Z'"),
    (["--access-log-sample", "0"], 2, "--access-log-sample"),
    (["--access-logfile", "no/such/folder/log"], 3, "the log no/such/folder/log: No such file"),
    (["--error-logfile", "/"], 3, "the log /: Is a directory"),
    (["--log-config", "none.ini"], 3, "--log-config none.ini: No such file"),
    (["--log-config", "wrong.json"], 3, "--log-config wrong.json: Expecting value"),
    (["--log-config", "wrong.toml"], 3, "--log-config wrong.toml: "),
    (["--log-config", "some.yaml"], 3, "--log-config some.yaml: YAML is not read"),
    (["--log-config", "wrong.ini"], 3, "--log-config wrong.ini: "),
]


@pytest.mark.parametrize(("words", "code", "said"), WRONG, ids=lambda value: str(value)[:40])
def test_what_cannot_be_is_one_sentence(words, code, said, tmp_path):
    for name in ("wrong.json", "wrong.toml", "wrong.ini"):
        (tmp_path / name).write_text("%")
    done = run_reactor("serve", ".", "--port", "0", "--allow-root", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
