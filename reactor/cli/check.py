"""``serve --check-config``: all that a start does before it listens, and nothing that is seen.

Must never bind, become another user, write a file, or start what an application starts.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from reactor.apps.folders_before import FoldersBefore
from reactor.cli.addresses import binds_of
from reactor.cli.edge_options import edge_policy
from reactor.cli.environment import set_up
from reactor.cli.reload_options import sources_of
from reactor.cli.target import load, load_folders
from reactor.cli.tls_options import tls_options
from reactor.cli.workers import is_supervised, workers_of
from reactor.server.body_files import body_files_for
from reactor.server.edge import edge_of

if TYPE_CHECKING:
    from reactor.limits import Limits


def check(options: argparse.Namespace, limits: Limits) -> str:
    """What would be served, and where.

    Raises:
        ConfigurationError, WrongUsage, ApplicationFailed: as a start would.
    """
    set_up(options)
    is_supervised(options, workers_of(options))
    if (sources := sources_of(options)) is not None:
        sources.close()
    binds = binds_of(options)
    tls = tls_options(options, binds)
    if options.user is not None or options.group is not None:
        from reactor.server.privileges import identity_of

        identity_of(options.user, options.group)
    if tls is not None:
        from reactor.server.tls import Contexts

        Contexts(tls)
    app = load(options, limits)
    folders = load_folders(options)
    if folders:
        FoldersBefore(app, folders)
    body_files_for(app, limits, options.body_dir)
    edge_of(edge_policy(options), [], limits)
    return f"{options.target} would be served on {', '.join(map(str, binds))}"
