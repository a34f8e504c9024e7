"""The rows of `serve`'s options about reloads, for `test_options_workers.py`, on real servers."""

from __future__ import annotations

import re

from crew import crew, write_app
from option_table import Shown
from processes import eventually
from worker_option_rows import processes


def noticed(words, places):
    """Which of three files that are saved at once count."""
    root = places["root"]
    part, page = root / "part" / "__init__.py", root / "page.html"
    part.parent.mkdir(exist_ok=True)
    for path in (part, page):
        path.write_text("")
    write_app(root, more="import part\n")
    with crew(root, *words, target="crewed:app") as server:
        for path in (part, page):
            path.write_text("#" * 100)
        write_app(root, more="import part\n" + "#" * 100)
        eventually(lambda: "reloaded" in server.err, "it is loaded anew")
        [names] = re.findall("changed: (.*)", server.err)
        return {*names.split(", ")}


LOADED = {"crewed.py", "part/__init__.py"}
RELOAD = ("--reload",)
RELOAD_TABLE = [
    Shown("--reload", ["--reload"], processes, 0, 2),
    Shown("--no-reload", ["--no-reload"], processes, 2, 0, RELOAD),
    Shown("--reload-dir", ["--reload-dir", "part"], noticed, LOADED, {"part/__init__.py"}, RELOAD),
    Shown("--reload-include", ["--reload-include", "*.html"], noticed, LOADED,
          {*LOADED, "page.html"}, RELOAD),
    Shown("--reload-exclude", ["--reload-exclude", "crew*"], noticed, LOADED, {"part/__init__.py"},
          RELOAD),
]  # fmt: skip
