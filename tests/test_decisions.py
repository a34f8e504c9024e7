"""Decision records: one format, one page, one list. No page names a file that is gone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
LINES_MAX = 60
CHARACTERS_MAX = 140  # of a line of text; a row of a table may be long


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.name[:4])
def test_a_record_is_one_page_of_the_one_format(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert re.fullmatch(rf"# {path.name[:4]} [A-Z].*[^.]", lines[0])
    sections = [line[3:] for line in lines if line.startswith("## ")]
    assert sections[:4] == ["Context", "Options", "Choice", "Price"]
    assert sections[4:] in ([], ["Not taken"])
    assert len(lines) <= LINES_MAX
    assert not [line for line in lines if len(line) > CHARACTERS_MAX and line[0] != "|"]


def title_of(path):
    return path.read_text(encoding="utf-8").splitlines()[0].removeprefix(f"# {path.name[:4]} ")


def test_the_list_names_each_record_by_its_title():
    listed = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    rows = [line for line in listed.splitlines() if line.startswith("| [")]
    assert rows == [f"| [{path.name[:4]}]({path.name}) | {title_of(path)} |" for path in DECISIONS]


def test_every_compiled_module_is_in_the_table_of_0003():
    [path] = [path for path in DECISIONS if path.name.startswith("0003")]
    text = path.read_text(encoding="utf-8")
    named = set()
    for row in re.findall(r"^\| (`[^|]*) \|", text, re.M):
        folder = ""
        for word in re.findall(r"`([\w/]+)`", row):
            # `http/_framing` `_chunked`: the folder holds for the rest of the row.
            before, slash, name = word.rpartition("/")
            folder = before + slash or folder
            named.add(f"{folder}{name}")
    compiled = {
        path.relative_to(ROOT / "reactor").with_suffix("").as_posix()
        for path in (ROOT / "reactor").rglob("*.pyx")
    }
    assert named == compiled


PAGES = [
    *(ROOT / "docs").rglob("*.md"),
    *(
        ROOT / name
        for name in ("README.md", "CONTRIBUTING.md", "bench/README.md", "fuzz/README.md")
    ),
]
# Names that stand for any file, or for one of the reader's.
ANY = {"_name.pyx", "name.py", "locustfile.py", "app.py", "apps.py"}


def links(text):
    return [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_no_file_that_is_not_there(page):
    text = page.read_text(encoding="utf-8")
    missing = [
        target
        for target in links(text)
        if target and "://" not in target and not (page.parent / target).exists()
    ]
    for name in re.findall(r"`((?:reactor|bench|fuzz|tests|docs|\.ci)/[\w./-]+\.\w+)`", text):
        if not (ROOT / name).exists():
            missing.append(name)
    # `loop/_core.pyx` is reactor/loop/_core.pyx; a bare name is a module somewhere in the package.
    for name in re.findall(r"`(\w[\w/]*\.(?:pyx|pxd|py))`", text):
        found = (ROOT / name).exists() or any((ROOT / "reactor").rglob(name))
        if not found and name not in ANY and not any(ROOT.glob(f"[bft]*/{name}")):
            missing.append(name)
    assert not missing
