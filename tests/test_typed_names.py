"""What type checkers say of a program that uses every public name: nothing."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import typed_names

import reactor

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = Path(typed_names.__file__)
WRONG = """
# pyright: strict
from reactor import Response
Response(200).status.lower()
Response("200")
"""


def mypy(path):
    return [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(path)]


def pyright(path):
    return [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, str(path)]


def run(checker, path):
    if importlib.util.find_spec(checker.__name__) is None:
        pytest.skip(f"{checker.__name__} is not installed: it comes with the dev extra")
    # Not in the clone: pyright and mypy would take their settings, and the sources, from there.
    return subprocess.run(
        checker(path), cwd=path.parent, capture_output=True, text=True, timeout=300
    )


def test_the_program_uses_every_public_name():
    tree = ast.parse(PROGRAM.read_text())
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    names = {name.name for node in imports if node.module == "reactor" for name in node.names}
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert names & used == set(reactor.__all__)


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_it_has_no_error(checker, tmp_path):
    copy = tmp_path / "typed_names.py"
    copy.write_text(PROGRAM.read_text())
    done = run(checker, copy)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_a_wrong_one_has_some(checker, tmp_path):
    """That the checker sees the stubs at all: without them everything is Any."""
    wrong = tmp_path / "wrong.py"
    wrong.write_text(WRONG)
    said = run(checker, wrong).stdout
    assert "wrong.py:4" in said
    assert "wrong.py:5" in said


def test_it_runs():
    assert typed_names.heads() == ("/", 204)
    assert typed_names.bytes_of_messages().endswith(b"body")
    assert typed_names.messages(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") == ["GET"]
    assert typed_names.status(b"HTTP/1.1 204 No Content\r\n\r\n") == 204
    assert typed_names.fault(b"GET / HTTP/1.1\r\nHo st: a\r\n\r\n") == 400
    assert typed_names.embedded()[0].startswith("http://127.0.0.1:")
    with reactor.Reactor() as loop:
        assert typed_names.listen(loop) == 0
    with reactor.Server(typed_names.handler, port=0) as server:
        assert len(typed_names.fetched(server.urls[0])) == 4
    found = reactor.parse_request(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
    assert b"".join(typed_names.handler(found).body) == b"ab"
