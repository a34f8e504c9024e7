"""The options of `serve` for who writes an application: it is loaded anew when a file is saved."""

from __future__ import annotations

import argparse
import os
from typing import Any

from reactor.apps.current_folder import current_folder
from reactor.errors import ConfigurationError
from reactor.limits import Limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reactor.server.workers.sources import Sources

# Who has a page open, or a stream, need not wait for what nobody wants any more.
GRACEFUL_S = 1.0


def add_reload(group: Any) -> None:
    group.add_argument(
        "--reload",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="load the application anew when a file of it is saved; the one before serves until "
        "the new one is ready; default: no",
    )
    group.add_argument(
        *("--reload-dir", "--reload-paths"),
        action="append",
        dest="reload_dirs",
        metavar="FOLDER",
        help="look at what was loaded from below FOLDER; repeatable; default: this folder",
    )
    group.add_argument(
        *("--reload-include", "--reload-extra-file"),
        action="append",
        default=[],
        dest="reload_includes",
        metavar="PATTERN",
        help="at other files there too, as '*.html' or templates; repeatable",
    )
    group.add_argument(
        "--reload-exclude",
        action="append",
        default=[],
        dest="reload_excludes",
        metavar="PATTERN",
        help="not at these files and folders; repeatable",
    )


def reloads(options: argparse.Namespace) -> bool:
    """Whether an application is to be loaded anew: a folder is read as it is in any case."""
    target = options.directory or options.target or "."
    return options.reload and not os.path.isdir(target)


def sources_of(options: argparse.Namespace) -> Sources | None:
    """None: nobody looks.

    Raises:
        ConfigurationError: there is no such folder.
    """
    if not reloads(options):
        return None
    from reactor.server.workers.sources import Sources
    from reactor.server.workers.watching import Watcher

    folders = options.reload_dirs or [current_folder()]
    for folder in folders:
        if not os.path.isdir(folder):
            raise ConfigurationError(f"--reload-dir {folder}: there is no such folder")
    return Sources(Watcher(folders, options.reload_includes, options.reload_excludes))


def hurried(options: argparse.Namespace, limits: Limits) -> Limits:
    """Those of who reloads: nothing that is open holds a reload up."""
    if not reloads(options):
        return limits
    # As at Ctrl-C: what is on its way is waited for, or a browser would see a reset.
    limits = limits.replace(idle_grace_s=limits.interrupt_grace_s)
    if "graceful_timeout_s" in options.settings:
        return limits
    return limits.replace(graceful_timeout_s=GRACEFUL_S)
