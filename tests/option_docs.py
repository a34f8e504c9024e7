"""The table of a command's options, made from its parser.

    python tests/option_docs.py         writes it anew into the page that has it

`reactor COMMAND --help` and the table say the same words, so that neither can promise what the
other does not know.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from made_parts import write_part  # noqa: E402
from option_table import parser_of  # noqa: E402

#: The page, and the command whose options it has.
PAGES = ((ROOT / "docs" / "serve.md", "serve"),)
HEAD = "| option | what it does | default |\n|---|---|---|\n"
DEFAULT = re.compile(r"(?:^|; )default: ([^;]+)(?:; |$)")


def maker(command: str) -> str:
    return f"tests/option_docs.py: {command}"


def table(command: str) -> str:
    """A row for each option, under the headings of its help."""
    rows = []
    for group in parser_of(command)._action_groups:
        shown = [
            action
            for action in group._group_actions
            if not isinstance(action, argparse._HelpAction)
        ]
        if shown and group.title not in ("positional arguments", "options"):
            rows.append(f"| **{group.title}** | | |\n")
        rows += map(_row, shown)
    return HEAD + "".join(rows)


def _row(action: argparse.Action) -> str:
    words = _words(action)
    default = DEFAULT.search(words)
    if default is not None:
        rest = words[: default.start()], words[default.end() :]
        words = "; ".join(filter(None, rest))
    shown = "" if default is None else _escaped(default[1])
    return f"| {_spelled(action)} | {_escaped(words)} | {shown} |\n"


def _words(action: argparse.Action) -> str:
    """The help, with what argparse fills in."""
    known = {name: value for name, value in vars(action).items() if value is not argparse.SUPPRESS}
    return (action.help or "") % known


def _spelled(action: argparse.Action) -> str:
    value = action.metavar or ""
    if action.choices is not None:
        value = "{" + ",".join(map(str, action.choices)) + "}"
    elif not value and action.nargs != 0:
        value = action.dest.upper()
    names = action.option_strings or [""]
    spelled = [f"{name} {value}".strip() for name in names]
    return ", ".join(f"`{one}`" for one in spelled).replace("|", r"\|")


def _escaped(words: str) -> str:
    """Of what Markdown and a table of it would take for its own."""
    return re.sub(r"([|<*])", r"\\\1", words)


def main() -> None:
    for page, command in PAGES:
        write_part(page, maker(command), table(command))


if __name__ == "__main__":
    main()
