"""Every example in the documentation of the parser runs and says what is printed there."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
import socket
import threading
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
STUBS = [path for path in sorted((ROOT / "reactor").rglob("*.pyi")) if ">>>" in path.read_text()]
PAGE = ROOT / "docs" / "parser.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def examples(path: Path) -> list[doctest.DocTest]:
    """The doctests of a stub, each with the public names of the package and of its module."""
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    names = {**vars(importlib.import_module(module))}
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            name = getattr(node, "name", "module")
            text = ast.get_docstring(node) or ""
            if ">>>" in text:
                line = getattr(node, "lineno", 1)
                found.append(
                    doctest.DocTestParser().get_doctest(
                        text, dict(names), f"{module}.{name}", str(path), line
                    )
                )
    return found


EXAMPLES = [example for path in STUBS for example in examples(path)]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_stub(example):
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    assert runner.run(example, out=said.append).failed == 0, "".join(said)


def test_the_stubs_of_the_parser_have_examples():
    modules = {example.name.rpartition(".")[0] for example in EXAMPLES}
    assert {
        "reactor.parser._headers",
        "reactor.parser._message",
        "reactor._parse",
        "reactor.parser._framing",
        "reactor.parser._serialise",
    } <= modules


# --- docs/parser.md -----------------------------------------------------------------------------

BODY = b"hello, world"


def answer_once(listener: socket.socket) -> None:
    """A server of one response, in pieces that cut the blank line."""
    with listener.accept()[0] as connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r")
        connection.sendall(b"\n\r\n" + BODY)


@contextmanager
def a_server():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=answer_once, args=(listener,))
        server.start()
        yield listener.getsockname()
        server.join()


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_page(number, tmp_path, capsys):
    block = BLOCKS[number]
    capture = tmp_path / "capture.bin"
    capture.write_bytes(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost : a\r\n\r\n")
    program = compile(block, f"{PAGE.name} block {number}", "exec")
    with a_server() if "address" in block else nullcontext() as address:
        exec(program, {"address": address, "capture": capture})
    printed = capsys.readouterr().out.splitlines()
    assert printed == re.findall(r"^ *# ?> (.*)$", block, re.MULTILINE)


def test_the_page_lists_every_rule_by_its_code():
    text = PAGE.read_text()
    rules = importlib.import_module("reactor.parser._rules").RULES
    assert [code for _, code, _, source in rules if source and f"`{code}`" not in text] == []
