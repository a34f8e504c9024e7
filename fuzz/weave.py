"""Compile a copy of the parser with calls woven into its syntax tree.

`cover.py` weaves in recorders of what ran, `mutate.py` switches that turn a mutant on. Both work on
the tree that Cython's own parser made of the source, so nothing is guessed from text and nothing
that Cython generates (error checks, reference counts) is seen. Knows: which modules are the parser,
how to build them in a folder of their own, and the memory that the woven calls share with whoever
watches. Must never know: what is woven in, and why.
"""

from __future__ import annotations

import copy
import mmap
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from Cython.Build import cythonize
from Cython.Compiler import ExprNodes, Nodes, Pipeline
from Cython.Compiler.ParseTreeTransforms import PostParse
from Cython.Compiler.Visitor import VisitorTransform

ROOT = Path(__file__).resolve().parents[1]
PARSER = (
    *sorted(str(path.relative_to(ROOT))[:-4] for path in ROOT.glob("reactor/parser/_*.pyx")),
    "reactor/_parse",
)
DIRECTIVES = {
    "language_level": 3,
    "cdivision": True,
    "boundscheck": False,
    "wraparound": False,
    "autotestdict": False,
    # Cython 3.3 takes "x == A and x == B" for "x in (A, B)": a mutant must not become another one.
    "optimize.use_switch": False,
}
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
STATE = "REACTOR_WOVEN"

# One file is mapped by every module and by whoever watches: it outlives a crash, and several runs
# add up in it. Its first four bytes are the mutant that is on; byte 4 + n is set when probe n was
# passed.
HEADER = """
#ifndef REACTOR_WOVEN_H
#define REACTOR_WOVEN_H
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
static unsigned char woven_nowhere[4 + %(size)d];
static unsigned char *woven_state = woven_nowhere;
static void __attribute__((constructor)) woven_open(void) {
    const char *path = getenv("%(variable)s");
    int fd = path == NULL ? -1 : open(path, O_RDWR);
    void *memory = fd < 0 ? MAP_FAILED
        : mmap(NULL, sizeof woven_nowhere, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory != MAP_FAILED) woven_state = memory;
    if (fd >= 0) close(fd);
}
static inline void woven_pass(int probe) { woven_state[4 + probe] = 1; }
static inline int woven_decide(int probe, int value) {
    woven_state[4 + probe + (value != 0)] = 1;
    return value;
}
static inline int woven_mutant(int probe) {
    woven_state[4 + probe] = 1;
    return *(int32_t *)woven_state == probe;
}
#endif
"""
# At the end of a source, so that no line of it moves.
DECLARATIONS = """

cdef extern from "woven.h" nogil:
    void woven_pass(int probe) noexcept
    bint woven_decide(int probe, bint value) noexcept
    bint woven_mutant(int probe) noexcept
"""


def clone(node):
    """A copy of a subtree that shares no node with it."""
    if isinstance(node, list):
        return [clone(item) for item in node]
    if not isinstance(node, Nodes.Node):
        return node
    twin = copy.copy(node)
    for attribute in node.child_attrs or ():
        setattr(twin, attribute, clone(getattr(node, attribute, None)))
    return twin


def call(pos, function: str, *arguments) -> ExprNodes.SimpleCallNode:
    name = ExprNodes.NameNode(pos, name=function)
    return ExprNodes.SimpleCallNode(pos, function=name, args=list(arguments))


def integer(pos, value: int) -> ExprNodes.IntNode:
    return ExprNodes.IntNode(pos, value=str(value))


def truth(node) -> ExprNodes.NotNode:
    """Whatever the node is, as a C truth value."""
    return ExprNodes.NotNode(node.pos, operand=ExprNodes.NotNode(node.pos, operand=node))


def binary(pos, operator: str, left, right):
    return ExprNodes.BoolBinopNode(pos, operator=operator, operand1=left, operand2=right)


def uncascaded(node: ExprNodes.PrimaryCmpNode):
    """``a <= b <= c`` as ``a <= b and b <= c``; what is in the middle has no effect here."""
    if node.cascade is None:
        return node
    rest, node.cascade = node.cascade, None
    second = ExprNodes.PrimaryCmpNode(
        rest.pos, operator=rest.operator, operand1=clone(node.operand2), operand2=rest.operand2
    )
    second.cascade = rest.cascade
    return binary(node.pos, "and", node, uncascaded(second))


