"""The load generator as a process, against servers of ours on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from processes import PATIENCE_S, environment, eventually, serving

from reactor.errors import LoadError
from reactor.load import Expect, Generator, Histogram, Plan
from reactor.load.session import SCHEDULED

PAGE = b"<!doctype html><title>t</title><p>the page"
BIG = bytes(range(256)) * 4096

# Its hundredth request takes a quarter of a second, and so everyone waits.
STALLING = """
import time
from reactor import Response
asked = 0

def app(request):
    global asked
    asked += 1
    if asked == 100:
        time.sleep(0.25)
    return Response(200, {}, b"ok")
"""
DYING = """
import os
from reactor import Response
asked = 0

def app(request):
    global asked
    asked += 1
    if asked == 50:
        os._exit(0)
    return Response(200, {}, b"ok")
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    root = tmp_path_factory.mktemp("served")
    (root / "index.html").write_bytes(PAGE)
    (root / "big.bin").write_bytes(BIG)
    with serving(root, "--bind", "127.0.0.1:0", "--bind", f"unix:{root}/socket") as server:
        server.socket = f"{root}/socket"
        yield server


def run(plan, *arguments, **options):
    with Generator(plan) as generator:
        return generator.run(*arguments, **options)


def over(histogram, seconds):
    return sum(count for value, count in histogram.buckets() if value > seconds * 1e9)


# --- runs ----------------------------------------------------------------------------------


def test_a_closed_loop_makes_as_many_requests_as_it_was_told(served):
    before = len(served.access_log)
    plan = Plan((served.url,), connections=5, expect=(Expect(body=PAGE),))
    result = run(plan, requests=200)
    assert (result.requests, result.errors, len(result.latency)) == (200, {}, 200)
    assert result.uncorrected is None
    assert result.bytes > 200 * len(PAGE)
    # Each of the five connections was answered once before the run.
    eventually(lambda: len(served.access_log) - before == 205, "the server counts the same")


def test_runs_follow_each_other_on_the_same_connections(served):
    urls = (served.url, served.url + "big.bin")
    expect = (Expect(body=PAGE), Expect(length=len(BIG)))
    with Generator(Plan(urls, connections=3, expect=expect)) as generator:
        assert [target["length"] for target in generator.ready["targets"]] == [len(PAGE), len(BIG)]
        for requests in (1, 40):
            result = generator.run(requests=requests)
            assert (result.requests, result.errors) == (requests, {})
        ticks = []
        result = generator.run(1.1, on_tick=ticks.append)
    assert result.requests == len(result.latency) > 0
    assert result.wall_s >= 1.1
    assert len(result.ticks) == 1
    assert result.ticks == ticks
    assert 0 < ticks[0]["requests"] <= result.requests


def test_a_unix_socket_and_new_connections_for_each_request(served):
    plan = Plan(
        ("http://a/",), 2, unix=served.socket, keep_alive=False, expect=(Expect(body=PAGE),)
    )
    result = run(plan, requests=30)
    assert (result.requests, result.errors) == (30, {})


def test_an_open_loop_shows_a_stall_in_the_latency_of_all_that_were_due(tmp_path):
    (tmp_path / "stalling.py").write_text(STALLING)
    with serving("stalling:app", cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}) as server:
        result = run(Plan((server.url,), connections=2), requests=320, rate=400.0)
    assert (result.requests, result.errors, result.unsent) == (320, {}, 0)
    assert len(result.latency) == len(result.uncorrected) == 320
    # A hundred requests were due in the stall; two were under way.
    assert result.latency.percentile(99) >= 200_000_000
    assert over(result.latency, 0.05) >= 70
    assert over(result.latency, 0.05) > over(result.uncorrected, 0.05) >= 1
    assert result.waited >= 70


def test_what_was_due_and_never_left_counts_as_unsent(tmp_path):
    (tmp_path / "stalling.py").write_text(STALLING)
    with serving("stalling:app", cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}) as server:
        # The stall begins after 0.1 s and outlasts the run.
        result = run(Plan((server.url,), connections=2), 0.2, rate=1000.0)
    assert result.unsent >= 1
    assert result.requests + result.unsent == 200
    assert len(result.latency) <= 200
    assert len(result.uncorrected) == result.requests


# --- faults --------------------------------------------------------------------------------

NOBODY = "http://127.0.0.1:1/"
SENSELESS = {
    "no URL": ({"urls": ()}, "has no URL"),
    "no http": ({"urls": ("ftp://a/",)}, "is no http URL"),
    "two servers": ({"urls": (NOBODY, "http://127.0.0.1:2/")}, "are of two servers"),
    "no connection": ({"urls": (NOBODY,), "connections": 0}, "at least one connection"),
    "a rate of zero": ({"urls": (NOBODY,), "rate": 0}, "cannot be made"),
    "closed pipeline": (
        {"urls": (NOBODY,), "pipeline": 2, "keep_alive": False},
        "no pipeline",
    ),
    "a bad field": ({"urls": (NOBODY,), "headers": {"a\nb": "c"}}, "cannot be made"),
    "expectations": ({"urls": (NOBODY,) * 3, "expect": (Expect(),) * 2}, "one for each"),
    "an odd kind": (
        {"urls": (NOBODY,), "connections": "many"},
        "connections cannot be 'many'",
    ),
}


@pytest.mark.parametrize(("plan", "sentence"), SENSELESS.values(), ids=SENSELESS.keys())
def test_a_plan_that_makes_no_sense_is_one_sentence(plan, sentence):
    with pytest.raises(LoadError, match=sentence):
        Plan(**plan).targets()


