"""What a table of options is made of: an option, and the behaviour that shows that it is wired.

A row is tried twice, without its option and with it. What is seen must be `default` and then
`shown`, so an option that nobody reads any more fails its row. The tables are in
``test_options_serve.py``, ``test_options_get.py`` and ``test_options_bench.py``; `missing` says
which options of a parser have no row.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, NamedTuple

from reactor.cli import _parser

UNSEEN = object()
"""What is seen without the option takes too long, or would need a fixed port."""


class Shown(NamedTuple):
    """``given`` makes ``look`` see ``shown`` instead of ``default``.

    ``look(words, places)`` runs the command with these words. ``{name}`` in a word is one of the
    places. ``also`` is given both times, before. A positional is named as the parser names it.
    """

    option: str
    given: list[str]
    look: Callable[[list[str], Any], Any]
    default: Any
    shown: Any
    also: tuple[str, ...] = ()


def check(row: Shown, places: dict[str, Any], always: tuple[str, ...] = ()) -> None:
    """What is seen without the option, and what with it; ``always`` is given in any case."""

    def see(words: list[str]) -> Any:
        said = [word.format_map(places) for word in words]
        return row.look(said, places)

    if row.default is not UNSEEN:
        assert see([*row.also, *always]) == row.default, f"without {row.option}"
    assert see([*row.also, *row.given, *always]) == row.shown, f"with {row.option}"


def parser_of(command: str) -> argparse.ArgumentParser:
    """The parser of ``reactor COMMAND``."""
    commands = next(
        action
        for action in _parser([command])._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    parser: argparse.ArgumentParser = commands.choices[command]
    return parser


def actions(command: str) -> list[argparse.Action]:
    """All that the parser of ``reactor COMMAND`` knows, its help left out."""
    return [
        action
        for action in parser_of(command)._actions
        if not isinstance(action, argparse._HelpAction)
    ]


def missing(command: str, table: list[Shown]) -> set[str]:
    """The options of the parser that no row shows. Of a switch each side needs one."""
    shown = {row.option for row in table}
    lost = set()
    for action in actions(command):
        names = action.option_strings or [action.dest]
        if isinstance(action, argparse.BooleanOptionalAction):
            lost |= {*names} - shown
        elif not {*names} & shown:
            lost.add(next((name for name in names if name.startswith("--")), names[-1]))
    return lost


def unknown(command: str, table: list[Shown]) -> set[str]:
    """Rows of options that the parser has no more."""
    known = {
        name for action in actions(command) for name in (action.option_strings or [action.dest])
    }
    return {row.option for row in table} - known
