"""`serve`: every option about TLS by what it does, and what does not go together."""

from __future__ import annotations

import pytest
from option_table import check
from processes import command, environment, run_reactor
from tls_option_rows import TLS_TABLE, make_places


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    return make_places(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize("row", TLS_TABLE, ids=lambda row: row.option)
def test_an_option_does_what_it_says(row, places):
    check(row, places)


ONE = ("--ssl-certfile", "{cert}", "--ssl-keyfile", "{key}")
WRONG = [
    ([*ONE, "--tls-self-signed"], 2, "--ssl-certfile and --tls-self-signed: one of them is"),
    ([*ONE, "--model", "threads"], 2, "threads serve no TLS"),
    (["--ssl-keyfile", "{key}"], 2, "--ssl-keyfile goes with --ssl-certfile"),
    (["--tls-self-signed", "--ssl-min", "1.3"], 2, "--ssl-min goes with --ssl-certfile"),
    ([*ONE, "--ssl-keyfile", "{key}"], 2, "more often than --ssl-certfile"),
    ([*ONE, "--ssl-certfile", "{cert}"], 2, "more often than --ssl-keyfile"),
    (["--ssl-context", "making"], 2, "write MODULE:NAME of a function"),
    (["--ssl-context", "making:none"], 3, "has no attribute 'none'"),
    ([*ONE, "--ssl-cert-reqs", "required"], 3, "needs --ssl-ca-certs"),
    ([*ONE, "--ssl-ca-certs", "{ca}"], 3, "add --ssl-cert-reqs required"),
    ([*ONE, "--ssl-ca-certs", "{key}", "--ssl-cert-reqs", "optional"], 3, "holds no certificate"),
    (["--tls-self-signed", "--bind", "0.0.0.0:0"], 2, "for this machine alone"),
    (["--bind", "127.0.0.1:0,tls"], 2, "127.0.0.1:0,tls goes with --ssl-certfile: there is no"),
    (["--ssl-certfile", "none.pem"], 3, "the certificate none.pem does not exist"),
]


@pytest.mark.parametrize(("words", "code", "said"), WRONG, ids=lambda value: str(value)[:40])
def test_what_cannot_be_served_is_said_in_one_sentence(places, words, code, said):
    words = [word.format_map(places) for word in words]
    where = [] if "--bind" in words else ["--port", "0"]
    done = run_reactor("serve", *words, *where, cwd=places["root"])
    assert done.returncode == code
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_locked_key_asks_nobody(places):
    """Not even where there is a terminal."""
    import os
    import pty
    import subprocess

    ours, theirs = pty.openpty()
    words = ["--ssl-certfile", places["cert"], "--ssl-keyfile", places["locked"], "--port", "0"]
    try:
        done = subprocess.run(
            command("serve", *words), stdin=theirs, stdout=theirs, stderr=subprocess.PIPE,
            env=environment(), start_new_session=True, timeout=20,
        )  # fmt: skip
    finally:
        os.close(theirs)
        os.close(ours)
    assert done.returncode == 3
    assert b"is encrypted: give --ssl-keyfile-password-file" in done.stderr
