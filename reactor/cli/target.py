"""The TARGET of a command line: loaded, and in words what is wrong with it.

What a module raises while it is imported is its author's fault in his own code: the traceback is
what he needs, without the frames that are ours.
"""

from __future__ import annotations

import traceback
from typing import Any

from reactor.apps.load import NoFolderError, load_target
from reactor.apps.static import HeaderError
from reactor.cli.output import say
from reactor.errors import ConfigurationError

FOLDER_OPTIONS = ("index", "listing", "spa", "cors", "headers")
# Between us and the module's first line.
_OURS = {
    *("importlib", "importlib._bootstrap", "importlib._bootstrap_external"),
    *("reactor.apps.load", __name__),
}


class ApplicationFailed(Exception):
    """The user's module raised while it was imported; he was told."""


class WrongUsage(Exception):
    """Options that do not fit each other."""


def load(options: Any, limits: Any) -> Any:
    """What ``options.target`` names.

    Raises:
        ConfigurationError, WrongUsage: the message says what is wrong.
        ApplicationFailed: everything was said.
    """
    target = options.target
    values = {name: getattr(options, name) for name in FOLDER_OPTIONS}
    given = {name: value for name, value in values.items() if value is not None}
    try:
        return load_target(target, limits, **given)
    except NoFolderError as error:
        flags = ", ".join(_flag(name, value) for name, value in given.items())
        raise WrongUsage(f"{flags}: only a folder has such options, {target} is none") from error
    except HeaderError as error:
        raise WrongUsage(f"--header: {error}") from error
    except ConfigurationError:
        raise
    except Exception as error:
        traceback.print_exception(error.with_traceback(_without_ours(error)))
        say(f"cannot import {target}: {type(error).__name__}: {_text_of(error)}")
        raise ApplicationFailed from error
    except SystemExit as error:
        say(f"{target} ended the program while it was imported: {error}")
        raise ApplicationFailed from error


def _flag(name: str, value: Any) -> str:
    if name == "headers":
        return "--header"
    return f"--no-{name}" if value is False else f"--{name}"


def _without_ours(error: BaseException) -> Any:
    found = error.__traceback__
    while found is not None and found.tb_frame.f_globals.get("__name__") in _OURS:
        found = found.tb_next
    return found


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "(its text cannot be made)"
