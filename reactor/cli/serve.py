"""``reactor serve [TARGET]``."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import reactor
from reactor.apps.folders_before import checked_prefix
from reactor.cli.addresses import add_addresses, announce, binds_of
from reactor.cli.applications import add_applications
from reactor.cli.configuration import add_configuration, configured, ignored_variables, keys_of
from reactor.cli.edge_options import add_edge
from reactor.cli.environment import add_environment, set_up
from reactor.cli.identity import add_identity, check_root, drop_rights
from reactor.cli.logs import Logs, add_logs
from reactor.cli.numbers import seconds, seconds_or_0, whole
from reactor.cli.observing import add_observing, say_where
from reactor.cli.output import Output, shown
from reactor.cli.reload_options import add_reload
from reactor.cli.serving import (
    LIMIT_FLAGS,
    TIMEOUT_FLAGS,
    explained,
    limits_of,
    make_server,
)
from reactor.cli.tls_options import add_tls_options, tls_options
from reactor.cli.websockets import add_websockets
from reactor.cli.workers import add_workers, is_supervised, workers_of
from reactor.errors import ConfigurationError
from reactor.limits import DEFAULT_LIMITS
from reactor.log.output import unwaiting
from reactor.loop._insist import exit_within
from reactor.net.address import CannotListenError
from reactor.net.passed import forget_passed
from reactor.server.pid_file import pid_file
from reactor.server.stopping import StartSignals
from reactor.server.workers.children import hear_again
from reactor.server.workers.worker import show_stacks

if TYPE_CHECKING:
    from reactor.cli import Parser
    from reactor.server import Server
    from reactor.server.notify import Notifier

# What granian, gunicorn, http-server, caddy and uvicorn have to be told.
ALREADY = (
    *("--brotli", "--browse", "--date-header", "--gzip", "--no-dotfiles", "--no-proxy-headers"),
    *("--server-header", "--precompressed", "--preload"),
)

# Those of the limits that may be 0, and those that with 1 would refuse every request.
_OTHER_KINDS = {
    "body_files_bytes_max": whole(0, 999_999_999_999),
    "drain_delay_s": seconds_or_0,
    "request_line_bytes_max": whole(64, 999_999_999_999),
    "field_bytes_max": whole(16, 999_999_999_999),
}


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "serve",
        help="serve a folder, an application or a TCP protocol",
        description="Serve TARGET until Ctrl-C or SIGTERM. The first one lets the responses "
        "under way finish, the second one ends at once.",
    )
    parser.add_argument(
        "target",
        nargs="?",
        metavar="TARGET",
        help="a folder, or MODULE:NAME of a handler (request -> Response), a WSGI or ASGI "
        "application, or a class with asyncio.Protocol's methods, or MODULE:NAME() of what makes "
        "one; default: this folder",
    )
    add_addresses(parser)
    parser.add_argument(
        "--factory", action="store_true", help="TARGET makes the application: it is called once"
    )
    _add_running(parser)
    add_logs(parser.add_argument_group("logs (docs/observe.md)"))
    add_tls_options(parser.add_argument_group("TLS (docs/tls.md)"))
    _add_folder_options(parser.add_argument_group("folders"))
    add_applications(parser.add_argument_group("applications"))
    add_websockets(parser.add_argument_group("WebSockets"))
    add_workers(parser.add_argument_group("workers (docs/workers.md)"))
    add_reload(parser.add_argument_group("while you write it (docs/reload.md)"))
    add_observing(parser.add_argument_group("metrics and status (docs/observe.md)"))
    add_configuration(parser.add_argument_group("configuration (docs/configuration.md)"))
    process = parser.add_argument_group("the process")
    add_environment(process)
    add_identity(process)
    parser.add_argument_group("options of other servers").add_argument(
        *ALREADY, action="store_true", dest="already", help="what they mean is so without them"
    )
    add_edge(parser.add_argument_group("behind a proxy, and hosts (docs/proxy.md)"))
    _add_limits(parser.add_argument_group("limits (reasons in reactor/limits.py)"))
    parser.set_defaults(run=partial(run, parser))


def _add_running(parser: Any) -> None:
    parser.add_argument(
        "--model",
        choices=("reactor", "threads"),
        default="reactor",
        help="threads: a thread for each connection, for applications that block (a database, "
        "another server), which stop everybody in the other; default: %(default)s",
    )
    parser.add_argument("--version", action="version", version=f"reactor {reactor.__version__}")
    parser.add_argument(
        "--pid",
        "--pid-file",
        "--pidfile",
        metavar="FILE",
        help="hold the process's number in FILE while it serves",
    )


def _add_folder_options(group: Any) -> None:
    group.add_argument(
        "-d", "--directory", "--root", metavar="FOLDER", help="the folder, instead of TARGET"
    )
    group.add_argument(
        "--static",
        action="append",
        type=_static,
        default=[],
        metavar="/PREFIX=FOLDER",
        help="files of FOLDER before the application TARGET, which gets what is not there; "
        "repeatable; the options below are for these folders then, and --listing is off",
    )
    group.add_argument(
        "--index",
        action="append",
        type=_index,
        metavar="NAME",
        help="the file that answers for its folder; repeatable; default: index.html",
    )
    group.add_argument(
        "--listing",
        action=argparse.BooleanOptionalAction,
        help="whether a folder without such a file shows its entries; default: yes",
    )
    group.add_argument(
        "--spa", action="store_true", default=None, help="missing paths get the root's index file"
    )
    group.add_argument(
        "--cors", action="store_true", default=None, help="scripts of any site may read the answers"
    )
    group.add_argument(
        "--header",
        action="append",
        type=_header,
        dest="headers",
        metavar="NAME:VALUE",
        help="add a field to every answer, errors included; repeatable",
    )


def _add_limits(group: Any) -> None:
    number = whole(1, 999_999_999_999)
    for flags, usual, metavar in ((LIMIT_FLAGS, number, "N"), (TIMEOUT_FLAGS, seconds, "SECONDS")):
        for flag, field, what in flags:
            kind = _OTHER_KINDS.get(field, usual)
            default = getattr(DEFAULT_LIMITS, field)
            group.add_argument(
                *flag.split(),
                type=kind,
                # None: it was not given, which is another thing for what is streamed.
                default=None if field == "body_bytes_max" else default,
                dest=field,
                metavar=metavar,
                help=f"{what}; default: {default:g}"
                if kind in (seconds, seconds_or_0)
                else f"{what}; default: {default}",
            )


def run(parser: Parser, options: argparse.Namespace) -> int:
    from reactor.server.notify import Notifier, hear_reload

    # A reader that has stopped reading stops neither log's server: it only misses lines. Nor does
    # what an application writes there, by wsgi.errors, a handler of its own or print.
    sys.stderr = unwaiting(sys.stderr)
    notifier = Notifier.from_environment()
    hear_reload(notifier)
    return explained(partial(_run, parser, options.given, notifier))


def _run(parser: Parser, words: Any, notifier: Notifier) -> int:
    options = configured(parser, words)
    if options.print_config or options.check_config:
        return _told(parser, options)
    set_up(options)
    try:
        return _serve_by_processes(options, notifier)
    except CannotListenError as error:
        option = "bind" if options.bind else error.choose
        if options.tls_redirect:
            option = f"{option} or --tls-redirect"
        said = f"{error} with --{option}" if error.choose else str(error)
        raise ConfigurationError(said) from error


def _serve_by_processes(options: argparse.Namespace, notifier: Notifier) -> int:
    """By this one, or by several."""
    workers = workers_of(options)
    hear_again()  # whoever starts a server may have blocked signals, and a program inherits that
    with ExitStack() as ending:
        keep = []
        # First: whoever starts it twice is told so, and --user may not write there any more.
        if options.pid is not None:
            keep.append(ending.enter_context(pid_file(options.pid)))
        logs = ending.enter_context(Logs(options))
        bind = binds_of(options)
        if is_supervised(options, workers):
            from reactor.cli.supervised import supervise

            return supervise(options, workers, bind, logs, notifier, keep)
        show_stacks()
        signals = ending.enter_context(StartSignals(DEFAULT_LIMITS))
        where, tls = drop_rights(options, bind, tls_options(options, bind))
        notifier.reloads.append(logs.reopen)
        server = make_server(options, _load(options), where, tls, logs)
        ending.callback(server.close)
        check_root(options, server.sockets)
        signals.serves()
        return _serve(options, server, logs, notifier)
    return signals.code


def _load(options: argparse.Namespace) -> Any:
    from reactor.cli.target import load

    return load(options, limits_of(options))


def _told(parser: Parser, options: argparse.Namespace) -> int:
    """What --print-config and --check-config say, in the place of serving."""
    from reactor.cli.check import check
    from reactor.cli.settings_file import written

    output = Output(sys.stdout)
    if options.print_config:
        ignored = ignored_variables(parser, os.environ)
        output.write(written(keys_of(parser), options, ignored))
    if options.check_config:
        output.write(shown(check(options, limits_of(options))) + "\n")
    return 0


def _serve(options: argparse.Namespace, server: Server, logs: Logs, notifier: Notifier) -> int:
    server.tell(notifier)
    notifier.keep_sockets(server.sockets)
    forget_passed()
    if server.status is not None:
        server.status.target = options.target
        logs.count_in(server.status.slot)

    def listening(sockets: object) -> None:
        announce(logs.stdout, options.target, server)
        if server.status is not None:
            say_where(server.status.urls)
        notifier.ready(f"Serving {options.target} on {', '.join(server.urls)}")

    with logs.logging():
        insisted = server.run(listening)
    if insisted is None:
        return 0
    # Nobody waits for what an application does at the end of the process either.
    code = 128 + insisted
    exit_within(DEFAULT_LIMITS.insist_timeout_s, code)
    return code


def _static(text: str) -> tuple[str, str]:
    prefix, equals, folder = text.partition("=")
    if not equals or not folder:
        raise argparse.ArgumentTypeError(f"{text!r:.80}: write /PREFIX=FOLDER, as /static=public")
    try:
        return checked_prefix(prefix), folder
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _index(text: str) -> str:
    if not text or "/" in text or text in (".", "..") or "\0" in text:
        raise argparse.ArgumentTypeError(
            f"{text!r:.80} is no name of a file: it is looked for in each folder"
        )
    return text


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError(f"{text!r:.80}: write NAME:VALUE")
    return name.strip(), value.strip()
