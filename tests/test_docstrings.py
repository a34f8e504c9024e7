"""Docstrings and signatures where Python looks for them: what a stub says, `help()` says too."""

from __future__ import annotations

import ast
import importlib
import inspect
import pydoc
import subprocess
import sys
from pathlib import Path

import pytest

import reactor
from reactor._value import Value
from reactor.limits import CLIENT_LIMITS, Limits
from reactor.net import Inet

ROOT = Path(__file__).resolve().parent.parent
STUBS = sorted((ROOT / "reactor").rglob("_*.pyi"))


def described(body, where):
    """(object that is described, the docstring in the stub) of a stub, its classes' members too."""
    for node in body:
        if not isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            continue
        if node.name.startswith("_"):  # CPython has its own text, or only type checkers see it
            continue
        if ast.get_docstring(node):
            yield f"{where}.{node.name}", ast.get_docstring(node)
        if isinstance(node, ast.ClassDef):
            yield from described(node.body, f"{where}.{node.name}")


def module_of(stub):
    return ".".join(stub.relative_to(ROOT).with_suffix("").parts)


def public_members():
    for name in reactor.__all__:
        value = getattr(reactor, name)
        yield name, value
        if isinstance(value, type):
            fields = value.field_names if issubclass(value, Value) else ()  # have no text
            for member in dir(value):
                if not member.startswith("_") and member not in fields:
                    yield f"{name}.{member}", getattr(value, member)


@pytest.mark.parametrize("stub", STUBS, ids=module_of)
def test_what_a_stub_says_the_module_says(stub):
    module = importlib.import_module(module_of(stub))
    wrong = []
    for name, text in described(ast.parse(stub.read_text()).body, module.__name__):
        value = module
        for part in name.removeprefix(module.__name__ + ".").split("."):
            value = vars(value)[part]
        value = getattr(value, "__func__", value)
        if inspect.cleandoc(value.__doc__ or "") != text:
            wrong.append((name, value.__doc__))
    assert wrong == []


@pytest.mark.parametrize("stub", STUBS, ids=module_of)
def test_a_class_has_the_signature_of_its_source(stub):
    """stubtest holds it to the stub's."""
    module = importlib.import_module(module_of(stub))
    for node in ast.parse(stub.read_text()).body:
        if isinstance(node, ast.ClassDef):
            makers = [m for m in node.body if getattr(m, "name", "") == "__init__"]
            cls = getattr(module, node.name, None)  # some are for type checkers only
            if cls is not None and makers:
                of_stub = [a.arg for a in (*makers[0].args.args, *makers[0].args.kwonlyargs)]
                assert ["self", *inspect.signature(cls).parameters] == of_stub, node.name


def test_every_public_name_has_a_text_and_a_signature():
    for name, value in public_members():
        owner = getattr(reactor, name.partition(".")[0])
        if issubclass(owner if isinstance(owner, type) else object, BaseException) and "." in name:
            continue  # BaseException's own
        listed = f"{name.rpartition('.')[2]}:" in (inspect.getdoc(owner) or "")  # "Attributes:"
        assert inspect.getdoc(value) or listed, name
        if callable(value):
            shown = str(inspect.signature(value))
            assert "(*args, **kwargs)" not in shown, (name, shown)
            if value is not Limits:
                assert len(shown) < 800, (name, shown)  # not all limits, by value


def test_help_of_a_class_says_how_it_is_made_and_what_it_has():
    text = pydoc.plain(pydoc.render_doc(reactor.Response))
    assert " Response(status=200, headers=(), body=b'', reason=None)\n" in text
    assert "LocalProtocolError: a status, reason or field that no peer may be sent." in text
    assert "The status code: 100 to 999." in text
    assert "*args" not in text.partition("__init__")[0]


def test_limits_show_their_fields_and_what_differs():
    fields = inspect.signature(Limits).parameters
    assert list(fields) == list(Limits.field_names)
    assert fields["body_bytes_max"].default == Limits().body_bytes_max
    assert repr(Limits()) == "Limits()"
    assert repr(Limits(backlog=1, retries_max=Limits().retries_max)) == "Limits(backlog=1)"
    assert eval(repr(CLIENT_LIMITS)) == CLIENT_LIMITS
    assert str(inspect.signature(Inet)) == "(host: 'str', port: 'int')"


def test_a_signature_costs_only_who_asks():
    code = "import sys, reactor; reactor.Limits; reactor.Request; print('inspect' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
