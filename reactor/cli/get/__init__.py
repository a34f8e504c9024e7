"""``reactor get URL...``: arguments in, words out.

`options` says what may be asked, `running` has all URLs of a command, `job` has one of them, `show`
and `progress` are what the user sees, `sources` reads lists of URLs.
"""

from __future__ import annotations

import argparse
from typing import Any

from reactor.cli.get.options import DESCRIPTION, add_options, conflict

HELP = "fetch URLs: print the header, save the body"


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("get", help=HELP, description=DESCRIPTION)
    add_options(parser)
    parser.set_defaults(run=run, refuse=parser.error)


def run(options: argparse.Namespace) -> int:
    from dataclasses import replace

    from reactor.cli.get.running import Run
    from reactor.client.interim import Client
    from reactor.limits import DEFAULT_LIMITS
    from reactor.net import Reactor

    if (sentence := conflict(options)) is not None:
        options.refuse(sentence)
    limits = replace(DEFAULT_LIMITS, connect_timeout_s=options.connect_timeout)
    with Reactor() as reactor:
        return Run(options, reactor, Client(reactor, limits)).run()
