"""Line and branch coverage of the parser, as its own source has them.

    python fuzz/cover.py [TEST...]

Builds the parser with a recorder in front of every statement and around every condition, in a
temporary folder, runs the parser's tests there at full speed and prints what was never reached.
The exit status is 1 if anything was not. `fuzz/README.md` defines what counts.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import weave
from Cython.Compiler import ExprNodes, Nodes

TESTS = (
    *("test_framing", "test_framing_ends", "test_parse", "test_message", "test_serialise"),
    *("test_vectors", "test_copies", "test_digits", "test_length", "test_target", "test_arrival"),
    *("test_http_responses", "test_exchange", "test_frames", "test_deflate"),
    *("test_large_bodies", "test_websocket_opening", "test_websocket_client"),
    "test_websocket_turns",
    "test_http_server",  # receives without a copy, which Python cannot
)

# Statements that do nothing by themselves.
SILENT = (
    Nodes.CVarDefNode,
    Nodes.FuncDefNode,
    Nodes.ClassDefNode,
    Nodes.CEnumDefNode,
    Nodes.CStructOrUnionDefNode,
    Nodes.CDefExternNode,
    Nodes.CImportStatNode,
    Nodes.FromCImportStatNode,
    Nodes.GlobalNode,
    Nodes.PassStatNode,
    Nodes.StatListNode,
    Nodes.PropertyNode,
)
CONSTANTS = (ExprNodes.BoolNode, ExprNodes.IntNode)


class Recorder(weave.Weaver):
    """Records each statement, and each condition with both of its outcomes."""

    def visit_StatListNode(self, node):
        self.visitchildren(node)
        stats = []
        for stat in node.stats:
            if not isinstance(stat, SILENT):
                stats.append(self.passing(stat, "line"))
            stats.append(stat)
        node.stats = stats
        return node

    def visit_CClassDefNode(self, node):
        # A class body holds declarations alone.
        for stat in node.body.stats if node.body else ():
            self.visitchildren(stat)
        return node

    def passing(self, node, kind: str):
        number = weave.integer(node.pos, self.number(node, kind))
        return Nodes.ExprStatNode(node.pos, expr=weave.call(node.pos, "woven_pass", number))

    def condition(self, node):
        """A recorder around each operand of the condition: each must have been false and true."""
        if isinstance(node, ExprNodes.PrimaryCmpNode):
            node = weave.uncascaded(node)
        if isinstance(node, ExprNodes.BoolBinopNode):
            node.operand1 = self.condition(node.operand1)
            node.operand2 = self.condition(node.operand2)
            return node
        if isinstance(node, ExprNodes.NotNode):
            node.operand = self.condition(node.operand)
            return node
        if isinstance(node, CONSTANTS):
            return node
        self.visitchildren(node)
        number = weave.integer(node.pos, self.number(node, "condition", slots=2))
        return weave.call(node.pos, "woven_decide", number, weave.truth(node))

    def visit_IfClauseNode(self, node):
        node.condition = self.condition(node.condition)
        self.visitchildren(node, ["body"])
        return node

    def visit_WhileStatNode(self, node):
        node.condition = self.condition(node.condition)
        self.visitchildren(node, ["body", "else_clause"])
        return node

    def visit_CondExprNode(self, node):
        node.condition = self.condition(node.condition)
        self.visitchildren(node, ["true_val", "false_val"])
        return node

    def visit_BoolBinopNode(self, node):
        return self.condition(node)

    def visit_ForInStatNode(self, node):
        self.visitchildren(node)
        if isinstance(node.body, Nodes.StatListNode):  # no loop of a comprehension
            body = [self.passing(node, "loop entered"), node.body]
            after = [self.passing(node, "loop ended")]
            if node.else_clause is not None:
                after.append(node.else_clause)
            node.body = Nodes.StatListNode(node.pos, stats=body)
            node.else_clause = Nodes.StatListNode(node.pos, stats=after)
        return node


def missing(recorder: Recorder, passed: set[int]) -> tuple[Counter, Counter, list[tuple]]:
    """(lines and branches by source, those that were reached, places that were not)"""
    total, reached, places = Counter(), Counter(), []

    def count(what: str, source: str, hit: bool, place: tuple) -> None:
        total[source, what] += 1
        reached[source, what] += hit
        if not hit:
            places.append(place)

    for (source, line, column, kind), number in sorted(recorder.numbers.items()):
        if kind == "condition":
            for value in (False, True):
                place = (source, line, column, f"condition never {value}")
                count("branches", source, number + value in passed, place)
        else:
            what = "lines" if kind == "line" else "branches"
            count(what, source, number in passed, (source, line, column, f"{kind}: never"))
    return total, reached, places


def report(recorder: Recorder, passed: set[int], root: Path) -> int:
    total, reached, places = missing(recorder, passed)
    print(f"{'source':32}{'lines':>14}{'branches':>14}")
    for source in sorted({source for source, _ in total}):
        cells = (f"{reached[source, w]}/{total[source, w]}" for w in ("lines", "branches"))
        print(f"{source:32}" + "".join(f"{cell:>14}" for cell in cells))
    for what in ("lines", "branches"):
        whole = sum(n for (_, kind), n in total.items() if kind == what)
        got = sum(n for (_, kind), n in reached.items() if kind == what)
        print(f"{what}: {got} of {whole}, {got / whole:.2%}")
    for source, line, column, what in places:
        text = (root / source).read_text().splitlines()[line - 1].strip()
        print(f"{source}:{line}:{column}: {what}: {text}")
    return len(places)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="reactor-cover-") as name:
        root = Path(name)
        weave.copy_parser(root)
        sources = frozenset(f"{p}{s}" for p in weave.PARSER for s in (".pyx", ".pxd"))
        recorder = Recorder(root, sources)
        weave.to_c(root, recorder)
        weave.compile_c(root, recorder.size)
        state = weave.State(root / "state", recorder.size)
        tests = sys.argv[1:] or [f"tests/{test}.py" for test in TESTS]
        tested = subprocess.run(
            weave.pytest_command(*tests), cwd=root, env=weave.environment(root, state.path)
        )
        left = report(recorder, set(state.passed()), root)
    return int(tested.returncode != 0 or left > 0)


if __name__ == "__main__":
    sys.exit(main())
