"""The TARGET of a command line: loaded, and in words what is wrong with it.

What a module raises while it is imported is its author's fault in his own code: the traceback is
what he needs, without the frames that are ours.
"""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from reactor.apps.load import NoFolderError, load_target
from reactor.cli.output import say
from reactor.errors import ConfigurationError, HeaderError
from reactor.process.interrupts import is_from_a_signal

if TYPE_CHECKING:
    from reactor.apps.static import StaticFolder

FOLDER_OPTIONS = ("index", "listing", "spa", "cors", "headers")
# As `runserver` of Django takes it. No module has such a name.
_ADDRESS = re.compile(r"(?:[\d.]+|\[[\da-fA-F:]+\]|localhost)?:\d+", re.ASCII)
# Between us and the module's first line.
_OURS = {
    *("importlib", "importlib._bootstrap", "importlib._bootstrap_external"),
    *("reactor.apps.load", "reactor.cli.tls_options", __name__),
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
    target = options.target = _named(options)
    # Beside an application, they are its folders'.
    given = {} if options.static and not os.path.isdir(target) else _folder_options(options)
    if os.path.isdir(target):
        import reactor.apps.static  # noqa: F401 - here a failure is not said to be the target's
    try:
        with importing(target):
            app = load_target(
                target,
                limits,
                options.interface,
                factory=options.factory,
                lifespan=options.lifespan,
                root_path=options.root_path,
                **given,
            )
    except NoFolderError as error:
        flags = ", ".join(_flag(name, value) for name, value in given.items())
        raise WrongUsage(f"{flags}: only a folder has such options, {target} is none") from error
    except HeaderError as error:
        raise WrongUsage(f"--header: {error}") from error
    is_asynchronous = getattr(app, "needs_asyncio", False)
    if options.model == "threads" and is_asynchronous:
        raise WrongUsage(f"--model threads: {target} is asynchronous, and runs in one thread")
    if options.model == "threads" and options.loop == "asyncio":
        raise WrongUsage("--loop asyncio is one thread's: leave out --model threads")
    if options.loop == "reactor" and is_asynchronous:
        raise WrongUsage(f"--loop reactor: {target} is asynchronous, and needs asyncio's")
    return app


@contextmanager
def importing(target: str) -> Iterator[None]:
    """While the block imports what ``target`` names: what its author has to know is said.

    Raises:
        ConfigurationError: there is no such thing.
        ApplicationFailed: everything was said.
    """
    try:
        yield
    except (ConfigurationError, HeaderError):
        raise
    except ModuleNotFoundError as error:
        # Most often a framework that is not installed: a traceback would say nothing more.
        where = traceback.extract_tb(_without_ours(error) or error.__traceback__)[-1]
        said = f"{type(error).__name__}: {_text_of(error)}"
        say(f"cannot import {target}: {said} ({where.filename}:{where.lineno}; {sys.executable})")
        raise ApplicationFailed from error
    except SystemExit as error:
        say(f"{target} ended the program while it was imported: {error}")
        raise ApplicationFailed from error
    except BaseException as error:
        if is_from_a_signal(error):
            raise
        traceback.print_exception(error.with_traceback(_without_ours(error)))
        say(f"cannot import {target}: {type(error).__name__}: {_text_of(error)}")
        raise ApplicationFailed from error


def load_folders(options: Any) -> dict[str, StaticFolder]:
    """The folders of ``--static``, by their prefixes.

    Raises:
        ConfigurationError, WrongUsage: the message says what is wrong.
    """
    if not options.static:
        return {}
    from reactor.apps.static import StaticFolder  # only who serves one pays for it

    given = {"listing": False, **_folder_options(options)}
    if given.pop("spa", False):
        raise WrongUsage("--spa: with --static, what is not in the folder is the application's")
    folders: dict[str, StaticFolder] = {}
    for prefix, folder in options.static:
        if prefix in folders:
            raise WrongUsage(f"--static {prefix}={folder}: this prefix has a folder already")
        try:
            folders[prefix] = StaticFolder(folder, **given)
        except HeaderError as error:
            raise WrongUsage(f"--header: {error}") from error
    return folders


def _folder_options(options: Any) -> dict[str, Any]:
    values = {name: getattr(options, name) for name in FOLDER_OPTIONS}
    return {name: value for name, value in values.items() if value is not None}


def _named(options: Any) -> str:
    """The TARGET, or what stands in its place."""
    target: str | None = options.target
    if target is not None and not os.path.exists(target):
        if target.isascii() and target.isdigit():
            raise WrongUsage(
                f"there is no folder {target!r}; to listen on that port write --port {target}"
            )
        if _ADDRESS.fullmatch(target):
            raise WrongUsage(f"{target!r} is no folder; to listen there write --bind {target}")
    folder: str | None = options.directory
    if folder is None:
        return "." if target is None else target
    if target is not None:
        raise WrongUsage(f"--directory {folder} is instead of the target {target}: leave out one")
    if not os.path.isdir(folder):
        raise ConfigurationError(f"there is no folder {folder!r}")
    return folder


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
