"""The options of ``serve`` that are about TLS, under our names and those of other servers."""

from __future__ import annotations

import argparse
import os
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from reactor.cli.numbers import seconds
from reactor.cli.output import say
from reactor.errors import ConfigurationError
from reactor.limits import DEFAULT_LIMITS
from reactor.net.address import Bind, Inet, Unix, parse_bind

if TYPE_CHECKING:
    from reactor.server.tls import TlsOptions

VARIABLE = "REACTOR_SSL_KEYFILE_PASSWORD"
# What the other options are for.
_NEED_A_CERTIFICATE = {
    "keyfiles": "--ssl-keyfile",
    "password_file": "--ssl-keyfile-password-file",
    "password": "--ssl-keyfile-password",
    "insecure_key_mode": "--insecure-key-mode",
    "sni_strict": "--ssl-sni-strict",
    "ca_certs": "--ssl-ca-certs",
    "cert_reqs": "--ssl-cert-reqs",
    "tls_minimum": "--ssl-min",
    "ciphers": "--ssl-ciphers",
}


def add_tls_options(group: Any) -> None:
    """Each under our name first; the others are those of uvicorn, gunicorn, hypercorn, granian."""
    _add_certificates(group)
    _add_rules(group)
    group.add_argument(
        "--ssl-reload",
        dest="tls_reload_s",
        type=seconds,
        default=DEFAULT_LIMITS.tls_reload_s,
        metavar="SECONDS",
        help="how often the files are looked at: what has changed is loaded anew, as at SIGHUP; "
        "default: %(default)g",
    )
    group.add_argument(
        "--tls-self-signed",
        action="store_true",
        help="for development, on a loopback address: a certificate that this machine signs",
    )
    group.add_argument(
        "--tls-redirect",
        action="append",
        type=_redirecting,
        default=[],
        metavar="ADDRESS",
        help="listen here too, and redirect every request to https (308), as --bind "
        "ADDRESS,redirect does",
    )


def _add_certificates(group: Any) -> None:
    group.add_argument(
        *("--ssl-certfile", "--certfile", "--tls-cert", "--ssl-certificate"),
        action="append",
        dest="certfiles",
        metavar="PEM",
        help="serve by TLS, with this certificate and its chain; repeatable: a client gets the one "
        "for the name that it asks for, else the first",
    )
    group.add_argument(
        *("--ssl-keyfile", "--keyfile", "--tls-key"),
        action="append",
        dest="keyfiles",
        metavar="PEM",
        help="its private key, one for each certificate; default: in the certificate's file",
    )
    group.add_argument(
        *("--ssl-keyfile-password-file", "--tls-password-file"),
        dest="password_file",
        metavar="FILE",
        help="its first line opens keys that are encrypted; nobody is asked at a terminal",
    )
    group.add_argument(
        "--ssl-keyfile-password",
        dest="password",
        metavar="TEXT",
        help=f"the same, for every user of this machine to see; the variable {VARIABLE} is better",
    )
    group.add_argument(
        "--insecure-key-mode", action="store_true", help="take a key that others can read"
    )
    group.add_argument(
        "--ssl-context",
        dest="ssl_context",
        metavar="MODULE:NAME",
        help="a function that makes the ssl.SSLContext, instead of all these",
    )


def _add_rules(group: Any) -> None:
    group.add_argument(
        "--ssl-sni-strict",
        dest="sni_strict",
        action="store_true",
        help="refuse a client that asks for a host that no certificate names",
    )
    group.add_argument(
        *("--ssl-ca-certs", "--ca-certs"),
        dest="ca_certs",
        metavar="PEM",
        help="who signs the certificates of clients",
    )
    group.add_argument(
        *("--ssl-cert-reqs", "--cert-reqs"),
        dest="cert_reqs",
        choices=("none", "optional", "required"),
        help="whether a client is asked for a certificate; default: none",
    )
    group.add_argument(
        *("--ssl-min", "--ssl-protocol-min"),
        dest="tls_minimum",
        choices=("1.2", "1.3"),
        help="the lowest version of TLS; default: 1.2",
    )
    group.add_argument(
        *("--ssl-ciphers", "--ciphers"),
        dest="ciphers",
        metavar="LIST",
        help="those of TLS 1.2, in OpenSSL's words; default: ECDHE with an AEAD",
    )


