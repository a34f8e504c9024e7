"""Where an option of ``serve`` has its value from.

    flag  >  REACTOR_SERVE_<FLAG>  >  --config FILE, or the application's pyproject.toml  >  default

Every long flag is a key, and a variable, of the same name. Its value goes through the flag's own
argparse action, so that it is checked as it would be on the command line. A source replaces what
the ones below it say of an option, of a repeatable one too, and of what stands in its place.

Must never know: what an option is for.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from reactor._value import Value
from reactor.apps.current_folder import current_folder
from reactor.cli.environment import is_link
from reactor.errors import ConfigurationError

if TYPE_CHECKING:
    from reactor.cli import Parser

PREFIX = "REACTOR_SERVE_"
ON, OFF = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
# What stands in the place of what: who says the one means none of the others.
_RIVALS = {
    "bind": ("host", "port"),
    "host": ("bind",),
    "port": ("bind",),
    "target": ("directory",),
    "directory": ("target",),
    "certfiles": ("keyfiles", "ssl_context", "tls_self_signed"),
    "ssl_context": ("certfiles", "keyfiles", "tls_self_signed"),
    "tls_self_signed": ("certfiles", "keyfiles", "ssl_context"),
}
# What a supervisor keeps for as long as it runs: options of these groups of the help, and these.
_KEPT_GROUPS = ("workers", "TLS", "while you write it")
_KEPT = (
    *("host", "port", "bind", "uds_mode", "uds_group", "uds_allow_uid", "backlog", "metrics"),
    *("user", "group", "pid", "chdir", "env", "env_file", "app_dir", "graceful_timeout_s"),
    "drain_delay_s",
    *("access_logfile", "error_logfile", "log_config"),
)
# What is no setting: it is about this run, or is so without it.
_NO_KEYS = ("config", "check_config", "print_config", "already")
COMMAND_LINE = "the command line"


class Setting(Value):
    """A value that somebody has given an option, and who: a file, a variable, the command line."""

    value: Any
    origin: str


Settings = dict[str, Setting]
"""By the name that the option has in the namespace."""


def add_configuration(group: Any) -> None:
    group.add_argument(
        "-c",
        "--config",
        type=_config,
        metavar="FILE",
        help="read options from [serve] of this TOML file, or from [tool.reactor.serve] of a "
        "pyproject.toml; default: the pyproject.toml beside the module of TARGET",
    )
    group.add_argument(
        "--check-config",
        action="store_true",
        help="load the application and the certificates, listen nowhere, and end: 0 if it would "
        "start, 3 if not",
    )
    group.add_argument(
        "--print-config",
        action="store_true",
        help="print the value of each option and where it comes from, as such a file, and end",
    )


def configured(
    parser: Parser,
    words: Sequence[str],
    environ: Mapping[str, str] | None = None,
    folder: str | None = None,
) -> argparse.Namespace:
    """The options that ``words`` of a command line, the variables and a file come to.

    ``settings`` of them has what was said and by whom. ``read_again()`` is all this once more, with
    the file as it is then: for who is asked to reload.

    Raises:
        ConfigurationError: a file says what is no option, or no value of one; the current folder
            was removed.
        WrongUsage: a variable does.
    """
    if environ is None:
        environ = {name: text for name, text in os.environ.items() if name.startswith(PREFIX)}
    folder = current_folder() if folder is None else folder
    said = _given(parser, words)
    variables = _of_variables(parser, environ)
    options, _ = parser.parse_known_args(words)
    path = options.config or environ.get(f"{PREFIX}CONFIG") or None
    if path is not None:
        path = os.path.join(folder, path)
        file = _of_file(parser, path, asked=True)
    elif path := _own_file({**variables, **said}, folder):
        file = _of_file(parser, path, asked=False)
    else:
        file = {}
    settings = _chosen(file, variables, said)
    options, _ = parser.parse_known_args([])  # the defaults
    for name, setting in settings.items():
        setattr(options, name, setting.value)
    options.settings = settings
    options.kept = _kept(parser)
    options.read_again = partial(configured, parser, words, environ, folder)
    return options


def read_again(options: argparse.Namespace) -> tuple[argparse.Namespace, list[str]]:
    """For a supervisor that is to reload: the options as they are now, and the flags of those that
    were changed too, but which only a restart changes. They have their values of before.

    Raises:
        ConfigurationError: as `configured`.
    """
    now = options.read_again()
    changed = []
    for name, flag in options.kept.items():
        before = getattr(options, name)
        if getattr(now, name) != before:
            setattr(now, name, before)
            changed.append(flag)
    return now, changed


def _kept(parser: Parser) -> dict[str, str]:
    """The names of what only a restart changes, and their flags."""
    names = {*_KEPT}
    for group in parser._action_groups:
        if (group.title or "").startswith(_KEPT_GROUPS):
            names.update(action.dest for action in group._group_actions)
    found: dict[str, str] = {}
    for key, action in keys_of(parser).items():
        if action.dest in names:
            found.setdefault(action.dest, f"--{key.replace('_', '-')}")
    return found


def keys_of(parser: Parser) -> dict[str, argparse.Action]:
    """What may stand in a file, or behind REACTOR_SERVE_: every long flag with ``_``, and target.

    >>> from reactor.cli import every_command
    >>> keys = keys_of(every_command()["serve"])
    >>> keys["access_log"].dest, keys["listen"].dest, "no_access_log" in keys, "version" in keys
    ('access_log', 'bind', False, False)
    """
    keys = {}
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction | argparse._VersionAction):
            continue
        if action.dest in _NO_KEYS:
            continue
        names = [name[2:] for name in action.option_strings if name.startswith("--")]
        if isinstance(action, argparse.BooleanOptionalAction):
            names = [name for name in names if not name.startswith("no-")]
        for name in names or [action.dest]:
            keys[name.replace("-", "_")] = action
    return keys


def _chosen(*sources: Settings) -> Settings:
    """Of several sources, the last one has the last word."""
    chosen: Settings = {}
    for source in sources:
        for name in source:
            for rival in _RIVALS.get(name, ()):
                if rival not in source and not _is_host_alone(rival, chosen):
                    chosen.pop(rival, None)
        chosen.update(source)
    return chosen


def _is_host_alone(name: str, chosen: Settings) -> bool:
    """--bind of a host without a port goes with --port."""
    return name == "bind" and name in chosen and any(isinstance(b, str) for b in chosen[name].value)


def _given(parser: Parser, words: Sequence[str]) -> Settings:
    """What the command line says itself: without the defaults of what it does not."""
    actions = parser._actions
    defaults = [action.default for action in actions]
    for action in actions:
        action.default = argparse.SUPPRESS
    try:
        found = vars(parser.parse_known_args(words)[0])
    finally:
        for action, default in zip(actions, defaults, strict=True):
            action.default = default
    names = {action.dest for action in actions}
    return {name: Setting(found[name], COMMAND_LINE) for name in found if name in names}


def _of_variables(parser: Parser, environ: Mapping[str, str]) -> Settings:
    """Unknown names are not ours: Kubernetes makes REACTOR_SERVE_SERVICE_HOST and more of them for
    a service that somebody has called reactor-serve."""
    from reactor.cli.target import WrongUsage

    keys = keys_of(parser)
    found: Settings = {}
    for name in sorted(environ):
        action = keys.get(name[len(PREFIX) :].lower())
        text = environ[name]
        if action is None or not text or is_link(name, text):
            continue
        # A variable has no lists: each of its lines is a value.
        values = [line for line in text.splitlines() if line] if _repeats(action) else [text]
        switch = action.nargs == 0 or (_may_be_bare(action) and text.lower() in ("true", "false"))
        try:
            value = _boolean(text, name) if switch else _checked(parser, action, values, name)
            _add(found, action, value, name, name)
        except ConfigurationError as error:
            raise WrongUsage(str(error)) from error
    return found


def _boolean(text: str, name: str) -> bool:
    if text.lower() not in (*ON, *OFF):
        raise ConfigurationError(f"{name}: write true or false")
    return text.lower() in ON


def _own_file(settings: Settings, folder: str) -> str | None:
    """The pyproject.toml of the application that TARGET names, if its module is found here.

    Never for a folder: whose files somebody serves may not say how.
    """
    target: str = settings["target"].value if "target" in settings else ""
    module, colon, _ = target.partition(":")
    if not colon or os.path.exists(os.path.join(folder, target)):
        return None
    if "chdir" in settings:
        folder = os.path.join(folder, settings["chdir"].value)
    places = [folder]
    if "app_dir" in settings:
        below = os.path.normpath(os.path.join(folder, settings["app_dir"].value))
        if os.path.commonpath([below, os.path.normpath(folder)]) == os.path.normpath(folder):
            places.append(below)
    first = module.partition(".")[0]
    paths = [os.path.join(place, first) for place in places]
    here = any(os.path.isfile(f"{path}.py") or os.path.isdir(path) for path in paths)
    file = os.path.join(folder, "pyproject.toml")
    return file if first.isidentifier() and here and os.path.isfile(file) else None


def _of_file(parser: Parser, path: str, asked: bool) -> Settings:
    from reactor.cli.settings_file import read_settings  # only who has one loads it

    keys = keys_of(parser)
    found: Settings = {}
    for key, value in read_settings(path, asked, keys).items():
        action = keys[key]
        where = f"{path}: {key}"
        _add(found, action, _typed(parser, action, value, where), path, where)
    return found


def _typed(parser: Parser, action: argparse.Action, value: Any, where: str) -> Any:
    """What a value of TOML comes to; raises ConfigurationError."""
    from reactor.cli.settings_file import text_of

    if action.nargs == 0 or (_may_be_bare(action) and isinstance(value, bool)):
        if not isinstance(value, bool):
            raise ConfigurationError(f"{where}: write true or false")
        return value
    if isinstance(value, list) and not _repeats(action):
        raise ConfigurationError(f"{where}: write one value, not a list")
    values = value if isinstance(value, list) else [value]
    return _checked(parser, action, [text_of(action, one, where) for one in values], where)


def _may_be_bare(action: argparse.Action) -> bool:
    """A flag whose value may be left out: it may be true or false, too."""
    return action.nargs == "?" and bool(action.option_strings)


def _repeats(action: argparse.Action) -> bool:
    return isinstance(action, argparse._AppendAction)


def _checked(parser: Parser, action: argparse.Action, texts: list[str], where: str) -> Any:
    """As the flag makes it of the words behind it: its type, its choices."""
    made = []
    for text in texts:
        try:
            made.append(parser._get_value(action, text))
            parser._check_value(action, made[-1])
        except argparse.ArgumentError as error:
            raise ConfigurationError(f"{where}: {error.message}") from None
    return made if _repeats(action) else made[0]


def _add(found: Settings, action: argparse.Action, value: Any, origin: str, where: str) -> None:
    """``value`` True or False is that of a switch, whatever it stands for."""
    if isinstance(value, bool) and not isinstance(action, argparse.BooleanOptionalAction):
        value = action.const if value else action.default
    before = found.get(action.dest)
    if before is not None:
        if not _repeats(action):
            raise ConfigurationError(f"{where} is said already, under another name")
        value = [*before.value, *value]
    found[action.dest] = Setting(value, origin)


def _config(text: str) -> str:
    if text.endswith(".py"):
        raise argparse.ArgumentTypeError(
            "no Python file is run for its settings: write them as [serve] of a TOML file"
        )
    if text[:1] == "-" and text[1:].isdigit():  # http-server -c-1
        raise argparse.ArgumentTypeError(
            "for how long answers are kept is said by --header 'Cache-Control: max-age=SECONDS'"
        )
    return text


def ignored_variables(parser: Parser, environ: Mapping[str, str]) -> Iterator[str]:
    """Those with our prefix that set nothing, and PORT if it is a link."""
    keys = keys_of(parser)
    for name, text in sorted(environ.items()):
        ours = name.startswith(PREFIX) and name != f"{PREFIX}CONFIG"
        unknown = ours and name[len(PREFIX) :].lower() not in keys
        if unknown or ((ours or name == "PORT") and is_link(name, text)):
            yield name
