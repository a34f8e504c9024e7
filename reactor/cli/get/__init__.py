"""``reactor get URL...``: arguments in, words out.

`options` says what may be asked, `running` makes a download of each URL, `show` and `progress`
are what the user sees, `sources` reads lists of URLs. How a download goes: `client/download.py`.
"""

from __future__ import annotations

import argparse
import gc

from reactor.cli import loading
from reactor.cli.get.options import DESCRIPTION, add_options, conflict, proxies_of
from reactor.cli.output import say
from reactor.errors import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from reactor.cli.get.show import Show
    from reactor.client import Client
    from reactor.client.cookies import Cookies
    from reactor.limits import Limits

_COLLECTED_AFTER = 10_000  # containers more than there were
HELP = "fetch URLs: print the header, save the body"


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("get", help=HELP, description=DESCRIPTION)
    add_options(parser)
    parser.set_defaults(run=run, refuse=parser.error)


def run(options: argparse.Namespace) -> int:
    # Only who fetches pays for the loop and the client.
    with loading():
        from reactor.cli.get.running import Run
        from reactor.cli.get.show import Show
        from reactor.client import Client
        from reactor.limits import CLIENT_LIMITS
        from reactor.net import Reactor

    # What is over is in no cycle, so the collector finds nothing: it need not look so often.
    gc.set_threshold(_COLLECTED_AFTER)
    if (sentence := conflict(options)) is not None:
        options.refuse(sentence)
    if options.insecure:
        say("WARNING: --insecure: anyone on the way can read and change what is transferred")
    show = Show(options)
    cookies = _cookies_of(options, CLIENT_LIMITS)
    limits = CLIENT_LIMITS.replace(
        connect_timeout_s=options.connect_timeout,
        redirects_max=options.max_redirs,
    )
    if options.parallel is not None:
        options.parallel = _affordable(options.parallel, limits)
    with (
        Reactor(read_bytes=limits.fetch_read_bytes_max) as reactor,
        Client(
            reactor,
            limits,
            cafile=options.cacert,
            insecure=options.insecure,
            certificate=None if options.cert is None else (options.cert, options.key),
            tls_max=options.tls_max,
            pins=_pins_of(options),
            unix_socket=options.unix_socket,
            proxies=proxies_of(options),
            per_host=options.parallel,
            retries=options.retry,
            compressed=options.compressed,
            ip=options.ip,
            cookies=cookies,
            trace=show.exchange if options.verbose else None,
            note=show.note,
        ) as client,
    ):
        if options.cacert is not None or options.cert is not None:
            _load_certificates(client, options)
        code = Run(options, reactor, client, show).run()
    return code if cookies is None else _keep(cookies, options.cookie_jar, show, code)


def _cookies_of(options: argparse.Namespace, limits: Limits) -> Cookies | None:
    """Those that all transfers share, if ``-b FILE`` or ``-c`` asks for it."""
    files = [text for text in options.cookie if "=" not in text]
    if not files and options.cookie_jar is None:
        return None
    import time

    from reactor.client.cookie_file import load_cookies
    from reactor.client.cookies import Cookies

    cookies = Cookies(limits, limits.kept_cookies_max, time.time)
    for path in filter(None, files):  # curl's -b "" only asks for cookies to be kept
        load_cookies(path, cookies)
    return cookies


def _keep(cookies: Cookies, path: str | None, show: Show, code: int) -> int:
    """Write them where ``-c`` says; the exit code."""
    if path is None:
        return code
    from reactor.client.cookie_file import lines_of, save_cookies
    from reactor.client.failures import EXIT_WRITE

    try:
        if path == "-":
            show.print(lines_of(cookies))
        else:
            save_cookies(path, cookies)
    except OSError as error:
        say(f"cannot write the cookies into {path}: {error.strerror}")
        return code or EXIT_WRITE
    return code


def _affordable(parallel: int, limits: Limits) -> int:
    """As many transfers at a time as there are descriptors for, of those that are wanted."""
    from reactor.client.saving import BATCH_MAX
    from reactor.net.descriptors import connections_max

    # Each has a connection and a file; others wait for their names, or for another request.
    waiting = BATCH_MAX + limits.idle_connections_max
    found = connections_max(limits.replace(connections_max=2 * parallel + waiting))
    affordable = min(parallel, max(1, (found - waiting) // 2))
    if affordable < parallel:
        say(f"{affordable} transfers at a time: there are no descriptors for more (ulimit -n)")
    return affordable


def _pins_of(options: argparse.Namespace) -> tuple[bytes, ...]:
    if options.pinnedpubkey is None:
        return ()
    from reactor.client.pinning import parse_pins

    return parse_pins(options.pinnedpubkey)


def _load_certificates(client: Client, options: argparse.Namespace) -> None:
    """Said once, before anything is asked, not of each URL."""
    for path in filter(None, (options.cacert, options.cert, options.key)):
        try:
            open(path, "rb").close()
        except OSError as error:
            raise ConfigurationError(
                f"cannot read {path}: {error.strerror}; give a file of PEM certificates"
            ) from error
    try:
        client.tls_context()
    except (OSError, ValueError) as error:
        raise ConfigurationError(_wrong_certificate(options, error)) from error


def _wrong_certificate(options: argparse.Namespace, error: Exception) -> str:
    """OpenSSL names no file, and hardly what is wrong."""
    if not isinstance(error, OSError):
        return f"{options.key or options.cert}: {error}; give a key without a password"
    if options.cert is None:
        return (
            f"cannot read {options.cacert}: there is no certificate in it; "
            "give a file of PEM certificates"
        )
    if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
        key = options.key or options.cert
        return f"{key} is not the key of the certificate in {options.cert}"
    where = options.cert if options.key is None else f"{options.cert} and {options.key}"
    return (
        f"{where}: there are no certificate and key in PEM that can be used; give --cert and --key"
    )
