"""Every example in the documentation of the parser, and of raw TCP, runs and says what is printed
there."""

from __future__ import annotations

import ast
import asyncio
import doctest
import importlib
import re
import socket
import threading
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from reactor import Reactor
from reactor.apps.echo import Greeter

ROOT = Path(__file__).resolve().parent.parent
STUBS = [path for path in sorted((ROOT / "reactor").rglob("*.pyi")) if ">>>" in path.read_text()]
PAGE = ROOT / "docs" / "parser.md"
TCP_PAGE = ROOT / "docs" / "tcp.md"
PRINTED = re.compile(r"^ *# > (.*)$", re.MULTILINE)


def blocks_of(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


BLOCKS = blocks_of(PAGE)
SERVED_BY_ASYNCIO, CONNECTED, TESTED = blocks_of(TCP_PAGE)


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
    assert printed == PRINTED.findall(block)


def test_the_page_lists_every_rule_by_its_code():
    text = PAGE.read_text()
    rules = importlib.import_module("reactor.parser._rules").RULES
    assert [code for _, code, _, source in rules if source and f"`{code}`" not in text] == []


def test_the_page_says_how_printed_lines_are_marked():
    assert "`# >` marks what it prints" in PAGE.read_text()


# --- docs/tcp.md --------------------------------------------------------------------------------

WELCOME = b"Welcome! What is your name?\r\n"


def test_a_protocol_on_asyncio(monkeypatch):
    greeted = []

    async def serve_one(self):
        # The page's server runs until Ctrl-C; this one until it has greeted a client.
        reader, writer = await asyncio.open_connection(*self.sockets[0].getsockname())
        greeted.append(await reader.readline())
        writer.close()
        await writer.wait_closed()

    monkeypatch.setattr(asyncio.Server, "serve_forever", serve_one)
    assert SERVED_BY_ASYNCIO.count("8000") == 1
    exec(compile(SERVED_BY_ASYNCIO.replace("8000", "0"), TCP_PAGE.name, "exec"), {"Class": Greeter})
    assert greeted == [WELCOME]


def test_connecting(monkeypatch):
    """A server of the test's own takes the connection, and ends what the page runs for ever."""
    run = Reactor.run
    got: list[bytes] = []

    def greet(listener: socket.socket, reactor: Reactor) -> None:
        with listener.accept()[0] as connection:
            got.append(connection.recv(100))
        reactor.call_soon_threadsafe(reactor.stop)

    def run_until_greeted(reactor: Reactor) -> None:
        thread = threading.Thread(target=greet, args=(listener, reactor))
        thread.start()
        run(reactor)
        thread.join()
        reactor.close()

    monkeypatch.setattr(Reactor, "run", run_until_greeted)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        port = str(listener.getsockname()[1])
        assert CONNECTED.count("7000") == 1
        exec(compile(CONNECTED.replace("7000", port), TCP_PAGE.name, "exec"), {})
    assert got == [WELCOME]


def test_a_protocol_without_a_socket(capsys):
    exec(compile(TESTED, TCP_PAGE.name, "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert printed
    assert printed == PRINTED.findall(TESTED)
