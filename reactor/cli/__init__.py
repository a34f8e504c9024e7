"""The command line: arguments in, words out. No policy lives here.

    reactor serve [TARGET]    reactor get URL    reactor ws URL    reactor bench
    reactor completion SHELL

Whatever the user got wrong is one sentence on stderr and an exit code, never a
traceback.
"""

from __future__ import annotations

import argparse
import errno
import gc
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import reactor
from reactor.cli.output import say, shown
from reactor.cli.unbuilt import explain
from reactor.errors import ConfigurationError, FetchError, LoopError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

COMMANDS = ("serve", "get", "ws", "top", "bench", "completion")


class Help(argparse.HelpFormatter):
    """As wide as the terminal. argparse would load `shutil` to know that, for each option."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


def _columns() -> int:
    said = os.environ.get("COLUMNS", "")
    if said.isascii() and said.isdigit() and len(said) < 6 and int(said):
        return int(said)
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:  # it is no terminal
        return 80


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence: the usage would push it out of sight."""

    def __init__(self, **options: Any) -> None:
        # A prefix that stands for an option today may stand for two tomorrow.
        super().__init__(formatter_class=Help, allow_abbrev=False, **options)
        self.commands: dict[str, Parser] = {}

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {shown(message)} (see {self.prog} --help)\n")

    def refuse_unknown(self, words: Sequence[str]) -> None:
        """Say which of the words is no option, before any of them is taken for what it is not.

        A word that argparse does not know ends the letters that it does, and what is behind it
        would be TARGET.
        """
        known = self._option_string_actions
        for word in words:
            if word == "--":
                return
            option = word.partition("=")[0]
            if len(word) < 2 or word[0] != "-" or " " in word or option in known:
                continue
            if word[1] != "-" and not self._instead(option):
                found = next((f"-{c}" for c in word[1:] if not self._is_switch(f"-{c}")), None)
                if found is None or found in known or found[1].isdigit():
                    continue
                option = found
            self.unknown([option])

    def with_values(self, words: Sequence[str]) -> list[str]:
        """The words, with a value like ``-5`` (the last five) joined to the option before it:
        argparse would take it for an option where there is one like ``-4``."""
        joined: list[str] = []
        for word in words:
            last = self._option_string_actions.get(joined[-1]) if joined else None
            if last is not None and last.nargs is None and word[:1] == "-" and word[1:].isdigit():
                joined[-1] += f"={word}" if joined[-1].startswith("--") else word
            else:
                joined.append(word)
        return joined

    def _is_switch(self, option: str) -> bool:
        """Whether another letter may follow it."""
        action = self._option_string_actions.get(option)
        return action is not None and action.nargs == 0

    def _instead(self, option: str) -> str | None:
        from reactor.cli.foreign import instead  # only who mistypes pays for it

        return instead(self.prog.rpartition(" ")[2], option)

    def unknown(self, words: Sequence[str]) -> NoReturn:
        """Say that these are no arguments, and which option may have been meant."""
        option = next((word.partition("=")[0] for word in words if word[:1] == "-"), "")
        if not option:
            self.error(f"too many arguments: {' '.join(words)}")
        if (sentence := self._instead(option)) is not None:
            self.error(f"{option}: {sentence}")
        from reactor.cli.foreign import nearest

        near = nearest(option, self._option_string_actions)
        hint = f"; did you mean {near}?" if near else ""
        self.error(f"there is no option {option}{hint}")


@contextmanager
def loading() -> Iterator[None]:
    """While modules load: they live as long as the process, so the collector need not look at
    what they made, neither now nor later, nor at the end."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def occupy_standard_descriptors() -> None:
    """Put /dev/null where a descriptor from 0 to 2 is closed.

    Else a listener or a client's socket would get that number, and what an application, its C code
    or its child prints there would be sent to it.
    """
    with suppress(OSError):  # there is no /dev/null, or no descriptor
        while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
            os.set_inheritable(descriptor, True)
        os.close(descriptor)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, for a process of its own; the exit code."""
    occupy_standard_descriptors()
    words = sys.argv[1:] if arguments is None else arguments
    try:
        return _run(words)
    except KeyboardInterrupt:
        return 130
    except ModuleNotFoundError as error:
        if (sentence := explain(error)) is None:
            raise
        return fail(sentence, 1)
    except OSError as error:
        if error.errno not in {errno.EMFILE, errno.ENFILE}:
            raise
        # Too few for what every command needs, before or beside what it does.
        sentence = f"this process may open too few files: {error.strerror} (ulimit -n)"
        return fail(sentence, 3 if words[:1] == ["serve"] else 1)


def _run(arguments: Sequence[str]) -> int:
    with loading():
        parser = _parser(arguments)
        if arguments and arguments[0][:1] != "-" and arguments[0] not in COMMANDS:
            from reactor.cli.foreign import nearest

            near = nearest(arguments[0], COMMANDS)
            hint = f"; did you mean {near}?" if near else f": choose {', '.join(COMMANDS)}"
            parser.error(f"there is no command {arguments[0]}{hint}")
        if arguments and (command := parser.commands.get(arguments[0])) is not None:
            arguments = [arguments[0], *command.with_values(arguments[1:])]
            command.refuse_unknown(arguments[1:])
        options, words = parser.parse_known_args(arguments)
        if words:
            parser.commands.get(options.command, parser).unknown(words)
        options.given = arguments[1:]
        if options.command is None:
            parser.error(f"choose a command: {', '.join(COMMANDS)}")
    try:
        code: int = options.run(options)
    except ConfigurationError as error:
        return fail(str(error), 1)
    except LoopError as error:
        return fail(str(error), 1)
    except FetchError as error:
        return fail(error.message, error.exit_code)
    except BrokenPipeError:
        # The reader of our output has gone: `reactor get URL | head`.
        return 141
    return code


def _parser(arguments: Sequence[str]) -> Parser:
    parser = Parser(
        prog="reactor",
        description="Serve a folder, an application or a TCP protocol; fetch over HTTP; compare "
        "servers.",
    )
    parser.add_argument("--version", action="version", version=f"reactor {reactor.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    # Only what is chosen is imported: `get` loads nothing of the server. All, for the help.
    for name in [name for name in arguments[:1] if name in COMMANDS] or COMMANDS:
        importlib.import_module(f"reactor.cli.{name}").add_parser(commands)
    parser.commands = commands.choices
    return parser


def every_command() -> dict[str, Parser]:
    """The parser of each command."""
    return _parser(()).commands


def fail(sentence: str, code: int) -> int:
    say(sentence)
    return code
