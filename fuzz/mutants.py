"""Every mutant of the parser's rules, compiled into one build, each behind a switch.

A mutant changes one operator or one constant of the source. In Cython sources the change is made
in the syntax tree (`weave.py`): ``a < b`` becomes ``(a <= b) if woven_mutant(7) else (a < b)``. The
C header is copied once for each of its mutants, and the public functions choose the copy. Knows:
what a mutant is. Must never know: which test kills it.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import weave
from Cython.Compiler import ExprNodes, Nodes

MODULES = ("_head", "_lines", "_fields", "_digits", "_length", "_chunked", "_input", "_framing")
SOURCES = frozenset(
    f"reactor/parser/{name}{suffix}" for name in MODULES for suffix in (".pyx", ".pxd")
)
HEADER = "reactor/parser/_scan.h"

COMPARISONS = {
    "==": "!=",
    "!=": "==",
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "is": "is_not",
    "is_not": "is",
    "in": "not_in",
    "not_in": "in",
}
OPERATORS = {"+": "-", "-": "+", "|": "&", "&": "|"}
# Constants that have a name are changed where they are used, one use at a time.
NAMED = re.compile(r"^(?:    ([A-Z][A-Z0-9_]*) = |cdef \w+ ([A-Z][A-Z0-9_]*) = )", re.M)


@dataclass(frozen=True)
class Mutant:
    number: int  # the value of the switch
    reached_by: int  # the number of the probe that shows that it was reached
    source: str
    line: int
    text: str
    where: str  # function and column: what tells it from others of the same text
    change: str

    def __str__(self) -> str:
        return f"{self.source}:{self.line}: {self.text}  [{self.where}] {self.change}"

    @property
    def key(self) -> tuple[str, ...]:
        """What stays when lines above are added."""
        return self.source, self.where, self.text, self.change


class Switcher(weave.Weaver):
    """Puts every mutant of the sources behind its switch."""

    def __init__(self, root: Path, sources: frozenset[str]) -> None:
        super().__init__(root, sources)
        self.mutants: dict[int, Mutant] = {}
        self.controls: dict[int, int] = {}  # no mutants, and no test may fail on them
        self.function = ""
        self.lines = {name: (root / name).read_text().splitlines() for name in sources}
        self.named = {
            name: {a or b for a, b in NAMED.findall("\n".join(lines))}
            for name, lines in self.lines.items()
        }

    def switch(self, node, old: str, new: str):
        """A condition that is true while the mutant is on."""
        source, line, column = self.place(node)
        change = f"{old} -> {new}"
        number = self.number(node, change)
        text = self.lines[source][line - 1]
        where = f"{self.function} {column - len(text) + len(text.lstrip())}"
        self.mutants[number] = Mutant(number, number, source, line, text.strip(), where, change)
        return weave.call(node.pos, "woven_mutant", weave.integer(node.pos, number))

    def either(self, node, old: str, new: str, mutated):
        switch = self.switch(node, old, new)
        return ExprNodes.CondExprNode(node.pos, condition=switch, true_val=mutated, false_val=node)

    def visit_FuncDefNode(self, node):
        # Signatures and declarations outside of functions are constants of compile time.
        declared = node
        while not getattr(declared, "name", None):
            declared = getattr(declared, "declarator", None) or declared.base
        outer, self.function = self.function, declared.name
        self.visitchildren(node, ["body"])
        self.function = outer
        return node

    def visit_PrimaryCmpNode(self, node):
        node = weave.uncascaded(node)
        if isinstance(node, ExprNodes.BoolBinopNode):
            return self.visit_BoolBinopNode(node)
        if not self.function:
            return self.visit_Node(node)
        mutated = weave.clone(node)
        mutated.operator = COMPARISONS[node.operator]
        self.visitchildren(node)
        return self.either(node, node.operator, mutated.operator, mutated)

    def visit_BoolBinopNode(self, node):
        if not self.function:
            return self.visit_Node(node)
        mutated = weave.clone(node)
        mutated.operator = "or" if node.operator == "and" else "and"
        self.visitchildren(node)
        # All of them are conditions; operands of several C types have no type together.
        truth = weave.truth(node)
        return self.either(truth, node.operator, mutated.operator, weave.truth(mutated))

    def visit_NotNode(self, node):
        mutated = weave.truth(weave.clone(node.operand))
        self.visitchildren(node)
        return self.either(node, "not", "", mutated) if self.function else node

    def visit_BoolNode(self, node):
        mutated = ExprNodes.BoolNode(node.pos, value=not node.value)
        name = str(node.value)
        return self.either(node, name, str(not node.value), mutated) if self.function else node

    def visit_IntNode(self, node):
        number = int(node.value, 0)
        mutated = weave.integer(node.pos, number + 1)
        return self.either(node, node.value, str(number + 1), mutated) if self.function else node

    def visit_CharNode(self, node):
        number = ord(node.value)
        mutated = weave.integer(node.pos, number + 1)
        change = f"c{chr(number)!r}", f"c{chr(number + 1)!r}"
        return self.either(node, *change, mutated) if self.function else node

    def visit_NameNode(self, node):
        if not self.function or node.name not in self.named[self.place(node)[0]]:
            return node
        one = weave.integer(node.pos, 1)
        mutated = ExprNodes.binop_node(node.pos, "+", weave.clone(node), one)
        return self.either(node, node.name, f"{node.name} + 1", mutated)

    def visit_BitwiseOrNode(self, node):
        return self.visit_IntBinopNode(node)

    def visit_IntBinopNode(self, node):
        if not self.function or node.operator not in "|&":
            return self.visit_Node(node)
        operator = OPERATORS[node.operator]
        twin = weave.clone(node)
        mutated = ExprNodes.binop_node(node.pos, operator, twin.operand1, twin.operand2)
        self.visitchildren(node)
        return self.either(node, node.operator, operator, mutated)

    def visit_InPlaceAssignmentNode(self, node):
        if not self.function or node.operator not in OPERATORS:
            return self.visit_Node(node)
        mutated = weave.clone(node)
        mutated.operator = OPERATORS[node.operator]
        self.visitchildren(node, ["rhs"])
        switch = self.switch(node, f"{node.operator}=", f"{mutated.operator}=")
        clause = Nodes.IfClauseNode(node.pos, condition=switch, body=mutated)
        return Nodes.IfStatNode(node.pos, if_clauses=[clause], else_clause=node)


# --- the header -----------------------------------------------------------------------------

SWAPS = {" == ": " != ", " != ": " == ", " < ": " <= ", " >= ": " > ", " && ": " || "}
SWAPS |= {" | ": " & ", "~": "", "++": "--", " += ": " -= "}
TOKENS = re.compile(
    "|".join(map(re.escape, SWAPS)) + r"|'(?:\\.|.)'|(?<![\w.'])(?:0x[0-9a-f]+|\d+)\b"
)
# What has nothing to break; enumerators are names, and their numbers mean nothing.
FIXED = re.compile(r"^\s*(#|/?\*|SCAN_\w+ =|enum )")
OWN = re.compile(r"^(?:static [^=\n]*?|\s+|#define )(scan_\w+|SCAN_\w+)(?=[(\[ ]| =)", re.M)
FUNCTION = re.compile(r"^static inline (int |const uint8_t \*)(scan_\w+)\(([^)]*)\)", re.M)
PUBLIC = (
    "scan_is",
    "scan_while",
    "scan_token_end",
    "scan_value_end",
    "scan_target_end",
    "scan_is_token",
    "scan_is_value",
    "scan_is_ascii",
    "scan_same",
)


def changed(token: str) -> str:
    if token in SWAPS:
        return SWAPS[token]
    if token.startswith("'"):
        return f"({token} + 1)"
    return str(int(token, 0) + 1)


def header_changes(text: str) -> list[tuple[int, int, str, str]]:
    """(line, column, old, new) of every mutant of the header"""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if FIXED.search(line):
            continue
        code = re.split(r"  /\*|/\*", line)[0]
        for match in TOKENS.finditer(code):
            found.append((number, match.start(), match[0], changed(match[0])))
    return found


def variant(body: str, number: int, names: list[str], sse2: bool) -> str:
    """The header once more, all of its names ending in the number."""
    renamed = "".join(f"#define {name} {name}_{number}\n" for name in names)
    undone = "".join(f"#undef {name}\n" for name in names)
    macros = "".join(f"#undef {name}\n" for name in re.findall(r"^#define (\w+)", body, re.M))
    body = re.sub(r"^#define (SCAN_\w+)", rf"#define \1_{number}", body, flags=re.M)
    # A macro may not be renamed by one of its own name: it gets its number in the text.
    for macro in set(re.findall(rf"^#define (SCAN_\w+)_{number}\b", body, re.M)):
        body = re.sub(rf"\b{macro}\b", f"{macro}_{number}", body)
        renamed = renamed.replace(f"#define {macro} {macro}_{number}\n", "")
    without = '#pragma push_macro("__SSE2__")\n#undef __SSE2__\n' if not sse2 else ""
    restored = '#pragma pop_macro("__SSE2__")\n' if not sse2 else ""
    return f"{without}{renamed}{body}\n{undone}{macros}{restored}"


def weave_header(root: Path, switcher: Switcher) -> None:
    """Replace the header by its variants and a choice between them."""
    path = root / HEADER
    text = path.read_text()
    lines = text.splitlines()
    fallback = lines.index(next(line for line in lines if line.startswith("#else"))) + 1
    end = max(i for i, line in enumerate(lines, 1) if line == "#endif" and i < len(lines))
    includes = "\n".join(line for line in lines if line.startswith("#include"))
    guard = ("#include", "#ifndef REACTOR", "#define REACTOR")
    body_lines = ["" if line.startswith(guard) else line for line in lines[:-1]]
    names = sorted(set(OWN.findall(text)))
    switcher.size += 2
    reached, portable = switcher.size - 1, switcher.size
    switcher.controls[portable] = reached
    variants = [variant("\n".join(body_lines), 0, names, sse2=True)]
    # A control: what the mutants of the portable scans are compared with.
    variants.append(variant("\n".join(body_lines), portable, names, sse2=False))
    numbers = [portable]
    for line, column, old, new in header_changes(text):
        was = lines[line - 1]
        mutated = body_lines.copy()
        mutated[line - 1] = was[:column] + new + was[column + len(old) :]
        number = switcher.size + 1
        copied = variant("\n".join(mutated), number, names, not fallback < line < end)
        if not compiles(includes + "\n" + copied):
            continue
        switcher.size = number
        variants.append(copied)
        numbers.append(number)
        where = f"{column - len(was) + len(was.lstrip())}"
        change = f"{old.strip()} -> {new.strip()}"
        switcher.mutants[number] = Mutant(number, reached, HEADER, line, was.strip(), where, change)
    functions = {name: (returns, args) for returns, name, args in FUNCTION.findall(text)}
    chosen = [
        choice(returns, name, args, numbers, reached)
        for name, (returns, args) in functions.items()
        if name in PUBLIC
    ]
    constants = [n for n in names if re.search(rf"^ +{n} = ", text, re.M)]
    enumerators = ", ".join(f"{name} = {name}_0" for name in constants)
    public = "\n".join(chosen)
    path.write_text(
        f'#ifndef REACTOR_SCAN_H\n#define REACTOR_SCAN_H\n{includes}\n#include "woven.h"\n'
        + "\n".join(variants)
        + f"\nenum {{ {enumerators} }};\n{public}\n#endif\n"
    )


def choice(returns: str, name: str, parameters: str, numbers: list[int], reached: int) -> str:
    arguments = ", ".join(re.findall(r"(\w+)(?:,|$)", parameters))
    cases = "".join(f"    case {n}: return {name}_{n}({arguments});\n" for n in numbers)
    return (
        f"static inline {returns} {name}({parameters}) {{\n"
        f"    woven_pass({reached});\n"
        f"    switch (*(int32_t *)woven_state) {{\n{cases}"
        f"    default: return {name}_0({arguments});\n    }}\n}}\n"
    )


def compiles(text: str) -> bool:
    return (
        subprocess.run(
            ["gcc", "-fsyntax-only", "-w", "-x", "c", "-"],
            input=text,
            text=True,
            capture_output=True,
        ).returncode
        == 0
    )