def test_what_there_is_not_is_one_sentence(tmp_path):
    for plan, sentence in (
        ({}, r"^nothing listens on 127\.0\.0\.1:1; is the server started\?$"),
        ({"unix": str(tmp_path / "nope")}, r"^nothing listens on unix:/.*/nope"),
        ({"connections": 2_000_000_000}, r"need 2,000,000,064 descriptors, .* raise the hard"),
    ):
        with pytest.raises(LoadError, match=sentence):
            run(Plan((NOBODY,), **plan), requests=1)


def test_a_server_that_answers_wrongly_is_found_before_the_first_run(served):
    for expect, sentence in (
        (Expect(body=PAGE[:-1] + b"E"), "other bytes"),
        (Expect(length=7), "than 7 bytes"),
        (Expect(status=404), "the status is 200, not 404"),
        (Expect(sha256="0" * 64), "SHA-256"),
    ):
        with pytest.raises(LoadError, match=sentence):
            run(Plan((served.url,), connections=1, expect=(expect,)), requests=1)


def test_a_server_that_dies_in_a_run(tmp_path):
    (tmp_path / "dying.py").write_text(DYING)
    with serving("dying:app", cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}) as server:
        with pytest.raises(LoadError, match=r"^nothing listens on "):
            run(Plan((server.url,), connections=4), requests=1000)
        server.process.wait(PATIENCE_S)


def test_leaving_ends_the_process_whatever_happened(served):
    with pytest.raises(KeyError, match="mine"), Generator(Plan((served.url,), 1)) as generator:
        raise KeyError("mine")
    with pytest.raises(ProcessLookupError):
        os.kill(generator.pid, 0)


# --- the protocol of its lines -------------------------------------------------------------


def speak(*lines):
    done = subprocess.run(
        [sys.executable, *["-O"] * sys.flags.optimize, "-m", "reactor.load"],
        input="".join(line + "\n" for line in lines),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.stderr == ""
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_its_lines(served):
    plan = {"urls": [served.url], "connections": 2, "expect": {"status": 200, "length": len(PAGE)}}
    code, lines = speak(json.dumps(plan), '{"requests": 10}', '{"requests": 5, "rate": 1000}')
    assert code == 0
    assert [line["type"] for line in lines] == ["ready", "result", "result"]
    ready, closed, opened = lines
    assert (ready["connections"], ready["targets"][0]["length"]) == (2, len(PAGE))
    assert (closed["requests"], closed["errors"], closed["uncorrected"]) == (10, {}, None)
    assert closed["histogram"].startswith("HISTFAAAA")
    assert len(Histogram.decode(opened["uncorrected"])) == 5


NONSENSE = {
    "no object": ([], "no JSON object"),
    "no urls": ({}, "needs a list of urls"),
    "an unknown key": ({"urls": [NOBODY], "hurry": 1}, "no key 'hurry'"),
    "no base64": ({"urls": [NOBODY], "body": "!"}, "base64"),
    "an odd status": ({"urls": [NOBODY], "expect": {"status": "ok"}}, "status cannot be 'ok'"),
    "an interim status": ({"urls": [NOBODY], "expect": {"status": 100}}, "from 200 to 999"),
    "a URL that is no text": ({"urls": [1]}, "are texts"),
    "a field that is no text": ({"urls": [NOBODY], "headers": {"a": 1}}, "are texts"),
    "no patience": ({"urls": [NOBODY], "connect_timeout_s": 0}, "above zero"),
    "an odd expectation": ({"urls": [NOBODY], "expect": 7}, "expect is no JSON object"),
}


@pytest.mark.parametrize(("given", "sentence"), NONSENSE.values(), ids=NONSENSE.keys())
def test_what_is_no_plan(given, sentence):
    with pytest.raises(LoadError, match=sentence):
        Plan.from_json(given)


def test_a_plan_survives_its_json():
    plan = Plan(
        (NOBODY,),
        3,
        5.5,
        2,
        True,
        "PUT",
        {"A": "b"},
        b"\x00",
        "/x",
        (Expect(201, b"\xff"),),
        varied=7,
    )
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_no_plan_and_no_json_are_an_error_line_and_exit_code_1():
    for lines, sentence in (([], "there is no plan"), (["hello"], "is no JSON")):
        code, [answer] = speak(*lines)
        assert (code, answer["type"]) == (1, "error")
        assert sentence in answer["message"]


def test_a_run_that_is_none(served):
    plan = json.dumps({"urls": [served.url], "connections": 1})
    for line in ('{"requests": -1}', "7", '{"run_s": 1, "requests": 1}'):
        code, [_, answer] = speak(plan, line)
        assert (code, answer["type"]) == (1, "error")
        assert answer["message"]


@pytest.mark.skipif(not SCHEDULED.exists(), reason="the kernel does not count it")
def test_a_generator_that_waits_for_its_core_is_busy(served):
    core = min(os.sched_getaffinity(0))
    spin = f"import os; os.sched_setaffinity(0, {{{core}}})\nwhile True: pass"
    with (
        subprocess.Popen([sys.executable, "-c", spin]) as other,
        Generator(Plan((served.url,), connections=16), core) as generator,
    ):
        made = generator.run(0.5)
        other.kill()
    assert made.core_wait_s > 0.01
    assert made.busy == pytest.approx((made.cpu_s + made.core_wait_s) / made.wall_s)
