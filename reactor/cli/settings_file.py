"""A file with options of ``serve``: TOML in, keys and values out, and back.

A file of our own has ``[serve]``, a ``pyproject.toml`` has ``[tool.reactor.serve]``. Must never
know: what an option is for.
"""

from __future__ import annotations

import argparse
import json
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from reactor.cli.foreign import instead, nearest
from reactor.errors import ConfigurationError
from reactor.limits import MIB

_FILE_BYTES_MAX = MIB  # a device or a pipe has no end
# What is said on the command line, in a variable or in a file of its own, and never shown.
_SECRETS = {"password": "ssl_keyfile_password_file"}
_NAMES_ONLY = ("env",)  # there may be a password in it


def read_settings(path: str, asked: bool, keys: Mapping[str, argparse.Action]) -> dict[str, Any]:
    """The keys of the file, with ``_`` in their names, and what they say.

    ``asked``: by --config. A pyproject.toml that is only there need not have them.

    Raises:
        ConfigurationError: it cannot be read, or has a key that is no option.
    """
    section = "tool.reactor.serve" if os.path.basename(path) == "pyproject.toml" else "serve"
    table = _section(path, section, asked)
    found = {}
    for name, value in table.items():
        key = name.replace("-", "_")
        action = keys.get(key)
        if action is None:
            raise ConfigurationError(f"{path}: {_unknown(name, keys)}")
        if action.dest in _SECRETS:
            raise ConfigurationError(
                f"{path}: {name}: a password does not stand among settings: write it into a "
                f"file of its own, and here {_SECRETS[action.dest]}"
            )
        if key in found:
            raise ConfigurationError(f"{path}: {name} is there twice")
        found[key] = value
    return found


def _section(path: str, section: str, asked: bool) -> dict[str, Any]:
    table: Any = _parsed(path, asked)
    parents = section.split(".")
    if section == "serve":
        _refuse_others(path, table, {"serve"})
    for name in parents:
        if name == "serve" and len(parents) > 1:
            _refuse_others(path, table, {"serve"}, "tool.reactor.")
        table = table.get(name)
        if table is None:
            if asked:
                raise ConfigurationError(f"{path} has no [{section}]")
            return {}
        if not isinstance(table, dict):
            raise ConfigurationError(f"{path}: {name} is no table: write [{section}]")
    return dict(table)


def _refuse_others(path: str, table: Any, known: set[str], before: str = "") -> None:
    others = sorted(table.keys() - known)
    if others:
        raise ConfigurationError(
            f"{path}: {before}{others[0]} is not read: options stand below [{before}serve]"
        )


def _parsed(path: str, asked: bool) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            data = file.read(_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from error
    if len(data) > _FILE_BYTES_MAX:
        raise ConfigurationError(f"{path} has more than {_FILE_BYTES_MAX} bytes: it is no settings")
    if not asked and b"reactor" not in data:
        return {}  # somebody else's, however it is written
    try:
        return tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{path} is no TOML: {error}") from None


def _unknown(name: str, keys: Mapping[str, argparse.Action]) -> str:
    said = instead("serve", f"--{name.replace('_', '-')}")
    if said is not None:
        return f"{name}: {said}"
    near = nearest(name.replace("-", "_"), keys)
    return f"there is no option {name}" + (f"; did you mean {near}?" if near else "")


def text_of(action: argparse.Action, value: Any, where: str) -> str:
    """A value as the flag takes it.

    Raises:
        ConfigurationError: it is not of the kind that the option wants.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        read = _reads(action, str(value))
        refused = callable(action.type) and read is None
        if action.choices is not None or refused or read == value:
            return str(value)  # if its flag refuses that, it says why
        # 0o660 of TOML is the number 432, which would be another mode.
        raise ConfigurationError(f"{where}: write it in quotes, as a text")
    wanted = "a text"
    if action.choices is not None:
        wanted = f"one of {', '.join(map(repr, action.choices))}"
    elif action.type is not None and isinstance(_reads(action, "1"), int | float):
        wanted = "a number"
    if isinstance(action, argparse._AppendAction):
        wanted += ", or a list of them"
    raise ConfigurationError(f"{where}: write {wanted}")


def _reads(action: argparse.Action, text: str) -> Any:
    with suppress(argparse.ArgumentTypeError, ValueError, TypeError):
        return action.type(text) if callable(action.type) else None
    return None


def written(keys: Mapping[str, argparse.Action], options: Any, ignored: Iterable[str]) -> str:
    """The options as a file that would say the same, with where each comes from."""
    return "".join(_lines(keys, options, ignored))


def _lines(
    keys: Mapping[str, argparse.Action], options: Any, ignored: Iterable[str]
) -> Iterator[str]:
    yield "[serve]\n"
    seen = set()
    for key, action in keys.items():
        if action.dest in seen:
            continue
        seen.add(action.dest)
        setting = options.settings.get(action.dest)
        value = getattr(options, action.dest)
        origin = "default" if setting is None else setting.origin
        if setting is not None and action.dest in _SECRETS:
            yield f"# {key} is not shown  # {origin}\n"
        elif setting is not None and key in _NAMES_ONLY:
            names = ", ".join(name for name, _ in value)
            yield f"# {key} sets {names}, whose values are not shown  # {origin}\n"
        elif value is None or (setting is None and _is_unsayable(action, value)):
            yield f"# {key} is not set  # {origin}\n"
        else:
            hidden = "# " if setting is None else ""
            yield f"{hidden}{key} = {_toml(action, value)}  # {origin}\n"
    for name in ignored:
        yield f"# {name} sets no option: it is ignored\n"


def _is_unsayable(action: argparse.Action, value: Any) -> bool:
    """A default that the flag itself does not take: it stands for "none"."""
    return isinstance(value, float) and _reads(action, f"{value:.10g}") is None


def _toml(action: argparse.Action, value: Any) -> str:
    if isinstance(action, argparse._AppendAction):
        return f"[{', '.join(_quoted(_word(action, one)) for one in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, int):
        said = str(value)
        return said if action.type is None or _reads(action, said) == value else f'"{value:o}"'
    return _quoted(str(value))


def _word(action: argparse.Action, value: Any) -> str:
    """What the flag took to make this."""
    if isinstance(value, list):
        return ",".join(value)
    if isinstance(value, tuple):
        return (": " if ":" in str(action.metavar) else "=").join(value)
    return str(value)


def _quoted(text: str) -> str:
    """JSON's strings are TOML's, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
