"""Parts of a page that a program makes, between two markers that only HTML's source shows.

    <!-- made by tests/option_docs.py: serve -->
    <!-- end -->

The program writes them; a test fails when one is stale.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
END = "<!-- end -->"


def part(page: Path, maker: str) -> str:
    """What stands between the markers of ``maker``, such as ``tests/option_docs.py: serve``."""
    return _find(page, maker)[1]


def write_part(page: Path, maker: str, made: str) -> None:
    before, _, after = _find(page, maker)
    page.write_text(before + made + after, encoding="utf-8")


def _find(page: Path, maker: str) -> tuple[str, str, str]:
    """Before, between and after; each line of it with its end."""
    begin = re.escape(f"<!-- made by {maker} -->\n")
    text = page.read_text(encoding="utf-8")
    found = re.fullmatch(rf"(.*{begin})(.*?)({re.escape(END)}\n.*)", text, re.S)
    if found is None:
        raise ValueError(f"{page} has no part that is made by {maker}")
    before, between, after = found.groups()
    return before, between, after