def tls_options(options: argparse.Namespace, bind: list[Bind]) -> TlsOptions | None:
    """What is to be served by TLS; None: nothing is.

    Raises:
        ConfigurationError, WrongUsage: the message says what is wrong.
    """
    from reactor.cli.target import WrongUsage

    ways = {
        "--ssl-certfile": options.certfiles,
        "--ssl-context": options.ssl_context,
        "--tls-self-signed": options.tls_self_signed,
    }
    asked = [flag for flag, value in ways.items() if value]
    if len(asked) > 1:
        raise WrongUsage(f"{' and '.join(asked)}: one of them is enough")
    if not asked and any(one.redirect for one in bind):
        raise WrongUsage("--tls-redirect goes with --ssl-certfile: nothing is served by https")
    if not asked and (secured := next((one for one in bind if one.tls), None)) is not None:
        raise WrongUsage(f"--bind {secured} goes with --ssl-certfile: there is no certificate")
    if asked and options.model == "threads":
        raise WrongUsage(f"{asked[0]}: threads serve no TLS, leave out --model threads")
    if asked != ["--ssl-certfile"]:
        lost = [flag for name, flag in _NEED_A_CERTIFICATE.items() if getattr(options, name)]
        if lost:
            raise WrongUsage(f"{lost[0]} goes with --ssl-certfile")
    if options.ssl_context:
        return _by_function(options.ssl_context)
    if options.tls_self_signed:
        return _self_signed(bind)
    return _by_files(options) if options.certfiles else None


def _by_files(options: argparse.Namespace) -> TlsOptions:
    from reactor.cli.target import WrongUsage
    from reactor.server.tls import CIPHERS, TlsOptions

    keyfiles = options.keyfiles or []
    if len(keyfiles) > len(options.certfiles):
        raise WrongUsage("--ssl-keyfile is given more often than --ssl-certfile: one key for each")
    if keyfiles and len(keyfiles) < len(options.certfiles):
        raise WrongUsage("--ssl-certfile is given more often than --ssl-keyfile: one key for each")
    return TlsOptions(
        certificates=tuple(zip_longest(options.certfiles, keyfiles)),
        password_file=options.password_file,
        password=options.password or os.environ.get(VARIABLE),
        ca_certs=options.ca_certs,
        cert_reqs=options.cert_reqs or "none",
        minimum=options.tls_minimum or "1.2",
        ciphers=options.ciphers or CIPHERS,
        sni_strict=options.sni_strict,
        insecure_key_mode=options.insecure_key_mode,
    )


def _by_function(named: str) -> TlsOptions:
    from reactor.apps.load import import_attribute
    from reactor.cli.target import WrongUsage, importing
    from reactor.server.tls import TlsOptions

    module, colon, name = named.partition(":")
    if not colon or not module or not name:
        raise WrongUsage(f"--ssl-context {named}: write MODULE:NAME of a function")
    with importing(named):
        return TlsOptions(make_context=import_attribute(module, name))


def _self_signed(binds: list[Bind]) -> TlsOptions:
    from reactor.cli.target import WrongUsage
    from reactor.server.self_signed import self_signed
    from reactor.server.tls import TlsOptions

    far = [str(bind) for bind in binds if not _is_here(bind)]
    if far:
        raise WrongUsage(
            f"--tls-self-signed is for this machine alone, and {far[0]} is not: "
            "get a certificate for others and give it with --ssl-certfile"
        )
    path, fingerprint = self_signed()
    say(f"this certificate signs itself, for development: {path}")
    say(f"its SHA-256 is {fingerprint}")
    return TlsOptions(certificates=((path, None),))


def _is_here(bind: Bind) -> bool:
    address = bind.address
    if isinstance(address, Inet):
        return address.host in ("localhost", "::1") or address.host.startswith("127.")
    return isinstance(address, Unix)


def _redirecting(text: str) -> Bind:
    try:
        said = "redirect" in text.split(",")
        return parse_bind(text if said else f"{text},redirect")
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