class Weaver(VisitorTransform):
    """Walks the functions of the parser; what a subclass makes of them is its business.

    A source that several modules include is walked for each of them: the same place must have the
    same number every time, so numbers are kept by place.
    """

    def __init__(self, root: Path, sources: frozenset[str]) -> None:
        super().__init__()
        self.root, self.sources = root, sources
        self.numbers: dict[tuple, int] = {}
        self.size = 0

    def __call__(self, module):
        return self.visit(module) if self.place(module)[0] in self.sources else module

    def place(self, node) -> tuple[str, int, int]:
        path = Path(getattr(node.pos[0], "filename", "")).absolute()
        inside = path.is_relative_to(self.root)
        return str(path.relative_to(self.root)) if inside else "", *node.pos[1:]

    def number(self, node, kind: str, slots: int = 1) -> int:
        """The first of the `slots` numbers of this place."""
        key = (*self.place(node), kind)
        if key not in self.numbers:
            self.size += 1  # number 0 stays free: it is no mutant
            self.numbers[key] = self.size
            self.size += slots - 1
        return self.numbers[key]

    def visit_Node(self, node):
        self.visitchildren(node)
        return node

    def unwoven(self, node):
        return node

    # Declarations need constants of compile time.
    visit_CArrayDeclaratorNode = unwoven
    visit_CArgDeclNode = unwoven
    visit_CEnumDefNode = unwoven
    visit_CImportStatNode = visit_FromCImportStatNode = visit_CDefExternNode = unwoven


def copy_parser(to: Path) -> None:
    """The tree without the parser's modules; whatever else is compiled comes as it was built."""
    own = [f"{Path(name).name}.*.so" for name in PARSER]
    skip = shutil.ignore_patterns("*.c", "__pycache__", *own)
    for folder in ("reactor", "tests", "docs"):
        shutil.copytree(ROOT / folder, to / folder, ignore=skip)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, to / name)
    for name in PARSER:
        source = to / f"{name}.pxd"
        source = source if source.exists() else to / f"{name}.pyx"
        source.write_text(source.read_text() + DECLARATIONS)


def to_c(to: Path, weaver: Weaver) -> None:
    """C of every module, with the weaver between Cython's parser and all that comes after."""
    original: Callable = Pipeline.create_pipeline

    def woven_pipeline(context, mode, **options):
        stages = original(context, mode, **options)
        at = next(i for i, stage in enumerate(stages) if isinstance(stage, PostParse)) + 1
        return [*stages[:at], weaver, *stages[at:]]

    Pipeline.create_pipeline = woven_pipeline
    here = Path.cwd()
    os.chdir(to)
    try:
        cythonize(
            [f"{name}.pyx" for name in PARSER],
            compiler_directives=DIRECTIVES,
            force=True,
            quiet=True,
        )
    finally:
        Pipeline.create_pipeline = original
        os.chdir(here)


def compile_c(to: Path, size: int) -> None:
    """Extension modules in the folder `to`, which to_c() filled; `size` probes were woven in."""
    (to / "woven.h").write_text(HEADER % {"size": size + 2, "variable": STATE})
    include = [f"-I{sysconfig.get_path('include')}", f"-I{to}", f"-I{to / 'reactor' / 'parser'}"]

    def compile_one(name: str) -> None:
        command = ["gcc", "-O1", "-fwrapv", "-w", "-shared", "-fPIC", *include]
        subprocess.run([*command, to / f"{name}.c", "-o", to / f"{name}{SUFFIX}"], check=True)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(compile_one, PARSER))


class State:
    """The shared memory of one process and its children."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        path.write_bytes(bytes(4 + size + 2))
        with path.open("r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 0)

    def passed(self) -> Iterator[int]:
        return (number for number, byte in enumerate(self.memory[4:]) if byte)


def environment(to: Path, state: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": f"{to}{os.pathsep}{to / 'tests'}",
        "PYTHONDONTWRITEBYTECODE": "1",
        STATE: str(state),
    }


def pytest_command(*arguments: str) -> list[str]:
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:benchmark", "-o", "addopts="]
    return [sys.executable, "-m", "pytest", *options, *arguments]
