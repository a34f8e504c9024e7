"""README: its examples say what is printed, its commands are the ones that CI runs."""

import doctest
import re
import subprocess
import sys
from pathlib import Path

from processes import eventually, run_reactor, serving

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
FIRST_SCREEN = 25  # lines


def test_its_examples_run():
    failed, tried = doctest.testfile(str(README), module_relative=False)
    assert tried > 0
    assert failed == 0


def test_it_has_the_two_commands():
    lines = [line.strip() for line in README.read_text(encoding="utf-8").splitlines()]
    install = "python3 -m venv .venv && .venv/bin/pip install -e"
    assert f"{install} . && .venv/bin/python -m reactor serve" in lines
    assert f"{install} '.[test]' && .venv/bin/python -m pytest" in lines


def test_its_options_exist():
    text = README.read_text(encoding="utf-8")
    usage = ""
    for name in ("serve", "get", "bench"):
        command = [sys.executable, "-m", "reactor", name, "--help"]
        usage += subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=ROOT
        ).stdout
    options = set(re.findall(r"`(--[a-z-]+)", text)) | set(
        re.findall(r"`(?:serve|get|bench) (--[a-z-]+)", text)
    )
    assert options
    assert {option for option in options if option not in usage} == set()


def test_its_first_screen_prints_what_it_shows(tmp_path):
    screen = "\n".join(README.read_text(encoding="utf-8").splitlines()[:FIRST_SCREEN])
    assert re.search(r"^!\[CPU per request.*\]\(.*\.svg\)$", screen, re.M)
    [app] = re.findall(r"^```python\n(.*?)^```", screen, re.M | re.S)
    [console] = re.findall(r"^```console\n(.*?)^```", screen, re.M | re.S)
    (serve, served), (get, got) = (
        said.split("\n", 1) for said in console.split("$ .venv/bin/python -m reactor ")[1:]
    )
    (tmp_path / "app.py").write_text(app)
    assert serve == "serve app:hello"
    with serving("app:hello", cwd=tmp_path) as server:
        done = run_reactor(*get.replace("http://127.0.0.1:8000/", server.url).split(), cwd=tmp_path)
        assert same(got, done.stdout + done.stderr)
        eventually(lambda: server.access_log, "the request has its line")
        assert same(
            undated(served), undated(server.out.replace(server.url, "http://127.0.0.1:8000/"))
        )
    assert (tmp_path / "Ada").read_text() == "Hello from /Ada\n"


def same(shown, printed):
    """Three dots in README stand for any lines."""
    return doctest.OutputChecker().check_output(shown, printed, doctest.ELLIPSIS)


def undated(log):
    return re.sub(r"\[\d\d/[^]]*\]", "[]", log)
