"""Which methods each class of the package has, read off its source, in Python and in Cython.

A class has as its own the methods that no class above it names. What it overrides is the interface
that it implements (Transport, selectors.BaseSelector); a special method is the language's.
"""

import ast
import importlib
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "reactor"

CLASS = re.compile(r"(?:cdef )?class (\w+)(?:\((.*?)\))?:", re.S)
METHOD = re.compile(r"    (?:async )?(?:def|cdef|cpdef)\b(?: \([^)]*\))?[^=(\n]*?(\w+)\(")
IMPORT = re.compile(r"^from ([\w.]+) c?import (?:\(([^)]*)\)|(.*))", re.M)


class Class(NamedTuple):
    path: Path
    name: str
    bases: list
    methods: set


class Module(NamedTuple):
    classes: dict  # by name
    imported: dict  # name: (module, name there)


@cache
def module_of(path):
    return python_module(path) if path.suffix == ".py" else cython_module(path)


def python_module(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    classes, imported = {}, {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            functions = (ast.FunctionDef, ast.AsyncFunctionDef)
            methods = {item.name for item in node.body if isinstance(item, functions)}
            bases = [ast.unparse(base).partition("[")[0] for base in node.bases]
            classes[node.name] = Class(path, node.name, bases, methods)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                imported[alias.asname or alias.name] = (node.module, alias.name)
    return Module(classes, imported)


def cython_module(path):
    classes, imported = {}, {}
    source = path.read_text(encoding="utf-8")
    for text in (source, declared_beside(path)):
        for module, several, one in IMPORT.findall(text):
            for name in re.split(r",\s*", (several or one).strip()):
                imported[name.partition(" as ")[2] or name] = (module, name.partition(" ")[0])
    # A class reaches from its line to the next one that begins at the margin.
    for start in re.finditer(r"^(?=(?:cdef )?class )", source, re.M):
        match = CLASS.match(source, start.start())
        body = re.split(r"^(?=[^\s#])", source[match.end() :], maxsplit=1, flags=re.M)[0]
        methods = {found[1] for line in body.splitlines() if (found := METHOD.match(line))}
        bases = [base.strip() for base in (match[2] or "").split(",") if base.strip()]
        classes[match[1]] = Class(path, match[1], bases, methods)
    return Module(classes, imported)


def declared_beside(path):
    declarations = path.with_suffix(".pxd")
    return declarations.read_text(encoding="utf-8") if declarations.exists() else ""


def source_of(module):
    """The file of a module of the package; None for others'."""
    path = ROOT.joinpath(*module.split("."))
    candidates = [path.with_suffix(".py"), path.with_suffix(".pyx"), path / "__init__.py"]
    return next((found for found in candidates if found.exists()), None)


def above(path, name):
    """Every name that a base called ``name`` in the module of ``path``, or a base of it, has."""
    module = module_of(path)
    if name in module.classes:
        found = module.classes[name]
        return found.methods.union(*(above(path, base) for base in found.bases))
    where, _, attribute = name.rpartition(".")
    if name in module.imported:
        where, attribute = module.imported[name]
        source = source_of(where)
        if source is not None:
            return above(source, attribute)
    elif where in module.imported:  # `from rich import progress`, and then progress.ProgressColumn
        where = ".".join(module.imported[where])
    return names_of(where or "builtins", attribute)


def names_of(module, name):
    """What somebody else's class has; nothing if its package, an extra, is not installed.

    In another process: Locust patches the sockets and threads of all who import it.
    """
    if module.partition(".")[0] in sys.stdlib_module_names:
        return set(dir(getattr(importlib.import_module(module), name)))
    code = f"import {module} as module; print(*dir(module.{name}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return set(done.stdout.split())


def own_methods(found):
    inherited = set().union(*(above(found.path, base) for base in found.bases))
    return {
        name
        for name in found.methods - inherited
        if not (name.startswith("__") and name.endswith("__"))
    }


def classes_of_the_package():
    for path in sorted([*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.pyx")]):
        yield from module_of(path).classes.values()
