"""An application that cannot be imported: the exit code is 3, and its author is told why."""

from __future__ import annotations

import signal

import pytest
from crew import (
    answering,
    ask,
    crew,
    crewed_folder,  # noqa: F401 - the fixture 'folder'
    save,
    write_app,
)
from processes import eventually, serving

WAYS = {
    "alone": (),
    "workers": ("--workers", "2"),
    "supervised": ("--supervise",),
    "each": ("--workers", "2", "--no-preload"),
}
RAISED = {
    "base": ('raise BaseException("x")', "BaseException: x"),
    "interrupt": ('raise KeyboardInterrupt("x")', "KeyboardInterrupt: x"),
    "generator": ("raise GeneratorExit", "GeneratorExit: "),
    "error": ("1 / 0", "ZeroDivisionError: division by zero"),
}
# Every kind alone, and every way with one of them.
CASES = [*((kind, "alone") for kind in RAISED), *(("base", way) for way in WAYS),
         ("interrupt", "workers"), ("interrupt", "each")]  # fmt: skip


def failed(folder, *options):
    """What a server has said that did not start."""
    with serving(*options, cwd=folder, announced=False, traceback_expected=True) as server:
        assert server.wait() == 3
    assert not server.out
    return server.err


@pytest.mark.parametrize(("kind", "way"), CASES)
def test_whatever_a_module_raises_is_said(tmp_path, kind, way):
    statement, said = RAISED[kind]
    (tmp_path / "broken.py").write_text(statement)
    err = failed(tmp_path, "broken:app", *WAYS[way])
    assert f"cannot import broken:app: {said}" in err
    shown = [line for line in err.splitlines() if line.startswith("  File ")]
    assert shown
    assert all("broken.py" in line for line in shown)  # and no frame of ours


def test_of_a_factory_too(tmp_path):
    (tmp_path / "broken.py").write_text('def make():\n    raise BaseException("x")')
    assert "cannot import broken:make: BaseException: x" in failed(
        tmp_path, "broken:make", "--factory"
    )


@pytest.mark.parametrize("way", ["alone", "workers"])
def test_of_the_module_of_a_context_too(folder, way):
    (folder / "broken.py").write_text('raise BaseException("x")')
    err = failed(folder, "crewed:app", "--ssl-context", "broken:context", *WAYS[way])
    assert "cannot import broken:context: BaseException: x" in err
    assert "tls_options" not in err


@pytest.mark.parametrize("way", ["workers", "supervised", "each"])
@pytest.mark.parametrize("code", [1, 7])
def test_one_that_ends_its_process_is_named_by_the_supervisor(tmp_path, way, code):
    (tmp_path / "broken.py").write_text(f"import os\nos._exit({code})")
    err = failed(tmp_path, "broken:app", *WAYS[way])
    assert f"ended with code {code}" in err
    if way != "each":
        assert f"cannot start: the import ended with code {code}" in err


def test_wrong_usage_keeps_its_code_with_workers(folder):
    options = ("--workers", "2", "--spa")
    with serving("crewed:app", *options, cwd=folder, announced=False) as server:
        assert server.wait() == 2
    assert "--spa: only a folder has such options" in server.err


@pytest.mark.parametrize("statement", ['raise BaseException("x")', "os._exit(7)"])
def test_at_a_reload_those_who_serve_go_on(folder, statement):
    with crew(folder, "--workers", "2", traceback_expected=True) as server:
        save(folder, f"import os\n{statement}\n")
        server.signal(signal.SIGHUP)
        eventually(lambda: "the reload has failed" in server.err, "it is said")
        assert ask(server)
        write_app(folder, "two")
        server.signal(signal.SIGHUP)
        eventually(lambda: "reloaded: " in server.err, "the next one is served")
        answering(server, 2)
        assert server.stop() == 0
    assert "BaseException: x" in server.err or "ended with code 7" in server.err
