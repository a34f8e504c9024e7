"""docs/remembered.md names every memory that outlives a request.

What can be seen in a source is what a module holds: memories of calls, variables that are written
again, containers that begin empty, free lists. A memory in a field of an object cannot be told from
any other field: for those the page is checked the other way round, that what it names is there.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "reactor"
PAGE = PACKAGE.parent / "docs" / "remembered.md"
MODULES = sorted([*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.pyx")])
CONTAINERS = re.compile(r"(?:list|dict|set|deque|defaultdict|OrderedDict|Counter|Weak\w+)$")
EMPTY = re.compile(r"= *(?:\{\}|\[\]|\[None\] *\*)")


def is_mutable(value):
    if isinstance(value, ast.Call):
        return bool(CONTAINERS.match(ast.unparse(value.func).rpartition(".")[2]))
    return isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp)


def held_by_python(text):
    """Containers whose name is no constant's, variables that a function sets, memories of calls."""
    tree = ast.parse(text)
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                name = ast.unparse(target)
                is_constant = name.isupper() and ast.unparse(node.value) not in ("{}", "[]")
                if is_mutable(node.value) and not is_constant and not name.startswith("__"):
                    yield name
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield from node.names
        for decorator in getattr(node, "decorator_list", ()):
            if re.search(r"\b(?:lru_cache|cache|cached_property)\b", ast.unparse(decorator)):
                yield node.name


def held_by_cython(text):
    """Variables of a module whose name is no constant's, or that begin empty; those that C has in
    a `static`; free lists."""
    for line in re.findall(r"^cdef (?!class|enum|struct|extern|inline)(.*)$", text, re.M):
        declared, _, _ = line.partition("=")
        declared = declared.partition("#")[0]
        if "(" in declared:
            continue  # a function
        for part in declared.split(","):
            name = re.sub(r"\[[^]]*\]", " ", part).replace("*", " ").split()[-1]
            if not name.isupper() or EMPTY.search(line):
                yield name
    for names in re.findall(
        r"^ +static (?!const|inline)(?:[a-z_]\w* )+\*?([^(;=]+?)(?: = [^;(]+)?;", text, re.M
    ):
        yield from (re.sub(r"\[.*", "", name.strip()) for name in names.split(","))
    for names in re.findall(r"^ +global (.*)$", text, re.M):
        yield from (name.strip() for name in names.split(","))
    yield from re.findall(r"^@cython\.freelist.*\n(?:@.*\n)*cdef class (\w+)", text, re.M)


def held():
    found = set()
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        module = path.relative_to(PACKAGE).with_suffix("").as_posix()
        names = held_by_python(text) if path.suffix == ".py" else held_by_cython(text)
        found.update(f"{module}:{name}" for name in names)
    return found


def named():
    return set(re.findall(r"`([\w/]+:\w+)`", PAGE.read_text(encoding="utf-8")))


def test_what_a_module_holds_is_on_the_page():
    assert held() - named() == set()


def test_what_the_page_names_is_there():
    gone = []
    for entry in named():
        module, _, name = entry.partition(":")
        sources = [PACKAGE / f"{module}{suffix}" for suffix in (".py", ".pyx", ".pxd")]
        text = "".join(path.read_text(encoding="utf-8") for path in sources if path.exists())
        if not re.search(rf"(?<![\w]){name}\b", text):
            gone.append(entry)
    assert not gone


@pytest.mark.parametrize(
    ("read", "source", "found"),
    [
        (held_by_python, "_known: dict[str, int] = {}\n", ["_known"]),
        (held_by_python, "_LATER = []\nKINDS = {1: 2}\n__all__ = ['a']\n", ["_LATER"]),
        (held_by_python, "def f():\n    global last\n    last = 1\n", ["last"]),
        (held_by_python, "@lru_cache(maxsize=9)\ndef text_of(n): ...\n", ["text_of"]),
        (held_by_cython, "cdef dict keys = {}\ncdef list LINES = [None] * 9\n", ["keys", "LINES"]),
        (held_by_cython, "cdef Key[SLOTS] known  # of `keys`\ncdef int A = 1\n", ["known"]),
        (held_by_cython, "cdef uint8_t *spare = NULL\ncdef int f(int a):\n", ["spare"]),
        (held_by_cython, "    static int refused = 0;\n    static int f(int a);\n", ["refused"]),
        (held_by_cython, "@cython.final\n@cython.freelist(9)\ncdef class Call:\n", ["Call"]),
    ],
)
def test_it_sees_what_it_says(read, source, found):
    assert [*read(source)] == found
