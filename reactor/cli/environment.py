"""What `serve` does to its process before it loads anything: folder, variables, search path.

Names are gunicorn's and uvicorn's. Must never know what is served.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

from reactor.errors import ConfigurationError
from reactor.limits import MIB
from reactor.net.address import parse_port

_FILE_BYTES_MAX = MIB  # a device or a pipe has no end
_NAME = re.compile(r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*", re.ASCII)
# As a shell reads them: as it is, with \n and \", or up to a comment.
_VALUE = re.compile(r"""(?:'([^']*)'|"((?:[^"\\]|\\.)*)")\s*(?:#.*)?""")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def add_environment(group: Any) -> None:
    group.add_argument(
        "--app-dir", metavar="DIR", help="look for TARGET's module there; default: where you stand"
    )
    group.add_argument("--chdir", "--working-dir", metavar="DIR", help="go there first")
    group.add_argument(
        "--env-file",
        metavar="FILE",
        help="set the variables in FILE, a NAME=VALUE a line, unless they are set",
    )
    group.add_argument(
        "-e",
        "--env",
        action="append",
        type=_variable,
        default=[],
        metavar="NAME=VALUE",
        help="set this variable; repeatable",
    )


def set_up(options: argparse.Namespace) -> None:
    """Raises ConfigurationError: there is no such folder or file, or it holds something else."""
    if options.chdir is not None:
        try:
            os.chdir(options.chdir)
        except OSError as error:
            raise ConfigurationError(f"--chdir {options.chdir}: {error.strerror}") from error
    os.environ.update(options.env)
    if options.env_file is not None:
        for name, value in _variables_of(options.env_file):
            os.environ.setdefault(name, value)
    if options.app_dir is not None:
        if not os.path.isdir(options.app_dir):
            raise ConfigurationError(f"--app-dir {options.app_dir}: there is no such folder")
        sys.path.insert(0, os.path.abspath(options.app_dir))


def port_of_environment() -> int | None:
    """PORT, as platforms that run containers set it. Raises WrongUsage: it is no port."""
    from reactor.cli.target import WrongUsage

    text = os.environ.get("PORT", "")
    if not text or is_link("PORT", text):
        return None
    try:
        return parse_port(text)
    except ConfigurationError as error:
        raise WrongUsage(f"PORT in the environment: {error}") from error


def is_link(name: str, text: str) -> bool:
    """REACTOR_SERVE_PORT=tcp://10.0.0.1:80, as Kubernetes and Docker's links set it for a service
    of that name, is where that service is, not where to listen."""
    return name.endswith("PORT") and "://" in text


def _variables_of(path: str) -> Iterator[tuple[str, str]]:
    try:
        with open(path, "rb") as file:
            text = file.read(_FILE_BYTES_MAX).decode("utf-8-sig", "surrogateescape")
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from error
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _NAME.match(line)
        value = None if found is None else _value_of(line[found.end() :].rstrip())
        if found is None or value is None:
            # Not repeated: there may be a password in it.
            raise ConfigurationError(f"{path} line {number} is not NAME=VALUE")
        yield found[1], value


def _value_of(text: str) -> str | None:
    """None for a quote that nothing ends."""
    if text[:1] not in {"'", '"'}:
        return _COMMENT.sub("", text)
    found = _VALUE.fullmatch(text)
    if found is None:
        return None
    literal, escaped = found.groups()
    if literal is not None:
        return literal
    return re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[1]), escaped)


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError("a variable is written NAME=VALUE")
    return name, value
