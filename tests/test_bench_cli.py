"""`python -m reactor bench`: the table, the file, and one sentence for what is wrong."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from bench_results import results
from jsonschema import Draft202012Validator

from reactor.bench.comparison import Comparison
from reactor.bench.peers import Peers
from reactor.bench.results import Failure, Results
from reactor.bench.servers import missing
from reactor.cli import main
from reactor.cli.bench import said_once
from reactor.cli.bench_tables import show

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))
SCHEMA = Path(__file__).resolve().parent.parent / "docs" / "bench.schema.json"
SHORT = ("--pairs", "1", "--slot", "0.1", "-c", "2")


def bench(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "reactor", "bench", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        **options,
    )


def test_the_default_is_reactor_against_threads(tmp_path):
    file = tmp_path / "results.json"
    done = bench(*SHORT, "--json", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert "reactor / threads" in done.stdout
    made = Results.read(file)
    assert [row.server for row in made.rows] == ["reactor", "threads"]
    assert made.complete
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(json.loads(file.read_text(encoding="utf-8")))


def test_too_few_descriptors_are_said_in_one_sentence():
    done = bench("-c", "999999")
    assert done.returncode == 1
    assert "descriptors" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("--against", "apache"), 1, "there is no server 'apache': choose from reactor, threads"),
        (("--target", "nosuch", *SHORT), 1, "reactor, threads did not start: "),
        (("--against", ","), 1, "names nothing to compare reactor with"),
        (("--against", "reactor"), 1, "names nothing to compare reactor with"),
        (("--against", "waitress", "--target", "."), 1, "waitress serves a page of its own"),
        (("--json", "/nonexistent/x.json"), 1, "its folder does not exist"),
        (("--target", "http://127.0.0.1:1/", *SHORT), 1, "no process of yours listens on port 1"),
        (("--html", "/tmp"), 1, "it is a folder"),
        (("--varied", "--target", "."), 1, "answers to --varied requests is not known"),
        (("--varied", "100001"), 2, "is no number"),
        (("--websocket", "--close"), 1, "leave out --varied, --close, --target and --memory"),
        (("--websocket", "--against", "nginx"), 1, "'nginx': choose from reactor, asgi, uvicorn"),
        (("--close", "--pipeline", "2"), 1, "leave out --close or --pipeline"),
        (("--target", "http://127.0.0.1:1/", "--against", "nginx"), 1, "leave out --against"),
        (("--target", "http://example.org/", *SHORT), 1, "no http URL of 127.0.0.1"),
        (("--target", "http://[::1]:1/", *SHORT), 1, "no process of yours listens on port 1"),
        (("-c", "0"), 2, "'0' is no number"),
        (("-R", "-1"), 2, "'-1' is no number above 0 and up to 10000000"),
        (("compare", "one"), 1, "write `reactor bench`"),
        (("compare", "/nonexistent", "/nonexistent"), 1, "No such file"),
        (("--python", "/nonexistent/python"), 1, "there is no such program"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(capfd, arguments, code, sentence):
    try:
        ended = main(["bench", *arguments])
    except SystemExit as error:
        ended = error.code
    said = capfd.readouterr().err
    assert ended == code
    assert sentence in said
    assert said.count("\n") == 1


def test_a_peer_that_is_not_installed_is_left_out_in_one_sentence(capfd, monkeypatch):
    monkeypatch.setattr(Peers, "_find_unusable", lambda self: {"granian": "not installed for me"})
    monkeypatch.setattr(Peers, "versions", lambda self: {})
    monkeypatch.setattr(Comparison, "run", lambda self, connections: self.results)
    assert main(["bench", "--against", "granian"]) == 1
    assert capfd.readouterr().err == "reactor: granian is left out: not installed for me\n"


def test_servers_that_failed_for_one_reason_share_a_sentence():
    failures = [
        Failure("a", "a did not start: why"),
        Failure("b", "b is left out: not here"),
        Failure("c", "c did not start: why"),
        Failure("c", "c did not start: why"),
        Failure("d", "another sentence"),
    ]
    assert said_once(failures) == [
        "a, c did not start: why",
        "b is left out: not here",
        "another sentence",
    ]


@pytest.mark.parametrize(
    ("rows", "says"),
    [(results().rows, "these are the slots until then"), ([], "nothing was measured until then")],
)
def test_an_interrupted_run_says_what_there_is(capfd, rows, says):
    show(replace(results(), rows=rows, ratios=[], complete=False))
    assert f"Interrupted: {says}.\n" in capfd.readouterr().out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_prints_what_there_is_and_leaves_no_child(tmp_path, number):
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip("ignored here, and so by children: nohup, or a shell's background")
    file = tmp_path / "results.json"
    process = subprocess.Popen(
        [sys.executable, "-m", "reactor", "bench", "--pairs", "1000", "--slot", "0.05",
         "-c", "2", "--json", str(file)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    children = wait_for_children(process.pid, 6)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert not Results.read(file).complete
    left = [pid for pid in children if is_alive(pid)]
    assert not left, [Path(f"/proc/{p}/cmdline").read_bytes() for p in left]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_report_that_cannot_be_printed_is_one_sentence():
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "reactor", "bench", *SHORT],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("reactor: the report cannot be written: ")
    assert done.stderr.count("\n") == 1


def wait_for_children(pid, count):
    """Three servers, three generators."""
    while True:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            found = file.read().split()
        if len(found) >= count:
            return found
        time.sleep(0.02)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_two_runs_are_compared(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("reactor.bench.changes.DRAWS", 200)
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    results().write(old)
    made = results()
    for row in made.rows:
        row.slots[:] = [replace(slot, cpu_s=slot.cpu_s * 1.5) for slot in row.slots]
    made.write(new)
    assert main(["bench", "compare", str(old), str(old)]) == 0
    assert "REGRESSION" not in capfd.readouterr().out
    assert main(["bench", "compare", str(old), str(new)]) == 1
    out, err = capfd.readouterr()
    assert "REGRESSION" in out
    assert err == ""
