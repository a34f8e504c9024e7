"""``reactor completion SHELL``: a script by which a shell completes the command line.

    source <(reactor completion bash)

Made from the parsers, so that it knows what they know and nothing else. Must never run what it
completes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from reactor._value import Value
from reactor.cli.output import Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from reactor.cli import Parser

# What stands in the place of a file's name in a help text.
_FILES = {"FILE", "FOLDER", "DIR", "PATH", "NAME=VALUE|FILE"}
NAME = "reactor"


class Option(Value):
    """What a shell has to know of one: ``value`` is its metavar, "" if it takes none."""

    names: tuple[str, ...]
    value: str
    choices: tuple[str, ...]
    says: str

    @property
    def takes_files(self) -> bool:
        return self.value in _FILES


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "completion",
        help="print a script that completes this command in a shell",
        description="Print a script that completes this command. bash: source <(reactor completion "
        "bash) in ~/.bashrc. zsh: reactor completion zsh > a file _reactor in a folder of $fpath. "
        "fish: reactor completion fish > ~/.config/fish/completions/reactor.fish.",
    )
    parser.add_argument("shell", choices=sorted(_SCRIPTS), help="whose script")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from reactor.cli import every_command

    commands = {name: options_of(parser) for name, parser in every_command().items()}
    Output(sys.stdout).write("".join(_SCRIPTS[options.shell](commands)))
    return 0


def options_of(parser: Parser) -> list[Option]:
    """All that a parser knows; a positional that takes certain words has no name."""
    found = []
    for action in parser._actions:
        if action.help is argparse.SUPPRESS or not (action.option_strings or action.choices):
            continue
        value = "" if action.nargs == 0 else str(action.metavar or action.dest.upper())
        says = (action.help or "") % {**vars(action), "prog": NAME}
        choices = tuple(map(str, action.choices or ()))
        found.append(Option(tuple(action.option_strings), value, choices, says.partition(";")[0]))
    return found


Commands = dict[str, list[Option]]


def bash(commands: Commands) -> Iterator[str]:
    yield _BASH_BEGIN.format(commands=" ".join(commands))
    for name, options in commands.items():
        for option in options:
            if not option.value or not option.names:
                continue
            where = "|".join(f"'{name} {one}'" for one in option.names)
            if option.choices:
                yield f"        {where}) _reactor_of '{' '.join(option.choices)}'; return ;;\n"
            elif option.takes_files:
                yield f"        {where}) _reactor_files; return ;;\n"
            else:
                yield f"        {where}) return ;;\n"
    yield _BASH_MIDDLE
    for name, options in commands.items():
        words = [one for option in options for one in option.names or option.choices]
        yield f"        {name}) words='{' '.join(words)}' ;;\n"
    yield _BASH_END


_BASH_BEGIN = """\
# Completion of reactor for bash, by `reactor completion bash`.
_reactor_of() {{ COMPREPLY=($(compgen -W "$1" -- "$word")); }}
_reactor_files() {{
    compopt -o filenames
    local line
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$word")
}}
_reactor() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" words
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then _reactor_of '{commands} --help --version'; return; fi
    # bash takes --name=value apart.
    if [ "$word" = "=" ]; then word=""; elif [ "$before" = "=" ]; then
        before="${{COMP_WORDS[COMP_CWORD-2]}}"
    fi
    case "${{COMP_WORDS[1]}} $before" in
"""
_BASH_MIDDLE = """\
    esac
    case "${COMP_WORDS[1]}" in
"""
_BASH_END = """\
        *) return ;;
    esac
    case "$word" in
        -*) _reactor_of "$words" ;;
        *)
            # Words that are no options stand where a file may, too.
            _reactor_of "$(printf '%s\\n' $words | grep -v '^-')"
            _reactor_files
            ;;
    esac
}
complete -F _reactor reactor
"""


def zsh(commands: Commands) -> Iterator[str]:
    yield "#compdef reactor\n# Completion of reactor for zsh, by `reactor completion zsh`.\n"
    yield "_reactor() {\n    local -a specs\n"
    words = f"{' '.join(commands)} --help --version"
    yield f"    if (( CURRENT == 2 )); then compadd -- {words}; return; fi\n"
    yield "    case $words[2] in\n"
    for name, options in commands.items():
        yield f"    {name})\n        specs=(\n"
        for option in options:
            if option.names:
                yield from (f"            {_zsh_spec(option, one)}\n" for one in option.names)
        places = [" ".join(option.choices) for option in options if not option.names]
        yield f"            {_quoted(f'*:word:({places[0]})' if places else '*:file:_files')}\n"
        yield "        ) ;;\n"
    yield "    *) return ;;\n    esac\n"
    yield '    shift words\n    (( CURRENT-- ))\n    _arguments -s "$specs[@]"\n}\n_reactor "$@"\n'


def _zsh_spec(option: Option, name: str) -> str:
    says = "".join(f"\\{c}" if c in "[]\\" else c for c in option.says)
    spec = (
        f"*{name}{'+' if option.value and len(name) == 2 else '=' if option.value else ''}[{says}]"
    )
    if option.value:
        values = f"({' '.join(option.choices)})" if option.choices else " "
        label = option.value.replace(":", "\\:")
        spec += f":{label}:{'_files' if option.takes_files else values}"
    return _quoted(spec)


def fish(commands: Commands) -> Iterator[str]:
    yield "# Completion of reactor for fish, by `reactor completion fish`.\n"
    yield "complete -c reactor -n __fish_use_subcommand -f "
    yield f"-a {_quoted(' '.join(commands))}\n"
    for name, options in commands.items():
        seen = f"complete -c reactor -n '__fish_seen_subcommand_from {name}'"
        for option in options:
            if not option.names:
                yield f"{seen} -f -a {_quoted(' '.join(option.choices))}\n"
                continue
            words = [seen]
            for one in option.names:
                words.append(f"-l {one[2:]}" if one.startswith("--") else f"-s {_quoted(one[1:])}")
            if option.value:
                words.append("-rF" if option.takes_files else "-x")
            if option.choices:
                words.append(f"-a {_quoted(' '.join(option.choices))}")
            yield f"{' '.join(words)} -d {_quoted(option.says)}\n"


def _quoted(text: str) -> str:
    r"""For zsh and for fish.

    >>> print(_quoted("it's"))
    'it'"'"'s'
    """
    return "'" + text.replace("'", "'\"'\"'") + "'"


_SCRIPTS = {"bash": bash, "fish": fish, "zsh": zsh}
