"""Tables of options in docs/: they say what the parsers know, and nothing else."""

from __future__ import annotations

import re

import pytest
from made_parts import part, write_part
from option_docs import PAGES, maker, table
from option_table import actions

each_page = pytest.mark.parametrize(("page", "command"), PAGES, ids=[name for _, name in PAGES])


@each_page
def test_a_page_has_the_table_of_its_parser(page, command):
    stale = f"{page.name} is stale: run python tests/option_docs.py"
    assert part(page, maker(command)) == table(command), stale


@each_page
def test_every_option_has_a_row_with_words(page, command):
    rows = [re.split(r"(?<!\\)\|", line) for line in part(page, maker(command)).splitlines()[2:]]
    told = {name: row[2].strip() for row in rows for name in re.findall(r"`([\w-]+)[^`]*`", row[1])}
    known = {
        name
        for action in actions(command)
        for name in action.option_strings or [str(action.metavar)]
    }
    assert told.keys() == known
    assert [name for name, words in told.items() if not words] == []


def test_a_part_is_written_between_its_markers_and_nowhere_else(tmp_path):
    page = tmp_path / "page.md"
    text = "a\n<!-- made by {0} -->\nold\n<!-- end -->\nb\n<!-- made by two -->\nx\n<!-- end -->\n"
    page.write_text(text.format("one"))
    write_part(page, "one", "new\n")
    assert page.read_text() == text.format("one").replace("old", "new")
    assert (part(page, "one"), part(page, "two")) == ("new\n", "x\n")
    with pytest.raises(ValueError, match="has no part"):
        part(page, "three")
