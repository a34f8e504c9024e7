"""The laws of docs/ARCHITECTURE.md that can be read off the source.

Each is checked on every module, with no list of exceptions but the ones that
the law itself names.
"""

import ast
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from each_case import each_case

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "reactor"

# Floors, from the bottom up; a module belongs to the longest prefix that fits. It imports
# from floors below and from its own layer; `net` and `http` share a floor and are strangers.
LAYERS = [
    {"reactor._value", "reactor.process", "reactor.cli.unbuilt"},
    {"reactor.errors", "reactor.limits"},
    {"reactor.parser"},
    {"reactor._parse"},
    {"reactor._file", "reactor._protocol", "reactor.log"},
    {"reactor.loop", "reactor.testing"},
    {"reactor.net", "reactor.http"},
    {"reactor.apps"},
    {"reactor.client", "reactor.server"},
    {"reactor.aio"},
    {"reactor.load"},
    {"reactor.contrib"},
    {"reactor.bench"},
    {"reactor.cli"},
    {"reactor", "reactor.__main__"},
]
# No I/O, no clock: what the parser's door opens to, and the HTTP machines.
BYTES = ("reactor.parser", "reactor._parse", "reactor.http", "reactor._value", "reactor.errors")

PYTHON = sorted(PACKAGE.rglob("*.py"))
CYTHON = sorted(PACKAGE.rglob("*.pyx"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
LINES_MAX, TEST_LINES_MAX, FUNCTION_LINES_MAX = 450, 500, 50
ROOT_FILES_MAX = 16
# What is longer, by how much at most, and why. To be split by concept; nothing is added here.
LONG: dict[str, int] = {}

IO_MODULES = {"socket", "select", "selectors", "ssl", "asyncio", "threading", "signal"}
CLOCK = re.compile(r"\btime\.time\b|monotonic|perf_counter|process_time|\.now\(|clock_gettime")


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def place(module):
    """(floor, layer) of a module: the longest prefix in LAYERS."""
    found = [
        (len(name), floor, name)
        for floor, names in enumerate(LAYERS)
        for name in names
        if module == name or (module.startswith(f"{name}.") and name != "reactor")
    ]
    assert found, f"{module} has no layer: give it one in LAYERS"
    _, floor, name = max(found)
    return floor, name


@cache
def syntax_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports(path):
    """Every module that a source names in an import or cimport statement."""
    return [*imported_by(path)]


def imported_by(path):
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield from re.findall(r"^\s*(?:from|import|cimport)\s+([\w.]+)", text, re.M)
        return
    for node in ast.walk(syntax_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: imports are absolute"
            for alias in node.names:
                submodule = ROOT.joinpath(*node.module.split("."), f"{alias.name}.py")
                yield f"{node.module}.{alias.name}" if submodule.exists() else node.module


SOURCES = PYTHON + CYTHON + sorted(PACKAGE.rglob("*.pxd"))


def layer_of(path):
    return place(module_name(path))[1]


@each_case(SOURCES, layer_of)
def test_imports_point_down(path):
    module = module_name(path)
    floor, layer = place(module)
    if module == "reactor":
        return  # the public names, imported when they are used
    for imported in imports(path):
        if imported == "reactor" and layer == "reactor.cli":
            continue  # for the version
        if imported.startswith("reactor"):
            other_floor, other_layer = place(imported)
            assert other_floor < floor or other_layer == layer, (
                f"{module} (floor {floor}) imports {imported} (floor {other_floor})"
            )


def test_no_import_cycles():
    graph = {
        module_name(path): {name for name in imports(path) if name.startswith("reactor.")}
        for path in PYTHON + CYTHON
    }
    done, doing = set(), []

    def visit(module):
        assert module not in doing, f"import cycle: {[*doing[doing.index(module) :], module]}"
        if module in done:
            return
        doing.append(module)
        for imported in sorted(graph.get(module, ())):
            visit(imported)
        doing.pop()
        done.add(module)

    for module in sorted(graph):
        visit(module)


@each_case(
    [path for path in PYTHON + CYTHON if module_name(path).startswith(BYTES)],
    layer_of,
)
def test_the_bytes_floor_does_no_io_and_reads_no_clock(path):
    assert not IO_MODULES & {name.partition(".")[0] for name in imports(path)}
    assert not CLOCK.search(path.read_text(encoding="utf-8"))


def calls_of(name):
    """Where ``.name(`` is called: {module: count}."""
    found = {}
    for path in PYTHON:
        tree = syntax_of(path)
        count = sum(
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == name
            for node in ast.walk(tree)
        )
        if count:
            found[module_name(path)] = count
    return found


@pytest.mark.parametrize(
    ("call", "where"),
    [
        (r"\bc_recv\(self", "reactor.net._connection"),
        (r"\bc_send\(fd", "reactor.net._outgoing"),
        (r"\b(os\.|reactor_)sendfile\(fd", "reactor.net._outgoing"),
        (r"\bself\.ssl\.read\(", "reactor.net._tls_connection"),
        (r"\bself\.ssl\.write\(", "reactor.net._tls_outgoing"),
        (r"\bpread\(source", "reactor.net._tls_outgoing"),
        (r"\bepoll_wait\(self", "reactor.loop._epoll"),
        (r"_selector\.select\(", "reactor.loop._core"),
    ],
)
def test_the_wire_is_touched_in_one_function(call, where):
    functions = {
        (module_name(path), function)
        for path in PYTHON + CYTHON
        for function in functions_with(path, call)
    }
    assert len(functions) == 1
    assert next(iter(functions))[0] == where


def functions_with(path, pattern):
    """The last ``def`` above each match."""
    text = path.read_text(encoding="utf-8")
    for match in re.finditer(pattern, text):
        yield re.findall(r"^ *c?p?def [^\n]*?(\w+)\(", text[: match.start()], re.M)[-1]


def test_recv_of_socket_objects_belongs_to_those_who_block():
    # The documented model; Locust's users, whose sockets gevent has replaced; and the benchmark's
    # check of an answer, which must share no fault with what it measures.
    assert set(calls_of("recv")) == {
        "reactor.server.blocking_transport",
        "reactor.net.proxied",  # the header of the PROXY protocol, once a connection
        "reactor.server.workers.members",  # what a mold or a worker says to its supervisor,
        "reactor.server.workers.worker",  # and the other way round
        "reactor.server.workers.sources",  # which files they have loaded
        "reactor.contrib._exchange",
        "reactor.bench.servers",
    }


def test_only_the_documented_model_starts_threads():
    users = {
        module_name(path)
        for path in PYTHON + CYTHON
        if {"threading", "concurrent", "_thread"}
        & {name.partition(".")[0] for name in imports(path)}
    }
    # A transport waits for another thread's call by an Event; it starts none. A server that its
    # user starts beside a program is one thread, which serves all connections. What watches for
    # slow requests asks which thread it is in.
    assert users == {
        "reactor.server.threads",
        "reactor.server.blocking_transport",
        "reactor.server.background",
        "reactor.server.slow",
    }
    for name in ("blocking_transport.py", "slow.py"):
        source = (PACKAGE / "server" / name).read_text("utf-8")
        assert not re.search(r"Thread\(", source)


def test_asyncio_is_imported_where_it_is_hosted_served_and_awaited():
    users = {module_name(path) for path in PYTHON + CYTHON if "asyncio" in imports(path)}
    served = {"reactor.apps.asgi", "reactor.apps.awaited_events"}
    assert users == {"reactor.net.guest", "reactor.net.hosted", *served, "reactor.client.awaited"}


def test_no_guard_is_an_assert():
    for path in PYTHON:
        tree = syntax_of(path)
        assert not any(isinstance(node, ast.Assert) for node in ast.walk(tree)), path
    for path in CYTHON:
        assert not re.search(r"^\s*assert\b", path.read_text(encoding="utf-8"), re.M), path


def lines_of(paths):
    return {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in paths
    }


def test_files_can_be_held_in_the_head():
    lines = lines_of(SOURCES)
    assert not {path: n for path, n in lines.items() if n > LONG.get(path, LINES_MAX)}
    short = [path for path in LONG if lines.get(path, 0) <= LINES_MAX]
    assert not short, f"no exceptions any more, remove them from LONG: {short}"


def test_the_root_of_the_package_is_its_door():
    # What is in a room has a name that says what it is about; here are the public names, the
    # parser's door, the seams, and what everything stands on.
    root = [p.name for p in PACKAGE.iterdir() if p.is_file() and p.suffix not in (".c", ".so")]
    assert len(root) <= ROOT_FILES_MAX, sorted(root)


def test_files_of_tests_can_be_held_in_the_head():
    assert not {path: n for path, n in lines_of(TESTS).items() if n > TEST_LINES_MAX}


def function_lengths(path):
    """(name, lines without the docstring) of each function."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        for node in ast.walk(syntax_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[0]
                is_doc = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
                doc = first.end_lineno - first.lineno + 1 if is_doc else 0
                yield node.name, node.end_lineno - node.lineno + 1 - doc
        return
    pattern = re.compile(r"^( *)(?:cdef(?! class)|cpdef|def)\b[^=\n]*\(.*")
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if match := pattern.match(line):
            indent = len(match[1])
            end = number + 1
            while end < len(lines) and (
                not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) > indent
            ):
                end += 1
            yield line.strip(), len("\n".join(lines[number:end]).rstrip().splitlines())


def test_functions_can_be_read_at_a_glance():
    long = {
        f"{path.relative_to(ROOT)}: {name}": count
        for path in PYTHON + CYTHON
        for name, count in function_lengths(path)
        if count > FUNCTION_LINES_MAX
    }
    assert not long


def test_the_limits_have_reasons():
    source = (PACKAGE / "limits.py").read_text(encoding="utf-8")
    tree = ast.parse(source)
    [limits] = [n for n in tree.body if isinstance(n, ast.ClassDef)]
    lines = source.splitlines()
    groups_without = [
        node.target.id
        for node in limits.body
        if isinstance(node, ast.AnnAssign)
        and not any("#" in line for line in lines[node.lineno - 4 : node.lineno])
    ]
    assert groups_without == []


# What a name ends in when it bounds something: a size, a count, a wait.
BOUND = re.compile(
    r" {0,4}(?:cdef [\w ]+ )?_?[A-Z][A-Z0-9_]*_(?:MAX|MIN|S|BYTES|FIRST|IDLE)\b(?:: \w+)? *= *"
)


def bounds_without_reason(path):
    """The lines that give a bound its value and have no comment, neither there nor above, in the
    lines that belong together."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if BOUND.match(line):
            first = number
            while first and lines[first - 1].strip():
                first -= 1
            if not any("#" in text for text in lines[first : number + 1]):
                yield f"{path.relative_to(ROOT)}:{number + 1}: {line.strip()}"


def test_every_named_bound_has_its_reason_beside_it():
    # That a number has a name at all no test can see.
    assert not [bound for path in SOURCES for bound in bounds_without_reason(path)]


def test_no_memory_of_calls_is_without_a_bound():
    for path in PYTHON:
        text = path.read_text(encoding="utf-8")
        assert not re.search(
            r"functools\.cache\b|import cache\b|lru_cache(?!\(maxsize=\d|$)", text, re.M
        ), path


def test_every_module_says_what_it_is():
    for path in PYTHON:
        if path.read_text(encoding="utf-8").strip():
            assert ast.get_docstring(syntax_of(path)), f"{path} has no docstring"
    for path in CYTHON:
        assert path.read_text(encoding="utf-8").startswith('"""'), f"{path} has no docstring"


def test_the_parser_comes_without_the_loop():
    import subprocess
    import sys

    code = (
        "import sys; from reactor import parse_request, RequestParser; "
        "print([m for m in sys.modules if m in ('socket', 'selectors', 'asyncio', 'ssl')"
        " or m.startswith(('reactor.loop', 'reactor.net'))])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert result.stdout.strip() == "[]"


def test_a_fetch_starts_without_what_it_does_not_need():
    import subprocess
    import sys

    unneeded = (
        *("typing", "dataclasses", "inspect", "logging", "calendar", "shutil", "urllib.parse"),
        *("ssl", "hashlib", "json", "asyncio", "threading", "zlib"),
        *("reactor.net.tls", "reactor.net._listener", "reactor.client.decoding"),
    )
    # A name that is no module's would never be found, and this would hold for ever.
    assert not [module for module in unneeded if find_spec(module) is None]
    code = (
        "import sys; before = set(sys.modules); import reactor.cli.get.running; "
        f"print([m for m in {(*unneeded, 'rich')} if m in sys.modules and m not in before])"
    )
    result = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "[]"
